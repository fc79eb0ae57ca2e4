"""The study of music emotion on small made-up corpora: what it keeps, finds and writes."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from test_deam import write as write_deam
from test_deam import write_features_74
from test_pmemo import write as write_pmemo
from test_taffc import write as write_taffc

from m2l import stats
from m2l.errors import InputError
from m2l.experiments import emotion as ladder
from m2l.music import forest
from m2l.music import importance as listening
from m2l.music import rivals as models
from m2l.music.features import EXTENDED, NAMES

torch.set_num_threads(1)

TINY = ladder.Effort(folds=3, repeats=2, trees=6, trials=2, epochs=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root with thirty clips by ten artists, twelve songs of DEAM and two of PMEmo."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    write_deam(root)
    write_pmemo(root)
    write_features_74(root, rng)
    write_taffc(root, rng)
    return root


@pytest.fixture
def table(root, tmp_path):
    """The extended features of the thirty clips, of which the first three tell the valence."""
    labels = pd.read_csv(root / "music/4Q-TAFFC/annotations.csv")
    x = np.random.default_rng(1).normal(size=(30, len(EXTENDED)))
    x[:, :3] = labels[["valence"]]
    paths = [str(root / f"music/4Q-TAFFC/audio/Q1/{song}.ogg") for song in labels["song"]]
    pd.DataFrame(x, index=paths, columns=list(EXTENDED)).to_parquet(tmp_path / "features.parquet")
    return tmp_path / "features.parquet"


def made_up(n=90, name="songs", rungs=("mean", "ridge")):
    """Songs by n/3 artists of two blocks; valence is feature a, arousal feature b and noise."""
    rng = np.random.default_rng(2)
    x = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    y = np.stack([5 + x["a"], 5 + x["b"] + rng.normal(0, 1, n)], 1)
    blocks = np.where(np.arange(n) < n // 2, "one", "two")
    return ladder.Task(name, x, y, np.arange(n) // 3, rungs, blocks)


# -- tasks -----------------------------------------------------------------------------------


def test_corpora_become_tasks(root, table):
    told = {task.name: task for task in ladder.tasks(table, root)}
    assert list(told) == [
        "taffc", "deam corrected", "deam 1-1000", "deam published", "taffc extended"
    ]  # fmt: skip
    assert list(told["taffc"].x) == list(NAMES) and len(told["taffc"].y) == 30
    assert list(told["taffc extended"].x) == list(EXTENDED)
    assert set(told["taffc"].groups) == {f"singer{i}" for i in range(10)}
    assert "CNN" not in told["taffc"].rungs  # nothing to hear was given
    one = told["deam 1-1000"]
    assert len(one.y) == 6
    # Where the table is exchanged, correcting it changes the columns' places.
    first = told["deam corrected"].source == "1-1000"
    np.testing.assert_array_equal(told["deam published"].y[first], one.y[:, ::-1])
    np.testing.assert_array_equal(told["deam corrected"].y[first], one.y)


def test_a_plain_table_makes_no_extended_task(root, table):
    pd.read_parquet(table)[list(NAMES)].to_parquet(table)
    heard = ladder.tasks(table, root, lambda paths: np.zeros((len(paths), 64, 640)))
    assert "taffc extended" not in {task.name for task in heard}
    assert "CNN" in heard[0].rungs and len(heard[0].mels) == 30


# -- what is kept ----------------------------------------------------------------------------


def test_models_share_their_folds_and_keep_their_answers(tmp_path, monkeypatch):
    task = made_up(rungs=("ridge", "SVR", "tuned forest", "SVR and forest", "block alone"))
    found = {name: ladder.climb(task, name, tmp_path, TINY) for name in task.rungs}
    assert found["ridge"]["predicted"].shape == (2, 90, 2)
    assert found["tuned forest"]["history"].shape == (3, 2)
    assert len(json.loads(str(found["SVR"]["settings"]))) == 3
    np.testing.assert_allclose(
        found["SVR and forest"]["predicted"],
        (found["SVR"]["predicted"] + found["tuned forest"]["predicted"]) / 2,
    )
    # The block's mean of the training songs: two values a fold.
    alone = found["block alone"]["predicted"][0]
    for fold in range(3):
        rows = found["tuned forest"]["folds"] == fold
        for block in ("one", "two"):
            train = ~rows & (task.source == block)
            np.testing.assert_allclose(
                alone[rows & (task.source == block)],
                np.tile(task.y[train].mean(0), (sum(rows & (task.source == block)), 1)),
            )

    monkeypatch.setattr(forest, "cross_validate", None)
    again = ladder.climb(task, "tuned forest", tmp_path, TINY)
    np.testing.assert_array_equal(again["predicted"], found["tuned forest"]["predicted"])
    task.y = task.y + 1
    with pytest.raises(TypeError):  # other labels: the kept answers are not taken
        ladder.climb(task, "tuned forest", tmp_path, TINY)


# -- what follows ----------------------------------------------------------------------------


def test_the_learning_curve_rises_to_the_whole(tmp_path):
    task = made_up(240)
    told = ladder.curve(task, tmp_path, TINY, names=("ridge",))
    assert told["songs"] == [10, 20, 40, 80, 160]
    r2 = [cell["value"] for cell in told["models"]["ridge"]["valence"]]
    assert r2[0] < r2[-1] and r2[-1] > 0.99
    whole = ladder.climb(task, "ridge", tmp_path, TINY)["predicted"]
    kept = stats.evaluate(task.y, whole[:1], task.groups, draws=5)
    assert told["models"]["ridge"]["arousal"][-1]["value"] == pytest.approx(
        kept["arousal"]["r2"]["value"]
    )


# -- the whole -------------------------------------------------------------------------------


def test_the_study_compares_and_explains(root, table, tmp_path, monkeypatch):
    monkeypatch.delitem(models.LADDER, "MLP")  # keeps a tenth aside: of six songs, none
    monkeypatch.delitem(models.LADDER, "boosting")
    few = partial(forest.default_forest, n_estimators=4)
    monkeypatch.setitem(models.LADDER, "default forest", few)
    # Noise makes as many clusters as there are features.
    monkeypatch.setattr(listening, "clusters", lambda x: {c: [c] for c in x.columns[:4]})
    monkeypatch.setattr(ladder, "SHARES", (0.5, 1.0))
    every = {task.name: task for task in ladder.tasks(table, root, lambda x: noise(len(x)))}
    some = [every[name] for name in ("taffc", "deam corrected", "taffc extended")]
    monkeypatch.setattr(ladder, "tasks", lambda *_: some)
    monkeypatch.setattr(stats, "evaluate", evaluate)
    monkeypatch.setenv("M2L_CACHE", str(tmp_path / "cache"))
    out, folder = tmp_path / "forest.json", tmp_path / "run"
    effort = vars(TINY) | {"folds": 2, "trials": 1}
    ladder.emotion(table, out, root, folder, **effort)
    text = out.read_text()
    assert "Singer" not in text and "Ballad" not in text and "singer" not in text
    result = json.loads(text)
    assert set(result["corpora"]["taffc"]["models"]) == {*models.LADDER, *models.TOGETHER, "CNN"}
    scores = result["corpora"]["taffc"]["models"]["extra trees"]
    assert scores["valence"]["r"]["value"] > 0.5 > scores["arousal"]["r"]["value"]
    families = result["listening"]["families"]
    assert max(families, key=lambda f: families[f]["valence"]["value"]) == "timbre"
    assert result["effort"]["trials"] == 1
    assert result["curve"].keys() == {"taffc", "deam corrected"}
    with np.load(tmp_path / "forest.npz") as arrays:
        pairs = arrays["taffc tuned forest"]
    truth = pd.read_csv(root / "music/4Q-TAFFC/annotations.csv")["valence"].to_numpy(np.float32)
    np.testing.assert_array_equal(np.sort(pairs[:, 0]), np.sort(truth))
    assert (pairs[:, 0] != truth).any()  # the order says nothing about the song

    # All is kept: a second run computes no model.
    monkeypatch.setattr(forest, "out_of_fold", None)
    ladder.emotion(table, out, root, folder, **effort)


def evaluate(y, predicted, groups, draws=10, seed=0, reference=None, evaluate=stats.evaluate):
    return evaluate(y, predicted, groups, 10, seed, reference)


def noise(n):
    return np.random.default_rng(0).normal(-30, 10, (n, 64, 640)).astype(np.float16)


def test_too_few_songs_are_an_error(root, table, tmp_path):
    pd.read_parquet(table).iloc[:5].to_parquet(table)
    with pytest.raises(InputError, match="5 songs with labels, by 5 artists"):
        ladder.emotion(table, tmp_path / "f.json", root, folds=3)
