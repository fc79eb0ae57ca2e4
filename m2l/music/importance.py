"""Ask a model what it listens to: which features it needs, and what it makes of them.

Conventions
-----------
Features are a table (N, F) with named columns. Correlated features say the same thing, so they are
always moved together: by families, or by clusters of features that correlate. Importance is the
fall of R² on songs that the model has not seen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from m2l import stats
from m2l.music import features, forest
from m2l.va import DIMENSIONS


def families(names):
    """Sort features, `<row>_<statistic>`, into the four families of `m2l.music.features`; dict."""
    family = {d: name for name, members in features.FAMILIES.items() for d in members}
    out = {name: [] for name in features.FAMILIES}
    for name in names:
        # `rms_mean` is of rms; `spectral_contrast_0_mean` of spectral_contrast, not of spectral.
        own = max((d for d in family if name.startswith(f"{d}_")), key=len)
        out[family[own]].append(name)
    return out


def clusters(x, at_least=0.7):
    """Join features of a table (N, F) that correlate.

    Parameters
    ----------
    at_least : mean rank correlation, in absolute value, within a cluster.

    Returns
    -------
    dict of list of features, by the one that correlates best with all others of its cluster.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    related = x.corr("spearman").abs().fillna(0).to_numpy(copy=True)
    np.fill_diagonal(related, 1)
    apart = squareform(np.clip(1 - (related + related.T) / 2, 0, 1), checks=False)
    labels = fcluster(linkage(apart, "average"), 1 - at_least, "distance")
    out = {}
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        centre = members[related[np.ix_(members, members)].sum(0).argmax()]
        out[x.columns[centre]] = list(x.columns[members])
    return out


def importance(fitted, x, y, groups, sets, repeats=3, draws=200, seed=0):
    """How much R² is lost on unseen songs when features are shuffled together.

    Parameters
    ----------
    fitted : list of (model, rows), each with the songs that the model has not seen; together the
        rows are all songs.
    x : DataFrame (N, F)
    y : ndarray (N, 2)
    groups : array (N,), drawn whole for the intervals
    sets : dict of name to features that are shuffled together.
    repeats : shuffles of each set.

    Returns
    -------
    dict of set to dict of dimension to {"value", "low", "high"}, 95 % intervals

    References
    ----------
    Breiman 2001, "Random forests", section 10; grouped as in Gregorutti et al. 2015.
    """
    rng, values, out = np.random.default_rng(seed), x.to_numpy(float), {}
    whole = np.empty_like(y, dtype=float)
    for model, rows in fitted:
        whole[rows] = model.predict(values[rows])
    for name, members in sets.items():
        columns = x.columns.get_indexer(members)
        without = np.empty((repeats, *y.shape))
        for repeat in range(repeats):
            for model, rows in fitted:
                shuffled = values[rows]
                shuffled[:, columns] = shuffled[rng.permutation(len(rows))][:, columns]
                without[repeat, rows] = model.predict(shuffled)
        scores = stats.evaluate(y, whole[None], groups, draws, seed, reference=without)
        out[name] = {d: scores[d]["gain"] for d in DIMENSIONS}
    return out


def dependence(make, x, y, groups, names, points=12, songs=200, draws=20, seed=0):
    """What a model says on average when one feature is given, over its range.

    Parameters
    ----------
    make : callable () -> estimator with fit and predict
    x : DataFrame (N, F)
    y : ndarray (N, 2)
    groups : array (N,); each of `draws` models is fitted to groups drawn anew.
    names : features to follow, each over `points` quantiles from 5 to 95 %.
    songs : to average over, at random.

    Returns
    -------
    dict of feature to {"at": (points,), "value", "low", "high": (points, 2)}, 95 % intervals
        over the models.

    References
    ----------
    Friedman 2001, "Greedy function approximation", section 8.2.
    """
    rng = np.random.default_rng(seed)
    values, groups = x.to_numpy(float), np.asarray(groups)
    members = list(pd.Series(np.arange(len(y))).groupby(groups).indices.values())
    some = values[rng.permutation(len(values))[:songs]]
    grids = {n: np.quantile(x[n], np.linspace(0.05, 0.95, points)) for n in names}
    answers = {n: np.empty((draws, points, 2)) for n in names}
    for draw in range(draws):
        rows = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        model = forest.fit(make(), values[rows], y[rows], groups[rows])
        for name, grid in grids.items():
            asked = np.repeat(some[None], points, 0)
            asked[:, :, x.columns.get_loc(name)] = grid[:, None]
            told = model.predict(asked.reshape(-1, asked.shape[2]))
            answers[name][draw] = told.reshape(points, -1, 2).mean(1)
    return {
        name: {
            "at": grids[name].tolist(),
            "value": curve.mean(0).tolist(),
            "low": np.quantile(curve, 0.025, axis=0).tolist(),
            "high": np.quantile(curve, 0.975, axis=0).tolist(),
        }
        for name, curve in answers.items()
    }
