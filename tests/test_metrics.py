"""Closed forms of the distances and of the controls beside them."""

import contextlib
import urllib.error

import numpy as np
import pytest
import torch

from m2l.errors import InputError
from m2l.judge import metrics

torch.set_num_threads(1)
rng = np.random.default_rng(0)
ROWS = rng.normal(size=(200, 4))


# -- likeness --------------------------------------------------------------------------------


def test_with_equal_covariances_it_is_the_squared_difference_of_the_means():
    shift = np.array([1.0, -2, 0.5, 0])
    assert metrics.frechet(ROWS, ROWS + shift) == pytest.approx(5.25, abs=1e-6)


def test_the_distance_is_that_of_pytorch_fid():
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = ROWS, rng.normal(size=(90, 4)) @ rng.normal(size=(4, 4))
    moments = [m for x in (a, b) for m in (x.mean(0), np.cov(x, rowvar=False))]
    assert metrics.frechet(a, b) == pytest.approx(calculate_frechet_distance(*moments), rel=1e-9)


def test_fewer_images_than_features_still_have_a_distance():
    few = rng.normal(size=(5, 30))
    assert metrics.frechet(few, few + 1) == pytest.approx(30, rel=1e-3)


def kid(a, b):
    return metrics.kid(metrics.kernel(a, a), metrics.kernel(b, b), metrics.kernel(a, b))


def test_kid_of_two_points_by_hand():
    # One dimension: k(0, 0) = k(0, c) = 1 and k(c, c) = (c² + 1)³.
    zeros, twos = np.zeros((5, 1)), np.full((7, 1), 2.0)
    assert kid(zeros, twos) == pytest.approx(1 + 5**3 - 2)
    assert kid(zeros, zeros) == 0


def test_kid_is_unbiased():
    """Between halves of one population its mean is zero, and it may be negative."""
    values = [kid(x[:50], x[50:]) for x in rng.normal(size=(300, 100, 3))]
    assert min(values) < 0
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)


def neighbours(real, fake):
    return metrics.neighbours(metrics.distances(real, real), metrics.distances(real, fake))


def test_neighbours_are_those_of_prdc():
    from prdc import compute_prdc

    fake = rng.normal(0.3, 0.8, size=(150, 4))
    with contextlib.redirect_stdout(None):
        theirs = compute_prdc(ROWS, fake, nearest_k=5)
    told = neighbours(ROWS, fake)
    assert told == pytest.approx({k: theirs[k] for k in told}) and len(told) == 3
    assert set(neighbours(ROWS, ROWS + 100).values()) == {0}


def test_compare_gives_the_figures_of_the_measures():
    other = rng.normal(0.5, 1, size=(150, 4))
    found = metrics.compare(ROWS, other, draws=50)
    assert all(x["low"] < x["value"] < x["high"] for x in found.values())
    told = {k: x["value"] for k, x in found.items()}
    apart = {"frechet": metrics.frechet(ROWS, other), "kid": kid(ROWS, other)}
    assert told == pytest.approx(apart | neighbours(ROWS, other))


def test_the_nearest_by_hand():
    distance, index = metrics.nearest(np.array([[0.0, 0], [9, 9]]), np.array([[9.0, 8], [3, 4]]))
    assert distance.tolist() == [5, 1] and index.tolist() == [1, 0]


def test_copies_are_found_out():
    train, new = ROWS, rng.normal(size=(500, 4))
    honest, _, _ = metrics.closeness(rng.normal(size=(500, 4)), new, train)
    assert honest["closer"]["value"] < 0.05 and not honest["copies"]
    assert honest["generated"]["value"] == pytest.approx(honest["photos"]["value"], rel=0.15)
    copied, distance, index = metrics.closeness(train[:50] + 1e-6, new, train)
    assert copied["closer"]["value"] == 1 and copied["copies"] and distance.max() < 1e-4
    assert index.tolist() == list(range(50))


def test_the_mark_for_too_close_has_an_interval_that_few_photos_widen():
    train, fake = ROWS, rng.normal(size=(400, 4))
    few, many = (metrics.closeness(fake, rng.normal(size=(n, 4)), train)[0] for n in (60, 3000))
    for told in (few, many):
        assert told["mark"]["low"] <= told["mark"]["value"] <= told["mark"]["high"]
    wide = [told["closer"]["high"] - told["closer"]["low"] for told in (few, many)]
    assert wide[0] > wide[1]


# -- variety ---------------------------------------------------------------------------------


def test_spread_by_hand():
    rows = np.array([[0.0, 0], [3, 4], [100, 0], [100, 1], [100, 0], [7, 7]])
    apart = metrics.distances(rows, rows)
    assert metrics.spread(apart[:2, :2]) == 5  # none is paired with itself
    assert metrics.spread(np.zeros((9, 9))) == 0
    # Distances 5 in the first cell, (1 + 0 + 1) / 3 in the second, none in the third.
    within = metrics.spread(apart, np.array([0, 0, 1, 1, 1, 2]))
    assert within == pytest.approx((2 * 5 + 3 * 2 / 3) / 5)
    assert metrics.spread(apart, np.arange(6)) == 0


# -- obedience -------------------------------------------------------------------------------


def va(n=400):
    return rng.uniform(1, 9, (n, 2))


