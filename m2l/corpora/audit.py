"""Audit labels before a model learns from them, and say how well any model could do.

A table of ratings can be wrong in ways that no training curve shows: two columns exchanged, a
scale left as it was, the same song twice. Such defects leave a mark in the table itself.
`findings` looks for them, `static_dynamic` and `find_blocks` for exchanged columns, and `ceiling`
measures the noise of the ratings. Nothing is changed: an audit reports.

Conventions
-----------
A table has the columns id, valence and arousal; title, artist, dynamic_valence and dynamic_arousal
(the mean over the song's own continuous labels) where known.
"""

import numpy as np
import pandas as pd

from m2l import stats
from m2l.errors import InputError
from m2l.va import DIMENSIONS

SCALES = ((0, 1), (-1, 1))
SURE = 2.58  # standard errors, 99 %
RHO = 0.5  # least agreement between static and dynamic labels that `find_blocks` reckons with


# -- static against dynamic labels -----------------------------------------------------------


def static_dynamic(table, blocks="block"):
    """Correlate static labels with the songs' own dynamic ones, block by block.

    With standardised labels, the straight correlations (same dimension) exceed the crossed ones
    by the covariance of static V − A with dynamic V − A. The verdict is the sign of that
    correlation where it is certain to 99 % (Fisher's z).

    Parameters
    ----------
    table : DataFrame
        valence, arousal, dynamic_valence and dynamic_arousal.
    blocks : name of the column of blocks, or the block of each row, array-like (n,)

    Returns
    -------
    DataFrame, indexed by block
        songs; Pearson's r valence_valence, valence_arousal, arousal_arousal and arousal_valence
        (static first; NaN below three songs); verdict: "in order", "exchanged" or "unclear".
    """
    rows, (v, a) = {}, DIMENSIONS
    for block, songs in table.groupby(blocks, sort=False):
        r = {
            f"{x}_{y}": songs[x].corr(songs[f"dynamic_{y}"], min_periods=3)
            for x, y in ((v, v), (v, a), (a, a), (a, v))
        }
        x, y = _differences(songs)
        agree, n = x.corr(y, min_periods=3), max((x * y).count() - 3, 0)
        z = np.arctanh(np.clip(agree, -1 + 1e-12, 1 - 1e-12)) * np.sqrt(n)
        verdict = "in order" if z > SURE else "exchanged" if z < -SURE else "unclear"
        rows[block] = {"songs": len(songs), **r, "verdict": verdict}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("block")


def find_blocks(table):
    """Find the stretches of ids in which valence and arousal are exchanged.

    Per song, static V − A and dynamic V − A agree in sign where labels are in order. The songs
    are cut into stretches in order, exchanged or unrelated (correlation of the two differences
    +0.5, −0.5 or 0) so that the likelihood, less a price of log n for each border, is greatest
    (Viterbi's algorithm). A border is right to within a few songs.

    Parameters
    ----------
    table : DataFrame
        id and the columns of `static_dynamic`. Songs are taken in the order of numeric ids, or
        else in that of the table.

    Returns
    -------
    ndarray (n,) of str
        Each row's stretch, named "first id-last id".
    """
    numbers = pd.to_numeric(table["id"], errors="coerce").to_numpy()
    numbers = np.arange(len(table)) if np.isnan(numbers).any() else numbers
    order = numbers.argsort(kind="stable")
    songs = table.iloc[order]
    path = _viterbi(_evidence(songs), np.log(len(songs)))
    stretch = np.cumsum(np.diff(path, prepend=path[0]) != 0)
    ids = songs["id"].astype(str).groupby(stretch)
    names = np.empty(len(songs), object)
    names[order] = ids.transform("first") + "-" + ids.transform("last")
    return names


def running_evidence(table):
    """Sum, song by song, the evidence that labels are in order.

    Parameters
    ----------
    table : DataFrame, as for `find_blocks`, in the order to sum in.

    Returns
    -------
    ndarray (n,)
        Cumulated log-likelihood ratio of "in order" to "exchanged". It climbs through songs in
        order and falls through exchanged ones.
    """
    evidence = _evidence(table)
    return np.cumsum(evidence[:, 0] - evidence[:, 1])


def _differences(songs):
    """Standardised valence minus standardised arousal, of static and of dynamic labels."""
    for prefix in ("", "dynamic_"):
        v, a = (_standard(songs[f"{prefix}{d}"]) for d in DIMENSIONS)
        yield v - a


def _standard(x):
    return (x - x.mean()) / x.std()


def _evidence(songs):
    """Log-likelihood (n, 3) of each song in order, exchanged, unrelated; 0 where unknown."""
    x, y = map(_standard, _differences(songs))
    likelihoods = [
        -0.5 * np.log(1 - rho**2) - (x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2))
        for rho in (RHO, -RHO, 0)
    ]
    return np.nan_to_num(np.stack(likelihoods, axis=1))


def _viterbi(likelihood, price):
    """Best path of states (n,) through log-likelihoods (n, states) when each change costs."""
    n, states = likelihood.shape
    change = price * (1 - np.eye(states))
    score, back = likelihood[0], np.zeros((n, states), int)
    for i in range(1, n):
        options = score - change  # [to, from]
        back[i] = options.argmax(axis=1)
        score = options.max(axis=1) + likelihood[i]
    path = [int(score.argmax())]
    for i in range(n - 1, 0, -1):
        path.append(int(back[i, path[-1]]))
    return np.array(path[::-1])


