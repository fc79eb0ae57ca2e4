"""Audit labels before a model learns from them, and say how well any model could do.

A table of ratings can be wrong in ways that no training curve shows: two columns exchanged, a
scale left as it was, the same song twice. Such defects leave a mark in the table itself.
`findings` looks for all of them, `static_dynamic` and `find_blocks` for exchanged columns, and
`ceiling` measures the noise of the ratings. Nothing is changed: an audit reports.

Conventions
-----------
A table has the columns id, valence and arousal; path, title, artist, dynamic_valence and
dynamic_arousal (the mean over the song's own continuous labels) where known.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from m2l import stats
from m2l.doors import cache
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
    blocks : str or array-like (n,)
        Name of the column of blocks, or the block of each row.

    Returns
    -------
    DataFrame, indexed by block
        songs; Pearson's r valence_valence, valence_arousal, arousal_arousal and arousal_valence
        (static first; NaN below three songs); verdict: "in order", "exchanged" or "unclear".
    """
    rows = {}
    for block, songs in table.groupby(blocks, sort=False):
        r = {
            f"{static}_{dynamic}": songs[static].corr(songs[f"dynamic_{dynamic}"], min_periods=3)
            for static, dynamic in (
                ("valence", "valence"),
                ("valence", "arousal"),
                ("arousal", "arousal"),
                ("arousal", "valence"),
            )
        }
        straight = r["valence_valence"] + r["arousal_arousal"]
        crossed = r["valence_arousal"] + r["arousal_valence"]
        x, y = (_difference(songs, prefix) for prefix in ("", "dynamic_"))
        if not _surely(x.corr(y, min_periods=3), (x * y).count()):
            verdict = "unclear"
        else:
            verdict = "exchanged" if crossed > straight else "in order"
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
        id, valence, arousal, dynamic_valence and dynamic_arousal. Songs are taken in the order of
        numeric ids, or else in that of the table.

    Returns
    -------
    ndarray (n,) of str
        Each row's stretch, named "first id-last id".
    """
    numbers = pd.to_numeric(table["id"], errors="coerce").to_numpy()
    numbers = np.arange(len(table)) if np.isnan(numbers).any() else numbers
    order = numbers.argsort(kind="stable")
    songs = table.iloc[order]
    ids = songs["id"].astype(str).to_numpy()
    path = _viterbi(_evidence(songs), np.log(len(songs)))
    stretch = np.cumsum(np.diff(path, prepend=path[0]) != 0)
    names = np.empty(len(songs), object)
    for part in np.unique(stretch):
        rows = np.flatnonzero(stretch == part)
        names[order[rows]] = f"{ids[rows[0]]}-{ids[rows[-1]]}"
    return names


def running_evidence(table):
    """Sum, song by song, the evidence that labels are in order.

    Parameters
    ----------
    table : DataFrame
        As for `find_blocks`, in the order to sum in.

    Returns
    -------
    ndarray (n,)
        Cumulated log-likelihood ratio of "in order" to "exchanged". It climbs through songs in
        order and falls through exchanged ones.
    """
    evidence = _evidence(table)
    return np.cumsum(evidence[:, 0] - evidence[:, 1])


def _difference(songs, prefix):
    """Standardised valence minus standardised arousal, Series."""
    both = [songs[f"{prefix}{d}"] for d in DIMENSIONS]
    v, a = ((x - x.mean()) / x.std() for x in both)
    return v - a


def _surely(r, n):
    """Whether a correlation of n pairs differs from 0 beyond doubt (Fisher's z)."""
    if not n > 3 or np.isnan(r):
        return False
    return abs(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))) * np.sqrt(n - 3) > SURE


def _evidence(songs):
    """Log-likelihood (n, 3) of each song in order, exchanged, unrelated; 0 where unknown."""
    x, y = (_difference(songs, prefix) for prefix in ("", "dynamic_"))
    x, y = ((z - z.mean()) / z.std() for z in (x, y))
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


