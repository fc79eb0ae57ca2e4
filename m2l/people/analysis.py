"""Analyse the answers of the user study: checks, exclusions, reliability, effects.

The task. Answers come as the instrument stores them and are joined with the design that they were
given under. Persons and trials are left out by the rules that the design carries. Three kinds of
evidence follow: how far a person's rating of a picture lies from that person's rating of its song
(`distances`), how often the matched picture is chosen over a shuffled one (`matched`), and which
system wins when two are compared (`strengths`).

Conventions
-----------
Persons and songs both vary. [low, high] resamples persons and speaks of these songs; [wide_low,
wide_high] and the p-values take the songs for a sample too. Estimates are sums of the influences
of single answers, whose variance is clustered by persons and by songs at once; their ratio is
referred to Student's t with as many degrees of freedom as the fewer of the two, less one.
Intervals are 95 %, tests two-sided. Tables of simulated answers say so in a column.

References
----------
Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering", Journal of Business
& Economic Statistics 29(2), 238–249.
Judd, Westfall and Kenny 2012, "Treating stimuli as a random factor in social psychology", Journal
of Personality and Social Psychology 103(1), 54–69.
Westfall, Kenny and Judd 2014, "Statistical power and optimal design in experiments in which
samples of participants respond to samples of stimuli", Journal of Experimental Psychology: General
143(5), 2020–2045.
Bradley and Terry 1952, "Rank analysis of incomplete block designs", Biometrika 39, 324–345.
Shrout and Fleiss 1979, "Intraclass correlations", Psychological Bulletin 86(2), 420–428.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t as student

from m2l.errors import InputError
from m2l.people import design as study
from m2l.people.design import COMPARED, DIMENSIONS, HYPOTHESES, MATCHED, SYSTEMS
from m2l.stats import holm

log = logging.getLogger(__name__)

NULL = np.r_[0.5, np.zeros(6)]  # what the estimates of the hypotheses are without an effect
OUTCOMES = ("distance", *DIMENSIONS)
_NEEDED = ("participant", "trial", *DIMENSIONS, "choice", "ms", "heard")


# --- answers ------------------------------------------------------------------------------------


def read(path):
    """Read a long table of answers from a CSV, without judging it; see `join`."""
    try:
        return pd.read_csv(path, dtype={"participant": str, "trial": str})
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: empty; give the answers that the study stored") from None
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: not a readable CSV; save it as one, in UTF-8") from error


def join(made, answers, table=None):
    """Join answers with the trials of their design.

    Parameters
    ----------
    made : dict, the design.
    table : its `m2l.people.design.trials`, where they are at hand.
    answers : DataFrame with at least the columns participant, trial, valence, arousal, choice, ms
        and heard.

    Returns
    -------
    DataFrame, the trials of everyone who answered at least one, with the answers' columns,
    answered (bool) and simulated (bool, the same in all rows).

    Raises
    ------
    InputError
        If a column is missing, there are no answers, a participant or trial is unknown, a trial is
        answered twice, shows something else than the design, or holds no valid answer.
    """
    missing = [name for name in _NEEDED if name not in answers]
    if missing:
        raise InputError(
            f"answers: no column {', '.join(missing)}; there should be {', '.join(study.ANSWERS)}"
        )
    if answers.empty:
        raise InputError("answers: none; give those of at least two participants")
    table = study.trials(made) if table is None else table
    key = ["participant", "trial"]
    # Lines as a reader of the CSV counts them, below the names of the columns.
    answers = answers.reset_index(drop=True)

    def refuse(bad, what):
        if bad.any():
            row = answers[bad].iloc[0]
            more = f" ({bad.sum()} such lines)" if bad.sum() > 1 else ""
            raise InputError(
                f"answers, line {row.name + 2}: participant {row['participant']}, trial "
                f"{row['trial']}: {what}{more}"
            )

    known = answers["participant"].isin(table["participant"])
    refuse(~known, "no such participant in the design; is it that of these answers?")
    both = answers[key].merge(table, on=key, how="left")
    kind = both["kind"]
    refuse(kind.isna(), "no such trial for this participant in the design")
    refuse(answers.duplicated(key), "answered twice; keep one of the lines")
    for column in ("kind", "image", "left", "right"):
        if column in answers:
            given, due = answers[column], both[column]
            refuse(given.notna() & (given != due), f"{column} is not the design's; wrong files?")
    rated = kind != "choose"
    for d in DIMENSIONS:
        number = pd.to_numeric(answers[d], errors="coerce")
        refuse(rated & ~number.between(1, 9), f"{d} is no rating from 1 to 9")
        answers[d] = number
    refuse(~rated & ~answers["choice"].isin(["left", "right"]), "choice is neither left nor right")
    answers["heard"] = pd.to_numeric(answers["heard"], errors="coerce")
    answers["ms"] = pd.to_numeric(answers["ms"], errors="coerce")
    refuse(~(answers["ms"] >= 0), "ms is no time; give milliseconds")
    simulated = bool(made["simulated"])
    if "simulated" in answers:
        simulated |= bool(answers["simulated"].astype(str).str.lower().isin(["true", "1"]).any())
    started = table[table["participant"].isin(answers["participant"])]
    joined = started.merge(
        answers[[*key, *DIMENSIONS, "choice", "ms", "heard"]], on=key, how="left"
    )
    answered = joined["choice"].notna() | joined["valence"].notna()
    return joined.assign(answered=answered, simulated=simulated)


def exclude(table, rules):
    """Leave out persons and trials by the rules.

    Parameters
    ----------
    table : DataFrame, from `join`.
    rules : dict, those of the design.

    Returns
    -------
    kept : DataFrame, answered trials that count, without checks.
    persons : DataFrame indexed by participant: what the rules look at, excluded and reason.
    dropped : dict of reason to number of single answers left out of those who stay.

    Raises
    ------
    InputError
        If fewer than two persons are left.
    """
    real = table["kind"] != "check"
    fast = real & (table["ms"] < table["kind"].map(rules["fast_ms"]))
    # Half a second is what a browser's clock may fall short by.
    least = np.minimum(table["kind"].map(rules["heard_s"]), table["seconds"] - 0.5)
    unheard = least.notna() & ~(table["heard"] >= least)
    missed = np.max(
        [(table[d] - table[f"ask_{d}"].astype(float)).abs() for d in DIMENSIONS], axis=0
    )
    # A check that was not answered was not passed either.
    failed = ~real & ~(missed <= rules["tolerance"])
    rated = table[table["kind"].isin(["rate_image", "rate_song"])]
    flat = rated.groupby(["participant", "kind"])[list(DIMENSIONS)].std().max(axis=1)
    flags = table.assign(fast=fast, failed=failed)[["participant", "answered", "fast", "failed"]]
    persons = flags.groupby("participant", sort=False).agg(
        answered=("answered", "mean"), fast=("fast", "mean"), failed_checks=("failed", "sum")
    )
    persons["least_sd"] = flat.groupby("participant").min()
    reasons = {
        "incomplete": persons["answered"] < rules["answered"],
        "failed checks": persons["failed_checks"] >= rules["failed_checks"],
        "too fast": persons["fast"] > rules["fast_share"],
        "flat ratings": persons["least_sd"] < rules["flat_sd"],
    }
    persons["reason"] = ""
    for name, found in reversed(reasons.items()):  # the first that holds is the one given
        persons.loc[found, "reason"] = name
    persons["excluded"] = persons["reason"] != ""
    stay = table["participant"].map(~persons["excluded"]) & real & table["answered"]
    if (~persons["excluded"]).sum() < 2:
        counts = persons["reason"].value_counts()
        why = ", ".join(f"{n} {name}" for name, n in counts.items() if name)
        raise InputError(
            f"answers: {(~persons['excluded']).sum()} of {len(persons)} participants left after "
            f"the exclusions ({why}); two are needed"
        )
    dropped = {
        "too fast": int((stay & fast).sum()),
        "song not heard": int((stay & ~fast & unheard).sum()),
    }
    return table[stay & ~fast & ~unheard].copy(), persons, dropped


def compared(kept):
    """Image ratings beside the same person's rating of the song, and how far they lie apart.

    Returns
    -------
    DataFrame: participant, song, system, valence, arousal (absolute differences), distance (in the
    plane). Pictures whose song the person did not rate are left out.
    """
    images, songs = (kept[kept["kind"] == kind] for kind in ("rate_image", "rate_song"))
    both = images.merge(
        songs[["participant", "song", *DIMENSIONS]], on=["participant", "song"], suffixes=("", "_s")
    )
    for d in DIMENSIONS:
        both[d] = (both[d] - both[f"{d}_s"]).abs()
    both["distance"] = np.hypot(both["valence"], both["arousal"])
    return both[["participant", "song", "system", *OUTCOMES]]


# --- estimates from influences ------------------------------------------------------------------


def standard_error(influence, person, song):
    """Standard error of sums of influences, clustered by persons and by songs.

    The variance of Cameron, Gelbach and Miller 2011, eq. 2.11; being a difference, it may fall
    below that of one clustering alone, which then stands in.

    Parameters
    ----------
    influence : ndarray (n, q), what each answer adds to the errors of q estimates.
    person, song : ndarray (n,) of int, from 0.

    Returns
    -------
    ndarray (q,)
    """
    influence = np.asarray(influence, float)
    people, songs = person.max() + 1, song.max() + 1

    def variance(codes, n):
        sums = np.stack([np.bincount(codes, column, n) for column in influence.T])
        return (sums**2).sum(1)

    by_person, by_song = variance(person, people), variance(song, songs)
    both = by_person + by_song - variance(person * songs + song, people * songs)
    fewer = min(people, songs)
    return np.sqrt(np.maximum(np.maximum(by_person, by_song), both) * fewer / max(fewer - 1, 1))


def p_value(distance, error, freedom):
    """Two-sided p-value of a distance from the null hypothesis; NaN if nothing varies at it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * student.sf(np.abs(distance) / error, freedom)


