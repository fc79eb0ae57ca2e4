"""Closed forms of scores, intervals and tests."""

import numpy as np
import pytest

from m2l import stats
from m2l.va import DIMENSIONS

rng = np.random.default_rng(0)
Y = rng.normal(5, 1.5, 200)


# -- scores ----------------------------------------------------------------------------------


def test_scores_of_four_songs_by_hand():
    scores = stats.score([1, 2, 3, 6], [2, 2, 4, 4])
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


def test_a_shift_costs_ccc_but_not_r():
    perfect = {"r2": 1, "mse": 0, "rmse": 0, "mae": 0, "r": 1, "ccc": 1}
    assert stats.score(Y, Y) == pytest.approx(perfect, abs=1e-12)
    scores, var = stats.score(Y, Y + 2), Y.var()
    assert scores["r"] == pytest.approx(1)
    assert scores["ccc"] == pytest.approx(2 * var / (2 * var + 4))
    assert scores["r2"] == pytest.approx(1 - 4 / var)


@pytest.mark.parametrize("n", [3, 7, 10])
def test_a_constant_explains_nothing(n):
    # 0.1 has no exact mean in floating point: rounding must not pass for a correlation.
    scores = stats.score(Y[:n], np.full(n, 0.1))
    assert scores["r"] == 0 and scores["ccc"] == pytest.approx(0, abs=1e-12)
    assert stats.score(Y, np.full(200, Y.mean()))["r2"] == pytest.approx(0, abs=1e-12)


def test_nothing_can_be_said_of_constant_labels():
    with np.errstate(all="raise"):
        scores = stats.score(np.full(5, 0.1), np.full(5, 0.1))
    assert np.isnan([scores["r2"], scores["ccc"]]).all() and scores["r"] == scores["mae"] == 0


def test_scores_do_not_depend_on_order_and_r_not_on_scale():
    p = Y + rng.normal(size=200)
    order = rng.permutation(200)
    scores = stats.score(Y, p)
    assert stats.score(Y[order], p[order]) == pytest.approx(scores)
    assert stats.score(Y, 3 * p - 1)["r"] == pytest.approx(scores["r"])


def test_partial_correlation_is_that_of_the_formula():
    x, y, g = rng.normal(size=(3, 300)) + rng.normal(size=300)
    r = np.corrcoef([x, y, g])
    want = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert stats.partial(x, y, g[:, None]) == pytest.approx(want)


# -- intervals -------------------------------------------------------------------------------


def test_bootstrap_intervals_are_those_of_the_mean():
    x = rng.normal(10, 2, 400)
    out = stats.bootstrap(np.mean, x, draws=500)
    assert out["value"] == pytest.approx(x.mean())
    assert out["low"] < 10 < out["high"]
    assert out["high"] - out["low"] == pytest.approx(2 * 1.96 * 2 / 20, rel=0.2)


def test_bootstrap_of_a_nest_of_figures_and_of_rows_drawn_together():
    x = rng.normal(size=50)
    same = stats.bootstrap(lambda a, b: np.abs(a - b).max(), x, x)
    assert same == {"value": 0, "low": 0, "high": 0}
    out = stats.bootstrap(lambda a: {"one": {"mean": a.mean()}, "max": a.max()}, x, draws=20)
    assert out["one"]["mean"] == stats.bootstrap(np.mean, x, draws=20)
    assert out["max"]["high"] == out["max"]["value"] == x.max()


def test_groups_drawn_whole_are_as_good_as_one_row_each():
    x = rng.normal(size=40)
    apart = stats.bootstrap(np.mean, x, draws=2000)
    groups = np.repeat(np.arange(40), 9)
    together = stats.bootstrap(np.mean, x.repeat(9), groups=groups, draws=2000)
    assert together == pytest.approx(apart, abs=0.05)
    as_if_more = stats.bootstrap(np.mean, x.repeat(9), draws=2000)
    width = [out["high"] - out["low"] for out in (together, as_if_more)]
    assert width[0] == pytest.approx(3 * width[1], rel=0.15)


