"""The stages on small made-up corpora: what they write, and that it tells on no one."""

import json
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from test_deam import write as write_deam
from test_deam import write_features_74
from test_pmemo import write as write_pmemo
from test_taffc import write as write_taffc

from m2l import corpora, generate, stats
from m2l.errors import InputError
from m2l.experiments import data, landscapes
from m2l.gan import presets, training
from m2l.music.features import NAMES
from m2l.va import DIMENSIONS

torch.set_num_threads(1)

PRESET = """\
sizes: {z: 4, widths: [6, 4], eru_kernel: 1}
stages:
  - {resolution: 4, images: 8, batch: 4}
  - {resolution: 8, images: 8, batch: 4, fade: 0.5}
gp_interval: 2
afm_form: channel
"""


def write_study(root):
    """A data root with thirty clips by ten artists, twelve songs of DEAM and fifty-four photos."""
    rng = np.random.default_rng(0)
    write_deam(root)
    write_features_74(root, rng)
    write_taffc(root, rng)
    photos = root / "images/landscapes128"
    photos.mkdir(parents=True)
    rows = []
    for i in range(54):  # first all seas, then all woods
        kind, tint = ("sea", (0, 20, 90)) if i < 27 else ("wood", (20, 90, 0))
        blocks = rng.integers(20, 120, (16, 16, 3)) + tint
        Image.fromarray(blocks.astype(np.uint8).repeat(8, 0).repeat(8, 1)).save(
            photos / f"vista{i:02}.jpg"
        )
        rows.append((f"landscapes128/vista{i:02}.jpg", kind, *rng.uniform(2, 8, 2).round(2)))
    pd.DataFrame(rows, columns=["file", "scene", "valence", "arousal"]).to_csv(
        root / "images/landscapes128.csv", index=False
    )
    (root / "cache").mkdir()
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def quick(root, monkeypatch):
    monkeypatch.setenv("M2L_CACHE", str(root / "cache"))
    monkeypatch.setattr(stats, "evaluate", partial(stats.evaluate, draws=50))


@pytest.fixture
def preset(tmp_path):
    (tmp_path / "tiny.yaml").write_text(PRESET)
    return str(tmp_path / "tiny.yaml")


@pytest.fixture
def run(root, preset, tmp_path):
    pyramid = landscapes.pyramid(root)
    return training.Run(presets.Preset.load(preset), pyramid, tmp_path / "run", accelerator="cpu")


def write_features(root, folder):
    """File of features of the thirty clips, in which feature 0 tells the valence.

    They were extracted under another name of the data root.
    """
    labels = pd.read_csv(root / "music/4Q-TAFFC/annotations.csv")
    x = np.random.default_rng(1).normal(size=(30, len(NAMES)))
    x[:, 0] = labels["valence"]
    (folder / "link").symlink_to(root)
    paths = [str(folder / f"link/music/4Q-TAFFC/audio/Q1/{song}.ogg") for song in labels["song"]]
    pd.DataFrame(x, index=pd.Index(paths, name="path"), columns=list(NAMES)).to_parquet(
        folder / "features.parquet"
    )
    return folder / "features.parquet"


@pytest.fixture
def table(root, tmp_path):
    return write_features(root, tmp_path)


def read(path):
    """A result, checked: it says where it comes from and tells on no path, song or photo."""

    def no_number(word):
        raise AssertionError(f"{path}: {word} is no JSON")

    text = path.read_text()
    result = json.loads(text, parse_constant=no_number)
    assert {"commit", "date", "data", "seed", "preset", "hardware", "seconds", "versions"} <= set(
        result["provenance"]
    )
    assert not re.search(r'"(/|[A-Z]:\\)| /(tmp|home|root)/', text)
    told = text
    if path.with_suffix(".npz").exists():
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            assert all(a.dtype.kind in "fiu" for a in arrays.values())
            told += " ".join(arrays)
    assert not re.search("Singer|Ballad|MT0|vista", told)
    return result


# -- data ------------------------------------------------------------------------------------


