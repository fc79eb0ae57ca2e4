"""Predict valence and arousal of a song from its features by a random forest.

Conventions
-----------
Features are a table (N, F), one row a song; labels and predictions are arrays (N, 2) on 1–9,
valence first. Features are scaled to 0–1 with bounds from the training songs alone. Scores are
given per corpus and dimension, never pooled.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from m2l.errors import InputError
from m2l.va import DIMENSIONS as DIMENSIONS
from m2l.va import QuantileMap

WEIGHTS = Path(__file__).parents[1] / "weights" / "forest.skops"
# The one type of a forest's file that skops does not know: scikit-learn's compiled tree.
_TREE = "sklearn.tree._tree.Tree"


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


def standardised(model, step="model"):
    """A model that sees features and labels with mean 0 and deviation 1 on its training songs.

    So neither dimension of emotion counts for more than the other.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return Pipeline([("scale", StandardScaler()), (step, model)])


SPACE = {"max_features": (0.1, 0.5), "min_samples_leaf": (1, 6)}
FIRST = {"kind": "extra trees", "max_features": 1 / 3, "min_samples_leaf": 1}
"""What the search for a forest looks through, and where it starts."""


def propose(trial, seed=0, trees=300):
    """A forest with settings that an Optuna trial suggests: its kind and its regularity."""
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

    kinds = {"random forest": RandomForestRegressor, "extra trees": ExtraTreesRegressor}
    kind = kinds[trial.suggest_categorical("kind", list(kinds))]
    forest = kind(
        n_estimators=trees,
        max_features=trial.suggest_float("max_features", *SPACE["max_features"], log=True),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", *SPACE["min_samples_leaf"]),
        random_state=seed,
    )
    return standardised(forest, "forest")


class Tuned:
    """A model whose settings Optuna chooses inside the songs that it is fitted to.

    Parameters
    ----------
    propose : callable (trial, seed) -> estimator
    draft : the same, for a cheaper stand-in during the search; `propose` itself by default.
    first : dict, settings to start from, or None
    trials : settings to try, each by the mean R² of three-fold cross-validation with groups apart.
    journal : file that keeps finished trials, so that an interrupted search goes on.

    Attributes
    ----------
    settings : dict, the best settings.
    history : list of float, the R² of each trial.
    best : the model with these settings, fitted to all songs given.
    """

    def __init__(self, propose=propose, draft=None, seed=0, trials=25, journal=None, first=None):
        self.propose, self.draft, self.first = propose, draft or propose, first
        self.seed, self.trials, self.journal = seed, trials, journal

    def fit(self, x, y, groups):
        import optuna
        from sklearn.base import clone
        from sklearn.model_selection import GroupKFold

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        content = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in (x, y)))
        study = optuna.create_study(
            direction="maximize",
            # Few trials are made, so the search soon leaves off guessing.
            sampler=optuna.samplers.TPESampler(n_startup_trials=4, seed=self.seed),
            storage=_journal(self.journal),
            # The songs are part of the name: trials on others are never taken for these.
            study_name=f"{getattr(self.propose, '__name__', '')} {content.hexdigest()[:16]}",
            load_if_exists=True,
        )
        folds = list(GroupKFold(3).split(x, y, groups))

        def r2(trial):
            model, predicted = self.draft(trial, self.seed), np.empty_like(y)
            for train, test in folds:
                predicted[test] = clone(model).fit(x[train], y[train]).predict(x[test])
            return np.mean(1 - ((predicted - y) ** 2).mean(0) / y.var(0))

        if self.first and not study.trials:
            study.enqueue_trial(self.first)
        finished = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        study.optimize(r2, max(0, self.trials - len(finished)))
        self.settings = study.best_params
        self.history = [t.value for t in study.get_trials() if t.value is not None]
        self.best = self.propose(study.best_trial, self.seed).fit(x, y)
        return self

    def predict(self, x):
        return self.best.predict(x)


def _journal(path):
    if path is None:
        return None
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))