def test_halves_give_the_interval_of_the_mean():
    x = rng.normal(10, 2, 400)
    out = stats.halves(lambda rows: x[rows].mean(), 400, draws=1000)
    assert out["value"] == pytest.approx(x.mean())
    assert out["high"] - out["low"] == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)


def test_halves_are_moved_to_the_whole_and_hold_no_row_twice():
    seen = []

    def number(rows):
        seen.append(rows)
        return float(len(rows))  # a half has half of it

    assert stats.halves(number, 100, draws=5) == {"value": 100, "low": 100, "high": 100}
    assert all(len(set(rows)) == len(rows) for rows in seen)


def test_intervals_hold_the_value_and_repeats_are_averaged():
    y = rng.normal(5, 1, (80, 2))
    predicted = y + rng.normal(size=(2, 80, 2))
    out = stats.evaluate(y, predicted, np.arange(80), draws=200)
    for d, name in enumerate(DIMENSIONS):
        for key, cell in out[name].items():
            assert cell["low"] <= cell["value"] <= cell["high"], key
            each = [stats.score(y[:, d], one[:, d])[key] for one in predicted]
            assert cell["value"] == pytest.approx(np.mean(each))


def test_gain_is_the_r2_above_another_model():
    y = rng.normal(5, 1, (80, 2))
    better, worse = y + rng.normal(0, 0.1, (1, 80, 2)), y + rng.normal(0, 0.5, (1, 80, 2))
    out = stats.evaluate(y, better, np.arange(80), draws=100, reference=worse)
    apart = [stats.evaluate(y, p, np.arange(80), draws=100) for p in (better, worse)]
    for d in DIMENSIONS:
        gain = out[d]["gain"]
        assert gain["value"] == pytest.approx(
            apart[0][d]["r2"]["value"] - apart[1][d]["r2"]["value"]
        )
        assert 0 < gain["low"] < gain["high"]
    same = stats.evaluate(y, better, np.arange(80), draws=9, reference=better)["valence"]["gain"]
    assert same == {"value": 0, "low": 0, "high": 0}


# -- tests -----------------------------------------------------------------------------------


def test_shuffled_rows_agree_by_chance():
    x = rng.uniform(-1, 1, 60)

    def r(x, y):
        return stats.score(x, y)["r"]

    same = stats.permutation(r, x, x, 200)
    assert same["p"] == pytest.approx(1 / 201)
    assert same["low"] < 0 < same["high"] and abs(same["value"]) < 0.05
    assert stats.permutation(r, x, -x, 200)["p"] == 1


def test_over_seeds_is_students_interval():
    # Mean 2, deviation 1; the 97.5 % quantile of t with 2 degrees of freedom is 4.303.
    out = stats.over_seeds([1, 2, 3])
    assert out["value"] == 2
    assert out["high"] - 2 == 2 - out["low"] == pytest.approx(4.303 / 3**0.5, abs=1e-3)
    assert np.isnan(stats.over_seeds([1, 2])["low"])


def test_an_unknown_score_of_a_draw_is_left_out():
    # Half of the draws of two songs hold one of them twice, of which R² is not known.
    out = stats.bootstrap(lambda y: stats.score(y, y), np.array([1.0, 2.0]))
    assert out["r2"] == {"value": 1, "low": 1, "high": 1}


def test_holm():
    assert stats.holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.9, np.nan, 0.02]).tolist() == pytest.approx([1, 1, 0.06])


def test_a_share_that_was_never_seen_has_an_upper_end():
    told = stats.share(np.zeros(64, bool))
    assert told["value"] == told["low"] == 0
    assert told["high"] == pytest.approx(1 - 0.025 ** (1 / 64))  # as often as not at all in 64
    assert stats.share([True] * 3)["high"] == 1
