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
from test_pmemo import write as write_pmemo

from m2l import forest, generate, metrics, scene, stages, training
from m2l.errors import InputError
from m2l.features import NAMES

torch.set_num_threads(1)

PRESET = """\
sizes: {z: 4, widths: [6, 4], eru_kernel: 1}
stages:
  - {resolution: 4, images: 8, batch: 4}
  - {resolution: 8, images: 8, batch: 4, fade: 0.5}
gp_interval: 2
afm_form: channel
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with thirty clips by ten artists, twelve songs of DEAM and fifty-four photos."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    write_deam(root)
    deam = pd.DataFrame(rng.normal(size=(12, 4)), columns=list("abcd"))
    ids = [2, 3, 4, 5, 7, 8, 1001, 1002, 1003, 1004, 2001, 2002]
    deam.assign(track_id=ids).to_csv(root / "music/DEAM/deam_features_74.csv", index=False)

    clips = root / "music/4Q-TAFFC/audio/Q1"
    clips.mkdir(parents=True)
    rows = []
    for i in range(30):
        (clips / f"MT{i:03}.ogg").touch()
        v, a = rng.uniform(5, 9, 2).round(2)
        rows.append((f"MT{i:03}", f"Singer{i % 10}", f"Ballad{i}", "Q1", 3, v, a))
    columns = ["song", "artist", "title", "quadrant", "n_tags", "valence", "arousal"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "music/4Q-TAFFC/annotations.csv", index=False)

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


@pytest.fixture(autouse=True)
def quick(root, monkeypatch):
    monkeypatch.setenv("M2L_CACHE", str(root / "cache"))
    monkeypatch.setattr(metrics, "bootstrap", partial(metrics.bootstrap, draws=10))
    monkeypatch.setattr(forest, "evaluate", partial(forest.evaluate, draws=50))


@pytest.fixture
def preset(tmp_path):
    (tmp_path / "tiny.yaml").write_text(PRESET)
    return str(tmp_path / "tiny.yaml")


@pytest.fixture
def run(root, preset, tmp_path):
    pyramid = stages.landscapes(root)
    return training.Run(training.Preset.load(preset), pyramid, tmp_path / "run", accelerator="cpu")


@pytest.fixture
def table(root, tmp_path):
    """File of features of the thirty clips, in which feature 0 tells the valence.

    They were extracted under another name of the data root.
    """
    labels = pd.read_csv(root / "music/4Q-TAFFC/annotations.csv")
    x = np.random.default_rng(1).normal(size=(30, len(NAMES)))
    x[:, 0] = labels["valence"]
    (tmp_path / "link").symlink_to(root)
    paths = [str(tmp_path / f"link/music/4Q-TAFFC/audio/Q1/{song}.ogg") for song in labels["song"]]
    pd.DataFrame(x, index=pd.Index(paths, name="path"), columns=list(NAMES)).to_parquet(
        tmp_path / "features.parquet"
    )
    return tmp_path / "features.parquet"


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
    stages.data(tmp_path / "data.json", root)
    corpora = read(tmp_path / "data.json")["corpora"]
    assert set(corpora) == {"deam", "taffc", "landscapes"}
    assert "pmemo" in caplog.text.lower() and "oasis" in caplog.text.lower()
    assert corpora["taffc"]["rows"] == corpora["taffc"]["files"] == 30
    assert corpora["taffc"]["groups"] == 10 and corpora["taffc"]["label_source"] == "derived"
    assert corpora["taffc"]["quadrants"] == {"Q1": 1, "Q2": 0, "Q3": 0, "Q4": 0}
    assert corpora["landscapes"]["scenes"] == {"sea": 27, "wood": 27}
    assert corpora["landscapes"]["splits"] == {"train": 39, "probe": 9, "test": 6}
    beyond = {"below 3": 1, "below 4": 3, "above 6": 1, "above 7": 0}
    assert corpora["deam"]["beyond"]["valence"] == beyond
    assert corpora["deam"]["rater_sd"] == {"valence": 0.5, "arousal": 1.5}
    assert corpora["taffc"]["rater_sd"] == {"valence": None, "arousal": None}
    verdicts = {k: [b["verdict"] for b in v] for k, v in corpora["deam"]["audit"].items()}
    assert verdicts["published"] == ["exchanged", "in order", "unclear"]
    assert verdicts["corrected"] == ["in order", "in order", "unclear"]
    assert sum(block["songs"] for block in corpora["deam"]["audit"]["found"]) == 12
    with np.load(tmp_path / "data.npz") as planes:
        for name, corpus in corpora.items():
            assert planes[name].sum() == corpus["rows"]
        assert planes["deam_evidence"].tolist()[0][0] == 2  # of twelve songs, the first


def test_data_says_what_no_model_can_reach_and_where_that_is_unknown(root, tmp_path):
    stages.data(tmp_path / "data.json", root)
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
    stages.data(tmp_path / "data.json", tmp_path)
    result = read(tmp_path / "data.json")
    assert result["mixture"]["songs"] == {"deam": 12, "pmemo": 4}
    assert result["mixture"]["left"]["mean"]["value"] > 0.5
    assert result["mixture"]["reported"] == stages.REPORTED
    assert not result["ceiling"]["deam"]["computable"]
    assert "mean ratings only" in result["ceiling"]["pmemo"]["reason"]


def test_data_describes_the_features(root, table, tmp_path):
    stages.data(tmp_path / "data.json", root, features=table)
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
        stages.data(tmp_path / "data.json", root, features=tmp_path / "other.parquet")
    x = pd.DataFrame(np.zeros((2, 148)), index=["/gone/a", "/gone/b"], columns=list(NAMES))
    x.to_parquet(tmp_path / "others.parquet")
    with pytest.raises(InputError, match="0 songs with labels"):
        stages.data(tmp_path / "data.json", root, features=tmp_path / "others.parquet")


def test_data_without_any_corpus_is_an_error(tmp_path):
    with pytest.raises(InputError, match="M2L_DATA"):
        stages.data(tmp_path / "data.json", tmp_path)
    assert not (tmp_path / "data.json").exists()


def test_quadrants_are_cut_at_five_and_sum_to_one():
    va = pd.DataFrame({"valence": [5, 4.9, 4.9, 5, 9], "arousal": [5, 5, 4.9, 4.9, 9]})
    assert stages.quadrants(va) == pytest.approx({"Q1": 0.4, "Q2": 0.2, "Q3": 0.2, "Q4": 0.2})


# -- photos and generators -------------------------------------------------------------------


def test_a_limit_takes_some_of_every_split_and_scene(root):
    pyramid = stages.landscapes(root, limit=8)
    assert pyramid.table["split"].value_counts().to_dict() == {"train": 8, "probe": 8, "test": 6}
    assert set(pyramid.table["scene"]) == {"sea", "wood"}
    assert pyramid.table["id"].is_monotonic_increasing
    assert stages.landscapes(root, limit=8).table.equals(pyramid.table)


def test_gan_tells_a_run_and_releases_its_generator(run, tmp_path):
    assert run.train(log_every=1)
    out, weights = tmp_path / "gan.json", tmp_path / "deep/generator.safetensors"
    stages.gan(run, out, weights)
    result = read(out)
    assert result["resolution"] == 8 and result["images"] == 16 and result["photos"] == 39
    assert result["parameters"].keys() == {"generator", "critic"}
    assert "predicted, not rated" in result["card"]["data"]
    assert result["bytes"] == weights.stat().st_size
    with np.load(tmp_path / "gan.npz") as curves:
        assert curves["images"].tolist() == [4, 8, 12, 16]
        assert np.isnan(curves["penalty"]).tolist() == [False, True, False, True]
    assert len(list((tmp_path / "gan").glob("*.png"))) == 4
    assert generate.landscapes(5, 5, weights=weights).shape == (1, 8, 8, 3)


def test_gan_before_any_training_is_an_error(run, tmp_path):
    with pytest.raises(InputError, match="not trained"):
        stages.gan(run, tmp_path / "gan.json", tmp_path / "g.safetensors")


def test_judge_measures_a_generator(root, run, tmp_path, monkeypatch):
    # Where the weights are, FID still needs 2,048 photos, and fewer are no error.
    monkeypatch.setattr(metrics, "inception_weights", lambda: "there")
    run.train()
    run.release(tmp_path / "g.safetensors", {"what": "tiny"})
    out, weights = tmp_path / "metrics.json", tmp_path / "deep/scene.safetensors"
    stages.judge(out, weights, tmp_path / "g.safetensors", root, n=12, epochs=2, preset="tiny")
    result = read(out)
    assert result["n"] == 12 and result["resolution"] == 8 and result["frechet"]["n"] == 3
    assert result["reader"]["photos"] == 9 and result["reader"]["tested"] == 6
    assert np.shape(result["grid"]["answered"]) == (7, 7, 2)
    assert result["frechet"]["photos"] > 0 and result["diversity"]["ratio"] > 0
    assert not any(key.startswith("fid") for key in result)
    with np.load(tmp_path / "metrics.npz") as arrays:
        assert arrays["requested"].shape == arrays["answered"].shape == (12, 2)
    assert scene.load(weights).scenes == ["sea", "wood"]


def test_too_few_photos_to_judge_by(root, run, tmp_path):
    run.train()
    run.release(tmp_path / "g.safetensors", {"what": "tiny"})
    with pytest.raises(InputError, match="too few"):
        stages.judge(
            tmp_path / "m.json",
            tmp_path / "s.safetensors",
            tmp_path / "g.safetensors",
            root,
            limit=2,
        )


def test_baselines_are_trained_and_measured_alike(root, preset, tmp_path, monkeypatch):
    out = tmp_path / "baselines.json"
    stages.baselines(out, tmp_path / "runs", root, preset, n=8, epochs=1)
    result = read(out)
    assert list(result["variants"]) == list(training.VARIANTS)
    assert {v["images"] for v in result["variants"].values()} == {16}
    assert result["provenance"]["preset"] == "tiny"
    assert len(list((tmp_path / "baselines").glob("*.png"))) == 4

    # Finished runs are not trained again.
    monkeypatch.setattr(training.Run, "step", None)
    monkeypatch.setattr(stages, "_reader", lambda *_: (None, {}))
    monkeypatch.setattr(stages, "_measure", lambda *_: ({}, {}))
    stages.baselines(out, tmp_path / "runs", root, preset, n=8, epochs=1)


def test_a_baseline_that_diverges_is_named(root, preset, tmp_path, monkeypatch):
    def diverge(self):
        raise training.Diverged("step 3: critic nan")

    monkeypatch.setattr(training.Run, "train", diverge)
    with pytest.raises(InputError, match="baseline full: step 3"):
        stages.baselines(tmp_path / "b.json", tmp_path / "runs", root, preset, n=8, epochs=1)
