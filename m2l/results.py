"""Write results with where they come from, and find them again.

A result is a JSON file in `results/` (arrays beside it in an .npz of the same name). Its
`provenance` block says which commit, data, seed, preset and hardware made it and how long that
took, so that a number in the report can be followed back.
"""

from __future__ import annotations

import ast
import functools
import json
import os
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from m2l.doors import outputs
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


def read(path, *keys):
    """A result by its file's path: dict, the JSON, that has the keys."""
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
        if {*keys} <= result.keys():
            return result
    except (ValueError, AttributeError):
        pass
    raise InputError(f"{path}: no result with {', '.join(keys)}; give another or make it again")


# -- a number in the prose -------------------------------------------------------------------


def quote(reference):
    """A figure of a result as text, as `` {result}`reference` `` shows it in the book.

    Parameters
    ----------
    reference : "name:path" or "name:path:form", as "forest:corpora.taffc.models.ridge.valence.r2".
        The path leads through the JSON by keys and positions, joined by dots. Where a list holds
        dicts, "key=value" (or several, joined by &) is the one that has it. For form see `text`.

    Raises
    ------
    InputError
        If there is no such result or nothing at that path; it says what there is.
    """
    name, _, rest = reference.partition(":")
    path, _, form = rest.partition(":")
    folder = results_dir()
    if not (file := folder / f"{name}.json").is_file():
        known = ", ".join(_all())
        raise InputError(f"{reference}: no {file.name} in results/; there are {known}")
    found = at(_json(file, file.stat().st_mtime_ns), path, reference)
    try:
        return text(found, form)
    except (TypeError, ValueError) as error:
        raise InputError(f"{reference}: {error}") from error


def at(found, path, reference="here:"):
    """What lies at a path of plain values, as `quote` writes it.

    Raises
    ------
    InputError
        If nothing does; it begins with the reference and says what there is.
    """
    parts, place = path.split("."), 0
    while place < len(parts):
        rows = found if isinstance(found, list) else []
        inside = found if isinstance(found, dict) else {str(i): one for i, one in enumerate(rows)}
        last = {str(i - len(rows)): one for i, one in enumerate(rows)}
        # A key may hold a dot itself, as a level of 0.9 does.
        for end in range(len(parts), place, -1):
            key = ".".join(parts[place:end])
            both = inside | last
            here = [both[key]] if key in both else _having(rows, key)
            if len(here) == 1:
                found, place = here[0], end
                break
        else:
            where = ".".join(parts[:place]) or reference.partition(":")[0]
            there = ", ".join(list(inside)[:12]) or found
            raise InputError(f"{reference}: no '{parts[place]}' in {where}; there is {there}")
    return found


@functools.lru_cache(maxsize=64)
def _json(file, changed):
    return json.loads(file.read_text())


def _having(rows, pairs):
    """The dicts among the rows that hold "key=value&key=value"."""
    wanted = [pair.partition("=")[::2] for pair in pairs.split("&") if "=" in pair]
    rows = [row for row in rows if isinstance(row, dict)]
    return [r for r in rows if wanted and all(str(r.get(k)) == v for k, v in wanted)]


def text(value, form=""):
    """A value as the book writes it, in one piece that no line breaks.

    Parameters
    ----------
    value : number, text, or {"value", "low", "high"}, which gives "0.51 [0.45, 0.57]".
    form : a format of Python's for each number (.2f by default; whole numbers with a comma for
        thousands), before it optionally a factor and a space: "/3600 .1f", "*100 .0f".
        "duration" tells seconds as people do; "len" the number of parts.

    Raises
    ------
    TypeError, ValueError
        If the value has no such form.
    """
    if isinstance(value, dict) and {"value", "low", "high"} <= set(value):
        mean, low, high = (text(value[key], form) for key in ("value", "low", "high"))
        return f"{mean}\u00a0[{low},\u00a0{high}]"
    if isinstance(value, str) and not form:
        return value or "none"
    if form == "len" and isinstance(value, dict | list):
        value, form = len(value), ""
    if value is None or isinstance(value, dict | list | str | bool):
        raise TypeError(f"{type(value).__name__} is not a number; go on to one")
    if form == "duration":
        if value < 99.5:
            return f"{value:.0f}\u00a0s"
        return f"{value / 60:.0f}\u00a0min" if value < 5400 else f"{value / 3600:.1f}\u00a0h"
    if form[:1] in ("*", "/"):
        factor, _, form = form.partition(" ")
        value = value * float(factor[1:]) if factor[0] == "*" else value / float(factor[1:])
    written = format(value, form or ("," if isinstance(value, int | np.integer) else ".2f"))
    if not written.strip("-0.%"):  # a negative zero is none
        written = written.lstrip("-")
    return written.replace("-", "\u2212").replace("%", "\u00a0%")


