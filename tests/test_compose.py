"""Facts about composed music: its form, and that the cues can be measured in the sound."""

from functools import cache

import numpy as np
import pytest

from m2l.errors import InputError
from m2l.music._librosa import librosa
from m2l.sample import compose as synth

# Probe-tone profiles of major and minor keys (Krumhansl & Kessler 1982).
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
SEEDS = range(3)


@cache
def piece(valence, arousal, seed):
    return synth.compose(valence, arousal, seed, seconds=10)


def mean_over_seeds(measure, valence, arousal):
    return np.mean([measure(piece(valence, arousal, s)) for s in SEEDS])


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


@pytest.mark.parametrize("valence, arousal", [(1, 1), (1, 9), (9, 1), (9, 9), (5, 5)])
def test_sound_is_clean(valence, arousal):
    y = piece(valence, arousal, 0)
    assert y.dtype == np.float32 and y.shape == (10 * synth.SR,)
    assert np.isfinite(y).all()
    assert 0.1 < np.abs(y).max() <= 0.95
    assert abs(y.mean()) < 1e-3
    assert np.abs(y[:20]).max() < 1e-3 and np.abs(y[-20:]).max() < 1e-3
    spectrum = np.abs(np.fft.rfft(y)) ** 2
    hertz = np.fft.rfftfreq(len(y), 1 / synth.SR)
    assert spectrum[hertz > 8000].sum() < 0.002 * spectrum.sum()


def test_same_seed_same_samples():
    np.testing.assert_array_equal(synth.compose(6, 4, 3, 4), synth.compose(6, 4, 3, 4))


def test_seeds_give_different_music():
    pieces = [piece(7, 6, s) for s in range(4)]
    for i, one in enumerate(pieces):
        for other in pieces[:i]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.5


def test_seeds_change_the_key():
    cue = synth.cues(8, 5)
    keys = {synth._Score(cue, np.random.default_rng(s), 12).tonic for s in range(20)}
    assert len(keys) >= 6


@pytest.mark.parametrize("seconds", [2, 5.5, 31])
def test_length_is_as_asked(seconds):
    y = synth.compose(5, 5, seconds=seconds)
    assert len(y) == round(seconds * synth.SR)
    assert rms(y[: synth.SR]) > 0.01


@pytest.mark.parametrize("valence", [2, 8])
@pytest.mark.parametrize("measure", [rms, centroid, onset_rate])
def test_measure_rises_with_arousal(measure, valence):
    low, middle, high = (mean_over_seeds(measure, valence, a) for a in (1.5, 5, 8.5))
    assert low < middle < high


def test_level_is_the_cue():
    # Limiting and the closing fade take a little from the level that was set.
    level = 20 * np.log10(rms(piece(5, 5, 0)))
    assert level == pytest.approx(synth.cues(5, 5).level_db, abs=1)


def test_mode_is_heard():
    major = [majorness(piece(8, a, s)) > 0 for a in (2, 5, 8) for s in SEEDS]
    minor = [majorness(piece(2, a, s)) < 0 for a in (2, 5, 8) for s in SEEDS]
    assert np.mean(major) >= 0.9
    assert np.mean(minor) >= 0.7


@pytest.mark.parametrize(
    "cue", ["tempo_bpm", "level_db", "brightness_hz", "density", "percussion", "register"]
)
def test_cue_rises_with_arousal(cue):
    values = [getattr(synth.cues(5, a), cue) for a in np.linspace(1, 9, 17)]
    assert (np.diff(values) >= 0).all() and values[0] < values[-1]


@pytest.mark.parametrize("cue", ["articulation", "attack_s", "reverb"])
def test_cue_falls_with_arousal(cue):
    values = [getattr(synth.cues(5, a), cue) for a in np.linspace(1, 9, 17)]
    assert (np.diff(values) < 0).all()


def test_modes_go_from_dark_to_bright():
    names = [synth.cues(v, 5).mode for v in np.linspace(1, 9, 81)]
    order = [list(synth.MODES).index(name) for name in names]
    assert (np.diff(order) >= 0).all()
    assert set(names) == set(synth.MODES)
    sums = [sum(steps) for steps in synth.MODES.values()]
    assert sums == sorted(sums)  # each next mode raises degrees of the scale


def test_middle_of_the_plane():
    cue = synth.cues(5, 5)
    assert (cue.tempo_bpm, cue.register, cue.level_db, cue.density) == (92, 71, -18, 1.2)


def test_partials_are_decaying_sines():
    t = np.arange(1000) / synth.SR
    want = 0.5 * np.exp(-3 * t) * np.sin(2 * np.pi * 440 * t)
    got = synth._partials([440.0], [0.5], [3.0], 1000 / synth.SR)
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_voices_move_little():
    score = synth._Score(synth.cues(8, 3), np.random.default_rng(1), 60)
    tops = np.array([v.max() for v in score.voicings])
    assert np.abs(np.diff(tops)).max() <= 7


@pytest.mark.parametrize("bad", [0, 0.99, 9.01, 10, -5, np.nan, np.inf])
def test_emotion_off_the_scale(bad):
    with pytest.raises(InputError, match="valence"):
        synth.compose(bad, 5)
    with pytest.raises(InputError, match="arousal"):
        synth.cues(5, bad)


def test_bad_seed_and_length():
    with pytest.raises(InputError, match="seed"):
        synth.compose(5, 5, seed=-1)
    for seconds in (0, 1.9, 601, np.nan):
        with pytest.raises(InputError, match="seconds"):
            synth.compose(5, 5, seconds=seconds)
