"""Audit labels before a model learns from them, and say how well any model could do.

A table of ratings can be wrong in ways that no training curve shows: two columns exchanged, a
scale left as it was, the same song twice, raters who disagree. Such defects leave a mark in the
table itself. `findings` looks for all of them, `static_dynamic` and `find_blocks` for exchanged
columns, `ceiling` and `split_half` measure the noise of the ratings, and `mixture` shows what a
score on pooled corpora is worth.

Conventions
-----------
A table has the columns id, valence and arousal; path, title, artist, dynamic_valence and
dynamic_arousal (the mean over the song's own continuous labels), valence_sd and arousal_sd where
known. Ratings have the columns id, rater, valence and arousal, one row per rating. Nothing is
changed: an audit reports. A finding is an "error" (labels that are wrong), a "warning" (look
before use) or a "note" (worth knowing). Intervals are 95 % percentile intervals over songs drawn
with replacement.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from m2l import stats
from m2l.errors import InputError
from m2l.va import DIMENSIONS

COLUMNS = ["check", "severity", "ids", "text"]
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


def findings(table, scale=(1, 9), blocks=None, ratings=None):
    """Check a table of labels for all that is known to go wrong.

    Missing labels; values outside the scale, and corpora or parts on another one (0–1, −1–1);
    labels crowded into a quarter of the scale or on a coarse grid; static against dynamic labels;
    ids, songs (by title and artist), labels and files (by content) that occur twice; with single
    ratings, labels that are not the mean of their ratings, ratings given twice, raters who answer
    against the others, and means that few raters leave noisy (a ceiling below 0.7).

    Parameters
    ----------
    table : DataFrame
    scale : (float, float)
        Ends of the scale that the labels should be on.
    blocks : str, optional
        Column of the parts to check one by one, such as the corpus or the range of ids. Without
        it, the table is one part and blocks of exchanged labels are searched for.
    ratings : DataFrame, optional
        The single ratings behind the labels, on the same scale.

    Returns
    -------
    DataFrame
        check, severity, ids (tuple of str, the rows concerned) and text (one line); no row where
        nothing was found. Errors come first.

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
    parts = table.groupby(blocks, sort=False) if blocks else [("", table)]
    for name, part in parts:
        for d in DIMENSIONS:
            found += _column(part, d, scale, f"{name}: {d}" if blocks else d)
    found += _duplicates(table)
    if {f"dynamic_{d}" for d in DIMENSIONS} <= set(table):
        found += _exchange(table, table[blocks] if blocks else find_blocks(table))
    if ratings is not None:
        found += _raters(table, ratings)
    order = {"error": 0, "warning": 1, "note": 2}
    return pd.DataFrame(found, columns=COLUMNS).sort_values(
        "severity", key=lambda s: s.map(order), kind="stable", ignore_index=True
    )


def _ids(rows):
    return tuple(rows["id"].astype(str))


def _column(part, d, scale, name):
    """Findings about one dimension of one part."""
    low, high = scale
    x = part[d]
    if x.isna().any():
        yield "missing", "error", _ids(part[x.isna()]), f"{name}: {x.isna().sum()} missing"
    known = x.dropna()
    if known.empty:
        return
    for a, b in SCALES:
        wider = a <= low and high <= b
        if not wider and known.between(a, b).mean() > 0.99:
            factor = (high - low) / (b - a)
            text = (
                f"{name} runs from {known.min():.2f} to {known.max():.2f}, a scale of {a} to {b}, "
                f"not {low:g} to {high:g}; map it by {low - a * factor:g} + {factor:g}x"
            )
            yield "scale", "error", _ids(part), text
            return
    outside = (x < low) | (x > high)
    if outside.any():
        text = f"{name}: {outside.sum()} outside {low:g} to {high:g}"
        yield "range", "error", _ids(part[outside]), text
    if len(known) < 30:
        return
    span = np.subtract(*known.quantile([0.95, 0.05]))
    if span < (high - low) / 4:
        text = f"{name}: the middle 90 % lie within {span:.1f} points of the scale's {high - low:g}"
        yield "narrow", "warning", (), text
    for step, severity in ((1, "warning"), (0.5, "warning"), (0.1, "note")):
        if np.allclose(known, step * np.round(known / step), rtol=0, atol=1e-6):
            text = f"{name}: all labels are multiples of {step:g}"
            yield "grid", severity, (), text
            return


