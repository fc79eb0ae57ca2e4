"""Simulated answers: effects as asked for, and what power and recovery make of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from m2l.errors import InputError
from m2l.experiments.power import summarise
from m2l.people import analysis, simulation
from m2l.people import design as study
from m2l.people.design import SYSTEMS

CONFIG = study.settings()
RATE = CONFIG["assumed"]["matched"]["full"]
SMALL = {"participants": 20, "reserve": 0, "songs": 10, "songs_each": 10}


def effects(**changes):
    return simulation.Effects.of(CONFIG, **{"careless": 0.0} | changes)


def answered(people=20, songs=10, each=10, seed=1, **changes):
    """Trials of a design, with simulated answers."""
    sizes = {"participants": people, "songs": songs, "songs_each": each}
    table = study.trials(study.design(CONFIG | SMALL | sizes))
    answers = simulation.simulate(table, effects(**changes), seed)
    return table.assign(**{c: answers[c] for c in ("valence", "arousal", "choice", "careless")})


@pytest.fixture(scope="module")
def made():
    return study.design(CONFIG | SMALL)


def test_answers_fit_the_trials_and_say_that_they_are_simulated(made):
    table = study.trials(made)
    answers = simulation.simulate(table, effects(careless=0.3), seed=1)
    assert list(answers.columns) == [*study.ANSWERS, "simulated", "careless"]
    assert answers["simulated"].all()
    choice = answers["kind"] == "choose"
    assert set(answers.loc[choice, "choice"]) == {"left", "right"}
    assert answers.loc[choice, ["valence", "arousal"]].isna().all(axis=None)
    assert answers.loc[~choice, "choice"].isna().all()
    ratings = answers.loc[~choice, ["valence", "arousal"]].to_numpy()
    assert set(np.unique(ratings)) <= set(range(1, 10))
    again = simulation.simulate(table, effects(careless=0.3), seed=1)
    pd.testing.assert_frame_equal(answers, again)
    assert not answers.equals(simulation.simulate(table, effects(careless=0.3), seed=2))


def test_matched_pictures_are_chosen_as_often_as_asked_for():
    rate = dict(zip(SYSTEMS, (0.65, 0.5, 0.3, 0.8, 0.9), strict=True))
    table = answered(400, 100, matched=rate, icc=0.1, song_icc=0.0, left=0.0)
    found = analysis.matched(table)["mean"]
    assert found.to_dict() == pytest.approx(rate, abs=0.05)  # of 800 choices each


def test_choices_of_a_person_correlate_as_asked_for():
    same = dict.fromkeys(SYSTEMS, 0.5)
    table = answered(400, matched=same, icc=0.4, song_icc=0.0, left=0.0)
    rows = table[table["contrast"] == study.MATCHED]
    own = (rows["left_song"] == rows["song"]) == (rows["choice"] == "left")
    by_person = own.astype(float).groupby(rows["participant"])
    assert by_person.first().corr(by_person.last()) == pytest.approx(0.4, abs=0.12)


def test_the_left_is_favoured_as_asked_for():
    same = dict.fromkeys(SYSTEMS, 0.5)
    table = answered(200, matched=same, strength=dict.fromkeys(SYSTEMS, 0.0), left=0.3)
    assert (table["choice"].dropna() == "left").mean() == pytest.approx(ndtr(0.3), abs=0.03)


def test_strengths_are_those_asked_for():
    table = answered(400, 100, icc=0.0, song_icc=0.0, left=0.0)
    found = analysis.strengths(table)["mean"]
    assert found.to_dict() == pytest.approx(CONFIG["assumed"]["strength"], abs=0.2)


def test_raters_agree_as_asked_for():
    table = answered(20, 100, 100, agreement=0.35)
    found = analysis.reliability(table).mean()
    # Ratings that end at 1 and 9 agree a little less.
    assert found["icc21"] == pytest.approx(0.34, abs=0.06)  # of 100 songs
    assert found["alpha"] == pytest.approx(0.34, abs=0.06)


def test_careless_persons_fail_checks_and_answer_by_chance():
    table = answered(400, careless=0.5)
    checks = table[table["kind"] == "check"]
    passed = (checks["valence"] == checks["ask_valence"]).groupby(checks["careless"]).mean()
    assert passed[False] == 1 and passed[True] < 0.2
    assert table.groupby("participant")["careless"].first().mean() == pytest.approx(0.5, abs=0.1)
    rows = table[(table["contrast"] == study.MATCHED) & table["careless"]]
    own = (rows["left_song"] == rows["song"]) == (rows["choice"] == "left")
    assert own.mean() == pytest.approx(0.5, abs=0.04)


def test_known_values_without_ends_of_scale_and_rounding():
    small = {"spread": 0.8, "agreement": 0.5, "bias": 0.0}
    known = simulation.truth(effects(error=dict.fromkeys(SYSTEMS, 0.5), left=0.2, **small))
    noise = effects(**small).noise2 + 1 / 12
    assert noise == pytest.approx(0.64)  # as much as the songs', for an agreement of 1/2
    # The mean of |N(0, s²)| is s √(2/π),
    s = np.sqrt(0.25 + 2 * noise)
    # on whole numbers less a sixth of its density at 0 (Euler and Maclaurin).
    mean = s * np.sqrt(2 / np.pi) - 1 / (6 * s * np.sqrt(2 * np.pi))
    assert known["valence"].to_numpy() == pytest.approx(mean, rel=0.01)
    assert known["arousal"].to_numpy() == pytest.approx(mean, rel=0.01)
    assert (known["distance"] > mean).all() and (known["distance"] < np.sqrt(2) * s).all()
    both = (ndtr(ndtri(RATE) + 0.2) + ndtr(ndtri(RATE) - 0.2)) / 2
    assert known["matched", "full"] == pytest.approx(both)
    straight = simulation.truth(effects(left=0.0))["strength"].to_dict()
    assert straight == pytest.approx(CONFIG["assumed"]["strength"], abs=1e-6)


def test_without_effects_all_systems_are_alike():
    none = effects().scaled(0)
    assert set(none.matched.values()) == {0.5}
    assert set(none.strength.values()) == {0.0}
    assert set(none.error.values()) == {CONFIG["assumed"]["error"]["full"]}
    half = effects().scaled(0.5)
    assert half.matched["full"] == pytest.approx((0.5 + RATE) / 2)
    assert effects().scaled(1) == effects()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matched": {"full": 0.6}}, "a value for each"),
        ({"matched": dict.fromkeys(SYSTEMS, 1.0)}, "between 0 and 1"),
        ({"icc": 0.8, "song_icc": 0.7}, "leave no variance"),
        ({"icc": -0.1}, "icc -0.1"),
        ({"agreement": 0.9}, "leave no variance"),
        ({"speed": 1}, "unknown setting speed"),
    ],
)
def test_impossible_effects_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        effects(**changes)


def test_power_rises_with_the_effect_and_with_participants():
    def share(factor, people):
        return simulation.power(CONFIG, effects().scaled(factor), people, 10, 30)["H3c"]

    none, some, more = share(0, 30), share(1, 40), share(2, 80)
    assert none < 0.15 and more > 0.6 and none < some < more


def test_recovery_of_known_effects(made):
    asked = effects(careless=0.2)
    found = list(simulation.recover(made, asked, range(6), seed=1, every=3))
    result = summarise(found, CONFIG["confirmatory"])
    table = pd.DataFrame(result["table"]).set_index(["measure", "system"])
    assert table.loc["matched", "studies"].eq(6).all()
    assert table.loc["distance", "studies"].eq(2).all()
    off = (table["estimate"] - table["truth"]).dropna().astype(float)
    # Six studies of 16 persons and 10 songs.
    assert off.loc["matched"].abs().max() < 0.15 and off.loc["distance, means"].abs().max() < 0.6
    shares = table[["covered", "rejected", "supported"]].stack()
    assert shares.between(0, 1).all() and table.loc["matched", "covered"].mean() > 0.75
    assert (result["studies"], sum(result["models"].values())) == (6, 2)
    assert table.loc[("excluded", "careless"), "estimate"] > 0.8
    assert table.loc[("excluded", "attentive"), "estimate"] == 0
    assert list(table.loc["hypothesis"].index) == list(study.HYPOTHESES)
    assert 0 <= result["agree"] <= 1 and set(result["any"]) == {"confirmatory", "exploratory"}
