"""Facts about painted landscapes: their form, and that mood shows in colour and in edges."""

from functools import cache

import numpy as np
import pytest

from m2l.errors import InputError
from m2l.sample import paint

SEEDS = range(10)


@cache
def picture(valence, arousal, seed, size=64):
    return paint.landscape(valence, arousal, seed, size)


def brightness(x):
    return x.mean()


def warmth(x):
    return (x[..., 0] - x[..., 2]).mean()


def edges(x):
    grey = x.mean(-1)
    return np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()


def rises(measure, emotions):
    values = [np.mean([measure(picture(*e, s) / 255) for s in SEEDS]) for e in emotions]
    return values[0] < values[1] < values[2]


@pytest.mark.parametrize("other", [2, 5, 8])
def test_valence_brings_light_and_warmth_and_arousal_edges(other):
    for measure in (brightness, warmth):
        assert rises(measure, [(v, other) for v in (1.5, 5, 8.5)])
    assert rises(edges, [(other, a) for a in (1.5, 5, 8.5)])


@pytest.mark.parametrize("size", [16, 63, 128])
def test_the_arguments_alone_decide(size):
    x = paint.landscape(6, 6, 1, size)
    assert x.shape == (size, size, 3) and x.dtype == np.uint8
    np.testing.assert_array_equal(paint.landscape(6, 6, 1, size), x)


def test_seeds_give_every_scene_and_different_pictures():
    assert {paint.scene(s) for s in range(5)} == set(paint.SCENES)
    pictures = [picture(5, 5, s) / 255 for s in SEEDS]
    apart = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(apart) > 0.015


def test_sizes_show_one_place():
    small = paint.landscape(7, 4, 3, 64).astype(float)
    large = paint.landscape(7, 4, 3, 128).astype(float).reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.97


def test_no_picture_is_burnt_out_or_black():
    for emotion in ((1, 1), (1, 9), (9, 1), (9, 9)):
        x = np.stack([picture(*emotion, seed) for seed in SEEDS])
        assert ((x == 255).all(-1) | (x == 0).all(-1)).mean((1, 2)).max() < 0.2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((9.01, 5), "valence"),
        ((5, np.nan), "arousal"),
        ((5, 5, -1), "seed"),
        ((5, 5, 0, 15), "size"),
    ],
)
def test_what_is_off_the_scale_is_said(arguments, words):
    with pytest.raises(InputError, match=words):
        paint.landscape(*arguments)
