"""The cache of librosa's compiled functions: filled once, by one process, and mended."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from m2l.doors import cache
from m2l.music import _librosa, features

FILL = """
import os, pathlib, time
folder = pathlib.Path(os.environ["NUMBA_CACHE_DIR"])
with open(folder.parent / "log", "a") as log:
    log.write("x")
time.sleep(0.2)
(folder / "deep").mkdir(exist_ok=True)
(folder / "deep/f.nbc").write_text("code")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, and a check that tells how often it ran, in place of the real ones."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", os.environ["NUMBA_CACHE_DIR"])
    monkeypatch.setattr(numba.config, "CACHE_DIR", os.environ["NUMBA_CACHE_DIR"])
    monkeypatch.setattr(_librosa, "_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(_librosa, "CHECK", FILL)
    return tmp_path / "cache"


def runs(folder):
    return len((folder.parent / "log").read_text())


def test_processes_that_start_at_once_fill_it_once(folder):
    code = (
        "from pathlib import Path; from m2l.music import _librosa as l; "
        f"l.CHECK = {FILL!r}; l._folder = lambda: Path({str(folder)!r}); print(l.prepare())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [one.communicate()[0].strip() for one in started] == [str(folder)] * 3
    assert runs(folder) == 2  # one that compiles, one that reads


def test_what_is_broken_or_unfinished_is_made_anew(folder):
    folder.mkdir()
    (folder / "g.nbc").write_text("of a process that was killed")
    assert _librosa.prepare() == folder and not (folder / "g.nbc").exists()
    (folder / "h.nbc").write_text("a function of someone else's")
    _librosa.prepare()
    assert runs(folder) == 2
    (folder / "deep/f.nbc").write_text("co")
    _librosa.prepare()
    assert runs(folder) == 4 and (folder / "deep/f.nbc").read_text() == "code"


def test_functions_that_stay_wrong_are_an_error(folder, monkeypatch):
    monkeypatch.setattr(_librosa, "CHECK", "import os; os.abort()")
    with pytest.raises(RuntimeError, match=r"fail \(status -6\): install librosa and numba anew"):
        _librosa.prepare()


def test_the_real_one_passes_its_check_and_is_never_written_to_afterwards():
    real = _librosa.prepare()
    exec(_librosa.CHECK, {})
    before = cache._sums(real)
    y = np.sin(2 * np.pi * 220 * np.arange(4 * features.SR) / features.SR).astype(np.float32)
    features.from_signal(y, features.EXTENDED)
    assert cache._sums(real) == before != {}