def test_data_describes_what_is_at_hand(root, tmp_path, caplog):
    data.data(tmp_path / "data.json", root)
    corpora = read(tmp_path / "data.json")["corpora"]
    assert set(corpora) == {"deam", "taffc", "landscapes"}
    assert "pmemo" in caplog.text.lower() and "oasis" in caplog.text.lower()
    assert corpora["taffc"]["rows"] == corpora["taffc"]["files"] == 30
    assert corpora["taffc"]["groups"] == 10 and corpora["taffc"]["label_source"] == "derived"
    assert corpora["taffc"]["quadrants"] == {"Q1": 1, "Q2": 0, "Q3": 0, "Q4": 0}
    assert corpora["landscapes"]["scenes"] == {"sea": 27, "wood": 27}
    assert corpora["landscapes"]["splits"] == {"train": 39, "probe": 9, "test": 6}
    verdicts = {k: [b["verdict"] for b in v] for k, v in corpora["deam"]["audit"].items()}
    assert verdicts["published"] == ["exchanged", "in order", "unclear"]
    assert verdicts["corrected"] == ["in order", "in order", "unclear"]
    assert sum(block["songs"] for block in corpora["deam"]["audit"]["found"]) == 12
    with np.load(tmp_path / "data.npz") as planes:
        for name, corpus in corpora.items():
            assert planes[name].sum() == corpus["rows"]
        assert planes["deam_evidence"].tolist()[0][0] == 2  # of twelve songs, the first


def test_data_says_what_no_model_can_reach_and_where_that_is_unknown(root, tmp_path):
    data.data(tmp_path / "data.json", root)
    result = read(tmp_path / "data.json")
    assert "mixture" not in result  # without PMEmo there is none
    deam = result["ceiling"]["deam"]
    assert (deam["items"], deam["ratings"], deam["raters"]) == (12, 24, 1)
    assert deam["valence"]["ceiling"]["value"] == 1  # both ratings of a song are equal
    assert deam["blocks"] == {}  # of fewer than ten songs each
    assert "mood tags" in result["ceiling"]["taffc"]["reason"]
    assert "predictions" in result["ceiling"]["landscapes"]["reason"]


def test_data_of_the_mixture(tmp_path):
    write_deam(write_pmemo(tmp_path))
    next(tmp_path.rglob("static_annotations_songs_1_2000.csv")).unlink()
    data.data(tmp_path / "data.json", tmp_path)
    result = read(tmp_path / "data.json")
    assert result["mixture"]["songs"] == {"deam": 12, "pmemo": 4}
    assert result["mixture"]["left"]["mean"]["value"] > 0.5
    assert result["mixture"]["reported"] == data.REPORTED
    assert not result["ceiling"]["deam"]["computable"]
    assert "mean ratings only" in result["ceiling"]["pmemo"]["reason"]


def test_a_corpus_left_on_0_1_makes_identity_a_fine_model():
    rng = np.random.default_rng(0)
    one, two = (pd.DataFrame(rng.uniform(2, 8, (300, 2)), columns=list(DIMENSIONS)) for _ in "ab")
    out = data.mixture(one, two.assign(valence=two["valence"] + 1))
    assert out["left"]["mean"]["low"] > 0.7
    # Half a point either side of the common mean, of a variance of 3 within: R² = 0.077.
    assert out["rescaled"]["valence"]["value"] == pytest.approx(0.25 / 3.25, abs=0.04)
    assert out["rescaled"]["arousal"]["value"] == pytest.approx(0, abs=0.02)
    for corpus in out["within"].values():
        assert -0.02 < min(corpus.values()) <= max(corpus.values()) <= 0
    r2 = out["left"]["valence"]["value"]
    assert out["implied_within"]["valence"] == pytest.approx(1 - (1 - data.REPORTED) / (1 - r2))