def quantile(freedom):
    return student.ppf(0.975, freedom)


def _codes(table):
    """Codes of the persons and songs of a table, and the degrees of freedom."""
    person, people = pd.factorize(table["participant"], sort=True)
    song, songs = pd.factorize(table["song"], sort=True)
    if min(len(people), len(songs)) < 2:
        raise InputError(
            f"answers: {len(people)} participants and {len(songs)} songs are left; two of each "
            "are needed"
        )
    return person, song, min(len(people), len(songs)) - 1


def _systems(table, column="system"):
    codes = pd.Categorical(table[column], SYSTEMS).codes
    lost = [s for i, s in enumerate(SYSTEMS) if not (codes == i).any()]
    if lost:
        raise InputError(f"answers: none left about the system {', '.join(lost)}")
    return codes


def means(value, system, person, song):
    """Means of a value by system, with their influences.

    Returns
    -------
    mean : ndarray (5,)
    influence : ndarray (n, 5)
    """
    belongs = system[:, None] == np.arange(len(SYSTEMS))
    count = belongs.sum(0)
    mean = (value[:, None] * belongs).sum(0) / count
    return mean, np.where(belongs, value[:, None] - mean, 0) / count


def _resampled(person, draws, seed):
    """How often each person is drawn, (draws, people)."""
    people = person.max() + 1
    return np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), draws)


