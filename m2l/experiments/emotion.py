"""The study of music emotion: a ladder of models under one protocol.

Conventions
-----------
A `Task` is a corpus with features. Every model is judged by cross-validation with groups apart, on
the same folds. What a model answers is kept in one file a task and model (`<task>/<model>.npz`
under the run's folder), so that an interrupted study goes on; a file made from other songs or with
other settings is made anew.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from m2l import corpora, stats
from m2l import results as provenance
from m2l.doors import cache
from m2l.errors import InputError
from m2l.music import forest
from m2l.music import importance as listening
from m2l.music import rivals as models
from m2l.music.features import EXTENDED, NAMES
from m2l.va import DIMENSIONS

log = logging.getLogger(__name__)

LEVELS = (0.5, 0.8, 0.9, 0.95)
SHARES = (0.0625, 0.125, 0.25, 0.5, 1.0)


@dataclass
class Task:
    """A corpus to be predicted.

    Attributes
    ----------
    name : of its folder
    x : DataFrame (N, F), features
    y : ndarray (N, 2)
    groups : ndarray (N,), kept whole in every fold
    rungs : names of the models
    source : array (N,) or None, which part of the corpus a song is from.
    mels : ndarray (N, 64, T) or None, what the CNN hears.
    """

    name: str
    x: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray
    rungs: tuple
    source: np.ndarray | None = None
    mels: np.ndarray | None = None

    def fingerprint(self):
        """Fingerprint of all that a model can learn from."""
        names = "\n".join(map(str, [*self.x.columns, *self.groups]))
        return cache.key(self.x.to_numpy(float), self.y, names)


@dataclass
class Effort:
    """How much computing goes into the study.

    Attributes
    ----------
    folds : of every cross-validation; 2 or more.
    repeats : partitions into folds; for forests, the CNN and models with a search it is one.
    trees : of a forest.
    trials : of a search.
    epochs : of the CNN.
    seed : of everything.
    """

    folds: int = 5
    repeats: int = 3
    trees: int = 150
    trials: int = 8
    epochs: int = 12
    seed: int = 0


def taffc(features, root=None):
    """The songs of 4Q-TAFFC with features: a table of features and one of labels, alike in rows.

    Raises
    ------
    InputError
        If the features cannot be read, or lack some of the 148.
    """
    try:
        table = pd.read_parquet(features)
        table[list(NAMES)]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{features}: not a table of features; run 'm2l features'") from error
    corpus = corpora.load("taffc", root).table.dropna(subset="path")
    # The same song may have been named from another folder, or through a link.
    table.index = table.index.astype(str).map(os.path.realpath)
    songs = corpus.set_index(corpus["path"].map(os.path.realpath))
    both = table.join(songs, how="inner")
    return both[list(table)], both[list(songs)]


def tasks(features, root=None, mels=None):
    """All corpora at hand as tasks, the most important first.

    Parameters
    ----------
    features : .parquet of the 148 features or of the extended set, indexed by path.
    mels : callable (paths) -> ndarray (N, 64, T), the songs' `m2l.music.rivals.log_mel`, or None
    """
    from m2l.corpora import deam

    every = (*models.LADDER, *models.TOGETHER)
    few = ("ridge", "default forest", "SVR")
    table, songs = taffc(features, root)
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    heard = None if mels is None else mels(songs["path"])
    rungs = every if heard is None else (*every, "CNN")
    out = [Task("taffc", table[list(NAMES)], y, artists, rungs, mels=heard)]
    try:
        known = deam.features_74(root)
        for labels, rungs in (("corrected", every), ("published", ("mean", *few))):
            corpus = corpora.load("deam", root, labels=labels).table.set_index("id")
            rows = known.join(corpus, how="inner")
            x, y = rows[list(known)], rows[list(DIMENSIONS)].to_numpy(float)
            kept, block = rows["group"].to_numpy(), rows["block"].to_numpy()
            out.append(Task(f"deam {labels}", x, y, kept, ("block alone", *rungs), block))
            if labels == "corrected":
                own = block == "1-1000"
                out.append(Task("deam 1-1000", x[own], y[own], kept[own], few))
    except InputError as error:
        log.warning("%s", error)
    if table.shape[1] > len(NAMES):
        rungs = (*few, "extra trees", "tuned forest", *models.TOGETHER)
        out.append(Task("taffc extended", table[list(EXTENDED)], out[0].y, artists, rungs))
    return out


def climb(task, name, folder, effort, ladder=models.LADDER):
    """What a model answers to songs of groups that it has not seen.

    Returns
    -------
    dict: predicted (repeats, N, 2), seconds; of a searched model also doubts (N, 2), folds (N,),
    history (folds, trials) and settings, a JSON list of one dict a fold.
    """
    if name in models.TOGETHER:
        parts = [climb(task, one, folder, effort, ladder) for one in models.TOGETHER[name]]
        return {
            "predicted": np.mean([part["predicted"] for part in parts], axis=0),
            "seconds": sum(part["seconds"] for part in parts),
        }
    place, settings = Path(folder) / task.name / name, {}
    x, searched = task.x.to_numpy(float), name in models.SEARCHED
    folds, seed = effort.folds, effort.seed
    repeats = 1 if searched or name.endswith(("forest", "trees", "CNN")) else effort.repeats
    if searched:
        settings["trials"] = effort.trials
    if name in ("tuned forest", "extra trees"):
        settings["trees"] = effort.trees
    if name == "CNN":
        settings, x = {"epochs": effort.epochs}, np.arange(len(task.y))[:, None]
        make = partial(models.Cnn, task.mels, seed, **settings)
    elif name == "block alone":
        make, x = models.linear, pd.get_dummies(pd.Series(task.source), dtype=float).to_numpy()
    else:
        make = partial(ladder[name], seed, **settings)
    key = f"{task.fingerprint()} {folds} folds, {repeats} times, seed {seed}, {settings}"
    if name == "tuned forest":
        key += f", {forest.SPACE}"

    def work():
        log.info("%s: %s", task.name, name)
        started, data = time.monotonic(), (x, task.y, task.groups, folds)
        if searched:
            searching = partial(make, journal=place.with_suffix(".log"))
            out, fitted = forest.out_of_fold(searching, *data, seed)
            # A search that was interrupted may have one trial more.
            out["history"] = [model.history[: effort.trials] for model in fitted]
            out["settings"] = json.dumps([model.settings for model in fitted])
        else:
            out = {"predicted": forest.cross_validate(make, *data, repeats, seed)}
        return out | {"seconds": time.monotonic() - started}

    return cache.arrays(place.with_suffix(".npz"), work, key)


def hear(paths, folder):
    """Log-mel spectrograms of songs, kept in the run's folder; (N, 64, T) float16."""
    from tqdm.auto import tqdm

    paths = [str(path) for path in paths]

    def work():
        return {
            "mels": np.stack([models.log_mel(p) for p in tqdm(paths, unit="song", disable=None)])
        }

    key = cache.key(*map(Path, paths))
    return cache.arrays(Path(folder) / "mels.npz", work, key)["mels"]


