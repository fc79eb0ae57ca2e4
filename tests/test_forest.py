"""Scores, cross-validation with groups apart, intervals, and the file that holds no code."""

import json
import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from m2l.errors import InputError
from m2l.music import features, forest
from m2l.sample import compose as synth

rng = np.random.default_rng(0)
Y = rng.normal(5, 1.5, 200)


def small():
    return forest.default_forest(0, n_estimators=3)


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


def leaves(trial, seed):
    return forest.default_forest(
        seed, n_estimators=20, min_samples_leaf=trial.suggest_categorical("leaf", [1, 40])
    )


def test_the_search_picks_from_its_settings_and_keeps_groups_apart():
    x = rng.random((60, 1))
    y = np.repeat(10 * x, 2, axis=1)
    model = forest.Tuned(leaves, trials=6).fit(x, y, np.arange(60))
    assert model.settings == {"leaf": 1} and len(model.history) == 6
    assert max(model.history) > 0.9 > min(model.history)
    assert model.best["forest"].min_samples_leaf == 1

    # Feature 0 names the group, whose label is chance: with groups apart, knowing it by heart
    # does not help, and the calmer setting wins.
    groups = np.repeat(np.arange(12), 5)
    y = rng.normal(size=(12, 2))[groups]
    model = forest.Tuned(leaves, trials=6).fit(groups[:, None].astype(float), y, groups)
    assert model.settings == {"leaf": 40}


def test_an_interrupted_search_goes_on(tmp_path):
    x, y, groups = rng.random((30, 1)), rng.random((30, 2)), np.arange(30)
    asked = []

    def counted(trial, seed):
        asked.append(trial.number)
        return leaves(trial, seed)

    def search(trials, y=y):
        journal = tmp_path / "deep/search.log"
        return forest.Tuned(leaves, counted, trials=trials, journal=journal).fit(x, y, groups)

    first = search(2)
    again = search(5)
    assert asked == [0, 1, 2, 3, 4] and again.history[:2] == first.history
    assert search(5).settings == again.settings and len(asked) == 5
    # Other songs are another search, also in the same journal.
    search(1, y[::-1])
    assert asked[5:] == [0]


def test_the_search_starts_where_it_is_told():
    asked = []

    def noted(trial, seed):
        model = leaves(trial, seed)
        asked.append(trial.params["leaf"])
        return model

    x, y = rng.random((30, 1)), rng.random((30, 2))
    forest.Tuned(leaves, noted, trials=1, first={"leaf": 40}).fit(x, y, np.arange(30))
    forest.Tuned(leaves, noted, trials=1, first={"leaf": 1}).fit(x, y, np.arange(30))
    assert asked == [40, 1]


def test_the_search_makes_do_with_a_draft():
    draft = leaves
    x = rng.random((30, 1))
    model = forest.Tuned(
        lambda trial, seed: leaves(trial, seed).set_params(forest__n_estimators=3), draft, trials=2
    ).fit(x, np.repeat(x, 2, 1), np.arange(30))
    assert model.best["forest"].n_estimators == 3


def test_both_dimensions_weigh_the_same_in_a_standardised_forest():
    from sklearn.ensemble import RandomForestRegressor

    x = rng.random((80, 2))
    y = x * [1000, 1]
    raw = RandomForestRegressor(30, min_samples_leaf=10, random_state=0).fit(x, y)
    fair = forest.standardised(
        RandomForestRegressor(30, min_samples_leaf=10, random_state=0), "forest"
    ).fit(x, y)
    unfair = raw.feature_importances_
    assert unfair[0] > 0.95
    assert fair["forest"].regressor_.feature_importances_ == pytest.approx([0.5, 0.5], abs=0.15)


def test_baseline_predicts_the_mean():
    y = rng.random((10, 2))
    guess = forest.baseline().fit(np.zeros((10, 1)), y).predict(np.ones((3, 1)))
    np.testing.assert_allclose(guess, np.tile(y.mean(0), (3, 1)))


# -- intervals -------------------------------------------------------------------------------


def test_doubt_is_the_spread_of_the_trees():
    x, y = rng.random((40, 3)), rng.random((40, 2))
    plain = forest.default_forest(0, n_estimators=7).fit(x, y)
    inner = plain["scale"].transform(x)
    each = np.array([tree.predict(inner) for tree in plain["forest"].estimators_])
    np.testing.assert_allclose(forest.doubt(plain, x), np.maximum(each.std(0), 0.05))
    # In the labels' unit, also when the forest sees standardised ones.
    from sklearn.ensemble import RandomForestRegressor

    trees = RandomForestRegressor(7, random_state=0)
    one = forest.doubt(forest.standardised(trees, "forest").fit(x, y), x)
    eight = forest.doubt(forest.standardised(trees, "forest").fit(x, 8 * y), x)
    np.testing.assert_allclose(eight[one > 0.05], 8 * one[one > 0.05])  # 8 rounds nothing


def test_a_model_without_trees_doubts_all_songs_alike():
    x = rng.random((9, 2))
    np.testing.assert_array_equal(forest.doubt(LinearRegression().fit(x, x), x), np.ones((9, 2)))