def _duplicates(table):
    again = table["id"].duplicated()
    if again.any():
        yield "same id", "error", _ids(table[again]), f"ids listed before: {again.sum()}"
    labels = [c for c in (*DIMENSIONS, "valence_sd", "arousal_sd") if c in table]
    same = table.duplicated(labels) & table[list(DIMENSIONS)].notna().all(axis=1)
    if same.any():
        text = f"items with exactly the labels of one before: {same.sum()}"
        yield "same labels", "note", _ids(table[same]), text
    if {"title", "artist"} <= set(table):
        song = table[["title", "artist"]].apply(lambda x: x.str.strip().str.casefold())
        known = table[song.notna().all(axis=1)]
        groups = known.groupby([song["title"], song["artist"]])
        again = known[groups.cumcount() > 0]
        if len(again):
            apart = groups[list(DIMENSIONS)].agg(np.ptp).max(axis=None)
            text = f"titles by the same artist listed before: {len(again)}, up to {apart:.2f} apart"
            yield "same song", "warning", _ids(again), text
    if "path" not in table:
        return
    files = table[table["path"].map(lambda p: isinstance(p, str) and Path(p).is_file())]
    # Only files of equal size can be equal; the others need not be read.
    size = files["path"].map(lambda p: Path(p).stat().st_size)
    files = files[size.duplicated(keep=False)]
    content = files["path"].map(lambda p: hashlib.sha256(Path(p).read_bytes()).hexdigest())
    for _, twins in files.groupby(content):
        if len(twins) == 1:
            continue
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
            yield "exchange", "note", (), text


def _raters(table, ratings):
    twice = ratings.duplicated(["id", "rater"])
    if twice.any():
        text = f"ratings by a rater who had rated the item before: {twice.sum()}"
        yield "same rater", "note", _ids(ratings[twice]), text
    together = agreement(ratings)
    for d in DIMENSIONS:
        means = table["id"].astype(str).map(ratings.groupby(ratings["id"].astype(str))[d].mean())
        off = (table[d] - means).abs()
        wrong = off > 0.1  # twice what rounding to a tenth can do
        if wrong.any():
            text = f"{d}: {wrong.sum()} not the mean of the ratings, by up to {off.max():.2f}"
            yield "mean", "error", _ids(table[wrong]), text
        sure = np.array(
            [_surely(*pair) for pair in zip(together[d], together["items"], strict=True)]
        )
        against = together[(together[d] < 0).to_numpy() & np.array(sure)]
        if len(against):
            text = f"{d}: raters who answer against the others: {len(against)} of {len(together)}"
            yield "rater", "warning", tuple(against.index.astype(str)), text
        means, sds, numbers = moments(ratings, d)
        reliable = 1 - _noise(means, sds, numbers) if (numbers > 1).any() else 1
        if reliable < 0.7:
            text = f"{d}: the means are noisy, R² of a perfect model {reliable:.2f}"
            yield "ceiling", "warning", (), text


# -- raters ----------------------------------------------------------------------------------


def agreement(ratings):
    """Correlate each rater with the mean of the others who rated the same items.

    Parameters
    ----------
    ratings : DataFrame

    Returns
    -------
    DataFrame, indexed by rater
        items; Pearson's r valence and arousal, NaN below three items or without variation.
    """
    out = {}
    for d in DIMENSIONS:
        by_item = ratings.groupby("id")[d]
        n = by_item.transform("size")
        others = (by_item.transform("sum") - ratings[d]) / (n - 1).where(n > 1)
        pairs = pd.DataFrame({"rater": ratings["rater"], "own": ratings[d], "others": others})
        varied = pairs.groupby("rater").filter(lambda p: len(p) > 2 and p["own"].std() > 0)
        out[d] = varied.groupby("rater")[["own", "others"]].apply(
            lambda p: p["own"].corr(p["others"])
        )
    items = ratings.groupby("rater").size().rename("items")
    return pd.DataFrame({"items": items} | out)