# -- what follows from the answers ---------------------------------------------------------------


def scores(task, found, seed=0, draws=500, reference=None):
    """Every model of a task: its scores, and `gain`, its R² above another's.

    Parameters
    ----------
    found : dict of model to what `climb` returns.
    reference : the other's predictions; those of the default forest by default.

    Returns
    -------
    dict of model to dict of dimension to dict of score, with "seconds" and "repeats" beside them.
    """
    if reference is None:
        reference = found.get("default forest", found.get("extra trees", {})).get("predicted")
    return {
        name: stats.evaluate(task.y, one["predicted"], task.groups, draws, seed, reference)
        | {"seconds": float(one["seconds"]), "repeats": len(one["predicted"])}
        for name, one in found.items()
    }


def held(inside, half, groups):
    """How often intervals held (N,), with its own interval, and the mean length of these."""
    share = stats.bootstrap(np.mean, inside, groups=groups, draws=1000)
    return {"held": share, "width": float(2 * half.mean())}


class Fewer:
    """A model that is fitted to a random share of the groups only."""

    def __init__(self, model, share, seed=0):
        self.model, self.share, self.seed = model, share, seed

    def fit(self, x, y, groups):
        names = np.random.default_rng(self.seed).permutation(np.unique(groups))
        rows = np.isin(groups, names[: max(2, round(self.share * len(names)))])
        return forest.fit(self.model, x[rows], y[rows], groups[rows])

    def predict(self, x):
        return self.model.predict(x)


