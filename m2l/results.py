"""Write results with where they come from, and find them again.

A result is a JSON file in `results/` (arrays beside it in an .npz of the same name). Its
`provenance` block says which commit, data, seed, preset and hardware made it and how long that
took, so that a number in the report can be followed back.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from m2l.errors import InputError

PARAMS = tuple(p / "params" for p in (Path(__file__).resolve().parents[i] for i in (1, 0)))
"""Where settings ship: beside the package in a checkout, inside it once installed."""

_LIBRARIES = ("numpy", "scikit-learn", "librosa", "torch")


def results_dir():
    """The folder of results: $M2L_RESULTS, or the nearest `results/` upwards from here.

    Raises
    ------
    InputError
        If there is none.
    """
    if os.environ.get("M2L_RESULTS"):
        return Path(os.environ["M2L_RESULTS"])
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "results").is_dir():
            return folder / "results"
    raise InputError(f"{here}: no results/ here or above; run from a clone of the project")


def load(name):
    """A result by name.

    Returns
    -------
    dict, the JSON, with arrays of the .npz of the same name, if any, under "arrays".

    Raises
    ------
    InputError
        If the result has not been made.
    """
    path = results_dir() / f"{name}.json"
    if not path.is_file():
        raise InputError(f"{path}: no such result; 'make study' makes it from the data")
    result = json.loads(path.read_text())
    if path.with_suffix(".npz").is_file():
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            result["arrays"] = dict(arrays)
    return result


def save(path, result, *, started, data, seed, preset, arrays=None):
    """Write a result with its provenance.

    Parameters
    ----------
    path : the .json to write; arrays go beside it.
    result : dict of plain values.
    started : `time.monotonic()` at the start of the work.
    data : dict of corpus name to fingerprint.
    seed, preset : what the work was run with.
    arrays : dict of name to ndarray, optional.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # `load` would take an earlier result's arrays for this one's.
    path.with_suffix(".npz").unlink(missing_ok=True)
    if arrays:
        np.savez_compressed(path.with_suffix(".npz"), **arrays)
    block = describe(started=started, data=data, seed=seed, preset=preset)
    path.write_text(json.dumps(result | {"provenance": block}, indent=1) + "\n")


def describe(*, started, data, seed, preset):
    """The provenance block: commit, data, seed, preset, hardware, duration; see `save`."""
    return {
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "data": data,
        "seed": seed,
        "preset": preset,
        "hardware": hardware(),
        "seconds": round(time.monotonic() - started, 1),
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in _LIBRARIES},
    }


def blocks():
    """Where each result comes from, dict of its name to its provenance block."""
    paths = sorted(results_dir().glob("*.json"))
    return {path.stem: json.loads(path.read_text())["provenance"] for path in paths}


def chapters(folder):
    """What papermill noted in the executed notebooks of a folder.

    Returns
    -------
    dict of the notebook's name to a dict: title; seconds, parameters and date of the run; results,
    the names of those that it reads. A notebook that did not run to its end is left out.
    """
    runs = {}
    for path in sorted(Path(folder).glob("*.ipynb")):
        notebook = json.loads(path.read_text())
        noted = notebook["metadata"].get("papermill", {})
        if not noted.get("duration"):
            continue
        prose, code = (
            "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind)
            for kind in ("markdown", "code")
        )
        runs[path.stem] = {
            "title": re.search(r"^# (.+)", prose, re.M)[1],
            "seconds": noted["duration"],
            "date": noted["end_time"][:10],
            "parameters": noted["parameters"],
            "results": sorted(set(re.findall(r"provenance\.load\(\"(\w+)\"\)", code))),
        }
    return runs


def hardware():
    """Processor, cores and accelerator of this machine, as one line."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    return f"{name}, {os.cpu_count()} cores{_accelerator()}"


def _accelerator():
    import torch

    return f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""


def _commit():
    """The commit that was checked out, with a + if the package had changes since; "unknown"
    outside git.
    """
    here = Path(__file__).resolve().parent

    def git(*words):
        return subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!weights")
        return git("rev-parse", "--short", "HEAD") + "+" * bool(dirty)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
