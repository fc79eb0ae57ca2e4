"""From answers to effects: checks, exclusions, estimates and the report."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import t as student

from m2l.errors import InputError
from m2l.people import analysis, simulation
from m2l.people import design as study
from m2l.people.design import SYSTEMS

CONFIG = study.settings()
RULES = CONFIG["rules"] | {k: CONFIG[k] for k in ("alpha", "confirmatory")}


@pytest.fixture(scope="module")
def made():
    small = {"participants": 20, "reserve": 0, "songs": 10, "songs_each": 10}
    return study.design(study.settings() | small)


@pytest.fixture(scope="module")
def answers(made):
    effects = simulation.Effects.of(study.settings(), careless=0.0)
    return simulation.simulate(study.trials(made), effects, seed=1)


@pytest.fixture(scope="module")
def kept(made, answers):
    return analysis.exclude(analysis.join(study.trials(made), answers), made["rules"])[0]


@pytest.fixture(scope="module")
def both(kept):
    return analysis.compared(kept)


@pytest.fixture(scope="module")
def result(made, answers):
    return analysis.analyse(made, answers)


def change(table, where, column, value):
    """The table with a column changed in the first row that a query finds."""
    table = table.astype({column: object})
    table.loc[table.query(where).index[0], column] = value
    return table


# -- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.drop(columns=["ms", "choice"]), "no column choice, ms"),
        (lambda a: a[:0], "answers: none"),
        (lambda a: change(a, "trial == 't003'", "participant", "nobody"), "line 4: .*nobody"),
        (lambda a: change(a, "trial == 't003'", "trial", "t999"), "no such trial"),
        (lambda a: pd.concat([a, a[5:6]]), f"line {20 * 44 + 2}: .*answered twice"),
        (lambda a: change(a, "kind == 'rate_image'", "valence", 9.5), "valence is no rating"),
        (lambda a: change(a, "kind == 'rate_song'", "arousal", "high"), "arousal is no rating"),
        (lambda a: change(a, "kind == 'check'", "arousal", np.nan), "arousal is no rating"),
        (lambda a: a.assign(valence=0), r"valence is no rating .*\(480 such lines\)"),
        (lambda a: change(a, "kind == 'choose'", "choice", "middle"), "neither left nor right"),
        (lambda a: change(a, "kind == 'choose'", "left", "i000"), "left is not the design's"),
        (lambda a: change(a, "kind == 'check'", "ms", -1), "ms is no time"),
        (lambda a: change(a, "kind == 'check'", "ms", None), "ms is no time"),
        (lambda a: change(a, "kind == 'check'", "ms", np.inf), "ms is no time"),
    ],
)
def test_unusable_answers_are_refused_with_their_line(made, answers, spoil, message):
    with pytest.raises(InputError, match=message) as error:
        analysis.join(study.trials(made), spoil(answers))
    assert "\n" not in str(error.value)


# -- exclusions ------------------------------------------------------------------------------


def spoilt(made, answers, **changes):
    """Joined answers with columns of the first participant's trials changed."""
    joined = analysis.join(study.trials(made), answers)
    first = joined["participant"] == joined["participant"].iloc[0]
    for name, (kinds, value) in changes.items():
        joined.loc[first & joined["kind"].isin(kinds), name] = value
    return analysis.exclude(joined, made["rules"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ms": (["choose"], 599)}, "too fast"),
        ({"answered": (["rate_song"], False)}, "incomplete"),
        ({"valence": (["check"], 5)}, "failed checks"),
        ({"valence": (["check"], np.nan)}, "failed checks"),
        ({"valence": (["rate_song"], 5), "arousal": (["rate_song"], 7)}, "flat ratings"),
    ],
)
def test_each_rule_excludes(made, answers, changes, reason):
    kept, persons, _ = spoilt(made, answers, **changes)
    assert persons["reason"].tolist() == [reason] + 19 * [""]
    assert persons.index[0] not in set(kept["participant"])
    assert len(kept) == 19 * 40  # all real trials of the others


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"valence": (["rate_song"], 5)}, 0),  # one scale alone may be flat
        ({"ms": (["check"], 1)}, 0),  # checks may be fast
        ({"heard": (["rate_image"], np.nan)}, 0),  # pictures are silent
        *(({"heard": (["rate_song"], s)}, n) for s, n in ((14, 0), (13.9, 10), (np.nan, 10))),
    ],
)
def test_what_excludes_nobody(made, answers, changes, lost):
    """An answer about a song that was not heard is dropped, the person stays."""
    kept, persons, dropped = spoilt(made, answers, **changes)
    assert not persons["excluded"].any()
    assert dropped == {"too fast": 0, "song not heard": lost} and len(kept) == 20 * 40 - lost


