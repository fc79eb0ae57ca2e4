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

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr, ndtri

from m2l import analysis, study
from m2l.errors import InputError
from m2l.study import ANSWERS, DIMENSIONS, MATCHED, SYSTEMS

_TRUTH_DRAWS = 400_000


@dataclass(frozen=True)
class Effects:
    """What is assumed of the answers when they are simulated; `assumed` in the settings.

    Attributes
    ----------
    matched : dict of system to probability, 0–1
        How often the matched picture is picked, over all persons and songs.
    error : dict of system to float, points of 1–9
        Standard deviation of a picture's emotion about that of its song, per dimension.
    strength : dict of system to float
        Bradley–Terry strengths, log odds.
    icc, song_icc : float, 0–1
        Correlation at chance between two choices of one person, and between those of two persons
        for one song.
    agreement : float, 0–1
        ICC(2,1) of the ratings of songs; decides the noise of a single rating.
    bias, spread : float, points of 1–9
        Standard deviations of a person's use of the scale, and of the songs' emotion.
    left : float
        How much the left picture is favoured, probits.
    careless : float, 0–1
        Share of persons who answer at random, quickly, and do not see checks.
    """

    matched: dict
    error: dict
    strength: dict
    icc: float = 0.05
    song_icc: float = 0.05
    agreement: float = 0.35
    bias: float = 0.5
    spread: float = 1.2
    left: float = 0.0
    careless: float = 0.0

    def __post_init__(self):
        for name in ("matched", "error", "strength"):
            if set(getattr(self, name)) != set(SYSTEMS):
                raise InputError(f"{name}: give a value for each of {', '.join(SYSTEMS)}")
        if not all(0 < p < 1 for p in self.matched.values()):
            raise InputError(f"matched {self.matched}: give probabilities between 0 and 1")
        if min(self.icc, self.song_icc) < 0 or sum(self.shares) >= 1:
            raise InputError(
                f"icc {self.icc} and {self.song_icc}: leave no variance over; "
                "choose smaller ones from 0"
            )
        if not 0 < self.agreement < 1 or self.noise2 <= 0:
            raise InputError(
                f"agreement {self.agreement}: cannot be with spread {self.spread} and "
                f"bias {self.bias}; choose a smaller one above 0"
            )

    @classmethod
    def of(cls, config, **changes):
        """The effects that the settings assume, with changes."""
        try:
            return cls(**config["assumed"] | changes)
        except TypeError as error:
            names = ", ".join(f.name for f in fields(cls))
            raise InputError(f"assumed: give {names}") from error

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
        return Effects(
            **vars(self)
            | {
                "matched": {s: 0.5 + factor * (p - 0.5) for s, p in self.matched.items()},
                "error": {s: full + factor * (e - full) for s, e in self.error.items()},
                "strength": {s: factor * x for s, x in self.strength.items()},
            }
        )


