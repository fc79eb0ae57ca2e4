"""How much further from the middle an emotion has to be asked than it is wanted.

From a generator's picture the emotion that it was asked for is harder to read than a photo's label
from the photo. What it is asked can be multiplied, as quantiles from -1 to 1 and beyond, until its
pictures can be read as well as photos.

Conventions
-----------
How well an emotion can be read is its signal over its noise, r/sqrt(1 - r^2), with r between the
emotion that was asked or labelled and what the second judge (`m2l.judge.ratings`) sees. The factors
are found at the emotions of the "probe" photos and tried out at those of the "test" photos, with
other seeds, where the scene network looks too.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from m2l import generate, stats
from m2l import results as provenance
from m2l.errors import InputError
from m2l.experiments import landscapes
from m2l.experiments.evaluation import Judges
from m2l.gan import photos
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.judge import metrics, ratings, scene
from m2l.va import DIMENSIONS

log = logging.getLogger(__name__)

LIMITS = (1.0, 2.0)  # of a factor: nobody has looked at what lies beyond
SHARES = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Powers of the factors that are tried out: 0 is as trained, 1 what is released."""


def emphasis(
    out,
    weights,
    generator=generate.WEIGHTS,
    judge: Path | None = None,
    rated: Path | None = None,
    root=None,
    n=1024,
    rounds=4,
    seed=0,
    limit: int | None = None,
    draws=100,
):
    """Find the factors of a generator, write it with them, and say what they bring and cost.

    Parameters
    ----------
    out : .json to write.
    weights : .safetensors to write: the generator with its factors.
    generator : .safetensors
    judge : .safetensors of the scene network; the shipped one by default.
    rated : .safetensors of the second judge; the shipped one by default.
    n : pictures of each step.
    rounds : steps of the search; each multiplies the factors by what is missing.
    seed : of all draws.
    limit : take only so many photos of each split.
    draws : for the intervals.
    """
    started, rng = time.monotonic(), np.random.default_rng(seed)
    pyramid, released = landscapes.pyramid(root, limit), generate.load(generator)
    judges = Judges(scene.load(judge), ratings.load(rated))
    photo, va = judges.photos(pyramid, released.resolution), pyramid.va
    probe, test = (rng.permutation(pyramid.rows(split)) for split in ("probe", "test"))
    train = rng.permutation(pyramid.rows("train"))[:n]
    if min(len(probe), len(test)) < 4 or len(train) < 12:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")

    def seen(asked, factors, first):
        u = released.va_map(asked)
        seeds = first + np.arange(len(asked))
        return judges.look(generate.paint(u, seeds, replace(released, emphasis=factors)))

    asked, factors, search = va[np.resize(probe, n)], np.ones(2), []
    wanted = signal(va[probe], photo.va["ratings"][probe])
    for _ in range(rounds):
        told = signal(asked, seen(asked, factors, n).va["ratings"])
        search.append({"factors": factors.tolist(), "signal": told.tolist()})
        log.info("factors %s: signal %s of %s", factors.round(2), told.round(2), wanted.round(2))
        factors = np.clip(factors * wanted / np.maximum(told, 1e-6), *LIMITS)

    asked, curve = va[np.resize(test, n)], []
    for share in SHARES:
        pictures = seen(asked, factors**share, 0)
        curve.append({"share": share, "factors": (factors**share).tolist()})
        for name, features in pictures.features.items():
            told = metrics.consistency(asked, pictures.va[name], pictures.kinds, None, None, draws)
            like = metrics.compare(photo.features[name][train], features, draws, seed)
            curve[-1][name] = {d: {k: told[d][k] for k in ("r", "within", "slope")} for d in told}
            curve[-1][name] |= {k: like[k] for k in ("frechet", "coverage")}
    result = {
        "n": n,
        "photos": dict(zip(DIMENSIONS, wanted.tolist(), strict=True)),
        "search": search,
        "emphasis": dict(zip(DIMENSIONS, factors.tolist(), strict=True)),
        "curve": curve,
    }
    header, tensors = read_checkpoint(generator, "m2l-generator")
    card = json.loads(header["card"])
    card["emphasis"] = (
        f"asked {factors[0]:.2f} times further from the middle in valence, {factors[1]:.2f} times "
        "in arousal, so that it can be read as well as from photos"
    )
    header |= {"emphasis": json.dumps(factors.tolist()), "card": json.dumps(card)}
    write_checkpoint(weights, tensors, header)
    data = {"landscapes": photos.fingerprint(pyramid.table)}
    provenance.save(out, result, started=started, data=data, seed=seed)


def signal(asked, told):
    """Signal over noise (2,), of valence and of arousal, in told (N, 2) of asked (N, 2)."""
    r = np.array([stats.score(x, y)["r"] for x, y in zip(asked.T, told.T, strict=True)])
    return r / np.sqrt(1 - r**2)
