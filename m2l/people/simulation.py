"""Try the user study on simulated answers: known effects, power, and what the analysis recovers.

The task. Simulated persons answer the trials of a design; the analysis then sees what it would see
of people. Over many such studies, the share in which a hypothesis is supported is its power, and
the share of intervals that hold the value put in is their coverage.

Conventions
-----------
No person gave any of these answers. Tables of them have a column simulated that is True
throughout, and a column careless, which no analysis looks at. Every study draws new persons, songs
and pictures.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr, ndtri

from m2l.doors.settings import read, setting
from m2l.errors import InputError
from m2l.people import analysis
from m2l.people import design as study
from m2l.people.design import ANSWERS, DIMENSIONS, MATCHED, SYSTEMS

_TRUTH_DRAWS = 400_000


@dataclass(frozen=True)
class Effects:
    """What is assumed of simulated answers; `params/study.yaml` says what each of it means."""

    matched: dict[str, float]
    error: dict[str, float]
    strength: dict[str, float]
    icc: float = setting(low=0, below=1)
    song_icc: float = setting(low=0, below=1)
    agreement: float = setting(above=0, below=1)
    bias: float = setting(low=0)
    spread: float = setting(above=0)
    left: float
    careless: float = setting(low=0, high=1)

    def __post_init__(self):
        for name in ("matched", "error", "strength"):
            if set(getattr(self, name)) != set(SYSTEMS):
                raise InputError(f"assumed: {name}: give a value for each of {', '.join(SYSTEMS)}")
        if not all(0 < p < 1 for p in self.matched.values()):
            raise InputError("assumed: matched: give probabilities between 0 and 1")
        if sum(self.shares) >= 1 or self.noise2 <= 0:
            raise InputError(
                "assumed: icc, song_icc, agreement, spread and bias leave no variance for single "
                "answers; choose smaller correlations"
            )

    @classmethod
    def of(cls, config, **changes):
        """The effects that the settings assume, with changes."""
        return read(cls, config["assumed"] | changes, "assumed: ")

    @property
    def noise2(self):
        """Variance of a single rating before it is rounded to a whole step, which adds 1/12.

        From ICC(2,1) = spread² / (spread² + bias² + noise² + 1/12).
        """
        return self.spread**2 * (1 / self.agreement - 1) - self.bias**2 - 1 / 12

    @property
    def shares(self):
        """Shares of the latent variance of a choice that belong to persons and to songs.

        With standard normal effects, answers at 1/2 then correlate by `icc` and `song_icc`
        (Sheppard's formula, r = 2/π · arcsin ρ).
        """
        return np.sin(np.pi / 2 * np.array([self.icc, self.song_icc]))

    def scaled(self, factor):
        """The same with every effect made smaller: 0 leaves none.

        Errors approach that of the full system in proportion.
        """
        full = self.error["full"]
        return replace(
            self,
            matched={s: 0.5 + factor * (p - 0.5) for s, p in self.matched.items()},
            error={s: full + factor * (e - full) for s, e in self.error.items()},
            strength={s: factor * x for s, x in self.strength.items()},
        )


def simulate(table, effects, seed=0):
    """Answer trials by simulated persons with known effects.

    A choice follows a probit model with crossed effects of the person and of the song; the rate
    over all of them is the one asked for. A rating is the emotion of the song or picture, plus
    the person's bias and noise, rounded to the nine steps.

    Parameters
    ----------
    table : DataFrame, from `m2l.people.design.trials`; effects : Effects; seed : int or list of int

    Returns
    -------
    DataFrame, answers with the columns `m2l.people.design.ANSWERS`, simulated (True throughout) and
    careless (whether the person answers at random).
    """
    rng, n, count = np.random.default_rng(seed), len(table), len(SYSTEMS)
    (person, people), (song, songs) = map(pd.factorize, (table["participant"], table["song"]))
    people, songs = len(people), len(songs)
    system, left, right = (
        pd.Categorical(table[c], SYSTEMS).codes for c in ("system", "left_system", "right_system")
    )
    heard, choose, check = (table["kind"] == k for k in ("rate_song", "choose", "check"))
    shuffled = (table["contrast"] == MATCHED).to_numpy()
    careless = (rng.random(people) < effects.careless)[person]

    def value(values, of):
        return np.array([values[s] for s in SYSTEMS])[of]

    # Choices. Matched against shuffled: in favour of the matched; systems: in favour of the left.
    towards = np.where(shuffled & (table["left_song"] != table["song"]), -1.0, 1.0)
    stronger = value(effects.strength, left) - value(effects.strength, right)
    rate = np.where(shuffled, value(effects.matched, left), expit(stronger))
    a, b = effects.shares
    keen, liking = rng.standard_normal(people), rng.standard_normal((people, count))
    apt, fit = rng.standard_normal((2, songs, count))
    # Of the compared systems, one is liked or fits better: a difference of unit variance.
    liked = (liking[person, left] - liking[person, right]) / np.sqrt(2)
    fits = (fit[song, left] - fit[song, right]) / np.sqrt(2)
    latent = (
        ndtri(rate)
        + np.sqrt(a) * np.where(shuffled, keen[person], liked)
        + np.sqrt(b) * np.where(shuffled, apt[song, left], fits)
    )
    latent = (latent * towards + effects.left) / np.sqrt(1 - a - b)
    picks_left = rng.random(n) < np.where(careless, 0.5, ndtr(latent))

    emotion = 5 + effects.spread * rng.standard_normal((songs, 2))
    error = value(effects.error, np.arange(count))
    pictures = emotion + error[:, None, None] * rng.standard_normal((count, songs, 2))
    felt = np.where(heard.to_numpy()[:, None], emotion[song], pictures[system, song])
    felt = felt + effects.bias * rng.standard_normal((people, 2))[person]
    felt = felt + np.sqrt(effects.noise2) * rng.standard_normal((n, 2))
    asked = table[[f"ask_{d}" for d in DIMENSIONS]].to_numpy(float)
    felt = np.where(check.to_numpy()[:, None], asked, felt)
    felt = np.where(careless[:, None], rng.integers(1, 10, (n, 2)), felt)

    pace = np.exp(0.25 * rng.standard_normal(people))[person] * np.where(careless, 0.5, 1.0)
    time = 6000 * pace * np.exp(0.4 * rng.standard_normal(n))
    answers = table[list(ANSWERS[:8])].copy()
    answers[list(DIMENSIONS)] = np.where(
        choose.to_numpy()[:, None], np.nan, np.clip(np.round(felt), 1, 9)
    )
    answers["choice"] = np.where(choose, np.where(picks_left, "left", "right"), None)
    answers["ms"] = np.round(time)
    answers["heard"] = table["seconds"].where(heard | choose)
    answers["position"], answers["at"] = table["position"], None
    return answers.assign(simulated=True, careless=careless)


def truth(effects):
    """What the analyses should find in answers with these effects, over all persons and songs.

    Returns
    -------
    Series by measure and system. Measures are "matched" (rate), "strength" (log odds against the
    full system), "distance", "valence" and "arousal" (mean distance of the two ratings); these come
    from many draws, as the ends of the scale leave no closed form.
    """
    both = np.array([effects.left, -effects.left])
    rows = {("matched", s): ndtr(ndtri(p) + both).mean() for s, p in effects.matched.items()}
    strength = np.array([effects.strength[s] for s in SYSTEMS])
    rate = np.clip(expit(strength[:, None] - strength), 1e-9, 1 - 1e-9)
    wins = ndtr(ndtri(rate)[..., None] + both).mean(-1)
    np.fill_diagonal(wins, 0)
    found = analysis.bradley_terry(1e6 * wins)
    rows |= {("strength", s): x for s, x in zip(SYSTEMS, found, strict=True)}

    draw = np.random.default_rng(0).standard_normal
    shape = (_TRUTH_DRAWS, 2)
    common = 5 + effects.spread * draw(shape) + effects.bias * draw(shape)
    noise = np.sqrt(effects.noise2)
    song = np.clip(np.round(common + noise * draw(shape)), 1, 9)
    off, second = draw(shape), draw(shape)
    for name in SYSTEMS:
        felt = common + effects.error[name] * off + noise * second
        picture = np.clip(np.round(felt), 1, 9)
        apart = np.abs(picture - song)
        rows["distance", name] = np.hypot(*apart.T).mean()
        rows |= {(d, name): x for d, x in zip(DIMENSIONS, apart.mean(0), strict=True)}
    return pd.Series(rows, name="truth").rename_axis(["measure", "system"])


def power(config, effects, participants=None, songs=None, draws=None):
    """Share of simulated studies in which each hypothesis is supported.

    The mixed model's contrasts are replaced by those of means with clustered errors, which are
    the same in a balanced design and take little time; `recover` compares the verdicts. All
    persons answer with care and count.

    Parameters
    ----------
    config : dict, the settings; effects : Effects
    participants, songs, draws : instead of the settings'.

    Returns
    -------
    dict of hypothesis to share.
    """
    songs, draws = songs or config["songs"], draws or config["power"]["draws"]
    size = {
        "participants": participants or config["participants"],
        "songs": songs,
        "songs_each": min(config["songs_each"], songs),
        "reserve": 0,
        "checks": dict.fromkeys(study.BLOCKS, 0),
    }
    made = study.design(config | size)
    table, effects = study.trials(made), replace(effects, careless=0.0)
    supported = 0
    gc.freeze()  # statsmodels collects garbage at each of its corrections
    for i in range(draws):
        answers = simulate(table, effects, [config["seed"], i])
        kept = table.assign(**answers[[*DIMENSIONS, "choice"]])
        apart = analysis.distances(analysis.compared(kept), mixed=False)
        tested = (analysis.matched(kept), apart, analysis.strengths(kept))
        supported += analysis.decide(*tested, made["rules"])["supported"].to_numpy(float)
    gc.unfreeze()
    return dict(zip(study.HYPOTHESES, (supported / draws).tolist(), strict=True))


def recover(made, effects, numbers, seed=0, every=1):
    """Analyse simulated studies, and compare what is found with what was put in.

    Parameters
    ----------
    made : dict, the design; effects : Effects
    numbers : iterable of int, the numbers of the studies; seed : int
    every : the mixed model and the ICCs, which take most of the time, are computed in the studies
        whose number is a multiple of it.

    Yields
    ------
    table : DataFrame indexed by measure and system: truth, estimate, covered (whether the interval
        holds the truth), rejected (p below alpha) and supported, NaN where one has no meaning.
        Measures are "matched", "strength", "distance" (differences from the full system by the
        mixed model), "distance, means" (by clustered means), "agreement" (ICC(2,1) and ICC(2,k) of
        the songs in place of systems), "hypothesis" and "hypothesis, mixed" (names of hypotheses
        in place of systems), "excluded" (careless and attentive persons).
    model : the model of the distances, None in studies without it.
    """
    trials, rules = study.trials(made), made["rules"]
    known = truth(effects)
    for measure in ("distance", *DIMENSIONS):
        known[measure] = (known[measure] - known[measure, "full"]).to_numpy()
    for i in numbers:
        answers = simulate(trials, effects, [seed, i])
        kept, persons, _ = analysis.exclude(analysis.join(trials, answers), rules)
        both, model = analysis.compared(kept), None
        chosen, strength = analysis.matched(kept), analysis.strengths(kept)
        apart = analysis.distances(both, mixed=False)
        careless = answers.groupby("participant", sort=False)["careless"].first()
        gone = persons["excluded"].groupby(careless.map({True: "careless", False: "attentive"}))
        found = {
            "matched": _held(chosen, "mean", known["matched"], rules),
            "strength": _held(strength, "mean", known["strength"], rules),
            "distance, means": _held(apart, "difference", known["distance"], rules),
            "hypothesis": _verdicts(analysis.decide(chosen, apart, strength, rules), rules),
            "excluded": gone.mean().rename("estimate").to_frame(),
        }
        if i % every == 0:
            apart = analysis.distances(both)
            model = apart["model"].iloc[0]
            found["distance"] = _held(apart, "difference", known["distance"], rules)
            decided = analysis.decide(chosen, apart, strength, rules)
            found["hypothesis, mixed"] = _verdicts(decided, rules)
            rated = analysis.reliability(kept).mean()
            one, k = effects.agreement, rated["raters"]
            found["agreement"] = pd.DataFrame(
                {
                    "truth": [one, k * one / (1 + (k - 1) * one)],
                    "estimate": [rated["icc21"], rated["icc2k"]],
                },
                ["ICC(2,1)", "ICC(2,k)"],
            )
        yield pd.concat(found, names=["measure", "system"]).astype(float), model


def _held(table, value, known, rules):
    """What a table of estimates says of the truth."""
    out = pd.DataFrame({"truth": known[table.index], "estimate": table[value]})
    out["covered"] = out["truth"].between(table["low"], table["high"])
    return out.assign(rejected=table["p"] < rules["alpha"])[table["p"].notna()]


def _verdicts(decided, rules):
    rejected = decided["adjusted"] < rules["alpha"]
    return pd.DataFrame({"rejected": rejected, "supported": decided["supported"]})