# --- the three kinds of evidence ----------------------------------------------------------------


def matched(kept, draws=2000, seed=0):
    """How often each system's matched picture is chosen, against chance.

    Returns
    -------
    DataFrame indexed by system: trials, mean, low, high (bootstrap of persons), wide_low,
    wide_high, p, h (Cohen's effect size against 1/2) and simulated.
    """
    table = kept[(kept["kind"] == "choose") & (kept["contrast"] == MATCHED)]
    system, (person, song, freedom) = _systems(table, "left_system"), _codes(table)
    own_left = (table["left_song"] == table["song"]).to_numpy()
    right = (own_left == (table["choice"] == "left").to_numpy()).astype(float)
    mean, influence = means(right, system, person, song)
    error = standard_error(influence, person, song)
    cells = np.zeros((2, person.max() + 1, len(SYSTEMS)))
    np.add.at(cells[0], (person, system), right)
    np.add.at(cells[1], (person, system), 1)
    drawn = _resampled(person, draws, seed)
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile((drawn @ cells[0]) / (drawn @ cells[1]), [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "trials": cells[1].sum(0).astype(int),
            "mean": mean,
            "low": low,
            "high": high,
            "wide_low": np.maximum(mean - quantile(freedom) * error, 0),
            "wide_high": np.minimum(mean + quantile(freedom) * error, 1),
            "p": p_value(mean - 0.5, error, freedom),
            "h": 2 * np.arcsin(np.sqrt(mean)) - np.pi / 2,
            "simulated": bool(kept["simulated"].any()),
        },
        index=pd.Index(SYSTEMS, name="system"),
    )


def _wins(kept):
    """Choices between systems: table, code of the winner, code of the loser."""
    table = kept[(kept["kind"] == "choose") & (kept["contrast"] != MATCHED)]
    left, right = (pd.Categorical(table[f"{s}_system"], SYSTEMS).codes for s in ("left", "right"))
    first = (table["choice"] == "left").to_numpy()
    return table, np.where(first, left, right), np.where(first, right, left)


