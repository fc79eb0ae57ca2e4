"""What a model listens to, on songs of which it is known; and that it is named rightly."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from m2l.music import features
from m2l.music import importance as listening

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def songs():
    """Valence is the mean mode, arousal the loudness, of which rms_mean is a copy."""
    x = pd.DataFrame(rng.normal(size=(300, 148)), columns=list(features.NAMES))
    x["rms_mean"] = x["loudness_mean"] + rng.normal(0, 0.05, 300)
    y = np.stack([5 + x["mode_mean"], 5 + 2 * x["loudness_mean"]], axis=1)
    return x, y, np.arange(300) // 3


@pytest.fixture(scope="module")
def fitted(songs):
    x, y, _ = songs
    halves = np.arange(150), np.arange(150, 300)
    return [
        (LinearRegression().fit(x.to_numpy()[train], y[train]), test)
        for train, test in (halves, halves[::-1])
    ]


def test_every_feature_is_in_one_family():
    sets = listening.families(features.EXTENDED)
    assert sorted(chain(*sets.values())) == sorted(features.EXTENDED)
    assert {name: len(sets[name]) for name in sets} == {
        name: 3 * sum(features.DESCRIPTORS[d] for d in members)
        for name, members in features.FAMILIES.items()
    }
    assert "rms_mean" in sets["loudness"] and "mode_std" in sets["harmony"]
    assert "spectral_contrast_6_change" in sets["timbre"] and "tempo_mean" in sets["rhythm"]


def test_clusters_join_what_correlates_and_only_that(songs):
    x, _, _ = songs
    sets = listening.clusters(x)
    assert sorted(chain(*sets.values())) == sorted(x.columns)
    together = [members for members in sets.values() if len(members) > 1]
    assert [sorted(members) for members in together] == [["loudness_mean", "rms_mean"]]
    mirrored = x[["mode_mean"]].assign(other=-x["mode_mean"], third=x["mode_mean"] ** 3)
    assert len(listening.clusters(mirrored)) == 1
    sets = listening.clusters(x[["mode_mean", "rms_mean"]].assign(flat=1.0))
    assert sets["flat"] == ["flat"] and len(sets) == 3


def test_importance_goes_to_the_family_that_matters(songs, fitted):
    x, y, groups = songs
    sets = listening.families(x.columns)
    found = listening.importance(fitted, x, y, groups, sets, draws=100)
    # Shuffled, a feature that says all misses by twice the labels' variance: R² falls by 2.
    assert found["harmony"]["valence"]["value"] == pytest.approx(2, abs=0.25)
    assert found["loudness"]["arousal"]["value"] == pytest.approx(2, abs=0.25)
    for family, d in (("timbre", "valence"), ("rhythm", "arousal"), ("loudness", "valence")):
        assert found[family][d]["value"] == pytest.approx(0, abs=0.01)
    for family in sets:
        for cell in found[family].values():
            assert cell["low"] <= cell["value"] <= cell["high"]


def test_dependence_is_the_line_of_a_linear_model(songs):
    x, y, groups = songs
    found = listening.dependence(
        LinearRegression, x, y, groups, ["mode_mean", "tempo_std"], points=5, songs=50, draws=6
    )
    at, value = np.array(found["mode_mean"]["at"]), np.array(found["mode_mean"]["value"])
    assert at[0] == pytest.approx(np.quantile(x["mode_mean"], 0.05))
    np.testing.assert_allclose(np.diff(value[:, 0]), np.diff(at), rtol=0.02)
    np.testing.assert_allclose(np.diff(value[:, 1]), 0, atol=0.02)
    np.testing.assert_allclose(np.ptp(found["tempo_std"]["value"], axis=0), 0, atol=0.02)
    assert (np.array(found["mode_mean"]["low"]) <= value + 1e-9).all()
