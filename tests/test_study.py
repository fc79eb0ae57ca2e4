"""Design, simulation, power and analysis of the user study."""

import numpy as np
import pandas as pd
import pytest

from m2l import study
from m2l.errors import InputError

SAME = dict.fromkeys(study.SYSTEMS, 0.5)


@pytest.fixture(scope="module")
def plan():
    return study.design(participants=40, songs=20, seed=3)


@pytest.fixture(scope="module")
def answers(plan):
    return study.simulate(plan, study.Effects(), seed=1)


@pytest.mark.parametrize("task", ["picture", "choice"])
def test_songs_and_systems_meet_equally_often(plan, task):
    trials = plan[plan["task"] == task]
    assert set(trials.value_counts(["song", "system"])) == {40 // 5}
    assert set(trials.value_counts(["participant", "system"])) == {20 // 5}
    assert trials.value_counts(["song", "system"]).size == 20 * 5


def test_sides_are_balanced_within_persons_and_pictures(plan):
    choices = plan[plan["task"] == "choice"]
    for key in (["participant", "system"], ["song", "system"]):
        assert (choices.groupby(key)["matched_left"].mean() == 0.5).all()


def test_foils_are_other_songs_equally_often(plan):
    choices = plan[plan["task"] == "choice"]
    assert (choices["foil"] != choices["song"]).all()
    assert set(choices.value_counts(["participant", "foil"])) == {1}


def test_everyone_does_every_task_with_every_song_once(plan):
    assert set(plan.value_counts(["participant", "task", "song"])) == {1}
    assert len(plan) == 3 * 40 * 20
    assert plan["position"].tolist() == 40 * list(range(1, 61))


def test_songs_travel_in_different_company(plan):
    choices = plan[(plan["task"] == "choice") & (plan["system"] == "full")]
    together = choices.groupby("participant")["song"].apply(frozenset)
    # Five sets a deal, each for two persons.
    assert together.nunique() == 40 // 2


@pytest.mark.parametrize("songs", [10, 20, 30])
def test_no_picture_is_seen_twice(songs):
    plan = study.design(participants=60, songs=songs)
    shown = plan[plan["system"].notna()]
    foils = plan[plan["task"] == "choice"].assign(song=lambda d: d["foil"])
    seen = pd.concat([shown, foils])[["participant", "song", "system"]]
    assert len(seen) == 3 * 60 * songs and not seen.duplicated().any()


def test_the_seed_decides(plan):
    pd.testing.assert_frame_equal(plan, study.design(40, 20, seed=3))
    assert not plan.equals(study.design(40, 20, seed=4))


@pytest.mark.parametrize("counts", [(0, 20), (45, 20), (40, 15), (40, -10)])
def test_unbalanced_counts_are_refused(counts):
    with pytest.raises(InputError, match="multiple of 10"):
        study.design(*counts)


def test_simulated_answers_fit_the_plan_and_say_so(plan, answers):
    pd.testing.assert_frame_equal(answers[plan.columns], plan)
    assert answers["simulated"].all()
    choice = answers["task"] == "choice"
    assert set(answers.loc[choice, "choice"]) == {0, 1}
    assert answers.loc[choice, ["valence", "arousal"]].isna().all(axis=None)
    assert answers.loc[~choice, "choice"].isna().all()
    assert answers.loc[~choice, ["valence", "arousal"]].stack().between(1, 9).all()


def test_simulated_rates_and_correlation_are_those_asked_for():
    rate = dict(zip(study.SYSTEMS, (0.65, 0.5, 0.3, 0.8, 0.9), strict=True))
    effects = study.Effects(rate=rate, icc=0.2, song_icc=0)
    trials = study.simulate(study.design(3000, 10), effects).dropna(subset="choice")
    seen = trials.groupby("system")["choice"].mean()
    assert seen.to_dict() == pytest.approx(rate, abs=0.025)
    chance = trials[trials["system"] == "without AFM"].groupby("participant")["choice"]
    first, second = chance.first(), chance.last()
    assert first.corr(second) == pytest.approx(0.2, abs=0.05)


def test_truth_of_ratings_without_ends_of_scale():
    effects = study.Effects(error=dict.fromkeys(study.SYSTEMS, 0.3), noise=0.2, spread=0.3, bias=0)
    known = study.truth(effects)["truth"]
    # The mean of |N(0, s²)| is s √(2/π).
    expected = np.sqrt((0.3**2 + 2 * 0.2**2) * 2 / np.pi)
    assert known[["valence", "arousal"]].to_numpy() == pytest.approx(expected, rel=0.01)
    assert known["choice"].to_dict() == effects.rate


def test_standard_error_of_independent_values():
    values = np.full((6, 6), np.nan)
    np.fill_diagonal(values, [1, 2, 4, 7, 7, 9])
    mean, score = study._mean(values)
    assert mean == 5
    assert study._standard_error(score) == pytest.approx(
        np.std([1, 2, 4, 7, 7, 9], ddof=1) / 6**0.5
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_standard_error_when_only_persons_or_only_songs_differ(axis):
    level = np.array([1.0, 2, 4, 7, 7, 9])
    values = np.repeat(level[:, None], 50, axis=1)
    _, score = study._mean(values if axis == 0 else values.T)
    # Fifty answers that repeat one another count as one.
    assert study._standard_error(score) == pytest.approx(level.std(ddof=1) / 6**0.5)


def test_choices_that_all_agree(answers):
    choices = answers.assign(choice=(answers["system"] == "full").astype(float))
    result = study.analyse_choices(choices).loc["choice"]
    assert result["mean"].tolist() == [1, 0, 0, 0, 0]
    assert (result["low"] == result["mean"]).all() and (result["high"] == result["mean"]).all()
    assert (result["p"] == 0).all()
    assert result["difference"].iloc[1:].tolist() == [-1] * 4 and np.isnan(
        result["difference"].iloc[0]
    )


def test_a_bias_of_the_person_cancels(answers):
    quiet = answers.assign(
        valence=5 + 0.05 * answers["participant"], arousal=5 + 0.05 * answers["participant"]
    )
    off = quiet["system"].map(dict(zip(study.SYSTEMS, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True)))
    result = study.analyse_ratings(quiet.assign(valence=quiet["valence"] + off.fillna(0)))
    assert result.loc["valence", "mean"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert result.loc["arousal", "mean"].tolist() == pytest.approx([0] * 5)
    assert result.loc["valence", "difference"].iloc[-1] == pytest.approx(0.4)
    assert result["p"].isna().all()


@pytest.mark.parametrize("analyse", [study.analyse_choices, study.analyse_ratings])
def test_order_and_names_do_not_matter(answers, analyse):
    known = analyse(answers)
    changed = answers.assign(participant="p" + answers["participant"].astype(str).str.zfill(3))
    pd.testing.assert_frame_equal(analyse(changed.sample(frac=1, random_state=0)), known)


@pytest.mark.parametrize("analyse", [study.analyse_choices, study.analyse_ratings])
def test_results_say_whether_answers_are_simulated(answers, analyse):
    assert analyse(answers)["simulated"].all()
    assert not analyse(answers.assign(simulated=False))["simulated"].any()


def change(table, task, column, value):
    """The table with one answer of a task changed."""
    table = table.copy()
    table.loc[table.index[table["task"] == task][0], column] = value
    return table


@pytest.mark.parametrize(
    ("analyse", "spoil", "message"),
    [
        ("choices", lambda a: a.drop(columns="choice"), "no column choice"),
        ("choices", lambda a: change(a, "choice", "choice", 2), "0 and 1"),
        ("choices", lambda a: change(a, "choice", "choice", np.nan), "0 and 1"),
        ("choices", lambda a: pd.concat([a, a]), "a song twice"),
        ("choices", lambda a: a[a["participant"] == 1], "1 participants"),
        ("choices", lambda a: a[a["system"] != "full"], "expected answers on exactly"),
        (
            "choices",
            lambda a: change(a, "choice", "system", "other"),
            "expected answers on exactly",
        ),
        ("ratings", lambda a: a.drop(columns="simulated"), "no column simulated"),
        ("ratings", lambda a: change(a, "picture", "valence", 9.5), "valence: .*outside 1–9"),
        ("ratings", lambda a: change(a, "song", "arousal", np.nan), "arousal: .*outside 1–9"),
        ("ratings", lambda a: a.drop(a.index[a["task"] == "song"][0]), "did not rate the song"),
        ("ratings", lambda a: pd.concat([a, a[a["task"] == "song"]]), "rated a song twice"),
        ("ratings", lambda a: pd.concat([a, a[a["task"] == "picture"]]), "met a song twice"),
    ],
)
def test_unusable_answers_are_refused(answers, analyse, spoil, message):
    with pytest.raises(InputError, match=message):
        getattr(study, f"analyse_{analyse}")(spoil(answers))


def test_power_of_independent_trials_is_the_textbook_value():
    # Normal approximation: (1.96 · 0.5 + 0.84 · √(0.65 · 0.35))² / 0.15² = 85 trials.
    assert study.power(85, 1, 0.65, 0, 85, 0, draws=2000) == pytest.approx(0.8, abs=0.03)


def test_power_without_effect_is_the_level():
    assert study.power(85, 1, 0.5, 0, 85, 0, draws=2000) == pytest.approx(0.05, abs=0.015)
    for alpha in (0.05, 0.1):
        assert 0.4 * alpha < study.power(40, 4, 0.5, alpha=alpha, draws=2000) < 1.2 * alpha


def test_agreement_within_persons_and_songs_costs_power():
    one = study.power(40, 4, 0.62, icc=0, song_icc=0)
    assert study.power(40, 4, 0.62, icc=0.2, song_icc=0) < one
    assert study.power(40, 4, 0.62, icc=0, song_icc=0.2) < one


@pytest.mark.parametrize(
    "settings",
    [
        {"songs": 21},
        {"trials": 0},
        {"rate": 1.0},
        {"icc": -0.1},
        {"icc": 0.8, "song_icc": 0.7},
    ],
)
def test_impossible_power_settings_are_refused(settings):
    with pytest.raises(InputError, match=r"choose|give"):
        study.power(**({"participants": 20, "trials": 4, "rate": 0.6} | settings))


def test_known_effects_are_recovered():
    result = study.recover(study.design(40, 20), study.Effects(), draws=80)
    assert result["simulated"].all()
    assert (result["estimate"] - result["truth"]).abs().max() < 0.05
    # 80 studies: a true 0.95 gives at least 0.87 in a row, 99 times of 100.
    for column in ("wide_coverage", "difference_coverage"):
        assert result[column].min() > 0.86
        assert result[column].mean() == pytest.approx(0.95, abs=0.025)
    found = result.loc["choice", "found"]
    assert found["unconditional"] < 0.1 and found["full"] > 0.7 and found["real photo"] > 0.98


def test_intervals_over_persons_hold_where_songs_do_not_differ():
    effects = study.Effects(song_icc=0)
    result = study.recover(study.design(40, 20), effects, draws=80).loc["choice"]
    assert result["coverage"].min() > 0.86
    assert result["coverage"].mean() == pytest.approx(0.95, abs=0.025)


def test_nothing_is_found_where_nothing_is():
    effects = study.Effects(rate=SAME, error=dict.fromkeys(study.SYSTEMS, 1.5))
    result = study.recover(study.design(20, 20), effects, draws=80)
    # 80 studies: a true 0.05 gives at most 0.1.
    assert result["found"].dropna().max() < 0.1
    assert result["difference_found"].dropna().max() <= 0.1