def curve(task, folder, effort, names=("ridge", "extra trees")):
    """R² when models learn from a share of the groups only.

    Returns
    -------
    dict: songs, list of how many there are to learn from; models, dict of name to dict of dimension
    to list of {"value", "low", "high"}.
    """
    x, seed = task.x.to_numpy(float), effort.seed
    songs = [round(s * len(x) * (1 - 1 / effort.folds)) for s in SHARES]
    out = {"songs": songs, "models": {}}
    for name in names:
        settings = {"trees": min(100, effort.trees)} if name == "extra trees" else None
        make = partial(models.LADDER[name], seed, **(settings or {}))

        def work(name=name, make=make):
            log.info("%s: learning curve, %s", task.name, name)
            where = x, task.y, task.groups, effort.folds, 1, seed
            return {
                str(s): forest.cross_validate(lambda s=s: Fewer(make(), s, seed), *where)
                for s in SHARES
            }

        key = f"{task.fingerprint()} {effort.folds} {seed} {settings}"
        found = cache.arrays(Path(folder) / task.name / f"curve {name}.npz", work, key)
        told = [found[str(s)] for s in SHARES]
        each = [stats.evaluate(task.y, p, task.groups, 300, seed) for p in told]
        out["models"][name] = {d: [e[d]["r2"] for e in each] for d in DIMENSIONS}
    return out


def listened(task, tested, effort, songs=200):
    """What the tuned forest needs and what it makes of it; see `m2l.music.importance`.

    Returns
    -------
    dict: families and clusters, importance with n (features moved together) and, of clusters, their
    members; dependence of the feature at the centre of the three clusters that count most for each
    dimension.
    """
    settings, seed = json.loads(str(tested["settings"])), effort.seed
    x, trees = task.x.to_numpy(float), min(60, effort.trees)

    def make(fold=0):
        return models.forest_of(settings[fold], seed, trees)

    fitted, out = [], {}
    for fold in np.unique(tested["folds"]):
        own = tested["folds"] == fold
        fitted.append((make(fold).fit(x[~own], task.y[~own]), np.flatnonzero(own)))
    sets = {
        "families": listening.families(task.x.columns),
        "clusters": listening.clusters(task.x),
    }
    for name, each in sets.items():
        found = listening.importance(fitted, task.x, task.y, task.groups, each, seed=seed)
        out[name] = {key: {"n": len(each[key]), **found[key]} for key in each}
    for key, members in sets["clusters"].items():
        out["clusters"][key]["members"] = members
    leading = {}
    for d in DIMENSIONS:
        order = sorted(out["clusters"], key=lambda key: -out["clusters"][key][d]["value"])
        leading |= dict.fromkeys(order[:3])
    out["dependence"] = listening.dependence(
        make, task.x, task.y, task.groups, list(leading), songs=songs, seed=seed
    )
    return out


def emotion(features, out, root=None, folder="runs/forest", **effort):
    """Run the ladder on every corpus at hand and study the tuned forest.

    Parameters
    ----------
    features : .parquet of the features of 4Q-TAFFC, the 148 or the extended set, indexed by path.
    out : .json to write; anonymous (true, predicted) pairs go beside it.
    folder : keeps what is finished.
    effort : fields of `Effort`.
    """
    started, effort = time.monotonic(), Effort(**effort)
    table, songs = taffc(features, root)
    artists = songs["group"].nunique()
    # Each fold's training songs are split in three once more.
    if artists < 2 * max(effort.folds, 3):
        raise InputError(
            f"{features}: {len(table)} songs with labels, by {artists} artists; "
            "extract more of 4Q-TAFFC first"
        )
    result, arrays, tested = {"corpora": {}}, {}, {}
    every = {task.name: task for task in tasks(features, root, partial(hear, folder=folder))}
    for name, task in every.items():
        found = {model: climb(task, model, folder, effort) for model in task.rungs}
        result["corpora"][name] = {
            "songs": len(task.y),
            "groups": len(set(task.groups)),
            "features": task.x.shape[1],
            "models": scores(task, found, effort.seed),
        }
        if "tuned forest" in found:
            tested[name] = found["tuned forest"]
        for model in ("tuned forest", *models.TOGETHER):
            if model in found:
                arrays[f"{name} {model}"] = pairs(task.y, found[model], effort.seed)
    main = "taffc extended" if "taffc extended" in every else "taffc"
    result["curve"] = {
        name: curve(every[name], folder, effort)
        for name in ("taffc", "deam corrected")
        if name in every
    }
    result["listening"] = listened(every[main], tested[main], effort)
    seconds = sum(m["seconds"] for c in result["corpora"].values() for m in c["models"].values())
    result["effort"] = vars(effort) | {"seconds": seconds}
    provenance.save(
        out,
        result,
        started=started,
        data={name: task.fingerprint() for name, task in every.items()},
        seed=effort.seed,
        arrays=arrays,
    )


def pairs(y, tested, seed):
    """Labels and predictions (N, 4) in random order: they say nothing about which song they are."""
    both = np.concatenate([y, tested["predicted"][0]], axis=1)
    return np.random.default_rng(seed).permutation(both).astype(np.float32)
