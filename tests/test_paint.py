"""Facts about painted landscapes: their form, and that mood shows in colour and in edges."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from m2l.errors import InputError
from m2l.sample import paint

SEEDS = range(12)


@cache
def picture(valence, arousal, seed, size=64):
    return paint.landscape(valence, arousal, seed, size)


def mean_over_seeds(measure, valence, arousal):
    return np.mean([measure(picture(valence, arousal, s) / 255) for s in SEEDS])


def brightness(x):
    return x.mean()


def warmth(x):
    return (x[..., 0] - x[..., 2]).mean()


def edges(x):
    grey = x.mean(-1)
    return np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()


@pytest.mark.parametrize("size", [16, 63, 128])
def test_shape_and_type(size):
    x = paint.landscape(6, 6, 1, size)
    assert x.shape == (size, size, 3) and x.dtype == np.uint8


def test_same_seed_same_picture():
    np.testing.assert_array_equal(paint.landscape(3, 7, 5, 64), paint.landscape(3, 7, 5, 64))


@pytest.mark.parametrize("arousal", [2, 5, 8])
@pytest.mark.parametrize("measure", [brightness, warmth])
def test_measure_rises_with_valence(measure, arousal):
    values = [mean_over_seeds(measure, v, arousal) for v in (1.5, 5, 8.5)]
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("valence", [2, 5, 8])
def test_edges_rise_with_arousal(valence):
    values = [mean_over_seeds(edges, valence, a) for a in (1.5, 5, 8.5)]
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("valence, arousal", [(2, 2), (5, 5), (8, 8)])
def test_seeds_give_different_pictures(valence, arousal):
    pictures = [picture(valence, arousal, s) / 255 for s in SEEDS]
    apart = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(apart) > 0.015


def test_seeds_give_every_scene():
    assert {paint.scene(s) for s in range(40)} == set(paint.SCENES)


def test_mood_changes_the_picture_smoothly():
    steps = [picture(v, 3, 2).astype(float) for v in np.linspace(4, 8, 41)]
    assert max(np.abs(a - b).mean() for a, b in pairwise(steps)) < 4


def test_sizes_show_one_place():
    small = paint.landscape(7, 4, 3, 64).astype(float)
    large = paint.landscape(7, 4, 3, 128).astype(float).reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.97


def test_no_picture_is_burnt_out_or_black():
    for valence, arousal in ((1, 1), (1, 9), (9, 1), (9, 9)):
        for seed in SEEDS:
            x = picture(valence, arousal, seed)
            assert ((x == 255).all(-1) | (x == 0).all(-1)).mean() < 0.2


def test_noise_is_standardised():
    place = paint._Place(0.0, 0.0, 4, 256)
    noise = place.noise(1, 8, 8, 4)
    assert noise.shape == (256, 256)
    assert abs(noise.mean()) < 0.2
    assert 0.6 < noise.std() < 1.4


def test_spline_weights_sum_to_one():
    np.testing.assert_allclose(paint._spline(np.linspace(0, 1, 33), 5).sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("bad", [0, 0.99, 9.01, 10, np.nan, -np.inf])
def test_emotion_off_the_scale(bad):
    with pytest.raises(InputError, match="valence"):
        paint.landscape(bad, 5)
    with pytest.raises(InputError, match="arousal"):
        paint.landscape(5, bad)


def test_bad_seed_and_size():
    with pytest.raises(InputError, match="seed"):
        paint.landscape(5, 5, seed=-1)
    for size in (0, 15, 1025):
        with pytest.raises(InputError, match="size"):
            paint.landscape(5, 5, size=size)