def icc(means, sds, numbers):
    """Intraclass correlation of a single rating, ICC(1): one-way random effects.

    Parameters
    ----------
    means, sds, numbers : ndarray (items,)
        As in `ceiling`.

    Returns
    -------
    float
        Variance of the items over that of the items and the raters within them.

    References
    ----------
    Shrout & Fleiss 1979, case 1, with the noise of each mean taken off the variance of the means.
    """
    within = np.nanmean(sds**2)
    between = means.var(ddof=1) * (1 - _noise(means, sds, numbers))
    return float(between / (between + within))


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


def _noise(means, sds, numbers):
    variance = np.where(np.isnan(sds), np.nanmean(sds**2), sds**2)
    return (variance / numbers).mean() / means.var(ddof=1)


def moments(ratings, dimension):
    """Mean, sample sd and number of each item's ratings, three ndarrays (items,)."""
    by_item = ratings.groupby("id")[dimension]
    return tuple(by_item.agg(how).to_numpy(float) for how in ("mean", "std", "size"))


def split_half(ratings, dimension, splits=50, draws=300, seed=0):
    """Reliability of the mean rating by halves of the raters.

    Each item's ratings are split in two at random, the means of the halves are correlated over
    items and stepped up to the full number of ratings (Spearman–Brown); averaged over splits. It
    estimates the same as `ceiling`.

    Parameters
    ----------
    ratings : DataFrame
        Items with one rating are left out.
    dimension : str
    splits, draws, seed : of the random halves and of the interval.

    Returns
    -------
    dict: value, low, high

    Raises
    ------
    InputError
        Fewer than ten items have two ratings.

    References
    ----------
    Spearman 1910; Brown 1910.
    """
    n = ratings.groupby("id")[dimension].transform("size")
    kept = ratings[n > 1]
    items = kept["id"].nunique()
    if items < 10:
        raise InputError("split_half: needs ten items with two ratings each")
    column = kept.groupby("id").cumcount()
    wide = kept.assign(column=column).pivot(index="id", columns="column", values=dimension)
    wide = wide.to_numpy(float)  # (items, most ratings), NaN after an item's last
    number = (~np.isnan(wide)).sum(axis=1)
    half = number // 2
    rng = np.random.default_rng(seed)
    first, second = np.empty((2, items, splits))
    for i in range(splits):
        keys = np.where(np.isnan(wide), np.inf, rng.random(wide.shape))
        mixed = np.take_along_axis(wide, keys.argsort(axis=1), axis=1)
        total = np.nancumsum(mixed, axis=1)
        first[:, i] = np.take_along_axis(total, half[:, None] - 1, axis=1)[:, 0] / half
        to_both = np.take_along_axis(total, 2 * half[:, None] - 1, axis=1)[:, 0]
        second[:, i] = to_both / half - first[:, i]
    times = number.mean() / half.mean()

    def stepped_up(a, b):
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        r = ((a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))).mean()
        return times * r / (1 + (times - 1) * r)

    return stats.bootstrap(stepped_up, first, second, draws=draws, seed=seed)