def simulate(table, effects, seed=0):
    """Answer trials by simulated persons with known effects.

    A choice follows a probit model with crossed effects of the person and of the song; the rate
    over all of them is the one asked for. A rating is the emotion of the song or picture, plus
    the person's bias and noise, rounded to the nine steps.

    Parameters
    ----------
    table : DataFrame, from `trials`.
    effects : Effects
    seed : int or list of int

    Returns
    -------
    DataFrame, answers with the columns `ANSWERS`, simulated (True throughout) and careless
        (whether the person answers at random, which no analysis looks at).
    """
    rng = np.random.default_rng(seed)
    person, people = pd.factorize(table["participant"])
    song, songs = pd.factorize(table["song"])
    n, rows, count = len(table), len(people), len(SYSTEMS)
    system, left, right = (
        pd.Categorical(table[c], SYSTEMS).codes for c in ("system", "left_system", "right_system")
    )
    kind = table["kind"].to_numpy()
    careless = rng.random(rows) < effects.careless

    def value(values, codes):
        return np.array([values[s] for s in SYSTEMS])[codes]

    # Choices. Matched against shuffled: in favour of the matched; systems: in favour of the left.
    own = (table["left_song"] == table["song"]).to_numpy()
    shuffled = (table["contrast"] == MATCHED).to_numpy()
    towards = np.where(shuffled, np.where(own, 1.0, -1.0), 1.0)
    rate = np.where(
        shuffled,
        value(effects.matched, left),
        expit(value(effects.strength, left) - value(effects.strength, right)),
    )
    a, b = effects.shares
    keen, liking = rng.standard_normal(rows), rng.standard_normal((rows, count))
    apt, fit = rng.standard_normal((2, len(songs), count))
    # Of the compared systems, one is liked or fits better: a difference of unit variance.
    liked = (liking[person, left] - liking[person, right]) / np.sqrt(2)
    fits = (fit[song, left] - fit[song, right]) / np.sqrt(2)
    latent = (
        ndtri(rate)
        + np.sqrt(a) * np.where(shuffled, keen[person], liked)
        + np.sqrt(b) * np.where(shuffled, apt[song, left], fits)
    )
    latent = (latent * towards + effects.left) / np.sqrt(1 - a - b)
    picks_left = rng.random(n) < np.where(careless[person], 0.5, ndtr(latent))

    # Ratings.
    emotion = 5 + effects.spread * rng.standard_normal((len(songs), 2))
    error = value(effects.error, np.arange(count))
    pictures = emotion + error[:, None, None] * rng.standard_normal((count, len(songs), 2))
    felt = np.where((kind == "rate_song")[:, None], emotion[song], pictures[system, song])
    felt = felt + effects.bias * rng.standard_normal((rows, 2))[person]
    felt = felt + np.sqrt(effects.noise2) * rng.standard_normal((n, 2))
    checks = kind == "check"
    asked = table[["ask_valence", "ask_arousal"]].to_numpy(float)
    felt = np.where(checks[:, None], asked, felt)
    felt = np.where(careless[person][:, None], rng.integers(1, 10, (n, 2)), felt)
    felt = np.where((kind == "choose")[:, None], np.nan, np.clip(np.round(felt), 1, 9))

    pace = np.where(careless, 0.5, 1.0) * np.exp(0.25 * rng.standard_normal(rows))
    answers = table[list(ANSWERS[:8])].copy()
    answers[list(DIMENSIONS)] = felt
    answers["choice"] = np.where(kind == "choose", np.where(picks_left, "left", "right"), None)
    answers["ms"] = np.round(6000 * pace[person] * np.exp(0.4 * rng.standard_normal(n)))
    answers["heard"] = np.where(np.isin(kind, ["rate_song", "choose"]), table["seconds"], np.nan)
    answers["position"], answers["at"] = table["position"], None
    return answers.assign(simulated=True, careless=careless[person])


def truth(effects):
    """What the analyses should find in answers with these effects, over all persons and songs.

    Returns
    -------
    DataFrame indexed by measure and system, column truth. Measures are "matched" (rate),
    "strength" (log odds against the full system), "distance", "valence" and "arousal" (mean
    distance of the two ratings); these come from many draws, as the ends of the scale leave no
    closed form.
    """
    import choix

    both = np.array([effects.left, -effects.left])
    rows = {("matched", s): ndtr(ndtri(p) + both).mean() for s, p in effects.matched.items()}
    strength = np.array([effects.strength[s] for s in SYSTEMS])
    rate = np.clip(expit(strength[:, None] - strength), 1e-9, 1 - 1e-9)
    wins = ndtr(ndtri(rate)[..., None] + both).mean(-1)
    np.fill_diagonal(wins, 0)
    found = choix.ilsr_pairwise_dense(wins)
    rows |= {("strength", s): x for s, x in zip(SYSTEMS, found - found[0], strict=True)}

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
    return pd.Series(rows, name="truth").rename_axis(["measure", "system"]).to_frame()


def tests(table, answers, alpha=0.05):
    """The tests of the hypotheses by the quick way, for simulated answers that all count.

    The mixed model's contrasts are replaced by those of means with clustered errors, a hundred
    times as fast; `recover` measures how the two compare.

    Returns
    -------
    DataFrame, from `m2l.analysis.decide`.
    """
    kept = table.assign(**{c: answers[c] for c in (*DIMENSIONS, "choice")}, simulated=True)
    kept = kept[kept["kind"] != "check"]
    apart, _ = analysis.distances(analysis.compared(kept), model="means")
    return analysis.decide(analysis.matched(kept, 1), apart, analysis.strengths(kept, 1), alpha)


def power(config, effects, participants=None, songs=None, draws=None, seed=None):
    """Share of simulated studies in which each hypothesis is supported.

    Parameters
    ----------
    config : dict, the settings.
    effects : Effects
    participants, songs, draws, seed : instead of the settings'; participants are counted after
        exclusions.

    Returns
    -------
    Series indexed by hypothesis
    """
    size = {
        "participants": participants or config["participants"],
        "songs": songs or config["songs"],
        "songs_each": min(config["songs_each"], songs or config["songs"]),
        "reserve": 0,
        "checks": dict.fromkeys(study.BLOCKS, 0),
    }
    seed = config["seed"] if seed is None else seed
    table = study.trials(study.design(config | size, seed=seed))
    effects = Effects(**vars(effects) | {"careless": 0.0})
    supported = [
        tests(table, simulate(table, effects, [seed, i]), config["alpha"])["supported"]
        for i in range(draws or config["power"]["draws"])
    ]
    return pd.concat(supported, axis=1).mean(axis=1)