def test_a_check_may_be_missed_by_the_tolerance(made, answers):
    joined = analysis.join(study.trials(made), answers)
    off = joined["ask_valence"].map({1: 2, 9: 8})
    joined["valence"] = joined["valence"].where(joined["kind"] != "check", off)
    assert not analysis.exclude(joined, made["rules"])[1]["excluded"].any()
    strict = made["rules"] | {"tolerance": 0.5}
    with pytest.raises(InputError, match=r"0 of 20 participants left .*\(20 failed checks\)"):
        analysis.exclude(joined, strict)


# -- estimates -------------------------------------------------------------------------------


def test_distances_are_those_of_the_two_ratings(kept):
    one = kept.assign(valence=3.0, arousal=4.0)
    songs = one["kind"] == "rate_song"
    one.loc[songs, ["valence", "arousal"]] = 6.0, 8.0
    found = analysis.compared(one)
    assert len(found) == 20 * 10
    assert (found["valence"] == 3).all() and (found["arousal"] == 4).all()
    assert (found["distance"] == 5).all()
    lost = analysis.compared(one.drop(one.index[songs][:7]))
    assert len(lost) == 20 * 10 - 7


@pytest.mark.parametrize("keys", [(0, 0), (0, 1), (1, 0)])
def test_standard_error_of_independent_values_and_of_copies(keys):
    level = np.array([1.0, 2, 4, 7, 7, 9])
    one, other = (x.ravel() for x in np.mgrid[:6, :50])
    influence = (level[one] - level.mean())[:, None] / 300
    if keys == (0, 0):  # each answer by its own person about its own song
        one, influence = np.arange(6), (level - level.mean())[:, None] / 6
    person, song = ((one, other)[k] for k in keys)
    # Fifty answers of one person, or about one song, that repeat one another count as one.
    found = analysis.standard_error(influence, person, song)
    assert found == pytest.approx(level.std(ddof=1) / 6**0.5)


def test_choices_that_all_agree(kept):
    own_left = kept["left_song"] == kept["song"]
    right = np.where(own_left == (kept["left_system"] == "full"), "left", "right")
    found = analysis.matched(kept.assign(choice=right))
    assert found["mean"].tolist() == [1, 0, 0, 0, 0]
    assert (found["low"] == found["mean"]).all() and (found["p"] == 0).all()
    assert found["h"].tolist() == pytest.approx([np.pi / 2, *4 * [-np.pi / 2]])


def test_always_left_is_chance_and_a_bias(kept):
    left = kept.assign(choice="left")
    # Within a person the matched picture is on the left as often as on the right.
    assert analysis.matched(left)["mean"].to_numpy() == pytest.approx(0.5)
    assert analysis.side(left)["mean"].item() == 1


def test_strengths_are_those_of_a_logit_model(kept):
    table = kept[(kept["kind"] == "choose") & (kept["contrast"] != study.MATCHED)]
    left, right = (pd.Categorical(table[f"{s}_system"], SYSTEMS).codes for s in ("left", "right"))
    won = np.where(table["choice"] == "left", 1, -1)[:, None]
    x = (np.eye(5)[left] - np.eye(5)[right]) * won
    fit = sm.Logit(np.ones(len(x)), x[:, 1:]).fit(disp=False)
    found = analysis.strengths(kept)
    assert found["mean"].iloc[1:].to_numpy() == pytest.approx(fit.params, abs=0.01)
    assert found.loc["full", "mean"] == 0 and np.isnan(found.loc["full", "p"])
    assert found["trials"].sum() == 2 * len(table) == 2 * 20 * 10
    # Where everyone answers once, about a song of its own, the variance is White's.
    alone = kept.loc[table.index].copy()
    alone["participant"] = alone["song"] = np.arange(len(alone)).astype(str)
    fit = sm.Logit(np.ones(len(x)), x[:, 1:]).fit(disp=False, cov_type="HC0")
    found, n = analysis.strengths(alone).iloc[1:], len(alone)
    expected = fit.bse * np.sqrt(n / (n - 1)) * student.ppf(0.975, n - 1)
    assert (found["high"] - found["mean"]).to_numpy() == pytest.approx(expected, rel=0.01)