def cross_validate(make, x, y, groups, folds=5, repeats=1, seed=0, seen=None):
    """Predict every song by a model that has seen neither it nor its group.

    Parameters
    ----------
    make : callable () -> estimator with fit(x, y[, groups]) and predict(x)
    x : ndarray (N, F)
    y : ndarray (N, 2)
    groups : array (N,), kept whole in each fold
    folds, repeats : the partition into folds is drawn anew for each repeat.
    seen : callable (fitted model, rows of the fold), called for each fold.

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
            model = fit(make(), x[train], y[train], groups[train])
            out[repeat, test] = model.predict(x[test])
            if seen:
                seen(model, test)
    return out


def fit(model, x, y, groups):
    """Fit a model, telling it the groups if it wants to keep them apart too."""
    if "groups" in inspect.signature(model.fit).parameters:
        return model.fit(x, y, groups=groups)
    return model.fit(x, y)


def doubt(model, x):
    """How far a forest's trees disagree, the deviation of their answers (N, 2) on 1–9.

    One for a model without trees.
    """
    if (trees := _trees(model)) is None:
        return np.ones((len(x), 2))
    inner = model["scale"].transform(np.asarray(x, float))
    answers = np.std([tree.predict(inner) for tree in trees], axis=0)
    target = getattr(model["forest"], "transformer_", None)
    # Trees in full agreement, as on few songs, still leave some doubt.
    return np.maximum(answers * (1 if target is None else target.scale_), 0.05)


def _trees(model):
    """The trees of a fitted pipeline with a forest, or None."""
    forest = getattr(model, "named_steps", {}).get("forest")
    return getattr(getattr(forest, "regressor_", forest), "estimators_", None)


def coverage(errors, doubts, folds, level=0.9):
    """How often prediction ± width held, with the width learnt on the other folds' songs.

    Parameters
    ----------
    errors, doubts : ndarray (N, 2), out-of-fold errors and the model's doubt about each.
    folds : ndarray (N,)
    level : share of songs that the interval is to hold.

    Returns
    -------
    held : ndarray (N, 2) of bool
    width : ndarray (N, 2), half the length of each interval

    References
    ----------
    Normalised split conformal prediction: Lei et al. 2018, "Distribution-free predictive inference
    for regression", section 5.2.
    """
    relative = np.abs(errors) / doubts
    width = np.empty_like(doubts)
    for fold in np.unique(folds):
        own = folds == fold
        width[own] = _level(relative[~own], level) * doubts[own]
    return np.abs(errors) <= width, width


def _level(relative, level):
    """The conformal quantile: the ⌈(n + 1)·level⌉th smallest, (2,)."""
    n = len(relative)
    rank = min(int(np.ceil((n + 1) * level)), n) - 1
    return np.sort(relative, axis=0)[rank]


@dataclass
class Forest:
    """A fitted forest, ready for songs.

    Attributes
    ----------
    model : scikit-learn Pipeline
    names : the features it expects, in order.
    errors : ndarray (K, 2), errors on songs that the model had not seen, each divided by the
        model's `doubt` about the song.
    va_map : QuantileMap of its predictions on songs not seen, which places a song among songs.
    label_map : QuantileMap of the songs' labels, which does the same for what `draw` returns:
        labels spread further than predictions.
    card : dict of text
    """

    model: object
    names: list
    errors: np.ndarray
    va_map: QuantileMap
    label_map: QuantileMap
    card: dict

    def predict(self, features):
        """Valence and arousal (N, 2) on 1–9 from a table of features with these names.

        Raises
        ------
        InputError
            If a feature is missing or not a number.
        """
        return self.model.predict(self._inputs(features))

    def halfwidth(self, features, level=0.9):
        """Half the length of the interval that holds a share `level` of unknown songs, (N, 2)."""
        return doubt(self.model, self._inputs(features)) * _level(np.abs(self.errors), level)

    def draw(self, features, n, seed=0):
        """What the song may be felt like: prediction plus errors made elsewhere, (N, n, 2), 1–9.

        Both dimensions' errors are those of one song, so what is known of their relation is kept.
        """
        x = self._inputs(features)
        picks = np.random.default_rng(seed).integers(len(self.errors), size=(len(x), n))
        drawn = self.model.predict(x)[:, None] + self.errors[picks] * doubt(self.model, x)[:, None]
        return np.clip(drawn, 1, 9)

    def _inputs(self, features):
        table = pd.DataFrame(features)
        missing = [n for n in self.names if n not in table]
        if missing:
            raise InputError(
                f"features: {len(missing)} of {len(self.names)} missing, first {missing[0]}; "
                "extract them with 'm2l features' or features.extract(path, forest.names)"
            )
        x = table[self.names].apply(pd.to_numeric, errors="coerce").to_numpy(float)
        bad = np.argwhere(~np.isfinite(x))
        if len(bad):
            row, column = bad[0]
            raise InputError(
                f"{table.index[row]}: feature {self.names[column]} is not a number; extract anew"
            )
        return x

    def save(self, path):
        """Write to a skops file, which holds no code."""
        _skops().dump(
            {
                "model": self.model,
                "names": list(self.names),
                "errors": self.errors,
                "va_knots": self.va_map.knots,
                "label_knots": self.label_map.knots,
                "card": json.dumps(self.card),
            },
            path,
            compression=8,  # zipfile.ZIP_DEFLATED
        )


@dataclass
class OutOfFold:
    """What a kind of model does on songs that it has not seen.

    Attributes
    ----------
    predicted, doubts : ndarray (N, 2)
    folds : ndarray (N,), which fold each song was in.
    models : list of the folds' models
    """

    predicted: np.ndarray
    doubts: np.ndarray
    folds: np.ndarray
    models: list


def out_of_fold(make, x, y, groups, folds=5, seed=0):
    """`cross_validate` once, keeping what `train` and `coverage` need."""
    doubts, fold, models = np.empty((len(y), 2)), np.empty(len(y), int), []

    def seen(model, rows):
        doubts[rows] = doubt(getattr(model, "best", model), np.asarray(x, float)[rows])
        fold[rows] = len(models)
        models.append(model)

    predicted = cross_validate(make, x, y, groups, folds, 1, seed, seen)[0]
    return OutOfFold(predicted, doubts, fold, models)


def train(x, y, groups, names, card, make=Tuned, tested=None):
    """Fit the forest to release, to all songs.

    Parameters
    ----------
    x, y, groups : as in `cross_validate`
    names : the F names of the features
    card : dict of text
    make : the kind of model
    tested : OutOfFold of the same kind of model, from which the intervals and the map of
        predictions come; made here when not given.

    Returns
    -------
    Forest
    """
    y = np.asarray(y, float)
    tested = tested or out_of_fold(make, x, y, groups)
    model = fit(make(), np.asarray(x, float), y, np.asarray(groups))
    return Forest(
        getattr(model, "best", model),
        list(names),
        # In random order: an error says nothing about which song it was made on.
        np.random.default_rng(0).permutation((y - tested.predicted) / tested.doubts),
        QuantileMap.fit(tested.predicted),
        QuantileMap.fit(y),
        card | {"settings": str(getattr(model, "settings", "default"))},
    )


def load(path=WEIGHTS):
    """Read a forest.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds types that do not belong in a forest.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no forest here; train one with 'm2l forest train'")
    try:
        skops = _skops()
        if foreign := set(skops.get_untrusted_types(file=path)) - {_TREE}:
            raise ValueError(f"it holds {min(foreign)}, which no forest needs")
        parts = skops.load(path, trusted=[_TREE])
        if parts["model"].n_features_in_ != len(parts["names"]):
            raise ValueError("its names are not those of its features")
        if not all(_sound(t, len(parts["names"])) for t in _trees(parts["model"])):
            raise ValueError("a tree of it points outside itself")
        return Forest(
            parts["model"],
            parts["names"],
            parts["errors"],
            QuantileMap(parts["va_knots"]),
            QuantileMap(parts["label_knots"]),
            json.loads(parts["card"]),
        )
    except Exception as error:  # zip, JSON and reconstruction errors have no common base
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: damaged or not a forest ({reason}); get it again") from error