def test_widths_come_from_other_folds_and_hold_as_often_as_asked():
    n = 4000
    doubts = rng.uniform(0.5, 2, (n, 2))
    errors = doubts * rng.normal(size=(n, 2))
    folds = np.arange(n) % 5
    held, width = forest.coverage(errors, doubts, folds, 0.9)
    assert held.mean(0) == pytest.approx([0.9, 0.9], abs=0.02)
    np.testing.assert_allclose(width / doubts, 1.645, atol=0.12)
    # A fold's own errors have no say in its widths.
    wild = errors.copy()
    wild[folds == 2] *= 100
    _, other = forest.coverage(wild, doubts, folds, 0.5)
    _, before = forest.coverage(errors, doubts, folds, 0.5)
    np.testing.assert_array_equal(other[folds == 2], before[folds == 2])
    assert (other[folds != 2] > before[folds != 2]).all()


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


def test_what_is_drawn_is_as_uncertain_as_the_interval():
    draw = np.random.default_rng(5)
    x = draw.normal(size=(1000, 2))
    noise = draw.normal(0, 0.5, (1000, 1)) * [1, -1]  # what lifts valence lowers arousal
    fitted = forest.train(
        x, 5 + x / 4 + noise, np.arange(1000), ["a", "b"], {}, make=LinearRegression
    )
    song = pd.DataFrame({"a": [0.0], "b": [0.0]})
    drawn = fitted.draw(song, 4000, seed=1)[0]
    assert drawn.mean(0) == pytest.approx(fitted.predict(song)[0], abs=0.05)
    half = fitted.halfwidth(song)[0]
    assert (np.abs(drawn - fitted.predict(song)) <= half).mean(0) == pytest.approx(0.9, abs=0.02)
    assert np.corrcoef(drawn.T)[0, 1] < -0.95
    np.testing.assert_array_equal(fitted.draw(song, 4, seed=1), fitted.draw(song, 4, seed=1))
    far = fitted.draw(song + 100, 9)
    assert far.min() >= 1 and far.max() == 9


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
    with pytest.raises(InputError, match="1 of 148 missing, first tempo_std; extract them with"):
        tiny_forest.predict(table().drop(columns="tempo_std"))
    for bad in (np.nan, np.inf, "loud"):
        with pytest.raises(InputError, match=r"2\.wav: feature rms_mean"):
            tiny_forest.predict(table().astype(object).assign(rms_mean=[0, 0, bad, 0, 0, 0, 0, 0]))


def test_saved_and_loaded_it_predicts_the_same(tiny_forest, tmp_path):
    tiny_forest.save(tmp_path / "forest.skops")
    loaded = forest.load(tmp_path / "forest.skops")
    np.testing.assert_array_equal(loaded.predict(table()), tiny_forest.predict(table()))
    np.testing.assert_array_equal(loaded.halfwidth(table()), tiny_forest.halfwidth(table()))
    np.testing.assert_array_equal(loaded.draw(table(), 5), tiny_forest.draw(table(), 5))
    np.testing.assert_array_equal(loaded.va_map.knots, tiny_forest.va_map.knots)
    np.testing.assert_array_equal(loaded.label_map.knots, tiny_forest.label_map.knots)
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
    skops.io.dump(vars(tiny_forest) | {"va_map": None, "label_map": None, "extra": Foreign()}, path)
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
        "errors": np.ones((4, 2)),
        "va_knots": np.array([[1.0, 9], [1, 9]]),
        "label_knots": np.array([[1.0, 9], [1, 9]]),
        "card": json.dumps({}),
    }


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"names": ["mfcc_0_mean"]}, "names"),
        ({"va_knots": np.array([[9.0, 1], [1, 9]])}, "knots"),
        ({"label_knots": np.array([[1.0, 9], [1, np.nan]])}, "knots"),
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
    assert released.names == list(features.EXTENDED)
    half = released.halfwidth(pd.DataFrame([dict.fromkeys(released.names, 0.0)]))
    assert (half > 0).all() and (half < 8).all()
    told = {"what", "data", "labels", "evaluation", "scores", "intervals", "use", "limits"}
    assert told <= set(released.card)
    assert not re.search(r"/(home|root|work|tmp)/", json.dumps(released.card))
    assert forest.WEIGHTS.stat().st_size < 15e6


def test_what_is_no_path_is_refused(tiny_forest):
    with pytest.raises(InputError, match="songs: float32 among them; give paths"):
        forest.predict(np.zeros(9, np.float32), tiny_forest)


def test_a_forest_is_read_without_torch():
    # skops would import all of scikit-learn, and torch with it: seconds for one song.
    code = (
        "import sys; from m2l.music import forest; f = forest.load(); "
        "print('torch' in sys.modules, len(f.names))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", str(len(forest.load().names))]


def test_the_shipped_forest_hears_which_pieces_are_excited():
    # Composed pieces are far from the records that it knows, so no single pair is asked of it.
    pieces = [synth.compose(5, a, seed, seconds=6) for seed in range(4) for a in (1.5, 8.5)]
    released = forest.load()
    x = [features.from_signal(y, released.names) for y in pieces]
    calm, excited = released.predict(pd.DataFrame(x, columns=released.names))[:, 1].reshape(4, 2).T
    assert excited.mean() > calm.mean()
