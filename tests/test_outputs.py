"""Outputs spare inputs and other kinds of files, and are whole or not there."""

import os

import pytest

from m2l.doors import outputs
from m2l.errors import InputError


def test_an_input_in_any_guise_is_refused(tmp_path, monkeypatch):
    song = tmp_path / "a.csv"
    song.write_text("a")
    (tmp_path / "link.csv").symlink_to(song)
    os.link(song, tmp_path / "twin.csv")
    monkeypatch.chdir(tmp_path)
    for name in (song, "a.csv", "./a.csv", "link.csv", "twin.csv", f"../{tmp_path.name}/a.csv"):
        with pytest.raises(InputError, match="is an input"):
            outputs.check(name, (".csv",), ["none.csv", song])
    outputs.check("b.csv", (".csv",), [song])
    with pytest.raises(InputError, match="is an input"):  # two outputs that do not exist yet
        outputs.check("b.csv", (), [tmp_path / "b.csv"])


def test_another_kind_is_refused(tmp_path):
    for name in ("a.mp3", "a", ".csv", "a.csv.gz"):
        with pytest.raises(InputError, match=r"no \.csv; name another file"):
            outputs.check(tmp_path / name, (".csv",))
    outputs.check(tmp_path / "a.CSV", (".csv",))
    with pytest.raises(InputError, match="is a folder"):
        outputs.check(tmp_path)
    with pytest.raises(InputError, match="is a device"):
        outputs.check(os.devnull)


def test_a_file_is_whole_or_as_before(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with outputs.writing(path) as aside:
        assert aside.suffix == ".txt" and aside.parent == path.parent
        aside.write_text("one")
        assert not path.exists()
    with pytest.raises(KeyboardInterrupt), outputs.writing(path) as aside:
        aside.write_text("tw")
        raise KeyboardInterrupt
    assert path.read_text() == "one" and os.listdir(path.parent) == ["a.txt"]
    (tmp_path / "link.txt").symlink_to(path)
    with outputs.writing(tmp_path / "link.txt") as aside:
        aside.write_text("three")
    assert path.read_text() == "three" and (tmp_path / "link.txt").is_symlink()