def _skops():
    """`skops.io`, imported without a look at all of scikit-learn.

    To know which types it may trust, skops imports every module of scikit-learn, and with one of
    them torch: seconds, for a command that should answer in two. The estimators of a forest are
    all that has to be trusted here.
    """
    if "skops.io" not in sys.modules:
        import sklearn.utils
        from sklearn import compose, ensemble, pipeline, preprocessing, tree

        needed = (
            compose.TransformedTargetRegressor,
            ensemble.ExtraTreesRegressor,
            ensemble.RandomForestRegressor,
            pipeline.Pipeline,
            preprocessing.MinMaxScaler,
            preprocessing.StandardScaler,
            tree.DecisionTreeRegressor,
            tree.ExtraTreeRegressor,
        )
        everything = sklearn.utils.all_estimators
        sklearn.utils.all_estimators = lambda: [(kind.__name__, kind) for kind in needed]
        try:
            importlib.import_module("skops.io")
        finally:
            sklearn.utils.all_estimators = everything
    return sys.modules["skops.io"]


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
        For a single path that cannot be read; in a list, such songs are logged and left out. For
        anything that is no path.
    """
    from m2l.music import features

    forest = forest or load()
    if isinstance(songs, (str, Path)):
        table = pd.DataFrame([features.extract(songs, forest.names)], index=[str(songs)])
    else:
        songs = list(songs)
        if other := [song for song in songs if not isinstance(song, (str, Path))]:
            raise InputError(
                f"songs: {type(other[0]).__name__} among them; give paths of files, and write a "
                "sound to one first, e.g. by soundfile.write"
            )
        table, _ = features.extract_many(songs, names=forest.names)
    return describe(table, forest)


def describe(table, forest):
    """The table that `predict` returns, from features indexed by path."""
    columns = ["valence", "arousal", "valence_low", "arousal_low", "valence_high", "arousal_high"]
    if not len(table):
        return pd.DataFrame(columns=columns, index=table.index)
    va, width = forest.predict(table), forest.halfwidth(table)
    ends = [np.clip(va + s * width, 1, 9) for s in (-1, 1)]
    return pd.DataFrame(np.hstack([va, *ends]), index=table.index, columns=columns)
