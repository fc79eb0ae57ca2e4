"""Predict valence and arousal of a song from its features by a random forest.

Conventions
-----------
Features are a table (N, F), one row a song; labels and predictions are arrays (N, 2) on 1–9,
valence first. Features are scaled to 0–1 with bounds from the training songs alone. Scores are
given per corpus and dimension, never pooled.
"""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

import numpy as np

from m2l.errors import InputError


def default_forest(seed=0, **settings):
    """A random forest with scikit-learn's default settings behind 0–1 scaling: the first model."""
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
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
        from sklearn.base import clone
        from sklearn.model_selection import GroupKFold

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = None
        if self.journal is not None:
            Path(self.journal).parent.mkdir(parents=True, exist_ok=True)
            storage = JournalStorage(JournalFileBackend(str(self.journal)))
        content = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in (x, y)))
        study = optuna.create_study(
            direction="maximize",
            # Few trials are made, so the search soon leaves off guessing.
            sampler=optuna.samplers.TPESampler(n_startup_trials=4, seed=self.seed),
            storage=storage,
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
    if (each := trees(model)) is None:
        return np.ones((len(x), 2))
    inner = model["scale"].transform(np.asarray(x, float))
    answers = np.std([tree.predict(inner) for tree in each], axis=0)
    target = getattr(model["forest"], "transformer_", None)
    # Trees in full agreement, as on few songs, still leave some doubt.
    return np.maximum(answers * (1 if target is None else target.scale_), 0.05)


def trees(model):
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
    width : ndarray (N, 2), half the length of each interval, see `conformal`
    """
    relative = errors / doubts
    width = np.empty_like(doubts)
    for fold in np.unique(folds):
        own = folds == fold
        width[own] = conformal(relative[~own], level) * doubts[own]
    return np.abs(errors) <= width, width


def conformal(errors, level=0.9):
    """Half the length of the interval that holds a share `level` of unknown songs.

    Parameters
    ----------
    errors : ndarray (n, 2), on songs not seen; their ⌈(n + 1)·level⌉th smallest size is it.

    Returns
    -------
    ndarray (2,)

    References
    ----------
    Split conformal prediction: Lei et al. 2018, "Distribution-free predictive inference for
    regression", section 2.2; normalised as in `coverage`, section 5.2.
    """
    n = len(errors)
    rank = min(int(np.ceil((n + 1) * level)), n) - 1
    return np.sort(np.abs(errors), axis=0)[rank]


def out_of_fold(make, x, y, groups, folds=5, seed=0):
    """`cross_validate` once, keeping what `coverage` needs.

    Returns
    -------
    dict : predicted (1, N, 2), doubts (N, 2) and folds (N,), which fold each song was in
    models : list of the folds' models
    """
    doubts, fold, models = np.empty((len(y), 2)), np.empty(len(y), int), []

    def seen(model, rows):
        doubts[rows] = doubt(getattr(model, "best", model), np.asarray(x, float)[rows])
        fold[rows] = len(models)
        models.append(model)

    predicted = cross_validate(make, x, y, groups, folds, 1, seed, seen)
    return {"predicted": predicted, "doubts": doubts, "folds": fold}, models
