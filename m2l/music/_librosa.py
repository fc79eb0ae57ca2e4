"""librosa, once the functions that it compiles lie checked in a cache of their own.

Use ``from m2l.music._librosa import librosa`` wherever librosa is needed. It has numba compile
functions on its first import, for some 20 s, and keep them on the disk. Two processes that do so at
once, for instance two notebooks, mix up each other's files: every later process that calls one of
the functions then dies. So the first import is made here, by one process alone while others wait,
into a folder that only m2l uses; what lies there is tried out before anything else uses it.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from llvmlite import binding
from platformdirs import user_cache_dir

from m2l.doors import cache

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
    with FileLock(f"{folder}.lock"):  # the others wait rather than compile the same
        cache.folder(folder, _compile)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)  # for this process and those that it starts
    if "numba" in sys.modules:  # it has read its settings already
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return folder


def _compile(folder):
    log.warning("compiling functions of librosa, once in this environment, for some 20 s")
    for _ in ("compiles", "reads what was compiled"):
        env = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
        ran = subprocess.run([sys.executable, "-c", CHECK], env=env, capture_output=True, text=True)
        if ran.returncode:
            raise RuntimeError(
                f"librosa's compiled functions fail (status {ran.returncode}): install librosa and "
                f"numba anew; {' '.join(ran.stderr.split())[-300:]}"
            )


def _folder():
    made_for = (sys.prefix, sys.version, version("librosa"), version("numba"), version("numpy"))
    processor = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    name = f"compiled-{cache.key(made_for, processor)}"
    for base in (Path(sys.prefix) / "share" / "m2l", Path(user_cache_dir("m2l"))):
        with contextlib.suppress(OSError):
            base.mkdir(parents=True, exist_ok=True)
            if os.access(base, os.W_OK):
                return base / name
    return Path(tempfile.mkdtemp(), name)  # compiled anew by each process


prepare()

import librosa  # noqa: E402, F401, TID251
