"""Ask people whether the picture fits the song: the design, its power and its analysis.

The task. A person first rates pictures, then songs, on two sliders, then hears every song again
and picks the better fitting of two pictures: the one that a system made for this song (matched)
and one that the same system made for another (shuffled). Chance is 1/2, whatever the pictures
look like, and the unconditional system must stay there.

Conventions
-----------
A plan is a table with one row a trial: participant, position (order of showing, from 1), task
("picture", "song" or "choice"), song, system (None for songs), foil (the song that the shuffled
picture was made for) and matched_left. Participants and songs are counted from 1. Answers are
added to it as columns: choice (1 where the matched picture was picked, 0 where not), valence and
arousal (1–9), NaN where a task does not ask for them, and simulated, which is True for every
answer that no person gave. Analyses carry that column on.

Persons and songs both vary, so two intervals are reported. [low, high] resamples persons and
speaks of these songs. [wide_low, wide_high] and the p-values take the songs for a sample too.

References
----------
Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering", Journal of Business
& Economic Statistics 29(2), 238–249.
Judd, Westfall and Kenny 2012, "Treating stimuli as a random factor in social psychology", Journal
of Personality and Social Psychology 103(1), 54–69.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import t

from m2l.errors import InputError

SYSTEMS = ("full", "without AFM", "non-progressive", "unconditional", "real photo")
DIMENSIONS = ("valence", "arousal")
CHANCE = 0.5
_TRUTH_DRAWS = 400_000


def design(participants=40, songs=20, seed=0):
    """Deal songs and systems out to participants in a Latin square.

    Every person meets every song once in each task and every system equally often, and sees no
    picture twice. Over all persons every song meets every system equally often, with the matched
    picture on the left as often as on the right, both within a person and for a song and system.

    Parameters
    ----------
    participants, songs : int, positive multiples of ten (two sides × five systems).
    seed : int, for the deals of the songs, which pairs them up, and for the order of showing.

    Returns
    -------
    DataFrame, the plan, 3 × participants × songs rows.

    Raises
    ------
    InputError
        If a count would leave the plan unbalanced.
    """
    step = 2 * len(SYSTEMS)
    for name, count in (("participants", participants), ("songs", songs)):
        if count < step or count % step:
            raise InputError(
                f"{count} {name}: cannot be balanced over five systems and two sides; "
                f"choose a multiple of {step}"
            )
    rng = np.random.default_rng(seed)
    person, place = (x.ravel() for x in np.mgrid[:participants, :songs])
    system, group = (person + place) % len(SYSTEMS), person // len(SYSTEMS)
    # Two groups of five persons share a deal of the songs, with the sides exchanged.
    deals = rng.permuted(np.tile(np.arange(songs) + 1, (participants // step, 1)), axis=1)
    song = deals[group // 2, place]
    # One place on, the system differs from those under which a person rates or finds matched.
    foil = deals[group // 2, (place + 1) % songs]

    def block(task, **columns):
        return pd.DataFrame({"participant": person + 1, "task": task, "song": song} | columns)

    blocks = [
        block("picture", system=np.take(SYSTEMS, (system + 1) % len(SYSTEMS))),
        block("song", system=None),
        block(
            "choice",
            system=np.take(SYSTEMS, system),
            foil=foil,
            matched_left=(group + place // len(SYSTEMS)) % 2 == 0,
        ),
    ]
    for i, trials in enumerate(blocks):
        order = rng.permuted(np.tile(np.arange(songs), (participants, 1)), axis=1)
        trials.insert(1, "position", order.ravel() + 1 + i * songs)
    plan = pd.concat(blocks).astype({"foil": "Int64", "matched_left": "boolean"})
    return plan.sort_values(["participant", "position"], ignore_index=True)


@dataclass(frozen=True)
class Effects:
    """What is assumed of the answers when they are simulated.

    Attributes
    ----------
    rate : dict of system to probability, 0–1
        How often the matched picture is picked, over all persons and songs.
    error : dict of system to float, in units of 1–9
        Standard deviation of a picture's emotion about that of its song, per dimension.
    icc : float, 0–1
        Correlation at chance between two choices of one person.
    song_icc : float, 0–1
        Correlation at chance between choices of two persons on one song of one system.
    noise, bias : float, in units of 1–9
        Standard deviations of a single rating and of a person's use of the scale.
    spread : float, in units of 1–9
        Standard deviation of the songs' emotion about the midpoint.
    """

    rate: dict = field(
        default_factory=lambda: dict(zip(SYSTEMS, (0.65, 0.6, 0.6, 0.5, 0.75), strict=True))
    )
    error: dict = field(
        default_factory=lambda: dict(zip(SYSTEMS, (1.5, 1.75, 1.75, 2.5, 1.0), strict=True))
    )
    icc: float = 0.05
    song_icc: float = 0.05
    noise: float = 1.4
    bias: float = 0.6
    spread: float = 1.2


def simulate(plan, effects, seed=0):
    """Answer a plan by simulated persons with known effects.

    A choice follows a probit model with crossed effects of the person and of the song in its
    system; a rating is the emotion of the song or picture, plus the person's bias and noise,
    kept within 1–9.

    Parameters
    ----------
    plan : DataFrame, from `design`.
    effects : Effects
    seed : int

    Returns
    -------
    DataFrame, the plan with columns choice, valence, arousal and simulated (True throughout).
    """
    rng = np.random.default_rng(seed)
    person, persons = _codes(plan["participant"])
    song, songs = _codes(plan["song"])
    system = pd.Categorical(plan["system"], SYSTEMS).codes
    table = plan.assign(choice=np.nan, valence=np.nan, arousal=np.nan, simulated=True)

    asked = (plan["task"] == "choice").to_numpy()
    of_person = rng.standard_normal(persons)[person[asked]]
    of_song = rng.standard_normal((len(SYSTEMS), songs))[system[asked], song[asked]]
    rate = np.array([effects.rate[name] for name in SYSTEMS])[system[asked]]
    chance = _chance(rate, effects.icc, effects.song_icc, of_person, of_song)
    table.loc[asked, "choice"] = (rng.random(asked.sum()) < chance).astype(float)

    error = np.array([effects.error[name] for name in SYSTEMS])
    emotion = 5 + effects.spread * rng.standard_normal((songs, 2))
    picture = emotion + error[:, None, None] * rng.standard_normal((len(SYSTEMS), songs, 2))
    bias = effects.bias * rng.standard_normal((persons, 2))
    felt = np.where(
        (plan["task"] == "song").to_numpy()[:, None], emotion[song], picture[system, song]
    )
    felt = felt + bias[person] + effects.noise * rng.standard_normal(felt.shape)
    table.loc[~asked, list(DIMENSIONS)] = np.clip(felt, 1, 9)[~asked]
    return table


def truth(effects):
    """What the analyses should find in answers with these effects, over all persons and songs.

    Returns
    -------
    DataFrame indexed by measure ("choice", "valence", "arousal") and system, column truth. Errors
    of ratings are means over many draws, as the ends of the scale leave no closed form.
    """
    rng = np.random.default_rng(0)
    emotion, off, bias, first, second = rng.standard_normal((5, _TRUTH_DRAWS))
    common = 5 + effects.spread * emotion + effects.bias * bias
    song = np.clip(common + effects.noise * first, 1, 9)
    rows = {("choice", name): effects.rate[name] for name in SYSTEMS}
    for name in SYSTEMS:
        picture = np.clip(common + effects.error[name] * off + effects.noise * second, 1, 9)
        error = np.abs(picture - song).mean()
        rows |= {(dimension, name): error for dimension in DIMENSIONS}
    return pd.Series(rows, name="truth").rename_axis(["measure", "system"]).to_frame()


def analyse_choices(table, draws=2000, seed=0):
    """How often each system's matched picture was picked, against chance and the full system.

    Parameters
    ----------
    table : DataFrame, answers (see the module's conventions).
    draws : int, bootstrap samples of persons.
    seed : int

    Returns
    -------
    DataFrame indexed by measure ("choice") and system, with columns trials, mean, low, high,
    wide_low, wide_high, p (against 1/2), difference (from the full system), difference_low,
    difference_high, difference_p and simulated. Intervals are 95 %, tests two-sided; those of
    differences take persons and songs for samples. p-values are not adjusted.

    Raises
    ------
    InputError
        If a column is missing, a choice is not 0 or 1, or a person met a song twice.
    """
    _require(table, ["participant", "song", "task", "system", "choice", "simulated"])
    trials = table[table["task"] == "choice"]
    if not trials["choice"].isin([0, 1]).all():
        raise InputError("choice: holds something else than 0 and 1; drop unanswered trials first")
    return _compare(trials, "choice", CHANCE, draws, seed)


def analyse_ratings(table, draws=2000, seed=0):
    """How far each system's pictures are felt from their songs.

    The error of a trial is the absolute difference between a person's rating of the picture and
    the same person's rating of the song, so that a person's bias cancels.

    Parameters
    ----------
    table : DataFrame, answers (see the module's conventions).
    draws : int, bootstrap samples of persons.
    seed : int

    Returns
    -------
    DataFrame indexed by measure ("valence", "arousal") and system, columns as those of
    `analyse_choices`; p is NaN, for an error has no chance level of its own.

    Raises
    ------
    InputError
        If a column is missing, a rating leaves 1–9, a person met a song twice, or rated a picture
        and not its song.
    """
    _require(table, ["participant", "song", "task", "system", *DIMENSIONS, "simulated"])
    trials = table[table["task"] == "picture"]
    songs = table[table["task"] == "song"]
    for name in DIMENSIONS:
        if not pd.concat([trials, songs])[name].between(1, 9).all():
            raise InputError(f"{name}: holds a rating outside 1–9; drop unanswered trials first")
    key = ["participant", "song"]
    if songs.duplicated(key).any():
        raise InputError("song ratings: a person rated a song twice; keep one of them")
    both = trials.merge(songs[[*key, *DIMENSIONS]], on=key, how="left", suffixes=("", "_song"))
    if both["valence_song"].isna().any():
        raise InputError("picture ratings: a person did not rate the song; drop those trials first")
    return pd.concat(
        _compare(both.assign(**{d: (both[d] - both[f"{d}_song"]).abs()}), d, np.nan, draws, seed)
        for d in DIMENSIONS
    )


def power(
    participants,
    trials,
    rate,
    icc=0.05,
    songs=20,
    song_icc=0.05,
    alpha=0.05,
    draws=1000,
    seed=0,
):
    """Simulated power of one system's choices against chance.

    Parameters
    ----------
    participants : int
    trials : int, a person's choices between pictures of this system, each with another song.
    rate : float, 0–1, how often the matched picture is picked, over all persons and songs.
    icc, song_icc : float, 0–1, as in `Effects`.
    songs : int, a multiple of `trials`, dealt out evenly.
    alpha : float, level of the two-sided test, the one of `analyse_choices`.
    draws : int, simulated studies.
    seed : int

    Returns
    -------
    float, the share of simulated studies that reject chance.

    Raises
    ------
    InputError
        If songs cannot be dealt out evenly, or a rate or correlation is out of range.
    """
    if trials < 1 or songs % trials:
        raise InputError(f"{songs} songs: not a multiple of {trials} trials; choose one that is")
    rng = np.random.default_rng(seed)
    seen = (np.arange(songs) + np.arange(participants)[:, None]) % (songs // trials) == 0
    of_person = rng.standard_normal((draws, participants, 1))
    of_song = rng.standard_normal((draws, 1, songs))
    chance = _chance(rate, icc, song_icc, of_person, of_song)
    picked = np.where(seen, rng.random(chance.shape) < chance, np.nan)
    mean, score = _mean(picked)
    return float(np.mean(_p_value(mean - CHANCE, score) < alpha))


def recover(plan, effects, draws=400, seed=0, alpha=0.05):
    """Analyse many simulated studies and count how often the known effects are found.

    Parameters
    ----------
    plan : DataFrame, from `design`.
    effects : Effects
    draws : int, simulated studies.
    seed : int
    alpha : float, level of the tests.

    Returns
    -------
    DataFrame indexed by measure and system, with columns truth, estimate (mean over studies),
    coverage and wide_coverage (shares of studies whose interval holds the truth), found (share
    with p < alpha), difference_coverage, difference_found and simulated.
    """
    known = truth(effects)
    known["gap"] = known["truth"] - known.groupby("measure")["truth"].transform("first")
    tables = (simulate(plan, effects, seed=[seed, i]) for i in range(draws))
    analyses = (analyse_choices, analyse_ratings)
    r = pd.concat([f(table, draws=400) for table in tables for f in analyses]).join(known)
    compared = r["difference"].notna()
    shares = {
        "truth": r["truth"],
        "estimate": r["mean"],
        "coverage": r["truth"].between(r["low"], r["high"]),
        "wide_coverage": r["truth"].between(r["wide_low"], r["wide_high"]),
        "found": (r["p"] < alpha).where(r["p"].notna()),
        "difference_coverage": r["gap"]
        .between(r["difference_low"], r["difference_high"])
        .where(compared),
        "difference_found": (r["difference_p"] < alpha).where(compared),
    }
    shares = pd.DataFrame(shares, dtype=float).groupby(level=[0, 1], sort=False)
    return shares.mean().assign(simulated=True)


def _chance(rate, icc, song_icc, of_person, of_song):
    """Probability of picking the matched picture, given standard normal effects.

    Of the unit variance of a probit model's latent variable, persons and songs take the shares
    that give the asked-for correlations between answers at 1/2 (Sheppard's formula,
    r = 2/π · arcsin ρ). The mean over all effects is then exactly `rate`.
    """
    if min(icc, song_icc) < 0 or not np.all((np.asarray(rate) > 0) & (np.asarray(rate) < 1)):
        raise InputError(f"rate {rate}, icc {icc}, {song_icc}: give 0 < rate < 1 and 0 <= icc < 1")
    a, b = np.sin(np.pi / 2 * np.array([icc, song_icc]))
    if a + b >= 1:
        raise InputError(f"icc {icc} and {song_icc}: leave no variance over; choose smaller ones")
    latent = ndtri(rate) + np.sqrt(a) * of_person + np.sqrt(b) * of_song
    return ndtr(latent / np.sqrt(1 - a - b))


def _mean(values):
    """Mean of values (..., P, S), NaN where not seen, and each value's share of its error."""
    seen = ~np.isnan(values)
    count = seen.sum((-2, -1), keepdims=True)
    mean = np.nansum(values, (-2, -1), keepdims=True) / count
    return mean[..., 0, 0], np.where(seen, values - mean, 0) / count


def _standard_error(score):
    """Standard error of a mean from `score` (..., P, S), clustered by persons and by songs.

    The variance of Cameron, Gelbach and Miller 2011, eq. 2.11; being a difference, it may fall
    below that of one clustering alone, which then stands in.
    """
    by_person = (score.sum(-1) ** 2).sum(-1)
    by_song = (score.sum(-2) ** 2).sum(-1)
    both = by_person + by_song - (score**2).sum((-2, -1))
    clusters = min(score.shape[-2:])
    largest = np.maximum(np.maximum(by_person, by_song), both)
    return np.sqrt(largest * clusters / (clusters - 1))


def _p_value(distance, score):
    """Two-sided p-value of a distance from the null hypothesis; NaN if nothing varies at it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(distance) / _standard_error(score)
    return 2 * t.sf(ratio, min(score.shape[-2:]) - 1)


def _compare(trials, value, null, draws, seed):
    """One row a system: mean of a value, its intervals and tests, the difference from full."""
    if trials.duplicated(["participant", "song"]).any():
        raise InputError(f"{value}: a person met a song twice in a task; keep one of the trials")
    person, persons = _codes(trials["participant"])
    song, songs = _codes(trials["song"])
    if min(persons, songs) < 2:
        raise InputError(
            f"{value}: {persons} participants and {songs} songs; two of each are needed"
        )
    values = np.full((len(SYSTEMS), persons, songs), np.nan)
    system = pd.Categorical(trials["system"], SYSTEMS).codes
    if set(system) != set(range(len(SYSTEMS))):
        raise InputError(f"system: expected answers on exactly {', '.join(SYSTEMS)}")
    values[system, person, song] = trials[value]

    mean, score = _mean(values)
    drawn = np.random.default_rng(seed).multinomial(persons, np.full(persons, 1 / persons), draws)
    sums, counts = np.nansum(values, 2), (~np.isnan(values)).sum(2)
    low, high = np.quantile((drawn @ sums.T) / (drawn @ counts.T), [0.025, 0.975], axis=0)

    # The difference of the full system from itself is no result.
    difference, apart = mean - mean[0], score - score[0]
    difference[0] = np.nan
    margin = t.ppf(0.975, min(persons, songs) - 1)
    wide, wide_apart = margin * _standard_error(score), margin * _standard_error(apart)
    return pd.DataFrame(
        {
            "trials": counts.sum(1),
            "mean": mean,
            "low": low,
            "high": high,
            "wide_low": mean - wide,
            "wide_high": mean + wide,
            "p": _p_value(mean - null, score),
            "difference": difference,
            "difference_low": difference - wide_apart,
            "difference_high": difference + wide_apart,
            "difference_p": _p_value(difference, apart),
            "simulated": bool(trials["simulated"].any()),
        },
        index=pd.MultiIndex.from_product([[value], SYSTEMS], names=["measure", "system"]),
    )


def _codes(column):
    codes, names = pd.factorize(column, sort=True)
    return codes, len(names)


def _require(table, columns):
    missing = [name for name in columns if name not in table]
    if missing:
        raise InputError(f"answers: no column {', '.join(missing)}; see m2l.study for the layout")
