"""Scores, cross-validation with groups apart, intervals, and the file that holds no code."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from m2l.errors import InputError
from m2l.music import forest

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


def test_the_search_starts_where_it_is_told_and_makes_do_with_a_draft():
    asked = []

    def draft(trial, seed):
        model = leaves(trial, seed)
        asked.append(trial.params["leaf"])
        return model

    def propose(trial, seed):
        return leaves(trial, seed).set_params(forest__n_estimators=3)

    x, y = rng.random((30, 1)), rng.random((30, 2))
    for leaf in (40, 1):
        model = forest.Tuned(propose, draft, trials=1, first={"leaf": leaf})
        assert model.fit(x, y, np.arange(30)).best["forest"].n_estimators == 3
    assert asked == [40, 1]


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


# -- intervals -------------------------------------------------------------------------------


def test_an_interval_holds_the_share_that_it_promises():
    errors = -np.arange(1.0, 100.0)[:, None]  # 99 songs: the rank of 90 % is the 90th
    assert forest.conformal(errors) == 90
    assert forest.conformal(errors[:5]) == 5  # too few to leave one out


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
