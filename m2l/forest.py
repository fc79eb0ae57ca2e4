"""Predict valence and arousal of a song from its features by a random forest.

Conventions
-----------
Features are a table (N, F), one row a song; labels and predictions are arrays (N, 2) on 1–9,
valence first. Features are scaled to 0–1 with bounds from the training songs alone. Scores are
given per corpus and dimension, never pooled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from m2l.errors import InputError
from m2l.va import QuantileMap

DIMENSIONS = ("valence", "arousal")
WEIGHTS = Path(__file__).parent / "weights" / "forest.skops"
# The one type of a forest's file that skops does not know: scikit-learn's compiled tree.
_TREE = "sklearn.tree._tree.Tree"
GRID = {
    "forest__max_features": [0.05, 0.1, 0.33],
    "forest__min_samples_leaf": [1, 3, 8],
}


def baseline():
    """The mean of the training songs: what a model has to beat."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor()


def default_forest(seed=0, **settings):
    """A random forest with scikit-learn's default settings behind 0–1 scaling."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler

    forest = RandomForestRegressor(random_state=seed, **settings)
    return Pipeline([("scale", MinMaxScaler()), ("forest", forest)])


class Tuned:
    """A forest whose settings are chosen inside the songs it is fitted to.

    Parameters
    ----------
    trees : trees in the forest; the search makes do with a third of them.
    grid : settings to choose from, by three-fold cross-validation with groups apart.
    """

    def __init__(self, seed=0, trees=300, grid=None):
        self.seed, self.trees, self.grid = seed, trees, GRID if grid is None else grid

    def fit(self, x, y, groups):
        from sklearn.model_selection import GridSearchCV, GroupKFold

        search = GridSearchCV(
            default_forest(self.seed, n_estimators=max(1, self.trees // 3)),
            self.grid,
            scoring="r2",
            cv=GroupKFold(3),
            refit=False,
        )
        search.fit(x, y, groups=groups)
        self.settings = search.best_params_
        self.best = default_forest(self.seed, n_estimators=self.trees)
        self.best.set_params(**self.settings).fit(x, y)
        return self

    def predict(self, x):
        return self.best.predict(x)


def cross_validate(make, x, y, groups, folds=5, repeats=1, seed=0):
    """Predict every song by a model that has seen neither it nor its group.

    Parameters
    ----------
    make : callable () -> estimator with fit(x, y[, groups]) and predict(x)
    x : ndarray (N, F)
    y : ndarray (N, 2)
    groups : array (N,), kept whole in each fold
    folds, repeats : the partition into folds is drawn anew for each repeat.

    Returns
    -------
    ndarray (repeats, N, 2), out-of-fold predictions.

    Raises
    ------
    InputError
        If there are fewer groups than folds.
    """
    from sklearn.model_selection import GroupKFold

    x, y, groups = np.asarray(x, float), np.asarray(y, float), np.asarray(groups)
    if len(set(groups)) < folds:
        raise InputError(f"groups: {len(set(groups))} for {folds} folds; give more, or fewer folds")
    out = np.empty((repeats, *y.shape))
    for repeat in range(repeats):
        cv = GroupKFold(folds, shuffle=True, random_state=seed + repeat)
        for train, test in cv.split(x, y, groups):
            out[repeat, test] = _fit(make(), x[train], y[train], groups[train]).predict(x[test])
    return out


def _fit(model, x, y, groups):
    return model.fit(x, y, groups=groups) if isinstance(model, Tuned) else model.fit(x, y)


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
    return {
        "r2": float(1 - mse / spread) if known else float("nan"),
        "mse": float(mse),
        "rmse": float(np.sqrt(mse)),
        "mae": float(np.mean(np.abs(error))),
        "r": float(covariance / np.sqrt(spread * variance)) if known and varied else 0.0,
        "ccc": float(2 * covariance / (spread + variance + error.mean() ** 2))
        if known
        else float("nan"),
    }


def evaluate(y, predicted, groups, draws=1000, seed=0):
    """Scores with bootstrap intervals over groups.

    Parameters
    ----------
    y : ndarray (N, 2)
    predicted : ndarray (repeats, N, 2), from `cross_validate`; scores average over repeats.
    groups : array (N,), resampled whole

    Returns
    -------
    dict of dimension to dict of score to {"value", "low", "high"}, 95 % percentile intervals.
    """
    y, predicted = np.asarray(y, float), np.asarray(predicted, float)
    members = list(pd.Series(np.arange(len(y))).groupby(np.asarray(groups)).indices.values())
    rng = np.random.default_rng(seed)
    picks = [np.arange(len(y))] + [
        np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        for _ in range(draws)
    ]
    out = {}
    for d, name in enumerate(DIMENSIONS):
        scores = [[score(y[p, d], one[p, d]) for one in predicted] for p in picks]
        table = pd.DataFrame(
            {k: [np.mean([s[k] for s in draw]) for draw in scores] for k in scores[0][0]}
        )
        low, high = table[1:].quantile(0.025), table[1:].quantile(0.975)
        out[name] = {
            k: {"value": float(table[k][0]), "low": float(low[k]), "high": float(high[k])}
            for k in table
        }
    return out


@dataclass
class Forest:
    """A fitted forest, ready for songs.

    Attributes
    ----------
    model : scikit-learn Pipeline
    names : the features it expects, in order.
    halfwidth : ndarray (2,); prediction ± halfwidth held 90 % of songs that the model had not seen.
    va_map : QuantileMap of its predictions on songs not seen, which places a song among songs.
    card : dict of text
    """

    model: object
    names: list
    halfwidth: np.ndarray
    va_map: QuantileMap
    card: dict

    def predict(self, features):
        """Valence and arousal (N, 2) on 1–9 from a table of features with these names.

        Raises
        ------
        InputError
            If a feature is missing or not a number.
        """
        table = pd.DataFrame(features)
        missing = [n for n in self.names if n not in table]
        if missing:
            raise InputError(f"features: {len(missing)} missing, first {missing[0]}; extract anew")
        x = table[self.names].apply(pd.to_numeric, errors="coerce").to_numpy(float)
        bad = np.argwhere(~np.isfinite(x))
        if len(bad):
            row, column = bad[0]
            raise InputError(
                f"{table.index[row]}: feature {self.names[column]} is not a number; extract anew"
            )
        return self.model.predict(x)

    def save(self, path):
        """Write to a skops file, which holds no code."""
        import skops.io

        skops.io.dump(
            {
                "model": self.model,
                "names": list(self.names),
                "halfwidth": self.halfwidth,
                "va_knots": self.va_map.knots,
                "card": json.dumps(self.card),
            },
            path,
            compression=8,  # zipfile.ZIP_DEFLATED
        )


def train(x, y, groups, names, card, make=Tuned, predicted=None):
    """Fit the forest to release, to all songs.

    Parameters
    ----------
    x, y, groups : as in `cross_validate`
    names : the F names of the features
    card : dict of text
    make : the kind of model
    predicted : ndarray (repeats, N, 2), out-of-fold predictions of the same kind of model, from
        which the interval and the map of predictions come; made here when not given.

    Returns
    -------
    Forest
    """
    y = np.asarray(y, float)
    if predicted is None:
        predicted = cross_validate(make, x, y, groups)
    model = _fit(make(), np.asarray(x, float), y, np.asarray(groups))
    halfwidth = np.quantile(np.abs(predicted - y).reshape(-1, 2), 0.9, axis=0)
    return Forest(
        getattr(model, "best", model),
        list(names),
        halfwidth,
        QuantileMap.fit(predicted.reshape(-1, 2)),
        card | {"settings": str(getattr(model, "settings", "default"))},
    )


def load(path=WEIGHTS):
    """Read a forest.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds types that do not belong in a forest.
    """
    import skops.io

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no forest here; train one with 'm2l forest train'")
    try:
        if foreign := set(skops.io.get_untrusted_types(file=path)) - {_TREE}:
            raise ValueError(f"it holds {min(foreign)}, which no forest needs")
        parts = skops.io.load(path, trusted=[_TREE])
        if parts["model"].n_features_in_ != len(parts["names"]):
            raise ValueError("its names are not those of its features")
        if not all(_sound(t, len(parts["names"])) for t in parts["model"]["forest"].estimators_):
            raise ValueError("a tree of it points outside itself")
        return Forest(
            parts["model"],
            parts["names"],
            parts["halfwidth"],
            QuantileMap(parts["va_knots"]),
            json.loads(parts["card"]),
        )
    except Exception as error:  # zip, JSON and reconstruction errors have no common base
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: damaged or not a forest ({reason}); get it again") from error


def _sound(tree, features):
    """Whether a tree's nodes point at features that exist and at nodes that exist further down.

    Compiled code follows them without a look: past the end of an array, or round in a circle.
    """
    t = tree.tree_
    inner = np.flatnonzero(t.children_left != -1)
    below = np.stack([t.children_left[inner], t.children_right[inner]])
    asked = t.feature[inner]
    return (
        (below > inner).all()
        and (below < t.node_count).all()
        and (asked >= 0).all()
        and (asked < features).all()
    )


def predict(songs, forest=None):
    """Emotion of songs, from their files.

    Parameters
    ----------
    songs : path or list of paths
    forest : Forest, the released one by default

    Returns
    -------
    DataFrame, one row a song that could be read, indexed by path: valence, arousal (1–9), and
    the ends of their 90 % intervals, valence_low, valence_high, arousal_low, arousal_high.

    Raises
    ------
    InputError
        For a single path that cannot be read. In a list, such songs are logged and left out.
    """
    from m2l import features

    forest = forest or load()
    if isinstance(songs, (str, Path)):
        table = pd.DataFrame([features.extract(songs)], index=[str(songs)])
    else:
        table, _ = features.extract_many(songs)
    return describe(table, forest)


def describe(table, forest):
    """The table that `predict` returns, from features indexed by path."""
    columns = ["valence", "arousal", "valence_low", "arousal_low", "valence_high", "arousal_high"]
    if not len(table):
        return pd.DataFrame(columns=columns, index=table.index)
    va = forest.predict(table)
    ends = [np.clip(va + s * forest.halfwidth, 1, 9) for s in (-1, 1)]
    return pd.DataFrame(np.hstack([va, *ends]), index=table.index, columns=columns)
