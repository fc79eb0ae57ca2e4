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

from m2l.doors.settings import check, read, setting
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

    matched: dict[str, float]
    error: dict[str, float]
    strength: dict[str, float]
    icc: float = setting(0.05, low=0, below=1)
    song_icc: float = setting(0.05, low=0, below=1)
    agreement: float = setting(0.35, above=0, below=1)
    bias: float = setting(0.5, low=0)
    spread: float = setting(1.2, above=0)
    left: float = 0.0
    careless: float = setting(0.0, low=0, high=1)

    def __post_init__(self):
        check(self, "assumed: ")
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
    effects = replace(effects, careless=0.0)
    supported = np.zeros(len(study.HYPOTHESES))
    gc.freeze()  # statsmodels collects garbage at each of its corrections
    for i in range(draws):
        left, felt, _ = draw(codes, effects, np.random.default_rng([config["seed"], i]))
        estimate, error = tests(codes, left, felt)
        freedom = min(codes.people, codes.songs) - 1
        p = analysis.inference(estimate, error, freedom, analysis.NULL)["p"]
        adjusted = analysis.adjust(p, config["confirmatory"])
        supported += (adjusted < config["alpha"]) & (estimate > analysis.NULL)
    gc.unfreeze()
    return dict(zip(study.HYPOTHESES, (supported / draws).tolist(), strict=True))


def tests(codes, left, felt):
    """Estimates (7,) of the hypotheses and their standard errors, from answers that all count."""
    rows = codes.shuffled
    own = (left == codes.own_left)[rows].astype(float)
    person, song = codes.person, codes.song
    mean, influence = analysis.means(own, codes.left[rows])
    chosen = mean[:1], analysis.standard_error(influence[:, :1], person[rows], song[rows])

    # Sorted alike, a person's ratings of pictures and of their songs stand side by side.
    key = person * codes.songs + song
    images, heard = (np.flatnonzero(k)[np.argsort(key[k])] for k in (codes.image, codes.heard))
    distance = np.hypot(*(felt[images] - felt[heard]).T)
    mean, influence = analysis.means(distance, codes.system[images])
    influence = influence[:, 1:4] - influence[:, :1]
    apart = mean[1:4] - mean[0], analysis.standard_error(influence, person[images], song[images])

    rows = codes.choose & ~codes.shuffled
    winner = np.where(left, codes.left, codes.right)[rows]
    loser = np.where(left, codes.right, codes.left)[rows]
    strength, error = analysis.compare(winner, loser, person[rows], song[rows])
    return np.r_[chosen[0], apart[0], -strength[1:4]], np.r_[chosen[1], apart[1], error[1:4]]


def recover(made, effects, numbers, seed=0, every=1):
    """Analyse simulated studies, and compare what is found with what was put in.

    Parameters
    ----------
    made : dict, the design.
    effects : Effects
    numbers : iterable of int, the numbers of the studies.
    seed : int
    every : int; the mixed model and the ICCs, which take most of the time, are computed in the
        studies whose number is a multiple of it.

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
    known = truth(effects)["truth"]
    for measure in ("distance", *DIMENSIONS):
        known[measure] = (known[measure] - known[measure, "full"]).to_numpy()
    for i in numbers:
        answers = simulate(trials, effects, [seed, i])
        kept, persons, _ = analysis.exclude(analysis.join(made, answers, trials), rules)
        both, model = analysis.compared(kept), None
        chosen, strength = analysis.matched(kept), analysis.strengths(kept)
        apart, _ = analysis.distances(both, mixed=False)
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
            apart, _ = analysis.distances(both)
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