def test_a_system_that_always_wins_has_a_finite_strength(kept):
    photo = np.where(kept["left_system"] == "real photo", "left", kept["choice"])
    photo = np.where(kept["right_system"] == "real photo", "right", photo)
    found = analysis.strengths(kept.assign(choice=photo))
    assert found["mean"].idxmax() == "real photo" and 3 < found["mean"].max() < 20


@pytest.mark.parametrize("mixed", [True, False])
def test_contrasts_are_differences_of_means_in_a_balanced_design(both, mixed):
    table = analysis.distances(both, mixed=mixed)
    raw = both.groupby("system")["distance"].mean()[list(SYSTEMS)]
    found = table["difference"].iloc[1:]
    assert found.to_numpy() == pytest.approx((raw - raw["full"])[1:], abs=1e-6)
    assert (table["low"] < table["difference"])[1:].all()
    assert (found / table["d"].iloc[1:]).to_numpy() == pytest.approx(both["distance"].std(), 0.1)


def test_variances_of_crossed_effects_are_told_apart():
    rng = np.random.default_rng(0)
    person, song = (x.ravel() for x in np.mgrid[:30, :20])
    system = (person + song) % 5
    sd = {"participant": 0.8, "song": 0.5, "picture": 0.3, "answer": 1.0}
    y = sd["participant"] * rng.standard_normal(30)[person]
    y = y + sd["song"] * rng.standard_normal(20)[song]
    y = y + sd["picture"] * rng.standard_normal((5, 20))[system, song]
    y = y + sd["answer"] * rng.standard_normal(len(y))
    names = {"participant": person.astype(str), "song": song.astype(str)}
    both = pd.DataFrame(names | {"system": np.array(SYSTEMS)[system]})
    mean, covariance, variances, name = analysis._mixed(both, y, 0)
    assert name == "mixed: participant, song, picture"
    for key, value in sd.items():
        assert np.sqrt(variances[key]) == pytest.approx(value, rel=0.35)
    assert np.abs(mean).max() < 4 * np.sqrt(np.diag(covariance)).max()


def test_decks_are_found_and_change_nothing_for_one():
    person, song = np.array([0, 0, 1, 2, 3, 3]), np.array([0, 1, 1, 2, 2, 3])
    assert analysis._decks(person, song).tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("fails", "model"), [(1, "mixed: participant, song"), (2, "clustered means")]
)
def test_a_model_that_does_not_converge_is_replaced(both, monkeypatch, fails, model):
    from statsmodels.regression.mixed_linear_model import MixedLM

    fit, calls = MixedLM.fit, []

    def failing(self, *args, **settings):
        calls.append(fit(self, *args, **settings))
        calls[-1].converged = len(calls) > fails
        return calls[-1]

    monkeypatch.setattr(MixedLM, "fit", failing)
    assert (analysis.distances(both)["model"] == model).all()


# -- reliability -----------------------------------------------------------------------------


def test_icc_is_that_of_the_mean_squares(kept):
    rated = kept[kept["kind"] == "rate_song"]
    x = rated.pivot(index="song", columns="participant", values="valence").to_numpy()
    n, k = x.shape
    rows, columns = x.mean(1, keepdims=True), x.mean(0, keepdims=True)
    msr = k * ((rows - x.mean()) ** 2).sum() / (n - 1)
    msc = n * ((columns - x.mean()) ** 2).sum() / (k - 1)
    mse = ((x - rows - columns + x.mean()) ** 2).sum() / ((n - 1) * (k - 1))
    found = analysis.reliability(kept).loc["valence"]
    # Shrout and Fleiss 1979, case 2.
    assert found["icc2k"] == pytest.approx((msr - mse) / (msr + (msc - mse) / n))
    assert found["icc21"] == pytest.approx(
        (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)
    )
    assert found["low"] < found["icc2k"] < found["high"]


