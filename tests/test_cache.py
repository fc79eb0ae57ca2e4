"""What is kept is found by content, checked, made anew when broken, and whole at any moment."""

import os
from pathlib import Path

import numpy as np
import pytest

from m2l.doors import cache

X = np.arange(12.0).reshape(3, 4)


def test_the_key_follows_content_and_nothing_else(tmp_path):
    one, other = tmp_path / "a", tmp_path / "b"
    for path in (one, other):
        path.write_bytes(b"content")
    assert cache.key(one) == cache.key(other) == cache.key(b"content")
    before = one.stat()
    one.write_bytes(b"CONTENT")
    os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.key(one) != cache.key(other)
    keys = [(X,), (X.T,), (X.ravel(),), (X.astype(np.float32),), (X, 1), (X, 2), ("a", "b")]
    keys += [("ab",), ("ab", ""), ("caf\udce9",), (None,)]
    assert len({cache.key(*k) for k in keys}) == len(keys)
    assert cache.key(X, 1) == cache.key(X.copy(), 1)


def fail():
    raise AssertionError("made again")


def test_arrays_are_made_once_for_a_key(tmp_path):
    path = tmp_path / "deep" / "x.npz"
    assert cache.arrays(path, lambda: {"x": X}, "1")["x"] is X
    np.testing.assert_array_equal(cache.arrays(path, fail, "1")["x"], X)
    assert cache.arrays(path, lambda: {"x": X + 1}, "2")["x"][0, 0] == 1
    with pytest.raises(AssertionError):
        cache.arrays(path, fail, "1")
    assert [p.name for p in path.parent.iterdir()] == ["x.npz"]


def spoil(path, how):
    whole = path.read_bytes()
    if how == "a bit":
        path.write_bytes(whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:])
    else:
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"text"}[how])


@pytest.mark.parametrize("how", ["empty", "cut", "text", "a bit"])
def test_broken_arrays_are_made_anew(tmp_path, how):
    path, noise = tmp_path / "x.npz", np.random.default_rng(0).normal(size=999)
    for _ in range(2):
        np.testing.assert_array_equal(cache.arrays(path, lambda: {"x": noise})["x"], noise)
        spoil(path, how)
    np.testing.assert_array_equal(cache.arrays(path, lambda: {"x": noise})["x"], noise)
    np.testing.assert_array_equal(cache.arrays(path, fail)["x"], noise)


def fill(folder):
    np.save(folder / "x.npy", X)
    (folder / "y.txt").write_text("y" * 500)


def test_what_cannot_be_kept_is_made_all_the_same(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.npz", tmp_path):
        assert cache.arrays(path, lambda: {"x": [1, 2]})["x"].tolist() == [1, 2]


@pytest.mark.parametrize("how", ["empty", "cut", "text", "a bit", "gone", "unsealed"])
def test_a_broken_folder_is_made_anew(tmp_path, how):
    path = cache.folder(tmp_path / "deep" / "kept", fill)
    assert cache.folder(path, fail) == path
    if how == "gone":
        (path / "x.npy").unlink()
    elif how == "unsealed":
        (path / ".checked.json").unlink()
    else:
        spoil(path / "x.npy", how) if how != "a bit" else spoil(path / "y.txt", how)
    assert cache.folder(path, fill) == path
    np.testing.assert_array_equal(np.load(path / "x.npy"), X)
    assert cache.folder(path, fail) == path
    assert [p.name for p in path.parent.iterdir()] == ["kept"]


def test_an_interrupted_process_leaves_nothing(tmp_path):
    def interrupted(folder=None):
        if folder:
            fill(folder)
        raise KeyboardInterrupt

    for make in (cache.folder, cache.arrays):
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "x.npz", interrupted)
        assert list(tmp_path.iterdir()) == []


def test_of_two_processes_the_first_is_as_good(tmp_path):
    def overtaken(folder):
        cache.folder(tmp_path / "x", fill)
        fill(folder)

    cache.folder(tmp_path / "x", overtaken)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert sorted(os.listdir(tmp_path / "x")) == [".checked.json", "x.npy", "y.txt"]


def test_the_root_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("M2L_CACHE", str(tmp_path))
    assert cache.root() == tmp_path
    monkeypatch.delenv("M2L_CACHE")
    assert cache.root() == Path(cache.root()) and cache.root().name == "m2l"