# -- writing ---------------------------------------------------------------------------------


def save(path, result, *, started, data, seed, preset="full", arrays=None):
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
    # `load` would take an earlier result's arrays for this one's.
    path.with_suffix(".npz").unlink(missing_ok=True)
    if arrays:
        with outputs.writing(path.with_suffix(".npz")) as aside:
            np.savez_compressed(aside, **arrays)
    block = describe(started=started, data=data, seed=seed, preset=preset)
    with outputs.writing(path) as aside:
        aside.write_text(json.dumps(result | {"provenance": block}, indent=1) + "\n")


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
    """Where each result comes from, dict of its name to its provenance block.

    Runs of one preset in one folder are one result, "folder/preset": its commits and seeds are
    those of all runs, its seconds their sum.
    """
    found = {}
    for path in sorted(results_dir().glob("*.json")):
        found[path.stem] = json.loads(path.read_text())["provenance"]
    runs = {}
    for path in sorted(results_dir().glob("*/*.jsonl")):
        line = json.loads(path.read_text().partition("\n")[0])["provenance"]
        runs.setdefault(f"{path.parent.name}/{line['preset']}", []).append(line)
    for name, lines in runs.items():
        several = {
            key: ", ".join(dict.fromkeys(str(line[key]) for line in lines))
            for key in ("commit", "seed", "hardware")
        }
        total = sum(line["seconds"] for line in lines)
        found[name] = max(lines, key=lambda line: line["date"]) | several | {"seconds": total}
    return found


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
        prose = "\n".join(
            "".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"
        )
        runs[path.stem] = {
            "title": re.search(r"^# (.+)", prose, re.M)[1],
            "seconds": noted["duration"],
            "date": noted["end_time"][:10],
            "parameters": noted["parameters"],
            "results": sorted(quoted(prose).union(*reads(notebook).values())),
        }
    return runs


def quoted(prose):
    """Names of the results that a text quotes numbers of."""
    return set(re.findall(r"\{result\}`(\w+):", prose))


def reads(notebook):
    """The results that each code cell of a notebook draws on, dict of its index to a set of names.

    A name in the code stands for a result if it was made from one: what is assigned in a statement
    comes from all that is read in it.
    """
    made, known = {}, set(_all())

    def names(trees, context):
        nodes = (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name))
        return {n.id for n in nodes if isinstance(n.ctx, context)}

    def follow(statement):
        parts, inner = list(ast.iter_child_nodes(statement)), []
        if not (function := isinstance(statement, ast.FunctionDef)):
            inner = [n for n in parts if isinstance(n, ast.stmt)]
        parts = [n for n in parts if n not in inner]
        nodes = [n for part in parts for n in ast.walk(part)]
        bound = [n.target for n in nodes if isinstance(n, ast.comprehension)]
        local = {n.arg for n in nodes if isinstance(n, ast.arg)} | names(bound, ast.Store)
        stored = names(parts, ast.Store)
        local |= stored if function else set()
        sources = set().union(*(made.get(n, set()) for n in names(parts, ast.Load) - local))
        if {getattr(n, "attr", None) for n in nodes} & {"load", "results_dir", "quote"}:
            sources |= known & {str(getattr(n, "value", "")).partition(":")[0] for n in nodes}
        made.update(
            dict.fromkeys(stored - local | ({statement.name} if function else set()), sources)
        )
        return sources.union(*map(follow, inner))

    return {
        index: set().union(*map(follow, ast.parse("".join(cell["source"])).body))
        for index, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code"
    }


def _all():
    """Names of all results: files, and folders of runs."""
    folder = results_dir()
    runs = {p.parent.name for p in folder.glob("*/*.jsonl")}
    return sorted({p.stem for p in folder.glob("*.json")} | runs)


def hardware():
    """Processor, cores and accelerator of this machine, as one line."""
    import torch

    name, cpuinfo = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if cpuinfo.exists() and (told := re.search(r"^model name\s*: (.+)", cpuinfo.read_text(), re.M)):
        name = told[1].strip()
    accelerator = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{accelerator}"


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
