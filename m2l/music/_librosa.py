"""librosa, once the functions that it compiles lie checked in a cache of their own.

Use ``from m2l.music._librosa import librosa`` wherever librosa is needed. It has numba compile
functions on its first import, for some 20 s, and keep them on the disk. Two processes that do so at
once, for instance two notebooks, mix up each other's files: every later process that calls one of
the functions then dies. So the first import is made here, by one process alone while others wait,
into a folder that only m2l uses; what lies there is tried out before anything else uses it.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from llvmlite import binding
from platformdirs import user_cache_dir

log = logging.getLogger(__name__)

# Each compiled function, for each kind of number that it is compiled for.
CHECK = """
import numpy as np
import librosa
from librosa import util
from librosa.core import pitch

wave = np.sin(np.arange(4000) * 0.25)
for kind, complex_kind in ((np.float32, np.complex64), (np.float64, np.complex128)):
    y = wave.astype(kind)
    peaks = np.flatnonzero((y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:])) + 1
    assert (np.flatnonzero(util.localmax(y)[1:-1]) + 1 == peaks).all()
    assert (np.flatnonzero(util.localmin(-y)[1:-1]) + 1 == peaks).all()
    picked = util.peak_pick(y, pre_max=3, post_max=3, pre_avg=3, post_avg=3, delta=0, wait=1)
    assert np.isin(peaks[1:-1], picked).all()
    crossed = (y[1:] < 0) != (y[:-1] < 0)
    assert (librosa.zero_crossings(y, pad=False)[1:] == crossed).all()
    parabola = -((np.arange(5.0) - 2.25) ** 2)[:, None].astype(kind)
    assert np.isclose(pitch._parabolic_interpolation(parabola)[2], 0.25).all()
    assert np.allclose(util.abs2(np.array([3 + 4j], complex_kind)), 25)
    assert np.allclose(util.phasor(np.array([np.pi / 2], kind)), 1j, atol=1e-6)
"""


def prepare():
    """Fill the cache of compiled functions unless that is done, and have numba use it.

    The cache, a Path, is in the Python environment or, where nobody may write there, among the
    user's cached files; one for each version of Python, librosa and numba, and each processor. A
    RuntimeError says that the functions fail although they have been compiled anew.
    """
    folder = _folder()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)  # for this process and those that it starts
    if "numba" in sys.modules:  # it has read its settings already
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    if _sound(folder):
        return folder
    with FileLock(f"{folder}.lock"):
        if _sound(folder):
            return folder
        log.warning("compiling functions of librosa, once in this environment, for some 20 s")
        for _ in range(2):
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)  # what an interrupted process or a full disk left
            folder.mkdir(parents=True, exist_ok=True)
            for _ in ("compiles", "reads what was compiled"):
                ran = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)
                if ran.returncode:
                    break
            else:
                (folder / "checked.json").write_text(json.dumps(_digests(folder)))
                return folder
    raise RuntimeError(
        f"librosa's compiled functions fail (status {ran.returncode}): install librosa and numba "
        f"anew; {' '.join(ran.stderr.split())[-300:]}"
    )


def _sound(folder):
    """Whether the cache holds what was checked; a user's own functions may have come since."""
    try:
        checked = json.loads((folder / "checked.json").read_text())
        return checked.items() <= _digests(folder).items()
    except (OSError, ValueError, AttributeError):
        return False


def _digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.nb[ci]")
    }


def _folder():
    made_for = (sys.prefix, sys.version, version("librosa"), version("numba"), version("numpy"))
    processor = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    key = hashlib.sha256(repr((made_for, processor)).encode()).hexdigest()[:16]
    for base in (Path(sys.prefix) / "share" / "m2l", Path(user_cache_dir("m2l"))):
        with contextlib.suppress(OSError):
            (base / f"numba-{key}").mkdir(parents=True, exist_ok=True)
            if os.access(base, os.W_OK) and os.access(base / f"numba-{key}", os.W_OK):
                return base / f"numba-{key}"
    return Path(tempfile.mkdtemp(prefix="m2l-numba-"))  # compiled anew by each process


prepare()

import librosa  # noqa: E402, F401, TID251
