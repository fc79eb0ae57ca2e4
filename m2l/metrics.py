"""How good are the landscapes: likeness to photos, variety, and obedience to the emotion asked.

Conventions
-----------
Feature arrays are (N, D), one row an image; valence and arousal (N, 2) on 1–9. A distance is
reported beside its floor, the same distance between two sets of real photos, and a correlation
beside its control with shuffled requests. "FID" is only ever the distance in the official
Inception features; the same formula in other features is called a Fréchet distance.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from m2l.errors import InputError
from m2l.forest import DIMENSIONS, score

INCEPTION = "pt_inception-2015-12-05-6726825d.pth"


def frechet(a, b):
    """Fréchet distance of two feature sets taken as Gaussians, |μa − μb|² + Tr(Σa + Σb − 2√ΣaΣb).

    Parameters
    ----------
    a, b : ndarray (N, D), (M, D); at least two rows and two columns each.

    References
    ----------
    Heusel et al. 2017, eq. 6; computed by pytorch-fid.
    """
    from pytorch_fid.fid_score import calculate_frechet_distance

    if min(len(a), len(b)) < 2:
        raise InputError("frechet: needs two images or more on each side")
    moments = [(x.mean(0), np.cov(x, rowvar=False)) for x in map(np.asarray, (a, b))]
    (mu_a, cov_a), (mu_b, cov_b) = moments
    return float(calculate_frechet_distance(mu_a, cov_a, mu_b, cov_b))


def spread(features, pairs=5000, seed=0):
    """Mean distance between random pairs of rows, ndarray (N, D): how much variety there is."""
    if len(features) < 2:
        raise InputError("spread: needs two images or more")
    rng = np.random.default_rng(seed)
    i = rng.integers(len(features), size=pairs)
    j = (i + rng.integers(1, len(features), size=pairs)) % len(features)
    return float(np.linalg.norm(features[i] - features[j], axis=1).mean())


def consistency(requested, estimated, seed=0):
    """How well estimated valence and arousal follow what was asked for.

    Parameters
    ----------
    requested, estimated : ndarray (N, 2), 1–9

    Returns
    -------
    dict of dimension to dict: ccc, r, mae, rmse …  (`m2l.forest.score`), spearman, slope of the
    estimate on the request, and shuffled_r, the correlation with the requests in random order.
    """
    from scipy.stats import linregress, spearmanr

    requested, estimated = np.asarray(requested, float), np.asarray(estimated, float)
    shuffled = np.random.default_rng(seed).permutation(len(requested))
    out = {}
    for d, name in enumerate(DIMENSIONS):
        x, y = requested[:, d], estimated[:, d]
        out[name] = score(x, y) | {
            "spearman": float(spearmanr(x, y).statistic),
            "slope": float(linregress(x, y).slope),
            "shuffled_r": float(np.corrcoef(x[shuffled], y)[0, 1]),
        }
    return out


def bootstrap(statistic, *arrays, draws=200, seed=0):
    """A statistic of rows with its 95 % percentile interval, {"value", "low", "high"}.

    Parameters
    ----------
    statistic : callable of the arrays -> float
    arrays : ndarrays of equal length, whose rows are drawn together with replacement.
    """
    rng = np.random.default_rng(seed)
    n = len(arrays[0])
    values = [statistic(*(a[rows] for a in arrays)) for rows in rng.integers(n, size=(draws, n))]
    low, high = np.quantile(values, [0.025, 0.975])
    return {"value": float(statistic(*arrays)), "low": float(low), "high": float(high)}


def inception_weights():
    """Path of the official Inception weights in torch's cache, or None."""
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION
    return path if path.is_file() else None


def fid(real, fake, dims=2048):
    """FID by pytorch-fid from uint8 images (N, H, W, 3), passed as PNG files.

    Returns
    -------
    dict with one entry, fid_<dims>_n<N>, N the smaller side.

    Raises
    ------
    InputError
        Without the official weights, or with fewer images than dimensions.
    """
    from PIL import Image
    from pytorch_fid.fid_score import calculate_fid_given_paths

    n = min(len(real), len(fake))
    if inception_weights() is None:
        raise InputError(
            f"FID: the Inception weights are not here; put {INCEPTION} into torch's hub cache"
        )
    if n < dims:
        raise InputError(f"FID: {n} images for {dims} dimensions; give {dims} or more a side")
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for name, images in (("real", real), ("fake", fake)):
            folder = Path(scratch) / name
            folder.mkdir()
            folders.append(str(folder))
            for i, image in enumerate(images):
                Image.fromarray(image).save(folder / f"{i:06d}.png")
        value = calculate_fid_given_paths(folders, 50, "cpu", dims, num_workers=0)
    return {f"fid_{dims}_n{n}": float(value)}
