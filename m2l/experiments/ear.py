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

from m2l import results
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
READS = {
    "ear": "the penultimate layers of musicnn's MTT and MSD networks (400 numbers)",
    "forest": "148 features",
}


def tasks(features, root=None, inputs=tuple(INPUTS)):
    """4Q-TAFFC as an `emotion.Task` for each input, dict, and its labels, DataFrame.

    Raises
    ------
    InputError
        If the features cannot be read or lack some measurement.
    """
    table, songs = emotion.taffc(features, root)
    if missing := {name for i in inputs for name in INPUTS[i]} - set(table):
        raise InputError(f"{features}: no {min(missing)}; make it by 'm2l features --embedding'")
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    return {i: emotion.Task(i, table[list(INPUTS[i])], y, artists, RUNGS) for i in inputs}, songs


def climbed(task, folder, effort):
    """What `emotion.climb` returns of every model, dict."""
    plain = partial(rivals.support_vectors, straight=not set(task.x) & set(tagging.NAMES))
    ladder = rivals.LADDER | {"SVR": plain}
    return {model: emotion.climb(task, model, folder, effort, ladder) for model in RUNGS}


def held(task, tested, level=0.9):
    """`emotion.held` of intervals as wide as errors on the other folds' songs; by dimension."""
    errors = task.y - tested["predicted"][0]
    inside, half = forest.coverage(errors, np.ones_like(errors), tested["folds"], level)
    both = zip(DIMENSIONS, inside.T, half.T, strict=True)
    return {d: emotion.held(*each, task.groups) for d, *each in both}


def release(name, task, tested, own, folder, effort):
    """A model of `RELEASED`, fitted to all songs; `own` are its scores."""
    certain, artists = held(task, tested), len(set(task.groups))
    card = {
        "what": f"Trees from {READS[name]} of a song to valence and arousal, 1–9, with intervals",
        "data": f"{len(task.y)} clips of about 30 s of 4Q-TAFFC, by {artists} artists",
        "labels": "derived: median norm of the song's mood tags, not ratings by listeners",
        "evaluation": f"{effort.folds}-fold cross-validation with artists apart, settings "
        "searched inside each training part; 95 % intervals over artists",
        "scores": {
            d: {
                k: "{value:.2f} ({low:.2f} to {high:.2f})".format(**own[d][k])
                for k in ("r2", "rmse", "ccc", "r")
            }
            for d in DIMENSIONS
        },
        "intervals": "from errors on songs not seen: the 90 % interval held for "
        + " and ".join(f"{certain[d]['held']['value']:.0%} in {d}" for d in DIMENSIONS),
        "use": "research and teaching; an average listener's reading of Western popular music",
        "limits": "hears loud from calm better than pleasant from unpleasant; leans to the middle; "
        "not for other kinds of music, for single listeners, or for decisions about people",
        "licence": "MIT; the clips remain their owners' and are not part of it",
    }
    journal = Path(folder) / task.name / f"{name}.log"
    size = {"trials": effort.trials, "trees": effort.trees, "journal": journal}
    make = partial(rivals.tuned_forest, effort.seed, **size)
    x = task.x.to_numpy(float)
    return ear.fit(x, task.y, task.groups, list(task.x), card, make, tested["predicted"][0])


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
    every, _ = tasks(features, root)
    found = {name: climbed(task, folder, effort) for name, task in every.items()}
    main = every[REFERENCE[0]]
    reference = found[REFERENCE[0]][REFERENCE[1]]["predicted"]
    result = {
        "songs": len(main.y),
        "artists": len(set(main.groups)),
        "rungs": {
            name: emotion.scores(every[name], models, effort.seed, 1000, reference)
            for name, models in found.items()
        },
        "released": {},
    }
    arrays = {}
    Path(weights).mkdir(parents=True, exist_ok=True)
    for name, (source, model) in RELEASED.items():
        task, tested, file = every[source], found[source][model], Path(weights, name)
        file = file.with_suffix(".safetensors")
        trained = release(name, task, tested, result["rungs"][source][model], folder, effort)
        trained.save(file)
        result["released"][name] = {
            "input": source,
            "card": trained.card,
            "held": {f"{level:g}": held(task, tested, level) for level in emotion.LEVELS},
        }
        arrays[name] = emotion.pairs(task.y, tested, effort.seed)
    data, seed = {"taffc": main.fingerprint()}, effort.seed
    results.save(out, result, started=started, data=data, seed=seed, arrays=arrays)
