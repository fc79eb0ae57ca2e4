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

from m2l.errors import InputError
from m2l.people import analysis
from m2l.people import design as study
from m2l.people.design import ANSWERS, DIMENSIONS, MATCHED, SYSTEMS

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


class Codes:
    """Trials as arrays of numbers, for simulation; made once for many studies.

    Parameters
    ----------
    table : DataFrame, from `m2l.people.design.trials`.
    """

    def __init__(self, table):
        kind = table["kind"].to_numpy()
        self.person, people = pd.factorize(table["participant"])
        self.song, songs = pd.factorize(table["song"])
        self.people, self.songs = len(people), len(songs)
        self.system, self.left, self.right = (
            pd.Categorical(table[c], SYSTEMS).codes
            for c in ("system", "left_system", "right_system")
        )
        self.own_left = (table["left_song"] == table["song"]).to_numpy()
        self.shuffled = (table["contrast"] == MATCHED).to_numpy()
        self.image, self.heard, self.choose, self.check = (
            kind == k for k in ("rate_image", "rate_song", "choose", "check")
        )
        self.asked = table[[f"ask_{d}" for d in DIMENSIONS]].to_numpy(float)


def draw(codes, effects, rng):
    """Answers of simulated persons, as arrays; see `simulate`.

    Returns
    -------
    left : ndarray (n,) of bool, whether the left picture is chosen.
    felt : ndarray (n, 2), ratings.
    careless : ndarray (people,) of bool
    """
    person, song, left, right = codes.person, codes.song, codes.left, codes.right
    n, count = len(person), len(SYSTEMS)
    careless = rng.random(codes.people) < effects.careless

    def value(values, of):
        return np.array([values[s] for s in SYSTEMS])[of]

    # Choices. Matched against shuffled: in favour of the matched; systems: in favour of the left.
    towards = np.where(codes.shuffled & ~codes.own_left, -1.0, 1.0)
    rate = np.where(
        codes.shuffled,
        value(effects.matched, left),
        expit(value(effects.strength, left) - value(effects.strength, right)),
    )
    a, b = effects.shares
    keen, liking = rng.standard_normal(codes.people), rng.standard_normal((codes.people, count))
    apt, fit = rng.standard_normal((2, codes.songs, count))
    # Of the compared systems, one is liked or fits better: a difference of unit variance.
    liked = (liking[person, left] - liking[person, right]) / np.sqrt(2)
    fits = (fit[song, left] - fit[song, right]) / np.sqrt(2)
    latent = (
        ndtri(rate)
        + np.sqrt(a) * np.where(codes.shuffled, keen[person], liked)
        + np.sqrt(b) * np.where(codes.shuffled, apt[song, left], fits)
    )
    latent = (latent * towards + effects.left) / np.sqrt(1 - a - b)
    picks_left = rng.random(n) < np.where(careless[person], 0.5, ndtr(latent))

    emotion = 5 + effects.spread * rng.standard_normal((codes.songs, 2))
    error = value(effects.error, np.arange(count))
    pictures = emotion + error[:, None, None] * rng.standard_normal((count, codes.songs, 2))
    felt = np.where(codes.heard[:, None], emotion[song], pictures[codes.system, song])
    felt = felt + effects.bias * rng.standard_normal((codes.people, 2))[person]
    felt = felt + np.sqrt(effects.noise2) * rng.standard_normal((n, 2))
    felt = np.where(codes.check[:, None], codes.asked, felt)
    felt = np.where(careless[person][:, None], rng.integers(1, 10, (n, 2)), felt)
    return picks_left, np.clip(np.round(felt), 1, 9), careless


def simulate(table, effects, seed=0):
    """Answer trials by simulated persons with known effects.

    A choice follows a probit model with crossed effects of the person and of the song; the rate
    over all of them is the one asked for. A rating is the emotion of the song or picture, plus
    the person's bias and noise, rounded to the nine steps.

    Parameters
    ----------
    table : DataFrame, from `m2l.people.design.trials`.
    effects : Effects
    seed : int or list of int

    Returns
    -------
    DataFrame, answers with the columns `m2l.people.design.ANSWERS`, simulated (True throughout) and
        careless (whether the person answers at random, which no analysis looks at).
    """
    rng, codes = np.random.default_rng(seed), Codes(table)
    left, felt, careless = draw(codes, effects, rng)
    pace = np.where(careless, 0.5, 1.0) * np.exp(0.25 * rng.standard_normal(codes.people))
    time = 6000 * pace[codes.person] * np.exp(0.4 * rng.standard_normal(len(table)))
    answers = table[list(ANSWERS[:8])].copy()
    answers[list(DIMENSIONS)] = np.where(codes.choose[:, None], np.nan, felt)
    answers["choice"] = np.where(codes.choose, np.where(left, "left", "right"), None)
    answers["ms"] = np.round(time)
    answers["heard"] = table["seconds"].where(codes.heard | codes.choose)
    answers["position"], answers["at"] = table["position"], None
    return answers.assign(simulated=True, careless=careless[codes.person])


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