def findings(table, scale=(1, 9), blocks=None):
    """Check a table of labels for what is known to go wrong.

    Missing labels; values outside the scale, and parts on another one (0–1, −1–1); static against
    dynamic labels; ids, songs (by title and artist) and files (by content) that occur twice.

    Parameters
    ----------
    table : DataFrame
    scale : (float, float), ends of the scale that the labels should be on.
    blocks : str, optional
        Column of the parts to check one by one, such as the corpus or the range of ids. Without
        it, the table is one part and blocks of exchanged labels are searched for.

    Returns
    -------
    DataFrame
        check, severity ("error", labels that are wrong, or "warning", look before use), ids
        (tuple of str, the rows concerned) and text (one line). Errors come first.

    Raises
    ------
    InputError
        A column is missing.
    """
    if missing := [c for c in ("id", *DIMENSIONS, *([blocks] if blocks else [])) if c not in table]:
        raise InputError(
            f"labels: no column {', '.join(missing)}; name them id, valence and arousal"
        )
    table = table.reset_index(drop=True).assign(
        **{d: pd.to_numeric(table[d], errors="coerce").to_numpy() for d in DIMENSIONS}
    )
    found = []
    for name, part in table.groupby(blocks, sort=False) if blocks else [("", table)]:
        for d in DIMENSIONS:
            found += _column(part, d, scale, f"{name}: {d}" if blocks else d)
    found += _duplicates(table)
    if {f"dynamic_{d}" for d in DIMENSIONS} <= set(table):
        found += _exchange(table, table[blocks] if blocks else find_blocks(table))
    columns = ["check", "severity", "ids", "text"]
    return pd.DataFrame(found, columns=columns).sort_values(
        "severity", kind="stable", ignore_index=True
    )


def _ids(rows):
    return tuple(rows["id"].astype(str))


def _column(part, d, scale, name):
    """Findings about one dimension of one part."""
    (low, high), x = scale, part[d]
    if x.isna().any():
        yield "missing", "error", _ids(part[x.isna()]), f"{name}: {x.isna().sum()} missing"
    for a, b in SCALES:
        if not a <= low < high <= b and x.dropna().between(a, b).mean() > 0.99:
            factor = (high - low) / (b - a)
            yield (
                "scale",
                "error",
                _ids(part),
                (
                    f"{name} runs from {x.min():.2f} to {x.max():.2f}, a scale of {a} to {b}, "
                    f"not {low:g} to {high:g}; map it by {low - a * factor:g} + {factor:g}x"
                ),
            )
            return
    if (outside := (x < low) | (x > high)).any():
        text = f"{name}: {outside.sum()} outside {low:g} to {high:g}"
        yield "range", "error", _ids(part[outside]), text


def _duplicates(table):
    again = table["id"].duplicated()
    if again.any():
        yield "same id", "error", _ids(table[again]), f"ids listed before: {again.sum()}"
    if {"title", "artist"} <= set(table):
        song = table[["title", "artist"]].apply(lambda x: x.str.strip().str.casefold())
        known = table[song.notna().all(axis=1)]
        groups = known.groupby([song["title"], song["artist"]])
        if len(again := known[groups.cumcount() > 0]):
            apart = groups[list(DIMENSIONS)].agg(np.ptp).max(axis=None)
            text = f"titles by the same artist listed before: {len(again)}, up to {apart:.2f} apart"
            yield "same song", "warning", _ids(again), text
    if "path" not in table:
        return
    files = table[table["path"].map(lambda p: isinstance(p, str) and Path(p).is_file())]
    # Only files of equal size can be equal; the others need not be read.
    size = files["path"].map(lambda p: Path(p).stat().st_size)
    files = files[size.duplicated(keep=False)]
    content = files["path"].map(lambda p: cache.key(Path(p)))
    for _, twins in files.groupby(content):
        if len(twins) > 1:
            apart = float(np.ptp(twins[list(DIMENSIONS)], axis=0).max())
            text = f"{len(twins)} items with one and the same file, labels up to {apart:.2f} apart"
            yield "same file", "error" if apart else "warning", _ids(twins), text


def _exchange(table, blocks):
    for block, row in static_dynamic(table, blocks).iterrows():
        if row["verdict"] == "exchanged":
            text = (
                f"{block}: valence and arousal exchanged in {row.songs} songs (static valence "
                f"with dynamic valence {row.valence_valence:.2f}, with dynamic arousal "
                f"{row.valence_arousal:.2f})"
            )
            yield "exchange", "error", _ids(table[np.asarray(blocks) == block]), text
        elif row["verdict"] == "unclear":
            text = f"{block}: cannot tell from {row.songs} songs whether labels are exchanged"
            yield "exchange", "warning", (), text


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