def values(told):
    return {k: x["value"] for k, x in told.items()}


def test_rank_and_slope_are_those_of_scipy():
    from scipy.stats import linregress, spearmanr

    asked = va()
    told = asked + rng.normal(size=asked.shape) ** 3
    out = metrics.consistency(asked, told, draws=2)["arousal"]
    assert out["spearman"]["value"] == pytest.approx(spearmanr(asked[:, 1], told[:, 1]).statistic)
    assert out["slope"]["value"] == pytest.approx(linregress(asked[:, 1], told[:, 1]).slope)


def test_what_is_left_within_kinds_and_without_looks():
    """An answer that is the kind of scene alone, or brightness alone, leaves nothing."""
    kinds, light = rng.integers(0, 3, 600), rng.normal(size=(600, 1))
    asked = 5 + kinds[:, None] + rng.normal(size=(600, 2))
    noise = rng.normal(size=600)
    told = np.column_stack([kinds + 0.1 * noise, asked[:, 1] - kinds])
    out = metrics.consistency(asked, told, np.array(["a", "b", "c"])[kinds], draws=100)
    assert out["valence"]["r"]["low"] > 0.5 and abs(out["valence"]["within"]["value"]) < 0.15
    assert out["arousal"]["within"]["value"] == pytest.approx(1)
    asked = np.hstack([light, light]) + rng.normal(size=(600, 2))
    told = np.column_stack([light[:, 0] + 0.1 * noise, asked[:, 1]])
    left = metrics.consistency(asked, told, looks=light, draws=9)
    assert abs(left["valence"]["left"]["value"]) < 0.15
    assert left["arousal"]["left"]["value"] == pytest.approx(1)


def test_answers_that_never_vary_have_no_correlation():
    told = metrics.consistency(va(), np.full((400, 2), 5.0), draws=5)["valence"]
    assert values(told)["r"] == values(told)["spearman"] == values(told)["slope"] == 0


def test_matched_at_its_ends():
    asked = va(50)
    assert (metrics.matched(asked, asked) == 1).all()
    assert (metrics.matched(asked, np.full((50, 2), 5.0)) == 0.5).all()  # all ties
    assert metrics.matched(asked, rng.permutation(asked)).mean() == pytest.approx(0.5, abs=0.1)
    assert metrics.matched(np.eye(2), np.eye(2)[::-1]).tolist() == [0, 0]


def test_looks_by_hand():
    images = np.zeros((5, 4, 4, 3), np.uint8)
    images[1] = 255
    images[2, ..., 0] = 255  # red
    images[3, ..., 2] = 255  # blue
    images[4, :, ::2] = 255  # upright stripes
    told = dict(zip(metrics.LOOKS, metrics.looks(images).T, strict=True))
    np.testing.assert_allclose(told["brightness"], [0, 1, 0.299, 0.114, 0.5])
    np.testing.assert_allclose(told["saturation"], [0, 0, 1, 1, 0])
    np.testing.assert_allclose(told["warmth"], [0, 0, 1, -1, 0])
    np.testing.assert_allclose(told["contrast"], [0, 0, 0, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(told["detail"], [0, 0, 0, 0, 0.5])


def test_effects_are_the_slopes_of_a_plane():
    u = rng.uniform(-1, 1, (50, 2))
    values = np.column_stack([3 + 2 * u[:, 0] - u[:, 1], np.ones(50)])
    np.testing.assert_allclose(metrics.effects(u, values), [[2, 0], [-1, 0]], atol=1e-12)


# -- Inception -------------------------------------------------------------------------------


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Where torch keeps the weights; nothing is there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("M2L_CACHE", str(tmp_path / "cache"))
    return tmp_path / "torch/hub/checkpoints/pt_inception-2015-12-05-6726825d.pth"


def test_weights_are_fetched_and_others_give_no_fid(cached, monkeypatch):
    def download(url, path, hash_prefix):
        assert (path, hash_prefix) == (cached, metrics.OFFICIAL) and url.endswith(cached.name)
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(InputError, match=r"no network.*put it at .*6726825d\.pth"):
        metrics.inception_weights()
    cached.write_bytes(b"weights")
    with pytest.raises(InputError, match=r"6726825d\.pth: not the official"):
        metrics.inception_weights()


def test_features_are_those_of_pytorch_fid_and_kept(cached, tmp_path, monkeypatch):
    from PIL import Image
    from pytorch_fid import inception
    from pytorch_fid.fid_score import get_activations

    torch.manual_seed(0)  # random weights in the official format
    with monkeypatch.context() as patch:
        states = []
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda net, _: states.append(net))
        inception.fid_inception_v3()
    cached.parent.mkdir(parents=True)
    torch.save(states[-1].state_dict(), cached)
    monkeypatch.setattr(metrics, "OFFICIAL", "")
    images = rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    ours = metrics.inception(images, keep=True)
    assert ours.shape == (3, 2048)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    theirs = get_activations(paths, inception.InceptionV3([3]), batch_size=3, num_workers=0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)

    # The second time they come from the cache; for other images they do not.
    monkeypatch.setattr(metrics, "_inception", None)
    np.testing.assert_array_equal(metrics.inception(images, keep=True), ours)
    with pytest.raises(TypeError):
        metrics.inception(images[:2], keep=True)
