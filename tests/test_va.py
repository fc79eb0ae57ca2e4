"""Valence and arousal: the scale's check and the quantile map."""

import numpy as np
import pytest

from m2l import va
from m2l.errors import InputError
from m2l.va import QuantileMap


@pytest.fixture
def ratings():
    """Crowded labels (1001, 2), as corpora have them; an odd count has its median among them."""
    rng = np.random.default_rng(0)
    return np.clip(rng.normal([5.9, 4.5], [0.8, 0.6], (1001, 2)), 1, 9)


def test_check_broadcasts_and_keeps_valence_first():
    np.testing.assert_array_equal(va.check([1, 5, 9], 3), [[1, 3], [5, 3], [9, 3]])
    assert va.check(5, 5).shape == (2,)


@pytest.mark.parametrize(
    "valence, arousal, told",
    [
        (0.99, 5, "valence 0.99, arousal 5"),
        (5, 9.01, "arousal 9.01"),
        (np.nan, 5, "valence nan"),
        ([5, 5, -1], 5, "valence -1, arousal 5"),
        (np.full(10_000, 10.0), 5, "valence 10"),
        ("high", 5, "high"),
        (None, 5, "1 to 9"),
        ([1, 2, 3], [1, 2], "shape"),
    ],
)
def test_check_refuses_in_one_short_line(valence, arousal, told):
    with pytest.raises(InputError, match=told) as caught:
        va.check(valence, arousal)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_quantiles_are_uniform(ratings):
    u = QuantileMap.fit(ratings)(ratings)
    assert u.min() == -1 and u.max() == 1
    for column in u.T:
        shares = np.histogram(column, 8, (-1, 1))[0] / len(column)
        np.testing.assert_allclose(shares, 1 / 8, atol=0.01)


def test_median_maps_to_zero(ratings):
    np.testing.assert_allclose(QuantileMap.fit(ratings)(np.median(ratings, 0)), 0, atol=1e-12)


def test_dimensions_do_not_mix(ratings):
    quantiles = QuantileMap.fit(ratings)
    a, b = quantiles([[4, 4], [4, 5]])
    assert a[0] == b[0] and a[1] < b[1]


def test_map_rises_and_its_inverse_undoes_it(ratings):
    quantiles = QuantileMap.fit(ratings)
    x = np.linspace(ratings.min(0), ratings.max(0), 500)
    u = quantiles(x)
    assert np.all(np.diff(u, axis=0) > 0)
    np.testing.assert_allclose(quantiles.inverse(u), x, atol=1e-9)


def test_beyond_the_corpus_it_clips(ratings):
    quantiles = QuantileMap.fit(ratings)
    np.testing.assert_array_equal(quantiles([[1, 9]]), [[-1, 1]])
    np.testing.assert_allclose(
        quantiles.inverse([[-3, 3]])[0], [ratings[:, 0].min(), ratings[:, 1].max()]
    )


def test_any_rising_change_of_scale_leaves_quantiles_alone(ratings):
    stretched = 1 + (ratings - 1) / 2
    np.testing.assert_allclose(
        QuantileMap.fit(stretched)(stretched), QuantileMap.fit(ratings)(ratings), atol=1e-9
    )


def test_ties_map_to_the_middle_of_their_levels():
    """Three ratings, equally common: quantiles 1/6, 1/2 and 5/6, that is −2/3, 0 and 2/3."""
    labels = np.repeat([3.0, 5.0, 7.0], 1000)[:, None].repeat(2, 1)
    quantiles = QuantileMap.fit(labels)
    u = quantiles(np.array([[3, 3], [5, 5], [7, 7]]))
    np.testing.assert_allclose(u, np.array([[-2, -2], [0, 0], [2, 2]]) / 3, atol=0.03)
    np.testing.assert_allclose(quantiles.inverse(u), [[3, 3], [5, 5], [7, 7]], atol=1e-12)
    assert np.all(np.diff(quantiles(np.linspace(1, 9, 300)[:, None].repeat(2, 1)), axis=0) >= 0)


def test_constant_labels_say_nothing():
    quantiles = QuantileMap.fit(np.full((10, 2), 5.0))
    np.testing.assert_array_equal(quantiles([[5, 5], [2, 8]]), 0)
    np.testing.assert_array_equal(quantiles.inverse([[-1, 1]]), 5)


def test_a_map_rebuilt_from_its_knots_is_the_same(ratings):
    once = QuantileMap.fit(np.round(ratings))
    again = QuantileMap(once.knots)
    np.testing.assert_array_equal(once.knots, again.knots)
    assert once.knots.flags.c_contiguous  # or safetensors does not take them
    np.testing.assert_array_equal(once(ratings), again(ratings))


@pytest.mark.parametrize(
    "knots",
    [np.zeros(5), np.zeros((3, 5)), np.zeros((2, 1)), [[1, 2, 1.5], [1, 2, 3]], [[1, np.nan]] * 2],
)
def test_bad_knots_are_refused(knots):
    with pytest.raises(InputError, match="quantile map"):
        QuantileMap(knots)


@pytest.mark.parametrize("labels", [np.empty((0, 2)), [[5, np.nan], [5, 4]]])
def test_fit_refuses_missing_labels(labels):
    with pytest.raises(InputError, match="quantile map"):
        QuantileMap.fit(labels)
