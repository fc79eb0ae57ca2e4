"""The ladder's models: each learns what it should, and nothing from the songs it is tested on."""

import numpy as np
import pytest
import soundfile
import torch

from m2l import stats
from m2l.errors import InputError
from m2l.music import forest
from m2l.music import rivals as models
from m2l.sample import compose as synth

torch.set_num_threads(1)

rng = np.random.default_rng(0)
X = rng.normal(size=(180, 6))
Y = np.stack([5 + X[:, 0], 5 - X[:, 1] + X[:, 2] / 2], axis=1)  # additive, without noise
GROUPS = np.arange(180) // 2
QUICK = {"SVR": {"trials": 2}, "tuned forest": {"trials": 2, "trees": 10}}


@pytest.mark.parametrize("name", models.LADDER)
def test_every_rung_learns_an_additive_emotion(name):
    model = models.LADDER[name](0, **QUICK.get(name, {}))
    train, test = np.arange(160), np.arange(160, 180)
    predicted = forest.fit(model, X[train], Y[train], GROUPS[train]).predict(X[test])
    assert predicted.shape == (20, 2)
    scores = [stats.score(Y[test, i], predicted[:, i]) for i in (0, 1)]
    if name == "mean":
        assert max(s["r2"] for s in scores) <= 0
    else:
        assert min(s["r"] for s in scores) > 0.5


def test_ridge_is_exact_where_the_truth_is_a_straight_line():
    model = models.ridge().fit(X[:160], Y[:160])
    np.testing.assert_allclose(model.predict(X[160:]), Y[160:], atol=0.05)


def test_support_vectors_do_not_mind_a_feature_on_another_scale():
    skewed = np.exp(3 * X)
    a, b = (
        models.support_vectors(trials=2).fit(x[:160], Y[:160], GROUPS[:160]).predict(x[160:])
        for x in (X, skewed)
    )
    np.testing.assert_allclose(a, b, atol=0.15)


def test_a_forest_of_found_settings_is_the_one_that_was_found():
    found = models.tuned_forest(trials=2, trees=10).fit(X, Y, GROUPS)
    again = models.forest_of(found.settings, 0, 10).fit(X, Y)
    np.testing.assert_array_equal(found.predict(X), again.predict(X))


# -- the CNN ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mels():
    """Spectrograms of noise; arousal is their level, valence which half of the bands is louder."""
    level, tilt = rng.uniform(-10, 10, (2, 40, 1, 1))
    bands = np.where(np.arange(64) < 32, -1, 1)[:, None]
    heard = rng.normal(-30, 3, (40, 64, models.FRAMES)) + level + tilt * bands
    return heard.astype(np.float16), np.stack([5 + tilt.ravel() / 5, 5 + level.ravel() / 5], 1)


def test_the_cnn_hears_level_and_colour(mels):
    heard, y = mels
    train, test = np.arange(30)[:, None], np.arange(30, 40)[:, None]
    model = models.Cnn(heard, epochs=25).fit(train, y[:30])
    predicted = model.predict(test)
    assert min(stats.score(y[30:, i], predicted[:, i])["r"] for i in (0, 1)) > 0.8
    np.testing.assert_allclose(model.predict(test[:3]), predicted[:3], rtol=1e-4)


def test_the_cnn_is_the_same_for_a_seed_and_blind_to_other_songs(mels):
    heard, y = mels
    rows = np.arange(30)[:, None]
    first = models.Cnn(heard, seed=3, epochs=1).fit(rows, y[:30]).predict(rows[:4])
    spoilt = heard.copy()
    spoilt[30:] = 0
    again = models.Cnn(spoilt, seed=3, epochs=1).fit(rows, y[:30]).predict(rows[:4])
    np.testing.assert_array_equal(first, again)


def test_log_mel_of_a_song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, synth.compose(7, 7, seconds=4), synth.SR)
    mel = models.log_mel(path)
    assert mel.shape == (models.MELS, models.FRAMES) and mel.dtype == np.float16
    frames = 4 * synth.SR // models.MEL_HOP + 1
    np.testing.assert_array_equal(mel[:, :frames], mel[:, frames : 2 * frames])  # repeated
    y, rate = soundfile.read(path)
    soundfile.write(tmp_path / "half.wav", y / 2, rate, subtype="FLOAT")
    quieter = models.log_mel(tmp_path / "half.wav")
    loud = mel > -40
    assert (mel - quieter)[loud].astype(float).mean() == pytest.approx(6.02, abs=0.1)
    with pytest.raises(InputError, match="no such file"):
        models.log_mel(tmp_path / "none.wav")