def recover(made, effects, studies=300, seed=0, draws=200, progress=None):
    """Analyse many simulated studies and count how often the known effects are found.

    Parameters
    ----------
    made : dict, the design.
    effects : Effects
    studies : int
    seed : int
    draws : int, bootstrap samples of persons in each study.
    progress : wraps the numbers of the studies, such as tqdm.

    Returns
    -------
    table : DataFrame indexed by measure and system, with columns truth, estimate (mean over
        studies), coverage and wide_coverage (shares of studies whose interval holds the truth),
        found (share with p < alpha) and difference_coverage. Measures are "matched", "strength",
        "distance" (mixed model), "distance, means" (clustered means) and "odds" (ordinal model),
        which has no known truth. NaN where there is nothing to hold or find.
    rest : dict: studies; supported (dict of hypothesis to share of studies); rejected (dict of
        family, "H1", "H2", "H3", to share of studies with at least one rejection); careless
        (persons a study, share of them excluded) and attentive (the same); agreement (truth,
        estimate and coverage of ICC(2,1) and ICC(2,k) of songs); models (dict of model of the
        distances to number of studies).
    """
    trials, alpha = study.trials(made), made["rules"]["alpha"]
    known = truth(effects)
    rows, decided, people, agreement = [], [], [], []
    for i in (progress or iter)(range(studies)):
        answers = simulate(trials, effects, [seed, i])
        kept, persons, _ = analysis.exclude(analysis.join(made, answers), made["rules"])
        both = analysis.compared(kept)
        mixed, _ = analysis.distances(both, draws=draws, seed=i)
        tables = {
            "matched": analysis.matched(kept, draws, i),
            "strength": analysis.strengths(kept, draws, i),
            "distance": mixed,
            "distance, means": analysis.distances(both, model="means", draws=draws, seed=i)[0],
            "odds": analysis.ordinal(both),
        }
        rows.append(pd.concat(tables, names=["measure"]))
        decided.append(analysis.decide(tables["matched"], mixed, tables["strength"], alpha))
        careless = answers.groupby("participant", sort=False)["careless"].first()
        people.append(persons.assign(careless=careless, study=i))
        agreement.append(analysis.reliability(kept).assign(raters=lambda r: r["raters"].round()))
    r = pd.concat(rows)
    means = known.loc[["distance"]].rename({"distance": "distance, means"}, level="measure")
    known = pd.concat([known, means])
    known["gap"] = known["truth"] - known.groupby("measure")["truth"].transform("first")
    r = r.join(known)

    def held(value, low, high):
        return value.between(low, high).where(low.notna() & value.notna())

    shares = pd.DataFrame(
        {
            "truth": r["truth"],
            "estimate": r["mean"],
            "coverage": held(r["truth"], r["low"], r["high"]),
            "wide_coverage": held(r["truth"], r["wide_low"], r["wide_high"]),
            "found": (r["p"] < alpha).where(r["p"].notna()),
            "difference_coverage": held(r["gap"], r["difference_low"], r["difference_high"]),
        },
        dtype=float,
    )
    decided = pd.concat(decided, keys=range(studies), names=["study"])
    family = decided.index.get_level_values("hypothesis").str[:2]
    rejected = (decided["adjusted"] < alpha).groupby(["study", family]).any()
    people, agreement = pd.concat(people), pd.concat(agreement)
    one, k = effects.agreement, agreement["raters"]
    many = k * one / (1 + (k - 1) * one)
    of = people.groupby("careless")["excluded"]
    return shares.groupby(level=["measure", "system"], sort=False).mean(), {
        "studies": studies,
        "participants": len(made["participants"]),
        "songs": len(made["songs"]),
        "supported": decided["supported"].groupby("hypothesis", sort=False).mean().to_dict(),
        "rejected": rejected.groupby(level=1).mean().to_dict(),
        **{
            name: {
                "persons": int((people["careless"] == is_careless).sum()) / studies,
                "excluded": float(of.mean().get(is_careless, np.nan)),
            }
            for name, is_careless in (("careless", True), ("attentive", False))
        },
        "agreement": {
            "ICC(2,1)": {"truth": one, "estimate": float(agreement["icc21"].mean())},
            "ICC(2,k)": {
                "truth": float(many.mean()),
                "estimate": float(agreement["icc2k"].mean()),
                "coverage": float(many.between(agreement["low"], agreement["high"]).mean()),
            },
        },
        "models": pd.concat(rows).loc["distance"].groupby("model").size().floordiv(5).to_dict(),
    }