def test_pictures_are_rated_in_five_lists(kept):
    rated = kept[kept["kind"] == "rate_image"]
    lists = list(analysis._lists(rated.pivot(index="participant", columns="image",
                                             values="valence")))  # fmt: skip
    assert [part.shape for part in lists] == 5 * [(4, 10)]
    found = analysis.reliability(kept, "rate_image")
    assert (found["items"] == 50).all() and (found["raters"] == 4).all()


def test_agreement_is_unknown_where_nothing_varies_or_nobody_shares(kept):
    same = analysis.reliability(kept.assign(valence=5.0, arousal=5.0))
    one = analysis.reliability(kept[kept["participant"] == kept["participant"].iloc[0]])
    for found in (same, one):
        assert found[["icc2k", "alpha"]].isna().all(axis=None)


# -- decisions and report --------------------------------------------------------------------


def test_an_effect_in_the_other_direction_supports_nothing(result):
    choices, apart, strength = (result[n].copy() for n in ("matched", "distances", "strengths"))
    apart = apart.loc["distance"]
    for table, p in ((choices, 0.01), (apart, 0.001), (strength, 0.02)):
        table["p"] = p
    choices["mean"], apart["difference"], strength["mean"] = 0.4, -0.5, 0.5
    found = analysis.decide(choices, apart, strength, RULES)
    assert not found["supported"].any()
    # Holm's procedure among the two that are confirmatory, and among the other five.
    expected = [0.02, 0.005, 0.005, 0.005, 0.04, 0.04, 0.02]
    assert found["adjusted"].tolist() == pytest.approx(expected)
    choices["mean"], apart["difference"], strength["mean"] = 0.6, 0.5, -0.5
    found = analysis.decide(choices, apart, strength, RULES)
    assert found["supported"].all() and list(found.index) == list(study.HYPOTHESES)
    assert found.index[found["confirmatory"]].tolist() == RULES["confirmatory"]


def test_order_of_the_lines_does_not_matter(made, answers, result):
    shuffled = analysis.analyse(made, answers.sample(frac=1, random_state=0))
    for name in ("matched", "strengths", "distances", "hypotheses", "reliability"):
        pd.testing.assert_frame_equal(shuffled[name], result[name])


@pytest.mark.parametrize("people", [2, 10])
def test_a_pilot_of_few_people_gives_a_report(tmp_path, people):
    """Up to ten participants see no picture twice."""
    made = study.design(study.settings(participants=people, reserve=0, seed=1))
    effects = simulation.Effects.of(study.settings(), careless=0.0)
    result = analysis.analyse(made, simulation.simulate(study.trials(made), effects))
    analysis.write(result, tmp_path)
    assert result["reliability"].loc["pictures", "alpha"].isna().all()
    assert result["hypotheses"]["estimate"].notna().all()
    assert all(text in (tmp_path / "report.md").read_text() for text in study.HYPOTHESES.values())


def test_one_figure_that_cannot_be_computed_costs_no_other(made, answers, tmp_path):
    lost = answers[~answers["trial"].isin(set(answers.loc[answers["kind"] == "choose", "trial"]))]
    result = analysis.analyse(made | {"rules": RULES | {"answered": 0}}, lost)
    assert set(result["unknown"]) == {"matched", "strengths", "side"}
    assert result["hypotheses"]["p"].notna().tolist() == [False, *3 * [True], *3 * [False]]
    analysis.write(result, tmp_path)
    assert "**matched: not known.** answers: none left" in (tmp_path / "report.md").read_text()


def test_the_report_says_what_is_simulated_and_what_stood_in(made, answers, result, tmp_path):
    analysis.write(result, tmp_path / "simulated")
    real = answers.drop(columns=["simulated", "careless"])
    real = analysis.analyse(made | {"stand_ins": ["real photo"]}, real)
    analysis.write(real, tmp_path / "real")
    for folder, simulated in (("simulated", True), ("real", False)):
        text = (tmp_path / folder / "report.md").read_text()
        captions = [line for line in text.splitlines() if line[:1] == "*" and line[1] != "*"]
        assert len(captions) == len(analysis.CAPTIONS)
        assert all(("Simulated answers" in line) == simulated for line in captions)
        assert ("Pictures of real photo were stand-ins" in text) == (not simulated)
        for name in analysis.FILES[1:]:
            assert (pd.read_csv(tmp_path / folder / name)["simulated"] == simulated).all()
        assert len(list((tmp_path / folder).glob("*.png"))) == 3
