"""Closed forms of the distances and of the controls beside them."""

import numpy as np
import pytest

from m2l import metrics
from m2l.errors import InputError
from m2l.forest import DIMENSIONS

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(200, 4))


def test_with_equal_covariances_it_is_the_squared_difference_of_the_means():
    shift = np.array([1.0, -2, 0.5, 0])
    assert metrics.frechet(ROWS, ROWS + shift) == pytest.approx(5.25, abs=1e-6)


def test_scaling_a_gaussian_leaves_the_difference_of_the_deviations():
    # |σ − 3σ|² summed over the eigenvalues of the covariance, means apart.
    centred = ROWS - ROWS.mean(0)
    want = 4 * np.trace(np.cov(ROWS, rowvar=False))
    assert metrics.frechet(centred, 3 * centred) == pytest.approx(want, rel=1e-6)


def test_a_set_has_no_distance_from_itself_in_any_order():
    assert metrics.frechet(ROWS, ROWS[::-1]) == pytest.approx(0, abs=1e-6)


def test_the_distance_is_symmetric():
    other = rng.normal(1, 2, size=(100, 4))
    assert metrics.frechet(ROWS, other) == pytest.approx(metrics.frechet(other, ROWS))


def test_fewer_images_than_features_still_have_a_distance():
    few = rng.normal(size=(5, 30))
    assert metrics.frechet(few, few + 1) == pytest.approx(30, rel=1e-3)


@pytest.mark.parametrize("n", [0, 1])
def test_a_distance_needs_two_images_a_side(n):
    with pytest.raises(InputError, match="two images"):
        metrics.frechet(ROWS[:n], ROWS)
    with pytest.raises(InputError, match="two images"):
        metrics.spread(ROWS[:n])


def test_spread_is_linear_in_scale_and_zero_for_one_image_repeated():
    assert metrics.spread(3 * ROWS) == pytest.approx(3 * metrics.spread(ROWS))
    assert metrics.spread(ROWS + 7) == pytest.approx(metrics.spread(ROWS))
    assert metrics.spread(np.ones((10, 4))) == 0


def test_no_image_is_paired_with_itself():
    assert metrics.spread(np.array([[0.0, 0], [3, 4]])) == 5


def va(n=400):
    return rng.uniform(1, 9, (n, 2))


def test_perfect_answers():
    asked = va()
    for told in metrics.consistency(asked, asked).values():
        assert [told[k] for k in ("r", "ccc", "spearman", "slope")] == pytest.approx([1] * 4)
        assert told["mae"] == 0
        assert abs(told["shuffled_r"]) < 0.15


def test_a_timid_answer_keeps_r_and_shows_in_slope_and_ccc():
    asked = va()
    out = metrics.consistency(asked, 5 + 0.25 * (asked - 5))
    assert list(out) == list(DIMENSIONS)
    for told in out.values():
        assert told["r"] == pytest.approx(1) and told["slope"] == pytest.approx(0.25)
        assert told["ccc"] < 0.5


def test_answers_exchanged_between_dimensions_are_found_out():
    asked = va()
    for told in metrics.consistency(asked, asked[:, ::-1]).values():
        assert abs(told["r"]) < 0.15


def test_bootstrap_intervals_are_those_of_the_mean():
    x = rng.normal(10, 2, 400)
    out = metrics.bootstrap(np.mean, x, draws=500)
    assert out["value"] == pytest.approx(x.mean())
    assert out["low"] < 10 < out["high"]
    assert out["high"] - out["low"] == pytest.approx(2 * 1.96 * 2 / 20, rel=0.2)


def test_bootstrap_draws_rows_together():
    x = rng.normal(size=50)
    out = metrics.bootstrap(lambda a, b: np.abs(a - b).max(), x, x)
    assert out == {"value": 0, "low": 0, "high": 0}


def test_fid_without_its_weights_names_them(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert metrics.inception_weights() is None
    images = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(InputError, match=metrics.INCEPTION.replace(".", r"\.")):
        metrics.fid(images, images)


def test_fid_needs_as_many_images_as_dimensions(monkeypatch):
    monkeypatch.setattr(metrics, "inception_weights", lambda: "there")
    images = np.zeros((63, 8, 8, 3), np.uint8)
    with pytest.raises(InputError, match="63 images for 64 dimensions"):
        metrics.fid(images, np.zeros((100, 8, 8, 3), np.uint8), dims=64)