def test_data_describes_the_features(root, table, tmp_path):
    data.data(tmp_path / "data.json", root, features=table)
    with np.load(tmp_path / "data.npz") as arrays:
        x = pd.read_parquet(table)
        np.testing.assert_allclose(arrays["features_mean"], x.mean(), rtol=1e-5)
        assert arrays["features_songs"] == 30
        assert arrays["features_quadrants"].shape == (4, 5, 148)
        np.testing.assert_allclose(arrays["features_quadrants"][0], arrays["features_quantiles"])
        assert arrays["features_correlation"].dtype == np.float16
        np.testing.assert_allclose(arrays["features_correlation"], x.corr(), atol=1e-3)
        assert arrays["features_labels"][0, 0] == pytest.approx(1)
        assert abs(arrays["features_labels"][1]).max() < 0.8


def test_data_refuses_another_table(root, tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"other\.parquet: not a table of features"):
        data.data(tmp_path / "data.json", root, features=tmp_path / "other.parquet")
    x = pd.DataFrame(np.zeros((2, 148)), index=["/gone/a", "/gone/b"], columns=list(NAMES))
    x.to_parquet(tmp_path / "others.parquet")
    with pytest.raises(InputError, match="0 songs with labels"):
        data.data(tmp_path / "data.json", root, features=tmp_path / "others.parquet")


# -- photos and generators -------------------------------------------------------------------


def test_a_limit_takes_some_of_every_split_and_scene(root):
    pyramid = landscapes.pyramid(root, limit=8)
    assert pyramid.table["split"].value_counts().to_dict() == {"train": 8, "probe": 8, "test": 6}
    assert set(pyramid.table["scene"]) == {"sea", "wood"}
    assert pyramid.table["id"].is_monotonic_increasing
    assert landscapes.pyramid(root, limit=8).table.equals(pyramid.table)


def test_painted_landscapes_stand_in_where_there_is_no_data(monkeypatch, tmp_path):
    monkeypatch.delenv("M2L_DATA", raising=False)
    monkeypatch.setenv("M2L_CACHE", str(tmp_path))
    monkeypatch.setitem(corpora.card("sample").counts, "landscapes", 27)
    pyramid = landscapes.pyramid(folder="sample", top=16)
    assert pyramid.top == 16 and set(pyramid.table["label_source"]) == {"synthetic"}
    assert pyramid.table["split"].value_counts().to_dict() == {"train": 21, "probe": 3, "test": 3}
    assert (pyramid.table.groupby("group")["split"].nunique() == 1).all()


def test_gan_tells_a_run_and_releases_its_generator(run, tmp_path):
    assert run.train(log_every=1)
    out, weights = tmp_path / "gan.json", tmp_path / "deep/generator.safetensors"
    landscapes.gan(run, out, weights, note="begun anew once")
    result = read(out)
    assert result["card"]["note"] == generate.load(weights).card["note"] == "begun anew once"
    assert result["resolution"] == 8 and result["images"] == 16 and result["photos"] == 39
    assert result["parameters"].keys() == {"generator", "critic"}
    assert "predicted, not rated" in result["card"]["data"]
    with np.load(tmp_path / "gan.npz") as curves:
        assert curves["images"].tolist() == [4, 8, 12, 16]
        assert np.isnan(curves["penalty"]).tolist() == [False, True, False, True]
    assert len(list((tmp_path / "gan").glob("*.png"))) == 4
    assert generate.landscapes(5, 5, weights=weights).shape == (1, 8, 8, 3)


def test_of_large_pictures_two_rows_of_four_are_kept(run, tmp_path):
    assert run.train()
    large = run.folder / "samples" / "9-256-seeds.png"
    Image.effect_noise((7 * 256, 7 * 256), 40).save(large)
    landscapes.gan(run, tmp_path / "gan.json", tmp_path / "g.safetensors")
    kept = np.asarray(Image.open(tmp_path / "gan" / large.name))
    np.testing.assert_array_equal(kept, np.asarray(Image.open(large))[:512, :1024])
    small = Image.open(tmp_path / "gan" / "1-8-seeds.png")
    assert small.size == (7 * 8, 7 * 8)


def test_gan_before_any_training_is_an_error(run, tmp_path):
    with pytest.raises(InputError, match="not trained"):
        landscapes.gan(run, tmp_path / "gan.json", tmp_path / "g.safetensors")