# -- all checks ------------------------------------------------------------------------------


def findings(table, scale=(1, 9)):
    """Check a table of labels for what is known to go wrong.

    Labels that are missing, outside the scale or on another one (0–1, −1–1); ids and songs (by
    title and artist) that occur twice; valence and arousal exchanged.

    Parameters
    ----------
    table : DataFrame, its labels numbers
    scale : (float, float), ends of the scale that the labels should be on.

    Returns
    -------
    DataFrame
        check, severity ("error", labels that are wrong, or "warning", look before use), ids
        (tuple of str, the rows concerned) and text (one line). Errors come first.
    """
    (low, high), found = scale, []

    def report(check, severity, rows, text):
        found.append((check, severity, tuple(table.loc[rows, "id"].astype(str)), text))

    table = table.reset_index(drop=True)
    for d in DIMENSIONS:
        x = table[d]
        if (gaps := x.isna()).any():
            report("missing", "error", gaps, f"{d}: {gaps.sum()} missing")
        outside = (x < low) | (x > high)
        others = [(a, b) for a, b in SCALES if not a <= low < high <= b]
        if inside := [s for s in others if x.dropna().between(*s).mean() > 0.99]:
            a, b = inside[0]
            factor = (high - low) / (b - a)
            text = f"{d} runs from {x.min():.2f} to {x.max():.2f}, a scale of {a} to {b}, not "
            text += f"{low:g} to {high:g}; map it by {low - a * factor:g} + {factor:g}x"
            report("scale", "error", x.index, text)
        elif outside.any():
            text = f"{d}: {outside.sum()} outside {low:g} to {high:g}"
            report("range", "error", outside, text)
    if (again := table["id"].duplicated()).any():
        report("same id", "error", again, f"ids listed before: {again.sum()}")
    if {"title", "artist"} <= set(table):
        song = table[["title", "artist"]].apply(lambda x: x.str.strip().str.casefold()).dropna()
        if (again := song.duplicated()).any():
            groups = table.loc[song.index].groupby([song["title"], song["artist"]])
            apart = groups[list(DIMENSIONS)].agg(np.ptp).max(axis=None)
            text = (
                f"titles by the same artist listed before: {again.sum()}, up to {apart:.2f} apart"
            )
            report("same song", "warning", again.index[again], text)
    if {f"dynamic_{d}" for d in DIMENSIONS} <= set(table):
        blocks = find_blocks(table)
        for block, row in static_dynamic(table, blocks).iterrows():
            text = f"{block}: valence and arousal exchanged in {row.songs} songs (static valence "
            text += f"with dynamic valence {row.valence_valence:.2f}, with dynamic arousal "
            if row["verdict"] == "exchanged":
                report("exchange", "error", blocks == block, f"{text}{row.valence_arousal:.2f})")
    found = pd.DataFrame(found, columns=["check", "severity", "ids", "text"])
    return found.sort_values("severity", kind="stable", ignore_index=True)


# -- raters ----------------------------------------------------------------------------------


def ceiling(means, sds, numbers, draws=1000, seed=0):
    """R² that a perfect model of the mean rating would reach against these raters.

    A mean over n raters with sd s misses the mean of all conceivable raters by s²/n on average
    squared, which no model can predict: R² ≤ 1 − mean(s²/n) / var(means). With equal n it is
    ICC(1, k), the reliability of the mean.

    Parameters
    ----------
    means, sds, numbers : array-like (items,)
        Mean, sample sd (n − 1) and number of the item's ratings. An item with one rating takes
        the average variance of the others.
    draws, seed : of the interval.

    Returns
    -------
    dict: value, low, high

    Raises
    ------
    InputError
        Fewer than ten items, or none with two ratings.

    References
    ----------
    Shrout & Fleiss 1979, ICC(1, k).
    """
    means, sds, numbers = (np.asarray(x, float) for x in (means, sds, numbers))
    if len(means) < 10 or not (numbers > 1).any():
        raise InputError("ceiling: needs ten items, and more than one rating of an item")
    return stats.bootstrap(
        lambda *rows: 1 - _noise(*rows), means, sds, numbers, draws=draws, seed=seed
    )


def icc(means, sds, numbers):
    """Intraclass correlation of a single rating, ICC(1): one-way random effects.

    Variance of the items over that of the items and the raters within them; parameters as in
    `ceiling`.
    """
    within = np.nanmean(sds**2)
    between = means.var(ddof=1) * (1 - _noise(means, sds, numbers))
    return float(between / (between + within))


def _noise(means, sds, numbers):
    variance = np.where(np.isnan(sds), np.nanmean(sds**2), sds**2)
    return (variance / numbers).mean() / means.var(ddof=1)


def moments(ratings, dimension):
    """Mean, sample sd and number of each item's ratings, three ndarrays (items,)."""
    by_item = ratings.groupby("id")[dimension]
    return tuple(by_item.agg(how).to_numpy(float) for how in ("mean", "std", "size"))
