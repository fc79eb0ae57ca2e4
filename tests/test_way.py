"""From songs left out to the emotion of their pictures, on a small made-up corpus."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_data import read, write_study

from m2l import corpora
from m2l.errors import InputError
from m2l.experiments import way
from m2l.judge import ratings
from m2l.music import features, tagging
from m2l.va import DIMENSIONS

torch.set_num_threads(1)
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("data"))


def test_the_whole_way(root, tiny_generator, song, tmp_path, monkeypatch):
    def measure(path, names=features.NAMES):
        return pd.Series(0.5, index=list(names))

    monkeypatch.setattr(features, "extract", measure)
    monkeypatch.setattr(
        ratings, "features", lambda x, *_: np.stack([np.resize(i / 255, 1024) for i in x])
    )
    songs = corpora.load("taffc", root).table.dropna(subset="path")
    monkeypatch.setattr(way.Judges, "photos", lambda self, pyramid, side: self.look(noise))
    noise = rng.integers(0, 256, (60, 8, 8, 3), np.uint8)  # of which a part is the test split
    names = [*features.EXTENDED, *tagging.NAMES]
    table = pd.DataFrame(rng.normal(size=(len(songs), len(names))), songs["path"], names)
    table[tagging.NAMES[0]] = songs["valence"].to_numpy()  # what the model can hear
    table.to_parquet(tmp_path / "f.parquet")
    out = tmp_path / "way.json"
    few = {
        "pictures": 2,
        "uncertain": 6,
        "draws": 3,
        "folds": 3,
        "trees": 20,
        "trials": 2,
    }
    way.end_to_end(out, tmp_path / "f.parquet", root, tiny_generator, folder=tmp_path, **few)
    result = read(out)
    assert (result["songs"], result["artists"], result["pictures"]) == (30, 10, 2)
    assert result["heard"]["valence"]["r"]["low"] > 0.3
    for name, told in result["judges"].items():
        chosen = {"chosen"} if name == "ratings" else set()  # by the scene network
        assert set(told["whole"]) == {"one picture", "mean of pictures"} | chosen
        assert set(told["matched"]) == {"shuffled", *told["whole"]}
        assert 0 < told["shuffled"]["valence"]["p"] <= 1
        for d in DIMENSIONS:
            assert sum(x["value"] for x in told["shares"][d].values()) == pytest.approx(1)
    assert set(result["judges"]) == {"scene", "ratings"}
    with np.load(tmp_path / "way.npz") as arrays:
        assert {x.shape for x in arrays.values()} == {(30, 4)}
    table.drop(columns=tagging.NAMES[0]).to_parquet(tmp_path / "g.parquet")
    with pytest.raises(InputError, match="m2l features --embedding"):
        way.end_to_end(out, tmp_path / "g.parquet", root)


def test_shares_by_construction():
    """Songs with variance 4, seeds with 1, draws with 3: one half, one eighth, three eighths."""
    n = 4000
    songs, seeds = 2 * rng.normal(size=(n, 1, 2)), rng.normal(size=(n, 4, 2))
    over = np.sqrt(3) * rng.normal(size=(n, 8, 2))
    told = way.shares(songs + seeds, songs + over, np.arange(n), np.arange(n))
    for d in DIMENSIONS:
        found = [told[d][k]["value"] for k in ("songs", "seeds", "unknown")]
        assert found == pytest.approx([1 / 2, 1 / 8, 3 / 8], abs=0.03)


def test_a_place_among_songs_comes_from_other_folds():
    y = rng.uniform(1, 9, (60, 2))
    folds = np.arange(60) % 3
    asked, felt = way.placed(y, y, folds, 5)
    assert np.abs(asked).max() <= 1 and felt.shape == (60, 5, 2)
    np.testing.assert_allclose(felt, asked[:, None].repeat(5, 1))  # no errors, no doubt
    moved = np.where(folds[:, None] == 0, y * 0.5, y)  # a fold's own places do not count
    np.testing.assert_allclose(
        way.placed(moved, moved, folds, 1)[0][folds == 0],
        [way.QuantileMap.fit(y[folds != 0])(x) for x in moved[folds == 0]],
    )


def test_needs_measurements_of_labelled_songs(root, tmp_path):
    (tmp_path / "f.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="run 'm2l features'"):
        way.end_to_end(tmp_path / "e.json", tmp_path / "f.parquet", root)