def power(config, effects, participants=None, songs=None, draws=None):
    """Share of simulated studies in which each hypothesis is supported.

    The mixed model's contrasts are replaced by those of means with clustered errors, which are
    the same in a balanced design and take no time; `recover` compares the verdicts. All persons
    answer with care and count.

    Parameters
    ----------
    config : dict, the settings.
    effects : Effects
    participants, songs, draws : instead of the settings'; participants are counted after
        exclusions.

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
    codes = Codes(study.trials(study.design(config | size)))
    effects = Effects(**vars(effects) | {"careless": 0.0})
    supported = np.zeros(len(study.HYPOTHESES))
    for i in range(draws):
        left, felt, _ = draw(codes, effects, np.random.default_rng([config["seed"], i]))
        estimate, error = tests(codes, left, felt)
        p = analysis.p_value(estimate - analysis.NULL, error, min(codes.people, codes.songs) - 1)
        supported += analysis.verdicts(estimate, p, config["alpha"])[1]
    return dict(zip(study.HYPOTHESES, (supported / draws).tolist(), strict=True))


def tests(codes, left, felt):
    """Estimates (7,) of the hypotheses and their standard errors, from answers that all count."""
    rows = codes.shuffled
    own = (left == codes.own_left)[rows].astype(float)
    person, song = codes.person, codes.song
    mean, influence = analysis.means(own, codes.left[rows], person[rows], song[rows])
    chosen = mean[0], analysis.standard_error(influence[:, :1], person[rows], song[rows])[0]

    # Sorted alike, a person's ratings of pictures and of their songs stand side by side.
    key = person * codes.songs + song
    images, heard = (np.flatnonzero(k)[np.argsort(key[k])] for k in (codes.image, codes.heard))
    distance = np.hypot(*(felt[images] - felt[heard]).T)
    at = person[images], song[images]
    mean, influence = analysis.means(distance, codes.system[images], *at)
    apart = mean[1:4] - mean[0], analysis.standard_error(influence[:, 1:4] - influence[:, :1], *at)

    rows = codes.choose & ~codes.shuffled
    winner = np.where(left, codes.left, codes.right)[rows]
    loser = np.where(left, codes.right, codes.left)[rows]
    strength, error = analysis.compare(winner, loser, person[rows], song[rows])
    return np.r_[chosen[0], apart[0], -strength[1:4]], np.r_[chosen[1], apart[1], error[1:4]]


def recover(made, effects, numbers, seed=0, every=1, draws=100):
    """Analyse simulated studies, and compare what is found with what was put in.

    Parameters
    ----------
    made : dict, the design.
    effects : Effects
    numbers : iterable of int, the numbers of the studies.
    seed : int
    every : int; the mixed model, the ordinal model and the ICCs, which take most of the time, are
        computed in the studies whose number is a multiple of it.
    draws : int, bootstrap samples of persons in each study.

    Yields
    ------
    dict, for `summarise`.
    """
    trials, alpha = study.trials(made), made["rules"]["alpha"]
    known = truth(effects)
    means = known.loc[["distance"]].rename({"distance": "distance, means"}, level="measure")
    known = pd.concat([known, means])
    known["gap"] = known["truth"] - known.groupby("measure")["truth"].transform("first")
    for i in numbers:
        answers = simulate(trials, effects, [seed, i])
        kept, persons, _ = analysis.exclude(analysis.join(made, answers, trials), made["rules"])
        both = analysis.compared(kept)
        apart, _ = analysis.distances(both, model="means", draws=draws, seed=i)
        tables = {
            "matched": analysis.matched(kept, draws, i),
            "strength": analysis.strengths(kept, draws, i),
            "distance, means": apart,
        }
        done = {
            "persons": persons.assign(
                careless=answers.groupby("participant", sort=False)["careless"].first()
            ),
            "decided": analysis.decide(tables["matched"], apart, tables["strength"], alpha),
        }
        if i % every == 0:
            tables["distance"], _ = analysis.distances(both)
            tables["odds"] = analysis.ordinal(both)
            done["model"] = tables["distance"]["model"].iloc[0]
            done["agreement"] = analysis.reliability(kept)
            done["mixed"] = analysis.decide(
                tables["matched"], tables["distance"], tables["strength"], alpha
            )
        yield done | {"table": pd.concat(tables, names=["measure"]).join(known)}


def summarise(found, alpha, agreement):
    """Coverage, power and false positives of many simulated studies.

    Parameters
    ----------
    found : list, from `recover`.
    alpha : float, level of the tests.
    agreement : float, ICC(2,1) put in.

    Returns
    -------
    table : DataFrame indexed by measure and system: studies, truth, estimate (mean over studies),
        coverage and wide_coverage (shares of studies whose interval holds the truth), rejected
        (share with p < alpha) and difference_coverage; NaN where there is nothing to hold or
        reject. Measures are "matched", "strength", "distance" (mixed model), "distance, means"
        (clustered means) and "odds" (ordinal model, which has no known truth).
    rest : dict: studies and slow (numbers of studies, and of those with the slow models);
        supported (dict of hypothesis to share of studies, H2 by clustered means); rejected (dict
        of family and model to share of studies with a rejection); agree (share of the verdicts on
        H2 that are the same by both models); careless and attentive (persons a study, share of
        them excluded); agreement (truth, estimate and coverage of ICC(2,1) and ICC(2,k) of
        songs); models (dict of model of the distances to number of studies).
    """
    r = pd.concat([one["table"] for one in found])

    def held(value, low, high):
        return value.between(low, high).where(low.notna() & value.notna())

    shares = {
        "studies": pd.Series(1.0, r.index),
        "truth": r["truth"],
        "estimate": r["mean"],
        "coverage": held(r["truth"], r["low"], r["high"]),
        "wide_coverage": held(r["truth"], r["wide_low"], r["wide_high"]),
        "rejected": (r["p"] < alpha).where(r["p"].notna()),
        "difference_coverage": held(r["gap"], r["difference_low"], r["difference_high"]),
    }
    # An odds ratio has no known truth, and its interval is not one of the full system's.
    groups = pd.DataFrame(shares, dtype=float).groupby(level=["measure", "system"], sort=False)
    table = groups.mean().assign(studies=groups.size())
    table.loc["odds", ["coverage", "wide_coverage", "difference_coverage"]] = np.nan

    slow = [one for one in found if "model" in one]
    decided = pd.concat([one["decided"] for one in found], keys=range(len(found)), names=["study"])
    mixed = pd.concat([one["mixed"] for one in slow], keys=range(len(slow)), names=["study"])

    def rejected(decisions, family):
        rows = decisions.index.get_level_values("hypothesis").str.startswith(family)
        return float((decisions[rows]["adjusted"] < alpha).groupby("study").any().mean())

    second = mixed.index.get_level_values("hypothesis").str.startswith("H2")
    beside = pd.concat([one["decided"] for one in slow], keys=range(len(slow)), names=["study"])
    persons = pd.concat([one["persons"] for one in found])
    of = persons.groupby("careless")["excluded"].mean()
    raters = pd.concat([one["agreement"] for one in slow])
    k = raters["raters"].round()
    many = k * agreement / (1 + (k - 1) * agreement)
    return table, {
        "studies": len(found),
        "slow": len(slow),
        "supported": decided["supported"].groupby("hypothesis", sort=False).mean().to_dict(),
        "rejected": {
            "H1": rejected(decided, "H1"),
            "H2, means": rejected(decided, "H2"),
            "H2, mixed": rejected(mixed, "H2"),
            "H3": rejected(decided, "H3"),
        },
        "agree": float((mixed["supported"] == beside["supported"])[second].mean()),
        **{
            name: {
                "persons": float((persons["careless"] == is_careless).sum() / len(found)),
                "excluded": float(of[is_careless]) if is_careless in of else None,
            }
            for name, is_careless in (("careless", True), ("attentive", False))
        },
        "agreement": {
            "ICC(2,1)": {"truth": agreement, "estimate": float(raters["icc21"].mean())},
            "ICC(2,k)": {
                "truth": float(many.mean()),
                "estimate": float(raters["icc2k"].mean()),
                "coverage": float(many.between(raters["low"], raters["high"]).mean()),
            },
        },
        "models": pd.Series([one["model"] for one in slow]).value_counts().to_dict(),
    }