def _bradley_terry(counts, start=None):
    """Strengths (5,) against the full system, from wins (winner, loser)."""
    import choix

    # A thousandth of a win each way keeps the strength of a system finite that won or lost all.
    counts = counts + 1e-3 * (1 - np.eye(len(counts)))
    try:
        found = choix.ilsr_pairwise_dense(counts, initial_params=start, max_iter=1000, tol=1e-6)
    except RuntimeError:  # too slow in coming, after a thousand rounds
        return np.full(len(counts), np.nan)
    return found - found[0]


def compare(winner, loser, person, song):
    """Bradley–Terry strengths against the full system, and their clustered standard errors.

    Parameters
    ----------
    winner, loser : ndarray (n,), codes of systems.
    person, song : ndarray (n,) of int, from 0.

    Returns
    -------
    strength, error : ndarray (5,); the full system's are 0 and NaN.
    """
    count = len(SYSTEMS)
    counts = np.bincount(winner * count + loser, minlength=count**2).reshape(count, count)
    strength = _bradley_terry(counts)
    # Influence of an answer on the strengths: the inverse information times its score.
    x = (np.eye(count)[winner] - np.eye(count)[loser])[:, 1:]
    expected = expit(strength[winner] - strength[loser])
    information = (x * (expected * (1 - expected))[:, None]).T @ x
    influence = ((1 - expected)[:, None] * x) @ np.linalg.pinv(information)
    return strength, np.r_[np.nan, standard_error(influence, person, song)]


def strengths(kept, draws=1000, seed=0):
    """Bradley–Terry strengths of the systems from the choices between them.

    Returns
    -------
    DataFrame indexed by system: trials, mean (log odds against the full system), low, high
    (bootstrap of persons), wide_low, wide_high, p (against the full system; the full system's own
    row is 0 with NaN), wins (estimated share of wins over the full system) and simulated.
    """
    table, winner, loser = _wins(kept)
    person, song, freedom = _codes(table)
    count = len(SYSTEMS)
    cells = np.zeros((person.max() + 1, count, count))
    np.add.at(cells, (person, winner, loser), 1)
    total = cells.sum(0)
    if not (total + total.T).any(1).all():
        raise InputError("answers: a system is compared with no other; strengths need it")
    mean, error = compare(winner, loser, person, song)
    drawn = _resampled(person, draws, seed)
    sums = np.einsum("dp,pij->dij", drawn, cells)
    low, high = np.nanquantile([_bradley_terry(s, mean) for s in sums], [0.025, 0.975], axis=0)
    own = np.arange(count) == 0
    return pd.DataFrame(
        {
            "trials": (total.sum(0) + total.sum(1)).astype(int),
            "mean": mean,
            "low": np.where(own, np.nan, low),
            "high": np.where(own, np.nan, high),
            "wide_low": mean - quantile(freedom) * error,
            "wide_high": mean + quantile(freedom) * error,
            "p": p_value(mean, error, freedom),
            "wins": expit(mean),
            "simulated": bool(kept["simulated"].any()),
        },
        index=pd.Index(SYSTEMS, name="system"),
    )


