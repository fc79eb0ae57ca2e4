"""A stage for larger pictures: added to a generator, and compared with pictures enlarged.

It adds detail alone and leaves a picture as it is, so what is measured at the smaller side holds
for the larger one. Here a judge looks at what is added.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from m2l import generate, results, stats
from m2l.errors import InputError
from m2l.experiments import landscapes
from m2l.gan import photos as corpus
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.gan.networks import Sizes
from m2l.judge import metrics, ratings
from m2l.va import DIMENSIONS

FINE = metrics.LOOKS.index("detail")
PAINTED = ("enlarged", "finest")


def detail(
    out,
    weights,
    stage: Path,
    generator=generate.WEIGHTS,
    rated: Path | None = None,
    root=None,
    photos="scenes256",
    n=800,
    seed=0,
    limit: int | None = None,
    draws=100,
):
    """Write a generator with a stage for larger pictures, and say what it brings.

    By the kernel distances (KID) of its pictures, and of smaller ones enlarged, to photos that the
    stage was not trained on, in the features of the judge of ratings. What the same loss of detail
    costs photos stands beside.

    Parameters
    ----------
    out : .json to write.
    weights : .safetensors to write: the generator with the stage.
    stage : .safetensors of the stage, trained on top of a generator of the same sizes.
    generator : .safetensors
    rated : .safetensors of the judge of ratings; the shipped one by default.
    photos : as for 'm2l gan train', as large as the finest pictures.
    n : pictures, at the emotions of the photos.
    seed : of all draws.
    limit : take only so many photos of each split.
    draws : for the intervals.
    """
    started = time.monotonic()
    join(weights, generator, stage)
    released = generate.load(weights)
    small, side = released.resolution, released.finest
    pyramid, judge = landscapes.pyramid(root, limit, photos, side), ratings.load(rated)
    train = pyramid.rows("train")
    unseen = np.setdiff1d(np.arange(len(pyramid)), train)
    if min(len(unseen), len(train)) < 12:
        raise InputError(f"{photos}: {len(pyramid)} photos are too few to judge by; give 50")
    asked = pyramid.va[np.resize(unseen, n)]
    z, u = generate.noise(seed + np.arange(n), released.z).numpy(), released.va_map(asked)
    painted = generate.render(z, u, released)
    shown = {
        "enlarged": generate.resized(painted, side),
        "finest": generate.render(z, u, released, side=side),
        "photos": pyramid.array(side)[train],
        "photos enlarged": generate.resized(pyramid.array(small)[train], side),
    }
    seen = {name: ratings.features(images) for name, images in shown.items()}
    real = ratings.features(pyramid.array(side)[unseen])
    among = metrics.kernel(real, real)
    kernels = {name: (metrics.kernel(x, x), metrics.kernel(real, x)) for name, x in seen.items()}

    def apart(i, j, k):
        """KID of photos i, pictures j, and photos k of those that the stage was trained on."""
        told = {}
        for name, (within, across) in kernels.items():
            rows = j if name in PAINTED else k
            parts = among[np.ix_(i, i)], within[np.ix_(rows, rows)], across[np.ix_(i, rows)]
            told[name] = metrics.kid(*parts)
        gain, loss = told["enlarged"] - told["finest"], told["photos enlarged"] - told["photos"]
        return told | {"gain": gain, "loss": loss}

    def mean(images):
        return stats.bootstrap(np.mean, metrics.looks(images)[:, FINE], draws=draws, seed=seed)

    def obedience(features):
        told = ratings.told(judge, features)
        found = metrics.consistency(asked, told, draws=draws, seed=seed)
        return {d: found[d]["r"] for d in DIMENSIONS}

    halved = generate.resized(shown["finest"], small, Image.Resampling.BOX).astype(float)
    result = {
        "resolution": small,
        "finest": side,
        "n": n,
        "unseen": len(unseen),
        "kid": stats.halves(apart, len(unseen), n, len(train), draws=draws, seed=seed),
        "detail": {name: mean(images) for name, images in shown.items()},
        "r": {name: obedience(seen[name]) for name in PAINTED},
        "moved": float(np.abs(halved - painted).mean() / 255),
    }
    data = {"landscapes": corpus.fingerprint(pyramid.table)}
    results.save(out, result, started=started, data=data, seed=seed)


def join(out, generator, stage):
    """Write a generator with the last stage of another one.

    Raises
    ------
    InputError
        If the stage is none that adds detail, or its generator's sizes are others.
    """
    header, tensors = read_checkpoint(generator, "m2l-generator")
    theirs, more = read_checkpoint(stage, "m2l-generator")
    sizes, larger = (Sizes(**json.loads(h["sizes"])) for h in (header, theirs))
    if not larger.detail or replace(larger, widths=larger.widths[:-1], detail=False) != sizes:
        raise InputError(f"{stage}: no stage that adds detail to pictures of {generator}")
    told = json.loads(theirs["card"])
    card = json.loads(header["card"]) | {"larger": f"{told['training']}; {told['data']}"}
    header |= {"sizes": theirs["sizes"], "card": json.dumps(card)}
    write_checkpoint(out, {k: more[k] for k in more if k not in tensors} | tensors, header)
