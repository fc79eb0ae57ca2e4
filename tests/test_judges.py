"""Judges are trained and tested on photos apart; photos are labelled as the stand-in was."""

import os
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from test_data import read, write_study

from m2l import stats
from m2l.errors import InputError
from m2l.experiments import judges
from m2l.judge import labels, ratings, scene
from m2l.va import DIMENSIONS

torch.set_num_threads(1)
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with photos of OASIS whose valence follows their brightness."""
    root = write_study(tmp_path_factory.mktemp("data"))
    folder = root / "images/OASIS"
    (folder / "images").mkdir(parents=True)
    rows = []
    for i, light in enumerate(rng.uniform(0, 155, 30)):
        name = f"Theme{i % 10} {i}"
        pixels = light + rng.integers(0, 100, (12, 16, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"images/{name}.jpg")
        liked = light / 155 * 5 + 1.5
        rows.append((name, "Scenery" if i % 2 else "Object", liked, 1.2, 100, 8 - liked, 1.5, 100))
    columns = ["Theme", "Category"]
    columns += [f"{d}_{k}" for d in ("Valence", "Arousal") for k in ("mean", "SD", "N")]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "OASIS.csv", index=False)
    return root


@pytest.fixture(autouse=True)
def quick(root, monkeypatch):
    monkeypatch.setenv("M2L_CACHE", str(root / "cache"))
    monkeypatch.setattr(stats, "DRAWS", 8)
    monkeypatch.setattr(stats, "evaluate", partial(stats.evaluate, draws=50))


def test_the_scene_network_is_tested_on_photos_it_has_not_seen(root, tmp_path):
    out, weights = tmp_path / "scene.json", tmp_path / "scene.safetensors"
    judges.scene_network(out, weights, root, epochs=2)
    result = read(out)
    assert (result["photos"], result["tested"]) == (9, 6)
    assert set(result["resolutions"]) == {"16", "32", "64", "128"}
    told = result["resolutions"]["32"]
    assert set(told["accuracy"]) == set(told["valence"]["ccc"]) == {"value", "low", "high"}
    assert scene.load(weights).scenes == result["scenes"] == ["sea", "wood"]
    assert weights.stat().st_size < 2e6
    with pytest.raises(InputError, match="too few"):
        judges.scene_network(out, weights, root, limit=2)


def test_what_is_fitted_to_people_is_tested_on_themes_left_out(root, tmp_path, monkeypatch):
    def bright(*shape):
        return lambda x: np.stack([np.full(shape, np.mean(photo) / 255) for photo in x])

    monkeypatch.setattr(ratings, "features", bright(1024))
    monkeypatch.setattr(labels, "features", bright(2, 1280))
    files = [tmp_path / f"{name}.safetensors" for name in ("rated", "machines")]
    judges.people(tmp_path / "people.json", *files, root=root, repeats=2, folds=5)
    result = read(tmp_path / "people.json")
    assert result["photos"] == 30
    table = pd.read_csv(root / "images/OASIS/OASIS.csv")
    for d, sd in (("valence", 1.2), ("arousal", 1.5)):
        noise = sd**2 / 100 / table[f"{d.title()}_mean"].var()
        assert result["ceiling"][d] == pytest.approx(1 - noise)
        for name in ("ratings", "labels"):  # both see the brightness that the ratings follow
            assert result[name]["apart"][d]["r"]["value"] > 0.8
            assert set(result[name]["photos"][d]["r"]) == {"value", "low", "high"}
    assert ratings.load(files[0]).shape == (1025, 2)
    assert set(labels.load(files[1])) == {0, 2}


# -- labels ----------------------------------------------------------------------------------


def test_the_machines_are_support_vector_regressions():
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    seen, y = rng.uniform(0, 6, (60, 2, 1280)), rng.uniform(1, 9, (60, 2))
    new = rng.uniform(0, 6, (20, 2, 1280))
    told = labels.told(labels.fit(seen, y), new)
    for d in (0, 1):
        svr = make_pipeline(StandardScaler(), SVR(C=2, epsilon=0.1, gamma=0.5 / 1280))
        theirs = TransformedTargetRegressor(svr, transformer=StandardScaler())
        both = [theirs.fit(seen[:, k], y[:, d]).predict(new[:, k]) for k in (0, 1)]
        # Support vectors are kept in bytes.
        np.testing.assert_allclose(told[:, d], np.mean(both, axis=0), atol=0.02)


def test_machines_come_back_from_their_file(tmp_path):
    path = tmp_path / "labels.safetensors"
    with pytest.raises(InputError, match="no labelling machines here"):
        labels.load(path)
    seen = rng.uniform(0, 6, (12, 2, 1280))
    machines = labels.fit(seen, rng.uniform(1, 9, (12, 2)))
    labels.save(machines, path, {})
    want = labels.told(machines, seen)
    np.testing.assert_allclose(labels.told(labels.load(path), seen), want, atol=1e-4)
    labels.save({0: machines[0]}, path, {})
    with pytest.raises(InputError, match="do not fit"):
        labels.load(path)


def test_a_folder_is_labelled_but_for_what_does_not_open(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(labels, "_network", lambda which: None)
    monkeypatch.setattr(labels, "features", lambda x: np.full((len(x), 2, 1280), 0.4))
    for name in ("b", "a"):
        Image.new("RGB", (9, 9)).save(tmp_path / f"{name}.png")
    (tmp_path / "c.jpg").write_text("no picture")
    os.rename(tmp_path / "b.png", os.fsencode(tmp_path / "d") + b"\xe9.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "b.png")
    table = labels.folder(tmp_path)
    assert table["file"].tolist() == ["a.png", "b.png"] and "c.jpg" in caplog.text
    assert "rename it" in caplog.text
    assert (table["label_source"] == "predicted").all()
    assert table[["valence", "arousal"]].stack().between(1, 9).all()
    with pytest.raises(InputError, match="no such folder"):
        labels.folder(tmp_path / "gone")


def test_a_missing_package_is_one_line(tmp_path, monkeypatch):
    def missing(which):
        raise InputError("pip install efficientnet-lite-pytorch")

    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    monkeypatch.setattr(labels, "_network", missing)
    with pytest.raises(InputError, match="pip install"):
        labels.folder(tmp_path)


@pytest.mark.data
def test_the_stand_in_gets_its_own_labels_again():
    from m2l import corpora
    from m2l.doors import pictures

    table = corpora.load("landscapes", clean=False).table.sample(100, random_state=1)
    told = labels.label([pictures.read(path) for path in table["path"]])
    for d, name in enumerate(DIMENSIONS):
        assert np.corrcoef(told[:, d], table[name])[0, 1] > 0.99
