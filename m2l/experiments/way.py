"""The whole way, from the sound of songs left out to the emotion of their pictures.

Conventions
-----------
Emotions are compared as quantiles in [-1, 1]: the song's label among songs, the picture's emotion,
as a judge sees it, among photos left out, as the same judge sees them. Intervals are over artists.
What is written is anonymous: rows in random order, generated pictures.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np

from m2l import generate, stats
from m2l import results as provenance
from m2l.errors import InputError
from m2l.experiments import landscapes
from m2l.experiments.evaluation import Judges
from m2l.gan import photos
from m2l.judge import metrics, ratings
from m2l.va import DIMENSIONS, QuantileMap


def end_to_end(
    out,
    features,
    root=None,
    generator=generate.WEIGHTS,
    judge: Path | None = None,
    rated: Path | None = None,
    folder="runs/ear",
    pictures=8,
    of: int = generate.OF,
    uncertain=60,
    draws=6,
    limit: int | None = None,
    **effort,
):
    """Measure the whole way with the model of music that answers by default.

    Each song of 4Q-TAFFC is heard by a model of that kind that was trained on other artists.

    Parameters
    ----------
    out : .json to write.
    features : .parquet of the songs' measurements, indexed by path.
    generator : .safetensors
    judge : .safetensors of the scene network; the shipped one by default.
    rated : .safetensors of the second judge; the shipped one by default.
    folder : where the study of listening keeps the answers, which are made there if they are not.
    pictures : seeds for each song; 2 or more.
    of : scenes of which the scene network chooses one, which the second judge scores; as many as
        `m2l generate` paints by default.
    uncertain : songs for which pictures are painted over what the model does not know.
    draws : pictures for each of these.
    limit : take only so many photos of each split.
    effort : fields of `emotion.Effort`, as in the study of listening.
    """
    from m2l.experiments import ear, emotion
    from m2l.judge import scene

    started, effort = time.monotonic(), emotion.Effort(**effort)
    seed = effort.seed
    table, songs = emotion.taffc(features, root)
    source, model = ear.RELEASED["ear"]
    if missing := set(ear.INPUTS[source]) - set(table):
        raise InputError(f"{features}: no {min(missing)}; make it by 'm2l features --embedding'")
    if songs["group"].nunique() < 10:
        raise InputError(f"{features}: {len(songs)} songs with labels; extract those of 4Q-TAFFC")
    y, artists = songs[list(DIMENSIONS)].to_numpy(float), songs["group"].to_numpy()
    task = emotion.Task(source, table[list(ear.INPUTS[source])], y, artists, (model,))
    heard = emotion.climb(task, model, folder, effort)
    asked, felt = placed(y, heard["predicted"][0], heard["folds"], draws, seed)
    label = QuantileMap.fit(y)(y)

    released = generate.load(generator)
    judges = Judges(scene.load(judge), ratings.load(rated))
    pyramid = landscapes.pyramid(root, limit)
    photo = judges.photos(pyramid, released.resolution)[pyramid.rows("test")]
    places = {name: QuantileMap.fit(va) for name, va in photo.va.items()}
    seeds = np.arange(len(y))[:, None] * pictures + np.arange(pictures)
    some = np.sort(np.random.default_rng(seed).permutation(len(y))[:uncertain])

    def look(u, seeds, of=1):
        """Quantiles (N, K, 2), by judge, of the pictures of seeds (N, K) at u (N, K or 1, 2)."""
        va = judges.look(generate.paint(u, seeds, released, of=of)).va
        return {k: places[k](x).reshape(len(u), -1, 2) for k, x in va.items()}

    seen, over = look(asked[:, None], seeds), look(felt[some], seeds[some, :1])
    chosen = look(asked[:, None], seeds[:, :1], of)["ratings"][:, 0]  # the other judge has chosen

    agreement = partial(metrics.consistency, groups=artists, draws=100, seed=seed)
    result = {
        "songs": len(y),
        "artists": len(set(artists)),
        "model": {"reads": source, "kind": model},
        "pictures": pictures,
        "of": of,
        "resolution": released.resolution,
        "heard": agreement(label, asked),
        "judges": {},
    }
    arrays = {"label, asked": np.hstack([label, asked])}
    rng = np.random.default_rng(seed)
    for name, one in seen.items():
        single, mean = one[:, 0], one.mean(1)
        told = {"one picture": single, "mean of pictures": mean}
        if name == "ratings":
            told["chosen"] = chosen
        shuffled = {"shuffled": rng.permutation(single)}
        result["judges"][name] = {
            "generator": agreement(asked, single),
            "whole": {key: agreement(label, x) for key, x in told.items()},
            "shuffled": {
                d: stats.permutation(
                    lambda x, y: stats.score(x, y)["r"], label[:, i], single[:, i], seed=rng
                )
                for i, d in enumerate(DIMENSIONS)
            },
            "matched": {
                key: stats.bootstrap(
                    np.mean, metrics.matched(label, x), groups=artists, draws=100, seed=seed
                )
                for key, x in (told | shuffled).items()
            },
            "shares": shares(one, over[name], artists, some, seed),
        }
        arrays[f"seen, mean, {name}"] = np.hstack([single, mean])
    order = rng.permutation(len(y))  # rows say nothing about which song they are
    provenance.save(
        out,
        result,
        started=started,
        seed=seed,
        arrays={k: x[order].astype(np.float32) for k, x in arrays.items()},
        data={"taffc": photos.fingerprint(songs)},
    )


def placed(y, predicted, folds, draws, seed=0):
    """What is asked of the generator: each song's place among songs, as quantiles.

    As of the released model, the place among songs and the errors come from the other folds.

    Parameters
    ----------
    y, predicted : ndarray (N, 2), 1–9
    folds : ndarray (N,)

    Returns
    -------
    asked : ndarray (N, 2), of the predictions
    felt : ndarray (N, draws, 2), of what the songs may be felt like: prediction plus error.
    """
    rng = np.random.default_rng(seed)
    asked, felt = np.empty_like(predicted), np.empty((len(y), draws, 2))
    for fold in np.unique(folds):
        own = folds == fold
        asked[own] = QuantileMap.fit(predicted[~own])(predicted[own])
        errors = (y - predicted)[~own][rng.integers((~own).sum(), size=(own.sum(), draws))]
        labels = QuantileMap.fit(y[~own])
        felt[own] = labels(np.clip(predicted[own][:, None] + errors, 1, 9))
    return asked, felt


def shares(seen, over, groups, some, seed=0):
    """Where the variance of one picture's emotion comes from, in shares that add up to one.

    Songs: of the mean over seeds, between songs. Seeds: between seeds at one request, of one
    picture, not of a mean. Unknown: between requests drawn over what the model does not know of
    one song, at one seed.

    Parameters
    ----------
    seen : ndarray (N, K, 2), each song's K seeds at what was heard.
    over : ndarray (S, D, 2), of the songs `some` (S,), one seed at D draws.
    groups : array (N,), drawn whole.

    Returns
    -------
    dict of dimension to dict of songs, seeds and unknown to {"value", "low", "high"}
    """
    drawn = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
    for d in (0, 1):
        drawn[d][some] = over[..., d].var(1, ddof=1)

    def statistic(seen, v, a):
        out = {}
        for d, (name, unknown) in enumerate(zip(DIMENSIONS, (v, a), strict=True)):
            seeds = seen[..., d].var(1, ddof=1).mean()
            songs = max(0.0, seen[..., d].mean(1).var(ddof=1) - seeds / seen.shape[1])
            unknown = np.nanmean(unknown) if np.isfinite(unknown).any() else 0.0
            parts = {"songs": songs, "seeds": seeds, "unknown": unknown}
            out[name] = {k: x / sum(parts.values()) for k, x in parts.items()}
        return out

    return stats.bootstrap(statistic, seen, *drawn, groups=groups, draws=100, seed=seed)
