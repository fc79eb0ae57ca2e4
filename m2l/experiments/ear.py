"""The study of pretrained listening: what two tagging networks add, and the models to release.

Conventions
-----------
The protocol is that of `m2l.experiments.emotion`: 4Q-TAFFC, folds with artists apart, settings
searched inside each training part, intervals over artists. What a model answers is kept in one
file an input and model under the run's folder.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np

from m2l import results, stats
from m2l.errors import InputError
from m2l.experiments import emotion
from m2l.music import ear, features, forest, rivals, tagging
from m2l.va import DIMENSIONS

MTT = tagging.NAMES[: tagging.SIZE]
INPUTS = {
    "148": features.NAMES,
    "222": features.EXTENDED,
    "MTT": MTT,
    "MTT + MSD": tagging.NAMES,
    "148 + MTT": features.NAMES + MTT,
    "148 + MTT + MSD": features.NAMES + tagging.NAMES,
    "222 + MTT": features.EXTENDED + MTT,
    "222 + MTT + MSD": features.EXTENDED + tagging.NAMES,
}
"""What the models read: features by their number, the networks by their names."""

RUNGS = ("ridge", "SVR", "tuned forest")
REFERENCE = "222", "tuned forest"
RELEASED = {"ear": ("MTT + MSD", "tuned forest"), "forest": ("148", "tuned forest")}


def rungs(table, songs, folder, effort, inputs=tuple(INPUTS)):
    """What `emotion.climb` returns of every model on every input, dict of dict."""
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    out = {}
    for name in inputs:
        task = emotion.Task(name, table[list(INPUTS[name])], y, artists, RUNGS)
        plain = partial(rivals.support_vectors, straight=not set(task.x) & set(tagging.NAMES))
        ladder = rivals.LADDER | {"SVR": plain}
        out[name] = {model: emotion.climb(task, model, folder, effort, ladder) for model in RUNGS}
    return out


def held(y, predicted, groups, folds, level=0.9):
    """How often intervals held that are as wide as errors on the other folds' songs were.

    Returns
    -------
    dict of dimension to held (share with interval) and width (mean length).
    """
    even = np.ones_like(y)
    inside, half = forest.coverage(y - predicted, even, folds, level)
    return {
        d: {
            "held": stats.bootstrap(np.mean, inside[:, i].astype(float), groups=groups, draws=1000),
            "width": float(2 * half[:, i].mean()),
        }
        for i, d in enumerate(DIMENSIONS)
    }


def release(name, table, songs, found, scores, folder, effort):
    """A model of `RELEASED`, fitted to all songs."""
    source, model = RELEASED[name]
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    own, tested = scores[source][model], found[source][model]
    held_ = held(y, tested["predicted"][0], artists, tested["folds"])

    def said(d, key):
        return "{value:.2f} ({low:.2f} to {high:.2f})".format(**own[d][key])

    reads = {
        "ear": "the penultimate layers of musicnn's MTT and MSD networks (400 numbers)",
        "forest": "148 features",
    }[name]
    card = {
        "what": f"Trees from {reads} of a song to valence and arousal, 1–9, with intervals",
        "data": f"{len(y)} clips of about 30 s of 4Q-TAFFC, by {len(set(artists))} artists",
        "labels": "derived: median norm of the song's mood tags, not ratings by listeners",
        "evaluation": f"{effort.folds}-fold cross-validation with artists apart, settings "
        "searched inside each training part; 95 % intervals over artists",
        "scores": {d: {k: said(d, k) for k in ("r2", "rmse", "ccc", "r")} for d in DIMENSIONS},
        "intervals": "from errors on songs not seen: the 90 % interval held for "
        + " and ".join(f"{held_[d]['held']['value']:.0%} in {d}" for d in DIMENSIONS),
        "use": "research and teaching; an average listener's reading of Western popular music",
        "limits": "hears loud from calm better than pleasant from unpleasant; leans to the middle; "
        "not for other kinds of music, for single listeners, or for decisions about people",
        "licence": "MIT; the clips remain their owners' and are not part of it",
    }
    make = partial(
        rivals.tuned_forest,
        effort.seed,
        trials=effort.trials,
        trees=effort.trees,
        journal=Path(folder) / source / f"{name}.log",
    )
    x = table[list(INPUTS[source])].to_numpy(float)
    return ear.fit(x, y, artists, INPUTS[source], card, make, tested["predicted"][0])


def scored(songs, found, seed=0):
    """Scores of every rung, with `gain`, the R² above `REFERENCE`."""
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    reference = found[REFERENCE[0]][REFERENCE[1]]["predicted"]

    def of(one):
        whole = stats.evaluate(y, one["predicted"], artists, 1000, seed, reference)
        return whole | {"seconds": float(one["seconds"]), "repeats": len(one["predicted"])}

    return {name: {m: of(one) for m, one in models.items()} for name, models in found.items()}


def study(features, out, weights, root=None, folder="runs/ear", **effort):
    """Climb the rungs, and release the models.

    Parameters
    ----------
    features : .parquet of the features and the embeddings of 4Q-TAFFC, indexed by path.
    out : .json to write; anonymous (true, predicted) pairs go beside it.
    weights : folder for the models' files.
    folder : keeps what is finished.
    effort : fields of `emotion.Effort`.
    """
    started, effort = time.monotonic(), emotion.Effort(**effort)
    table, songs = emotion.taffc(features, root)
    if missing := set(INPUTS["222 + MTT + MSD"]) - set(table):
        raise InputError(f"{features}: no {min(missing)}; make it by 'm2l features --embedding'")
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    found = rungs(table, songs, folder, effort)
    scores = scored(songs, found, effort.seed)
    result = {"songs": len(y), "artists": len(set(artists)), "rungs": scores, "released": {}}
    arrays = {}
    Path(weights).mkdir(parents=True, exist_ok=True)
    for name, (source, model) in RELEASED.items():
        trained = release(name, table, songs, found, scores, folder, effort)
        trained.save(Path(weights) / f"{name}.safetensors")
        tested = found[source][model]
        result["released"][name] = {
            "input": source,
            "card": trained.card,
            "bytes": (Path(weights) / f"{name}.safetensors").stat().st_size,
            "held": {
                f"{level:g}": held(y, tested["predicted"][0], artists, tested["folds"], level)
                for level in emotion.LEVELS
            },
        }
        pairs = np.concatenate([y, tested["predicted"][0]], axis=1)
        arrays[name] = emotion._shuffled(pairs, effort.seed)
    results.save(
        out,
        result,
        started=started,
        data={"taffc": emotion.Task("", table, y, artists, ()).fingerprint()},
        seed=effort.seed,
        arrays=arrays,
    )
