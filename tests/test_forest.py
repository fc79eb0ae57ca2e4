"""Scores, cross-validation with groups apart, intervals, and the file that holds no code."""

import json
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from m2l import features, forest, synth
from m2l.errors import InputError

rng = np.random.default_rng(0)
Y = rng.normal(5, 1.5, 200)


def small():
    return forest.default_forest(0, n_estimators=3)


# -- scores ----------------------------------------------------------------------------------


def test_scores_of_four_songs_by_hand():
    scores = forest.score([1, 2, 3, 6], [2, 2, 4, 4])
    # Errors 1, 0, 1, −2; means 3 and 3; variances 3.5 and 1; covariance (2 + 1 + 0 + 3) / 4.
    assert scores == pytest.approx(
        {
            "r2": 1 - 1.5 / 3.5,
            "mse": 1.5,
            "rmse": 1.5**0.5,
            "mae": 1.0,
            "r": 1.5 / 3.5**0.5,
            "ccc": 2 * 1.5 / (3.5 + 1),
        },
        abs=1e-12,
    )


def test_equal_arrays_score_perfectly():
    want = {"r2": 1, "mse": 0, "rmse": 0, "mae": 0, "r": 1, "ccc": 1}
    assert forest.score(Y, Y) == pytest.approx(want, abs=1e-12)


def test_a_shift_costs_ccc_but_not_r():
    scores, var = forest.score(Y, Y + 2), Y.var()
    assert scores["r"] == pytest.approx(1)
    assert scores["ccc"] == pytest.approx(2 * var / (2 * var + 4))
    assert scores["r2"] == pytest.approx(1 - 4 / var)


@pytest.mark.parametrize("n", [3, 7, 10])
def test_a_constant_explains_nothing(n):
    # 0.1 has no exact mean in floating point: rounding must not pass for a correlation.
    scores = forest.score(Y[:n], np.full(n, 0.1))
    assert scores["r"] == 0 and scores["ccc"] == pytest.approx(0, abs=1e-12)
    assert forest.score(Y, np.full(200, Y.mean()))["r2"] == pytest.approx(0, abs=1e-12)


def test_nothing_can_be_said_of_constant_labels():
    with np.errstate(all="raise"):
        scores = forest.score(np.full(5, 0.1), np.full(5, 0.1))
    assert np.isnan([scores["r2"], scores["ccc"]]).all() and scores["r"] == scores["mae"] == 0


def test_scores_do_not_depend_on_order_and_r_not_on_scale():
    p = Y + rng.normal(size=200)
    order = rng.permutation(200)
    scores = forest.score(Y, p)
    assert forest.score(Y[order], p[order]) == pytest.approx(scores)
    assert forest.score(Y, 3 * p - 1)["r"] == pytest.approx(scores["r"])


# -- cross-validation ------------------------------------------------------------------------


class Memory:
    """Says 1 for a group that it was trained on and 0 for any other."""

    def fit(self, x, y):
        self.seen = set(x[:, 0])
        return self

    def predict(self, x):
        return np.array([[g in self.seen] * 2 for g in x[:, 0]], float)


def test_no_group_is_on_both_sides():
    groups = np.repeat(np.arange(12), [1, 2, 3, 4] * 3)
    x = groups[:, None].astype(float)
    y = np.zeros((len(groups), 2))
    seen = forest.cross_validate(Memory, x, y, groups, folds=4, repeats=3)
    assert seen.shape == (3, len(groups), 2) and not seen.any()
    straddling = forest.cross_validate(Memory, x, y, np.arange(len(groups)), folds=4)
    assert straddling.any()


def test_repeats_draw_other_folds_and_the_seed_decides():
    x, y, groups = rng.normal(size=(40, 3)), rng.normal(size=(40, 2)), np.arange(40)
    one = forest.cross_validate(LinearRegression, x, y, groups, repeats=2, seed=5)
    assert not np.allclose(one[0], one[1])
    again = forest.cross_validate(LinearRegression, x, y, groups, repeats=2, seed=5)
    np.testing.assert_array_equal(one, again)


def test_scaling_bounds_come_from_the_training_songs():
    models = []

    def make():
        models.append(small())
        return models[-1]

    x = rng.random((20, 2))
    x[0] = 1e6
    forest.cross_validate(make, x, rng.random((20, 2)), np.arange(20), folds=4)
    tops = [m["scale"].data_max_[0] for m in models]
    assert sorted(top < 1 for top in tops) == [False, False, False, True]


