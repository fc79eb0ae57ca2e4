"""Scores, intervals and tests, each written once.

Conventions
-----------
Valence and arousal are arrays (..., 2), valence first. A figure with its interval is a dict
{"value", "low", "high"}; intervals hold 95 %. Rows that are not independent, as songs of one
artist, share a group, and groups are drawn whole.
"""

from __future__ import annotations

import numpy as np

from m2l.va import DIMENSIONS

DRAWS = 200


# -- scores ----------------------------------------------------------------------------------


def score(y, predicted):
    """Scores of one dimension.

    Parameters
    ----------
    y, predicted : ndarray (N,)

    Returns
    -------
    dict with r2, mse, rmse, mae, r (Pearson; 0 where either is constant) and ccc (Lin 1989). Where
    y is constant, r2 and ccc are NaN.
    """
    y, predicted = np.asarray(y, float), np.asarray(predicted, float)
    error, mse = predicted - y, np.mean((predicted - y) ** 2)
    spread, variance = y.var(), predicted.var()
    covariance = np.mean((predicted - predicted.mean()) * (y - y.mean()))
    # Rounding leaves even a constant some variance, so the values themselves are asked.
    known, varied = np.ptp(y) > 0, np.ptp(predicted) > 0
    nan = float("nan")
    return {
        "r2": float(1 - mse / spread) if known else nan,
        "mse": float(mse),
        "rmse": float(np.sqrt(mse)),
        "mae": float(np.mean(np.abs(error))),
        "r": float(covariance / np.sqrt(spread * variance)) if known and varied else 0.0,
        "ccc": float(2 * covariance / (spread + variance + error.mean() ** 2)) if known else nan,
    }


def partial(x, y, given):
    """Correlation of x and y (N,) that is left when both are regressed on `given` (N, K)."""
    given = np.column_stack([np.ones(len(x)), given])

    def rest(v):
        return v - given @ np.linalg.lstsq(given, v, rcond=None)[0]

    return score(rest(np.asarray(x, float)), rest(np.asarray(y, float)))["r"]


def evaluate(y, predicted, groups, draws=1000, seed=0, reference=None):
    """Scores of predictions of valence and arousal, with intervals over groups.

    Parameters
    ----------
    y : ndarray (N, 2)
    predicted : ndarray (repeats, N, 2), out of fold; scores average over repeats.
    groups : array (N,)
    reference : ndarray (repeats, N, 2), another model's predictions of the same songs.

    Returns
    -------
    dict of dimension to dict of score to {"value", "low", "high"}. With a reference, `gain` is the
    R² above the reference's, on the same draws of groups.
    """

    def of(y, predicted):
        scores = [score(y, one) for one in predicted.T]
        return {k: np.mean([s[k] for s in scores]) for k in scores[0]}

    def statistic(y, predicted, *reference):
        out = {}
        for d, name in enumerate(DIMENSIONS):
            out[name] = of(y[:, d], predicted[..., d])
            for other in reference:
                out[name]["gain"] = out[name]["r2"] - of(y[:, d], other[..., d])["r2"]
        return out

    both = [predicted] if reference is None else [predicted, reference]
    arrays = [np.asarray(y, float), *(np.asarray(p, float).swapaxes(0, 1) for p in both)]
    return bootstrap(statistic, *arrays, groups=groups, draws=draws, seed=seed)


# -- intervals -------------------------------------------------------------------------------


def bootstrap(statistic, *arrays, groups=None, draws=None, seed=0):
    """A statistic of rows with its percentile interval.

    Parameters
    ----------
    statistic : callable of the arrays -> float, or dict (of dict …) of float, each of which then
        has its interval.
    arrays : ndarrays of equal length, whose rows are drawn together with replacement.
    groups : array of the same length; groups are then drawn whole.
    draws : `DRAWS` by default, here and below.
    """
    rng = np.random.default_rng(seed)
    groups = (
        np.arange(len(arrays[0])) if groups is None else np.unique(groups, return_inverse=True)[1]
    )
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    found = []
    for _ in range(draws or DRAWS):
        rows = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        found.append(statistic(*(a[rows] for a in arrays)))
    return summary(statistic(*arrays), found)


def share(hits):
    """The share of hits, array (N,) of bool, with its exact interval: 0 of N too says something.

    References
    ----------
    Clopper & Pearson 1934, "The use of confidence or fiducial limits".
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(int(np.sum(hits)), len(hits), method="beta")
    return {"value": float(np.mean(hits)), "low": float(low), "high": float(high)}


def halves(statistic, *sizes, draws=None, seed=0):
    """A statistic of sets of images with its interval, from random halves of each set.

    A half differs from its whole as much as the whole does from all the images there could be,
    and holds no image twice, which would be its own nearest neighbour. Distances depend on the
    number of images, so the halves' values are moved to the whole's.

    Parameters
    ----------
    statistic : callable of one array of rows for each set -> float or dict, as in `bootstrap`.
    sizes : the number of images in each set.

    References
    ----------
    Shao & Wu 1989, "A general theory for jackknife variance estimation": delete-half jackknife.
    """
    rng = np.random.default_rng(seed)
    found = [
        statistic(*(rng.permutation(n)[: n // 2] for n in sizes)) for _ in range(draws or DRAWS)
    ]
    return summary(statistic(*map(np.arange, sizes)), found, centred=True)


def summary(value, found, centred=False):
    """A figure, or a dict (of dict …) of figures, with the interval of its draws."""
    if isinstance(value, dict):
        return {k: summary(value[k], [f[k] for f in found], centred) for k in value}
    found = np.array(found)
    known = found[~np.isnan(found)]  # a draw of one value only leaves some scores unknown
    low, high = np.quantile(known, [0.025, 0.975]) if known.size else (np.nan, np.nan)
    moved = value - known.mean() if centred else 0
    return {"value": float(value), "low": float(low + moved), "high": float(high + moved)}


def over_seeds(values):
    """Mean of a figure over runs with its interval, Student's t.

    The ends are NaN for fewer than three: of two values the interval is 18 times their deviation.
    """
    from scipy.stats import t

    values = np.asarray(values, float)
    n, mean = len(values), values.mean()
    half = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 2 else np.nan
    return {"n": n, "value": mean, "low": mean - half, "high": mean + half}


# -- tests -----------------------------------------------------------------------------------


def permutation(statistic, x, y, times=1000, seed=0):
    """What a statistic would be if x had nothing to do with y.

    Parameters
    ----------
    statistic : callable (x, y) -> float, larger for more agreement.
    x, y : arrays of equal length; the rows of y are put in random order.
    seed : int or Generator

    Returns
    -------
    dict: value (mean over random orders), low and high (where 95 % of them lie) and p, the share
    of orders, the true one among them, that reach the true one's statistic.
    """
    rng = np.random.default_rng(seed)
    found = np.array([statistic(x, rng.permutation(y)) for _ in range(times)])
    p = float((1 + np.sum(found >= statistic(x, y))) / (times + 1))
    return summary(found.mean(), found) | {"p": p}


def holm(p):
    """p-values (N,) adjusted for their number by Holm's procedure; NaN counts as 1."""
    from statsmodels.stats.multitest import multipletests

    p = np.nan_to_num(np.asarray(p, float), nan=1.0)
    return multipletests(p, method="holm")[1] if len(p) else p
