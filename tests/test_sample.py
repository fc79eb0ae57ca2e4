"""Facts about the sample corpus: its table, its files, its cache."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from m2l.corpora import sample
from m2l.errors import InputError
from m2l.sample import compose as synth
from m2l.sample import paint

COLUMNS = ["id", "path", "valence", "arousal", "valence_sd", "arousal_sd", "group", "label_source"]


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def music(cache_folder):
    return sample.load(cache_folder, "music", n=12)


@pytest.fixture(scope="module")
def landscapes(cache_folder):
    return sample.load(cache_folder, "landscapes", n=60, size=32)


def test_tables(music, landscapes):
    for corpus, n in ((music, 12), (landscapes, 60)):
        table = corpus.table
        assert list(table)[:8] == COLUMNS
        assert len(table) == n and table["id"].is_unique and len(corpus.dropped) == 0
        assert table[["valence", "arousal"]].stack().between(1, 9).all()
        assert table["valence_sd"].isna().all()
        assert set(table["label_source"]) == {"synthetic"}
        assert all(os.path.isfile(p) for p in table["path"])
        assert (table.groupby("group")["seed"].nunique() == 1).all()
        assert table["group"].nunique() == n / 3
    assert set(landscapes.table["scene"]) == set(paint.SCENES)


def test_quadrants(landscapes):
    table = landscapes.table
    want = {(True, True): "Q1", (False, True): "Q2", (False, False): "Q3", (True, False): "Q4"}
    found = zip(table["valence"] >= 5, table["arousal"] >= 5, strict=True)
    assert table["quadrant"].tolist() == [want[pair] for pair in found]


def test_files_hold_what_was_composed_and_painted(music, landscapes):
    row = music.table.iloc[5]
    sound, rate = soundfile.read(row["path"], dtype="float32")
    assert rate == synth.SR and soundfile.info(row["path"]).subtype == "PCM_16"
    want = synth.compose(row["valence"], row["arousal"], row["seed"])
    np.testing.assert_allclose(sound, want, atol=1 / 32768)
    row = landscapes.table.iloc[7]
    want = paint.landscape(row["valence"], row["arousal"], row["seed"], 32)
    np.testing.assert_array_equal(np.asarray(Image.open(row["path"])), want)


def test_files_are_made_once_and_anew_where_one_is_broken(tmp_path, monkeypatch):
    first = sample.load(tmp_path, "landscapes", n=4, size=16).table
    whole = Path(first["path"][2]).read_bytes()
    made, painted = [], paint.landscape
    monkeypatch.setattr(paint, "landscape", lambda *a: made.append(a) or painted(*a))
    assert first.equals(sample.load(tmp_path, "landscapes", n=4, size=16).table) and not made
    for broken in (b"", whole[:50]):
        Path(first["path"][2]).write_bytes(broken)
        assert first.equals(sample.load(tmp_path, "landscapes", n=4, size=16).table)
        assert Path(first["path"][2]).read_bytes() == whole


@pytest.mark.parametrize(
    "options, word",
    [
        ({"kind": "poems"}, "kind"),
        ({"n": 0}, "n 0"),
        ({"n": 10_001}, "n 10001"),
        ({"seed": -1}, "seed"),
        ({"kind": "landscapes", "n": 1, "size": 5}, "size"),
    ],
)
def test_bad_options(tmp_path, options, word):
    with pytest.raises(InputError, match=word):
        sample.load(tmp_path, **options)


def test_cache_that_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="M2L_CACHE"):
        sample.load(blocked, "landscapes", n=1, size=16)