def test_too_few_groups_is_an_error():
    with pytest.raises(InputError, match="3 for 5 folds"):
        forest.cross_validate(small, np.zeros((9, 1)), np.zeros((9, 2)), np.arange(9) // 3)


def test_the_search_picks_from_its_grid_and_keeps_groups_apart():
    grid = {"forest__min_samples_leaf": [1, 40]}
    x = rng.random((60, 1))
    y = np.repeat(10 * x, 2, axis=1)
    model = forest.Tuned(trees=9, grid=grid).fit(x, y, np.arange(60))
    assert model.settings == {"forest__min_samples_leaf": 1}
    assert model.best["forest"].n_estimators == 9

    # Feature 0 names the group, whose label is chance: with groups apart, knowing it by heart
    # does not help, and the calmer setting wins.
    groups = np.repeat(np.arange(12), 5)
    y = rng.normal(size=(12, 2))[groups]
    model = forest.Tuned(trees=30, grid=grid).fit(groups[:, None].astype(float), y, groups)
    assert model.settings == {"forest__min_samples_leaf": 40}


def test_baseline_predicts_the_mean():
    y = rng.random((10, 2))
    guess = forest.baseline().fit(np.zeros((10, 1)), y).predict(np.ones((3, 1)))
    np.testing.assert_allclose(guess, np.tile(y.mean(0), (3, 1)))


# -- bootstrap -------------------------------------------------------------------------------


def test_intervals_hold_the_value_and_repeats_are_averaged():
    y = rng.normal(5, 1, (80, 2))
    predicted = y + rng.normal(size=(2, 80, 2))
    out = forest.evaluate(y, predicted, np.arange(80), draws=200)
    for d, name in enumerate(forest.DIMENSIONS):
        for key, cell in out[name].items():
            assert cell["low"] <= cell["value"] <= cell["high"], key
            each = [forest.score(y[:, d], one[:, d])[key] for one in predicted]
            assert cell["value"] == pytest.approx(np.mean(each))


def test_songs_of_one_artist_count_once():
    y = np.repeat(rng.normal(5, 1, (40, 2)), 10, axis=0)
    predicted = y + np.repeat(rng.normal(size=(40, 2)), 10, axis=0)
    widths = []
    for groups in (np.repeat(np.arange(40), 10), np.arange(400)):
        cell = forest.evaluate(y, predicted[None], groups, draws=200)["valence"]["mae"]
        widths.append(cell["high"] - cell["low"])
    # Ten copies of each make the interval over rows narrower by √10.
    assert widths[0] / widths[1] == pytest.approx(10**0.5, rel=0.25)


# -- the forest of a release -----------------------------------------------------------------


def table(n=8):
    x = np.random.default_rng(3).normal(size=(n, len(features.NAMES)))
    return pd.DataFrame(x, columns=list(features.NAMES), index=[f"{i}.wav" for i in range(n)])


def test_half_width_holds_nine_in_ten_of_new_songs():
    draw = np.random.default_rng(4)

    def songs(n):
        x = draw.normal(size=(n, 2))
        return x, np.clip(x / 2 + draw.normal(5, [0.5, 1], (n, 2)), 1, 9)

    x, y = songs(1500)
    fitted = forest.train(x, y, np.arange(1500), ["a", "b"], {}, make=LinearRegression)
    new_x, new_y = songs(4000)
    told = forest.describe(pd.DataFrame(new_x, columns=["a", "b"]), fitted)
    for d, name in enumerate(forest.DIMENSIONS):
        inside = (told[f"{name}_low"] <= new_y[:, d]) & (new_y[:, d] <= told[f"{name}_high"])
        assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_described_intervals_hold_the_value_and_stay_on_the_scale(tiny_forest):
    told = forest.describe(table(), tiny_forest)
    for name in forest.DIMENSIONS:
        assert (told[f"{name}_low"] <= told[name]).all()
        assert (told[name] <= told[f"{name}_high"]).all()
    assert told.min().min() == 1 and told.max().max() == 9  # random labels: wide intervals
    assert list(told.index) == list(table().index)
    empty = forest.describe(table(0), tiny_forest)
    assert len(empty) == 0 and list(empty) == list(told)


def test_order_of_columns_does_not_matter_and_more_are_ignored(tiny_forest):
    want = tiny_forest.predict(table())
    shuffled = table()[list(features.NAMES)[::-1]].assign(title="x")
    np.testing.assert_array_equal(tiny_forest.predict(shuffled), want)


def test_missing_and_bad_features_are_named(tiny_forest):
    with pytest.raises(InputError, match="1 missing, first tempo_std"):
        tiny_forest.predict(table().drop(columns="tempo_std"))
    for bad in (np.nan, np.inf, "loud"):
        with pytest.raises(InputError, match=r"2\.wav: feature rms_mean"):
            tiny_forest.predict(table().astype(object).assign(rms_mean=[0, 0, bad, 0, 0, 0, 0, 0]))


def test_saved_and_loaded_it_predicts_the_same(tiny_forest, tmp_path):
    tiny_forest.save(tmp_path / "forest.skops")
    loaded = forest.load(tmp_path / "forest.skops")
    np.testing.assert_array_equal(loaded.predict(table()), tiny_forest.predict(table()))
    np.testing.assert_array_equal(loaded.halfwidth, tiny_forest.halfwidth)
    np.testing.assert_array_equal(loaded.va_map.knots, tiny_forest.va_map.knots)
    assert loaded.names == list(features.NAMES) and loaded.card == tiny_forest.card


class Foreign:
    pass


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def refuse(path, match="damaged or not a forest"):
    with pytest.raises(InputError, match=match) as error:
        forest.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_files_that_are_no_forest_are_refused(tiny_forest, tmp_path):
    path = tmp_path / "forest.skops"
    refuse(path, "no forest here")
    refuse(tmp_path, "no forest here")
    path.write_text("valence 5")
    refuse(path)
    tiny_forest.save(path)
    whole = path.read_bytes()
    for share in (0, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        refuse(path)
    skops.io.dump({"model": 1}, path)
    refuse(path)


def test_a_file_with_another_type_is_refused(tiny_forest, tmp_path):
    path = tmp_path / "forest.skops"
    skops.io.dump(vars(tiny_forest) | {"va_map": None, "extra": Foreign()}, path)
    refuse(path, "Foreign")


def test_a_pickle_is_not_opened(tmp_path):
    path, mark = tmp_path / "forest.skops", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Trap(mark)))
    refuse(path)
    assert not mark.exists()