def distances(both, outcome="distance", model="mixed", draws=0, seed=0):
    """How far each system's pictures are felt from their songs, and further than the full one's.

    A linear mixed model of the distance, with the systems' means as fixed effects and crossed
    random intercepts of the person, the song and the picture. statsmodels nests random effects in
    groups. Here a group is all answers about one deck, and indicators of persons, songs and
    pictures are three variance components within it, which makes them crossed; no person and no
    song belongs to two decks. Where the likelihood does not converge, the picture's component is
    left out, and at last the means of the answers are compared with clustered errors; both are
    logged, and named in the result.

    Parameters
    ----------
    both : DataFrame, from `compared`.
    outcome : one of `OUTCOMES`.
    model : "mixed", or "means" for the last resort at once.
    draws, seed : of a bootstrap of persons for low and high; without draws they are NaN.

    Returns
    -------
    table : DataFrame indexed by system: trials, mean, low, high, wide_low, wide_high, difference
        (from the full system), difference_low, difference_high, p, d (the difference in standard
        deviations of a single answer; Westfall et al. 2014) and model.
    variances : dict of "participant", "song", "picture", "answer" to variance; empty for means.
    """
    system, (person, song, freedom) = _systems(both), _codes(both)
    y, count = both[outcome].to_numpy(float), len(SYSTEMS)
    contrast = np.eye(count)[1:] - np.eye(count)[0]
    fitted = _mixed(y, system, person, song) if model == "mixed" else None
    if fitted:
        mean, covariance, variances, model = fitted
        error = np.sqrt(np.diag(covariance))
        apart = np.sqrt(np.diag(contrast @ covariance @ contrast.T))
    else:
        model, variances = "clustered means", {}
        mean, influence = means(y, system, person, song)
        error = standard_error(influence, person, song)
        apart = standard_error(influence @ contrast.T, person, song)
    low = high = np.full(count, np.nan)
    if draws:
        cells = np.zeros((2, person.max() + 1, count))
        np.add.at(cells[0], (person, system), y)
        np.add.at(cells[1], (person, system), 1)
        drawn = _resampled(person, draws, seed)
        with np.errstate(invalid="ignore"):
            resampled = (drawn @ cells[0]) / (drawn @ cells[1])
        low, high = np.nanquantile(resampled, [0.025, 0.975], axis=0)
    difference = np.r_[np.nan, contrast @ mean]
    apart, margin = np.r_[np.nan, apart], quantile(freedom)
    single = sum(variances.values()) if variances else y.var(ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = difference / np.sqrt(single)
    table = pd.DataFrame(
        {
            "trials": np.bincount(system, minlength=count),
            "mean": mean,
            "low": low,
            "high": high,
            "wide_low": mean - margin * error,
            "wide_high": mean + margin * error,
            "difference": difference,
            "difference_low": difference - margin * apart,
            "difference_high": difference + margin * apart,
            "p": p_value(difference, apart, freedom),
            "d": size,
            "model": model,
        },
        index=pd.Index(SYSTEMS, name="system"),
    )
    return table, variances


def _mixed(y, system, person, song):
    """Means, their covariance, variances and name of the first mixed model that converges."""
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
    from statsmodels.tools.sm_exceptions import ModelWarning

    count = len(SYSTEMS)
    picture = pd.factorize(system * (song.max() + 1) + song)[0]
    levels = {"participant": person, "song": song, "picture": picture}
    deck = _decks(person, song)
    if y.std() == 0:
        return None
    # Variances at zero are common, and gradients vanish there: BFGS and its kin stop early, and
    # sometimes say that they have converged. Powell's method asks for no gradient.
    for names, method in (
        (("participant", "song", "picture"), "powell"),
        (("participant", "song", "picture"), "nm"),
        (("participant", "song"), "powell"),
    ):
        parts = [
            [_indicators(levels[name][deck == d]) for d in range(deck.max() + 1)] for name in names
        ]
        columns = [[[f"{i}" for i in range(m.shape[1])] for m in part] for part in parts]
        model = MixedLM(
            y,
            np.eye(count)[system],
            groups=deck,
            exog_vc=VCSpec(list(names), columns, parts),
        )
        try:
            with warnings.catch_warnings():
                # A variance of zero lies on the boundary, and is a fair estimate.
                warnings.simplefilter("ignore", ModelWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                fit = model.fit(reml=True, method=method)
                covariance = np.asarray(fit.cov_params())[:count, :count]
        except (np.linalg.LinAlgError, ValueError):
            fit = None
        if fit and fit.converged and (np.diag(covariance) > 0).all():  # False for NaN too
            variances = dict(zip(names, map(float, fit.vcomp), strict=True))
            return (
                np.asarray(fit.fe_params),
                covariance,
                variances | {"answer": float(fit.scale)},
                f"mixed: {', '.join(names)}",
            )
        log.warning("mixed model with %s by %s: no convergence", ", ".join(names), method)
    log.warning("mixed model: given up; means with clustered errors instead")
    return None


def _indicators(codes):
    return np.eye(codes.max() + 1)[:, np.unique(codes)][codes]


def _decks(person, song):
    """Number of the deck of each answer: persons and songs that are joined by answers."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    people = person.max() + 1
    size = people + song.max() + 1
    edges = coo_array((np.ones(len(person)), (person, people + song)), (size, size))
    return connected_components(edges, directed=False)[1][person]


def ordinal(both, outcome="distance", levels=4):
    """The distances as ordered classes only: odds of lying further off than the full system.

    A proportional-odds model of the distance cut into classes of equal size, with errors clustered
    by persons and by songs, because it has no random effects.

    Returns
    -------
    DataFrame indexed by system (without the full one): odds (ratio of the odds of a greater
    distance), low, high and p; NaN where the model does not converge, which is logged.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    system, (person, song, freedom) = _systems(both), _codes(both)
    classes = pd.qcut(both[outcome].rank(method="average"), levels, duplicates="drop")
    index = pd.Index(SYSTEMS[1:], name="system")
    empty = pd.DataFrame(np.nan, index=index, columns=["odds", "low", "high", "p"])
    classes = classes.cat.remove_unused_categories()
    if len(classes.cat.categories) < 2:
        log.warning("ordinal model: all distances are alike")
        return empty
    x = pd.DataFrame(np.eye(len(SYSTEMS))[system][:, 1:], columns=list(SYSTEMS[1:]))
    model = OrderedModel(classes.reset_index(drop=True), x, distr="logit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = model.fit(method="bfgs", disp=False, maxiter=200)
        parameters = np.asarray(fit.params)
        score = model.score_obs(parameters)
        information = -model.hessian(parameters)
    if not fit.mle_retvals["converged"] or not np.isfinite(information).all():
        log.warning("ordinal model: no convergence")
        return empty
    influence = (score @ np.linalg.pinv(information))[:, : len(SYSTEMS) - 1]
    error, slope = standard_error(influence, person, song), parameters[: len(SYSTEMS) - 1]
    return pd.DataFrame(
        {
            "odds": np.exp(slope),
            "low": np.exp(slope - quantile(freedom) * error),
            "high": np.exp(slope + quantile(freedom) * error),
            "p": p_value(slope, error, freedom),
        },
        index=index,
    )


# --- reliability and side -----------------------------------------------------------------------


def reliability(kept, what="rate_song"):
    """How well persons agree about the songs or about the pictures.

    An item is rated by those who share its list: a deck of songs, or the pictures that a fifth of
    those with the same deck rate. ICCs are computed within lists and averaged, with the ends of
    their intervals; α is computed over all. ICC(2,k) and ICC(2,1) of Shrout and Fleiss (in
    pingouin: ICC(A,k), ICC(A,1)), Krippendorff's α for interval data. Persons who left out one of
    the items are left out of the ICC, not of α.

    Returns
    -------
    DataFrame indexed by dimension: items, raters (of an item, mean), icc2k, low, high, icc21,
    alpha. ICCs are NaN where fewer than two persons rated the same three items.
    """
    import krippendorff
    import pingouin

    table = kept[kept["kind"] == what]
    item = "song" if what == "rate_song" else "image"
    rows = {}
    for d in DIMENSIONS:
        wide = table.pivot(index="participant", columns=item, values=d)
        found = []
        for part in _lists(wide):
            full = part.dropna()
            if len(full) < 2 or full.shape[1] < 3 or full.to_numpy().std() == 0:
                continue
            long = full.rename_axis(columns="item").stack().rename("rating").reset_index()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                icc = pingouin.intraclass_corr(long, "item", "participant", "rating")
            icc = icc.set_index("Type")
            found.append(
                (icc.at["ICC(A,k)", "ICC"], *icc.at["ICC(A,k)", "CI95"], icc.at["ICC(A,1)", "ICC"])
            )
        mean = np.mean(found, axis=0) if found else np.full(4, np.nan)
        values = wide.to_numpy()
        varies = np.nanstd(values) > 0 if values.size else False
        rows[d] = {
            "items": wide.shape[1],
            "raters": float(wide.notna().sum().mean()),
            "icc2k": mean[0],
            "low": mean[1],
            "high": mean[2],
            "icc21": mean[3],
            "alpha": krippendorff.alpha(values, level_of_measurement="interval")
            if varies
            else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("dimension")


def _lists(wide):
    """Parts of a table of persons by items in which persons rated much the same items."""
    rest = wide
    while len(rest):
        first = rest.columns[rest.iloc[0].notna()]
        share = rest[first].notna().mean(axis=1)
        together = share > 0.5
        yield rest.loc[together, first]
        rest = rest[~together]


def side(kept):
    """How often the left picture is chosen: dict of trials, mean, wide_low, wide_high and p."""
    table = kept[kept["kind"] == "choose"]
    person, song, freedom = _codes(table)
    left = (table["choice"] == "left").to_numpy(float)
    error = standard_error((left - left.mean())[:, None] / len(left), person, song)[0]
    margin = quantile(freedom) * error
    return {
        "trials": len(left),
        "mean": float(left.mean()),
        "wide_low": float(left.mean() - margin),
        "wide_high": float(left.mean() + margin),
        "p": float(p_value(left.mean() - 0.5, error, freedom)),
    }


# --- the whole ----------------------------------------------------------------------------------


def decide(choices, apart, strength, alpha):
    """Test the hypotheses: estimates in the expected direction, Holm's procedure within H2, H3.

    Parameters
    ----------
    choices, apart, strength : DataFrames from `matched`, `distances` and `strengths`.

    Returns
    -------
    DataFrame indexed by hypothesis: estimate, low, high, p, adjusted and supported.
    """
    three = list(COMPARED)
    parts = [
        choices.loc[["full"], ["mean", "wide_low", "wide_high", "p"]],
        apart.loc[three, ["difference", "difference_low", "difference_high", "p"]],
        # How much stronger the full system is.
        -strength.loc[three, ["mean", "wide_high", "wide_low"]].assign(p=-strength["p"]),
    ]
    table = pd.DataFrame(
        np.concatenate([part.to_numpy(float) for part in parts]),
        columns=["estimate", "low", "high", "p"],
        index=pd.Index(list(HYPOTHESES), name="hypothesis"),
    )
    adjusted, supported = verdicts(table["estimate"].to_numpy(), table["p"].to_numpy(), alpha)
    return table.assign(adjusted=adjusted, supported=supported)


def verdicts(estimate, p, alpha):
    """Adjusted p-values and verdicts on estimates (7,) and p-values (7,) of the hypotheses."""
    adjusted = np.r_[holm(p[:1]), holm(p[1:4]), holm(p[4:])]
    return adjusted, (adjusted < alpha) & (estimate > NULL)


def analyse(made, answers, draws=2000, seed=0):
    """Everything: from a design and its answers to the tables of the report.

    Parameters
    ----------
    made : dict, the design.
    answers : DataFrame, see `join`.
    draws : int, bootstrap samples of persons.
    seed : int, of the bootstrap.

    Returns
    -------
    dict: simulated (bool), persons, dropped, reliability, side, matched, strengths, distances,
    variances, ordinal, hypotheses.
    """
    joined = join(made, answers)
    kept, persons, dropped = exclude(joined, made["rules"])
    both = compared(kept)
    fits = {outcome: distances(both, outcome, draws=draws, seed=seed) for outcome in OUTCOMES}
    choices = matched(kept, draws, seed)
    strength = strengths(kept, min(draws, 1000), seed)
    names = {"songs": "rate_song", "pictures": "rate_image"}
    result = {
        "persons": persons,
        "reliability": pd.concat(
            {name: reliability(kept, kind) for name, kind in names.items()}, names=["of"]
        ),
        "matched": choices,
        "strengths": strength,
        "distances": pd.concat({o: fit[0] for o, fit in fits.items()}, names=["outcome"]),
        "variances": pd.DataFrame({o: fit[1] for o, fit in fits.items()}).rename_axis("of"),
        "ordinal": ordinal(both),
        "hypotheses": decide(choices, fits["distance"][0], strength, made["rules"]["alpha"]),
    }
    simulated = bool(joined["simulated"].any())
    for table in result.values():
        table["simulated"] = simulated
    return {"simulated": simulated, "dropped": dropped, "side": side(kept), **result}


# --- the report ---------------------------------------------------------------------------------

WIDE = ("mean", "low", "high", "wide_low", "wide_high")
DIFFERENCE = ("difference", None, None, "difference_low", "difference_high")
CAPTIONS = {
    "persons": "Participants: share of trials answered, share answered too fast, failed checks, "
    "standard deviation of the more uniform block of ratings, and why they were left out.",
    "hypotheses": "Tests of the hypotheses: estimates with 95 % intervals for songs in general, "
    "p-values before and after Holm's procedure.",
    "matched": "How often each system's matched picture is chosen over a shuffled one. Low and "
    "high speak of these songs, wide low and wide high of songs in general; p against one half.",
    "distances": "Distance between the ratings of picture and song, points of 1–9: means, and "
    "differences from the full system. d is in standard deviations of a single answer.",
    "variances": "Variances of the crossed random intercepts and of single answers.",
    "ordinal": "Proportional-odds model of the distances: how much greater the odds of lying "
    "further off are than for the full system.",
    "strengths": "Bradley–Terry strengths of the systems, log odds against the full system, and "
    "estimated shares of wins over it.",
    "reliability": "Agreement of the participants: ICC(2,k), ICC(2,1) and Krippendorff's α.",
}


def caption(text, simulated):
    """A caption that says so if no person gave the answers."""
    return f"Simulated answers, given by no person. {text}" if simulated else text


def draw(name, result, known=None):
    """A figure of a study.

    Parameters
    ----------
    name : "matched", "distances" or "strengths".
    result : dict, from `analyse`.
    known : Series of values put into a simulation, indexed by measure and system, from
        `m2l.people.simulation.truth`.

    Returns
    -------
    figure : matplotlib Figure
    caption : text
    """
    import matplotlib.pyplot as plt

    from m2l import figures

    say = " (simulated)" * result["simulated"]
    diamonds = "" if known is None else "Diamonds: what was put in. "
    intervals = "Thick: 95 % interval for these songs. Thin: for songs in general. "
    if name == "distances":
        figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharey=True)
        for ax, outcome in zip(axes, OUTCOMES, strict=True):
            apart = None if known is None else (known[outcome] - known[outcome, "full"])[1:]
            table = result["distances"].loc[outcome].iloc[1:]
            figures.two_intervals(ax, table, DIFFERENCE, apart, 0)
            ax.set_title("in the plane" if outcome == "distance" else outcome)
        axes[1].set_xlabel(f"further off than the full system, points of 1–9{say}")
        text = (
            "How much further a system's pictures are felt from their songs than those of the full "
            f"system, with 95 % intervals for songs in general. {diamonds}Dashed: no difference."
        )
    else:
        figure, ax = plt.subplots(figsize=(7.2, 2.9))
        put_in = None if known is None else known[name.removesuffix("s")]
        null = 0.5 if name == "matched" else 0
        figures.two_intervals(ax, result[name], WIDE, put_in, null)
        what, text = {
            "matched": (
                "matched picture chosen",
                f"How often the matched picture is chosen. {intervals}{diamonds}Dashed: chance.",
            ),
            "strengths": (
                "strength against the full system, log odds",
                "Which system's picture wins when two are compared: Bradley–Terry strengths. "
                f"{intervals}{diamonds}Dashed: the full system.",
            ),
        }[name]
        ax.set_xlabel(f"{what}{say}")
    return figure, caption(text, result["simulated"])


def write(result, folder):
    """Write tables (.csv), figures (.png) and a report (report.md) into a folder.

    Parameters
    ----------
    result : dict, from `analyse`.
    folder : path, made if need be.
    """
    import matplotlib.pyplot as plt

    from m2l import figures

    folder, simulated = Path(folder), result["simulated"]
    folder.mkdir(parents=True, exist_ok=True)
    persons, side_ = result["persons"], result["side"]
    gone = persons.loc[persons["excluded"], "reason"].value_counts()
    dropped = {name: n for name, n in result["dropped"].items() if n}
    lines = ["# User study: report", ""]
    if simulated:
        lines += ["**The answers are simulated. No person gave them.**", ""]
    lines += [
        f"{len(persons)} participants answered; {gone.sum()} were left out"
        + "".join(f", {n} for {name}" for name, n in gone.items())
        + f". Of the rest, {sum(dropped.values())} single answers were dropped"
        + "".join(f", {n} for {name}" for name, n in dropped.items())
        + ".",
        "",
        "The left picture was chosen in {:.1f} % of choices (95 % interval {:.1f} to "
        "{:.1f}).".format(*(100 * side_[k] for k in ("mean", "wide_low", "wide_high"))),
        "",
    ]
    lines += [f"- **{key}**: {text}" for key, text in HYPOTHESES.items()] + [""]
    with plt.style.context(Path(figures.__file__).with_name("m2l.mplstyle")):
        drawn = {name: draw(name, result) for name in ("matched", "distances", "strengths")}
        for name, (figure, _) in drawn.items():
            # On white, for whatever it is put into.
            figure.savefig(folder / f"{name}.png", dpi=200, facecolor="white", transparent=False)
            plt.close(figure)
    for name, text in CAPTIONS.items():
        table = result[name]
        table.to_csv(folder / f"{name}.csv")
        if name != "persons":
            lines += [
                _markdown(table.drop(columns="simulated")),
                "",
                f"*{caption(text, simulated)}*",
                "",
            ]
        if name in drawn:
            said = drawn[name][1]
            lines += [f"![{said}]({name}.png)", "", f"*{said}*", ""]
    (folder / "report.md").write_text("\n".join(lines), encoding="utf-8")


def _markdown(table):
    """A table in Markdown, numbers to three places."""

    def text(value):
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.3f}".replace("-", "−")
        return str(value)

    flat = table.reset_index()
    rows = [list(map(str, flat.columns)), ["---"] * flat.shape[1]]
    rows += [[text(x) for x in row] for row in flat.astype(object).itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
