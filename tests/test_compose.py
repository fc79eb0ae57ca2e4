"""Facts about composed music: its form, and that the cues can be measured in the sound."""

from functools import cache

import numpy as np
import pytest

from m2l.errors import InputError
from m2l.music._librosa import librosa
from m2l.music.features import MAJOR, MINOR
from m2l.sample import compose as synth

SEEDS = range(3)


@cache
def piece(valence, arousal, seed=0):
    return synth.compose(valence, arousal, seed, seconds=10)


def rms(y):
    return np.sqrt(np.mean(y.astype(float) ** 2))


def centroid(y):
    return librosa.feature.spectral_centroid(y=y, sr=synth.SR).mean()


def onset_rate(y):
    return len(librosa.onset.onset_detect(y=y, sr=synth.SR)) / (len(y) / synth.SR)


def majorness(y):
    """Best correlation with a major profile less the best with a minor one."""
    power = np.abs(librosa.stft(y, n_fft=8192)).mean(1) ** 2
    chroma = librosa.filters.chroma(sr=synth.SR, n_fft=8192) @ np.sqrt(power)
    best = [
        max(np.corrcoef(chroma, np.roll(p, k))[0, 1] for k in range(12)) for p in (MAJOR, MINOR)
    ]
    return best[0] - best[1]


@pytest.mark.parametrize("emotion", [(1, 1), (1, 9), (9, 1), (9, 9)])
def test_sound_is_clean(emotion):
    y = piece(*emotion)
    assert y.dtype == np.float32 and y.shape == (10 * synth.SR,)
    assert np.isfinite(y).all() and abs(y.mean()) < 1e-3
    assert 0.1 < np.abs(y).max() <= 0.95
    assert np.abs(y[:20]).max() < 1e-3 and np.abs(y[-20:]).max() < 1e-3
    spectrum = np.abs(np.fft.rfft(y)) ** 2
    hertz = np.fft.rfftfreq(len(y), 1 / synth.SR)
    assert spectrum[hertz > 8000].sum() < 0.002 * spectrum.sum()


def test_the_seed_alone_decides():
    np.testing.assert_array_equal(synth.compose(6, 4, 3, 4), synth.compose(6, 4, 3, 4))
    pieces = [piece(7, 6, s) for s in SEEDS]
    for i, one in enumerate(pieces):
        assert all(abs(np.corrcoef(one, other)[0, 1]) < 0.5 for other in pieces[:i])


@pytest.mark.parametrize("seconds", [2, 5.5, 31])
def test_length_is_as_asked(seconds):
    y = synth.compose(5, 5, seconds=seconds)
    assert len(y) == round(seconds * synth.SR)
    assert rms(y[: synth.SR]) > 0.01


@pytest.mark.parametrize("valence", [2, 8])
@pytest.mark.parametrize("measure", [rms, centroid, onset_rate])
def test_measure_rises_with_arousal(measure, valence):
    means = [np.mean([measure(piece(valence, a, s)) for s in SEEDS]) for a in (1.5, 5, 8.5)]
    assert means[0] < means[1] < means[2]


def test_mode_is_heard():
    assert np.mean([majorness(piece(8, a, s)) > 0 for a in (2, 5, 8) for s in SEEDS]) >= 0.9
    assert np.mean([majorness(piece(2, a, s)) < 0 for a in (2, 5, 8) for s in SEEDS]) >= 0.7


def test_cues_follow_arousal_and_modes_valence():
    cues = [synth.cues(5, a) for a in np.linspace(1, 9, 17)]
    for name in ("tempo_bpm", "level_db", "brightness_hz", "density", "percussion", "register"):
        assert (np.diff([getattr(cue, name) for cue in cues]) >= 0).all()
    for name in ("articulation", "attack_s", "reverb"):
        assert (np.diff([getattr(cue, name) for cue in cues]) < 0).all()
    modes = dict.fromkeys(synth.cues(v, 5).mode for v in np.linspace(1, 9, 81))
    assert list(modes) == list(synth.MODES)
    sums = [sum(steps) for steps in synth.MODES.values()]
    assert sums == sorted(sums)  # each next mode raises degrees of the scale


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((9.01, 5), "valence"), ((5, np.nan), "arousal"), ((5, 5, -1), "seed")]
    + [((5, 5, 0, s), "seconds") for s in (1.9, 601, np.nan)],
)
def test_what_is_out_of_range_is_said(arguments, words):
    with pytest.raises(InputError, match=words):
        synth.compose(*arguments)