def parts(model, names=features.NAMES):
    return {
        "model": model,
        "names": list(names),
        "halfwidth": np.ones(2),
        "va_knots": np.array([[1.0, 9], [1, 9]]),
        "card": json.dumps({}),
    }


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"names": ["mfcc_0_mean"]}, "names"),
        ({"va_knots": np.array([[9.0, 1], [1, 9]])}, "knots"),
        ({"card": "{"}, "damaged"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tiny_forest, tmp_path, change, match):
    skops.io.dump(parts(tiny_forest.model) | change, tmp_path / "forest.skops")
    refuse(tmp_path / "forest.skops", match)


@pytest.mark.parametrize(
    ("what", "value"),
    [("left_child", 0), ("left_child", 10_000), ("right_child", -7), ("feature", 148)],
)
def test_trees_that_point_astray_are_refused(tmp_path, what, value):
    x = rng.random((30, 148))
    model = forest.default_forest(0, n_estimators=1).fit(x, x[:, :2])
    tree = model["forest"].estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"][what][0] = value
    tree.__setstate__(state)
    skops.io.dump(parts(model), tmp_path / "forest.skops")
    refuse(tmp_path / "forest.skops", "points outside")


def test_songs_to_emotions(tiny_forest, song, tmp_path):
    one = forest.predict(song, tiny_forest)
    assert list(one.index) == [str(song)]
    (tmp_path / "text.mp3").write_text("no song")
    many = forest.predict([tmp_path / "text.mp3", song], tiny_forest)
    pd.testing.assert_frame_equal(one, many, check_names=False)
    with pytest.raises(InputError, match=r"text\.mp3"):
        forest.predict(tmp_path / "text.mp3", tiny_forest)


def test_the_package_ships_a_forest():
    released = forest.load()
    assert released.names == list(features.NAMES)
    assert (released.halfwidth > 0).all() and (released.halfwidth < 8).all()
    assert {"what", "data", "labels", "use"} <= set(released.card)
    assert not re.search(r"/(home|root|work|tmp)/", json.dumps(released.card))
    assert forest.WEIGHTS.stat().st_size < 20e6


def test_the_shipped_forest_hears_which_piece_is_excited():
    pieces = [synth.compose(5, a, seed, seconds=6) for seed in (0, 1) for a in (1.5, 8.5)]
    x = pd.DataFrame([features.from_signal(y) for y in pieces], columns=list(features.NAMES))
    calm, excited = forest.load().predict(x)[:, 1].reshape(2, 2).T
    assert (excited > calm).all()