def rater_report(ratings):
    """Everything that single ratings tell about their means.

    Parameters
    ----------
    ratings : DataFrame

    Returns
    -------
    dict
        items, ratings, raters, per_item (mean, min, max) and, for valence and arousal, ceiling,
        split_half (each value, low, high), icc1 and rater_r: the correlation of a rater with the
        mean of the others, averaged over raters of ten items or more; None if there are none.

    Raises
    ------
    InputError
        Fewer than ten items have two ratings.
    """
    numbers = ratings.groupby("id").size()
    together = agreement(ratings)
    regular = together[together["items"] >= 10]
    out = {
        "items": len(numbers),
        "ratings": len(ratings),
        "raters": int(ratings["rater"].nunique()),
        "per_item": spread(numbers),
    }
    for d in DIMENSIONS:
        r = regular[d].mean()
        out[d] = {
            "ceiling": ceiling(*moments(ratings, d)),
            "split_half": split_half(ratings, d),
            "icc1": icc(*moments(ratings, d)),
            "rater_r": None if np.isnan(r) else float(r),
        }
    return out


def spread(numbers):
    """Mean, min and max of how many rated an item, dict."""
    return {"mean": float(numbers.mean()), "min": int(numbers.min()), "max": int(numbers.max())}


# -- pooled corpora --------------------------------------------------------------------------


def identity(labels, corpus, folds=10, seed=0):
    """Predict each label from nothing but which corpus it belongs to.

    Parameters
    ----------
    labels : ndarray (n,)
    corpus : array-like (n,) of str
    folds, seed : of the cross-validation, songs at random.

    Returns
    -------
    ndarray (n,)
        Cross-validated predictions: the mean of the corpus over the other folds.
    """
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold, cross_val_predict

    return cross_val_predict(
        LinearRegression(fit_intercept=False),
        pd.get_dummies(pd.Series(corpus), dtype=float).to_numpy(),
        np.asarray(labels, float),
        cv=KFold(folds, shuffle=True, random_state=seed),
    )


def mixture(tables, left, reported, folds=10, seed=0):
    """Show what R² on pooled corpora is worth when one was left on another scale.

    Parameters
    ----------
    tables : dict of name to DataFrame
        Corpora on 1–9.
    left : str
        The corpus that was left on 0–1 in the mixture.
    reported : float
        R² that was reported on such a mixture.
    folds, seed : as in `identity`.

    Returns
    -------
    dict
        left and rescaled: R² of corpus identity alone, before and after the corpus is mapped to
        1–9, for valence, arousal and their mean (each value, low, high); within: R² of the same
        predictions inside each corpus; implied_within: the R² inside the corpora that the
        reported one amounts to, 1 − (1 − reported) / (1 − identity); songs, left_on_0_1, folds
        and reported.

    Raises
    ------
    InputError
        There is no such corpus among the tables.
    """
    if left not in tables:
        raise InputError(f"{left}: not among the corpora {', '.join(tables)}; name one of them")
    pooled = pd.concat(tables, names=["corpus"]).reset_index("corpus")
    corpus = pooled["corpus"].to_numpy()
    rescaled = pooled[list(DIMENSIONS)].to_numpy(float)
    unscaled = np.where((corpus == left)[:, None], (rescaled - 1) / 8, rescaled)
    out = {
        "songs": {name: len(table) for name, table in tables.items()},
        "left_on_0_1": left,
        "folds": folds,
    }
    for key, labels in (("left", unscaled), ("rescaled", rescaled)):
        guess = np.stack([identity(x, corpus, folds, seed) for x in labels.T], axis=1)
        out[key] = {
            name: stats.bootstrap(_r2, labels[:, d], guess[:, d])
            for name, d in (("valence", [0]), ("arousal", [1]), ("mean", [0, 1]))
        }
    out["within"] = {
        name: {
            d: _r2(rescaled[corpus == name, i : i + 1], guess[corpus == name, i : i + 1])
            for i, d in enumerate(DIMENSIONS)
        }
        for name in tables
    }
    out["reported"] = reported
    out["implied_within"] = {
        name: 1 - (1 - reported) / (1 - r2["value"]) for name, r2 in out["left"].items()
    }
    return out


def _r2(true, predicted):
    """R², averaged over columns (n, dimensions)."""
    missed = ((true - predicted) ** 2).sum(axis=0)
    return float((1 - missed / ((true - true.mean(axis=0)) ** 2).sum(axis=0)).mean())
