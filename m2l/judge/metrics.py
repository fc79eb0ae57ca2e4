"""How good are the landscapes: likeness to photos, variety, and obedience to the emotion asked.

Conventions
-----------
Feature arrays are (N, D), one row an image; valence and arousal (N, 2) on 1–9. A distance is
reported beside its floor, the same distance between two sets of real photos of the same N, and a
correlation beside its control with shuffled requests. Intervals hold 95 %: of rows by the
bootstrap, of whole sets by random halves (`halves`). "FID" is only ever the Fréchet distance in
the features of the official Inception weights, N and dimensions in its name; the same formula in
other features is called a Fréchet distance.

Pictures reach Inception as uint8, which is what a PNG keeps: at the generator's resolution, photos
box-averaged down to the same, and both resized to 299×299 by pytorch-fid's bilinear rule. Upwards,
that rule and the antialiased one of clean-fid are the same.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from unittest import mock

import numpy as np

from m2l import stats
from m2l.errors import InputError
from m2l.va import DIMENSIONS

INCEPTION = "pt_inception-2015-12-05-6726825d.pth"
OFFICIAL = "6726825d"  # how the SHA-256 of the official weights begins
LOOKS = ("brightness", "saturation", "warmth", "contrast", "detail")
# -- likeness --------------------------------------------------------------------------------


def frechet(a, b):
    """Fréchet distance of two feature sets taken as Gaussians, |μa − μb|² + Tr(Σa + Σb − 2√ΣaΣb).

    Parameters
    ----------
    a, b : ndarray (N, D), (M, D); at least two rows and two columns each.

    References
    ----------
    Heusel et al. 2017, eq. 6.
    """
    if min(len(a), len(b)) < 2:
        raise InputError("frechet: needs two images or more on each side")
    (mu_a, cov_a), (mu_b, cov_b) = (
        (x.mean(0), np.cov(x, rowvar=False)) for x in (np.asarray(y, float) for y in (a, b))
    )
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(values.clip(0))  # root @ root.T is Σa
    # ΣaΣb has the eigenvalues of this symmetric matrix, which takes no general matrix root.
    shared = np.linalg.eigvalsh(root.T @ cov_b @ root).clip(0)
    distance = ((mu_a - mu_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b)
    return float(distance - 2 * np.sqrt(shared).sum())


def kid(a, b):
    """Kernel distance: the unbiased squared MMD of two feature sets, kernel (x·y / D + 1)³.

    Parameters
    ----------
    a, b : ndarray (N, D), (M, D); at least two rows each.

    References
    ----------
    Bińkowski et al. 2018, "Demystifying MMD GANs", section 4.
    """
    if min(len(a), len(b)) < 2:
        raise InputError("kid: needs two images or more on each side")

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x):
        k = kernel(x, x)
        return (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())


def density_coverage(real, fake, k=5):
    """How many fakes lie where photos are, and how many photos have a fake near them.

    A photo's neighbourhood reaches to its k-th nearest other photo. Density is the mean number of
    neighbourhoods that hold a fake, over k; coverage the share of neighbourhoods that hold one.

    References
    ----------
    Naeem et al. 2020, "Reliable fidelity and diversity metrics", eqs. 3 and 4; the values are
    those of the authors' prdc, whose distances cannot be reused between draws.
    """
    from sklearn.metrics import pairwise_distances

    if len(real) <= k:
        raise InputError(f"density and coverage: {len(real)} photos; give more than {k}")
    radii = np.partition(pairwise_distances(real), k, axis=1)[:, k]  # each is its own 0-th
    inside = pairwise_distances(real, fake) < radii[:, None]
    return float(inside.sum(0).mean() / k), float(inside.any(1).mean())


def compare(reference, other, draws=None, seed=0, subsets=50):
    """Fréchet distance, KID, density and coverage of a set against photos, with intervals.

    Parameters
    ----------
    reference, other : ndarray (N, D), (M, D)
    draws : halves to draw; a tenth of them in more than 512 dimensions, where each takes seconds.
    subsets : of up to 100 images, over which the deviation of KID is taken.

    Returns
    -------
    dict of frechet, kid, density and coverage to {"value", "low", "high"}; kid also has "sd", its
    deviation over subsets of "subset" images.
    """
    reference, other = np.asarray(reference, float), np.asarray(other, float)

    def statistic(i, j):
        density, coverage = density_coverage(reference[i], other[j])
        return {
            "frechet": frechet(reference[i], other[j]),
            "kid": kid(reference[i], other[j]),
            "density": density,
            "coverage": coverage,
        }

    draws = draws or stats.DRAWS
    few = draws if reference.shape[1] <= 512 else max(2, draws // 10)
    out = stats.halves(statistic, len(reference), len(other), draws=few, seed=seed)
    rng = np.random.default_rng(seed)
    size = min(100, len(reference), len(other))
    some = [
        kid(*(x[rng.permutation(len(x))[:size]] for x in (reference, other)))
        for _ in range(subsets)
    ]
    out["kid"] |= {"sd": float(np.std(some)), "subset": size}
    return out


def nearest(features, among):
    """Distance (N,) of each row to the nearest row of another set, and that row's index (N,)."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(among).kneighbors(features)
    return tuple(x[:, 0] for x in found)


def closeness(fake, held_out, train, draws=None, seed=0):
    """Whether pictures are copies: how near the training photos they come, beside new photos.

    Parameters
    ----------
    fake, held_out, train : ndarray (N, D), (M, D), (T, D)

    Returns
    -------
    summary : dict: generated and photos, the median distance to the nearest training photo with
        its interval; closer, the share of pictures nearer to one than 99 % of new photos are.
    distance, index : ndarray (N,), of each picture to its nearest training photo.
    """
    distance, index = nearest(fake, train)
    usual, _ = nearest(held_out, train)
    mark = np.quantile(usual, 0.01)
    return (
        {
            "generated": stats.bootstrap(np.median, distance, draws=draws, seed=seed),
            "photos": stats.bootstrap(np.median, usual, draws=draws, seed=seed),
            "closer": stats.bootstrap(
                lambda d: np.mean(d < mark), distance, draws=draws, seed=seed
            ),
        },
        distance,
        index,
    )


# -- variety ---------------------------------------------------------------------------------


def spread(features):
    """Mean distance between two rows of (N, D): how much variety there is."""
    from sklearn.metrics import pairwise_distances

    if len(features) < 2:
        raise InputError("spread: needs two images or more")
    n = len(features)
    return float(pairwise_distances(features).sum() / (n * (n - 1)))


def spread_within(features, cells):
    """Mean distance between two rows of the same cell, cells (N,) weighted by their rows.

    Zero where no cell has two rows.
    """
    parts = [features[cells == c] for c in np.unique(cells)]
    parts = [p for p in parts if len(p) > 1]
    if not parts:
        return 0.0
    return float(np.average([spread(p) for p in parts], weights=[len(p) for p in parts]))


# -- obedience -------------------------------------------------------------------------------


def consistency(requested, estimated, groups=None, draws=None, seed=0):
    """How well estimated valence and arousal follow what was asked for, with intervals.

    Parameters
    ----------
    requested, estimated : ndarray (N, …, 2); the bootstrap draws along the first axis.
    groups : array (N,), drawn whole.

    Returns
    -------
    dict of dimension to dict of mae, r, ccc, spearman and slope (of the estimate on the request)
    to {"value", "low", "high"}.
    """

    def statistic(asked, told):
        return {
            name: _follows(asked[..., d].ravel(), told[..., d].ravel())
            for d, name in enumerate(DIMENSIONS)
        }

    requested, estimated = np.asarray(requested, float), np.asarray(estimated, float)
    return stats.bootstrap(statistic, requested, estimated, groups=groups, draws=draws, seed=seed)


def _follows(x, y):
    from scipy.stats import rankdata

    told = stats.score(x, y)
    ranks = stats.score(rankdata(x), rankdata(y))
    slope = told["r"] * y.std() / x.std() if np.ptp(x) > 0 else 0.0
    return {k: told[k] for k in ("mae", "r", "ccc")} | {"spearman": ranks["r"], "slope": slope}


def matched(asked, told):
    """Share (N,) of the others' answers that are farther from a request than its own answer is.

    One half where answers have nothing to do with requests: the chance of being right in a choice
    between two. Ties count half.

    Parameters
    ----------
    asked, told : ndarray (N, 2), on one scale.
    """
    distance = np.linalg.norm(asked[:, None] - told[None], axis=-1)
    own = np.diagonal(distance)[:, None]
    farther = (distance > own) + 0.5 * (distance == own)
    return (farther.sum(1) - 0.5) / (len(asked) - 1)


def looks(images):
    """What the eye notices first, the five numbers of `LOOKS` for each image.

    Brightness is the mean luma, warmth the mean of red minus blue, contrast the deviation of the
    luma, detail its mean absolute step to the next pixel, all in shares of the range; saturation
    is HSV's.

    Parameters
    ----------
    images : ndarray (N, H, W, 3) uint8

    Returns
    -------
    ndarray (N, 5)
    """
    out = []
    for image in images:
        rgb = image / 255.0
        luma = rgb @ (0.299, 0.587, 0.114)
        top = rgb.max(-1)
        steps = [np.abs(np.diff(luma, axis=axis)).mean() for axis in (0, 1)]
        saturation = np.where(top > 0, (top - rgb.min(-1)) / np.where(top > 0, top, 1), 0)
        warmth = (rgb[..., 0] - rgb[..., 2]).mean()
        out.append((luma.mean(), saturation.mean(), warmth, luma.std(), np.mean(steps)))
    return np.array(out)


def effects(u, values):
    """Slopes of values on valence and arousal together, by least squares.

    Parameters
    ----------
    u : ndarray (N, 2)
    values : ndarray (N, K)

    Returns
    -------
    ndarray (2, K)
    """
    x = np.column_stack([np.ones(len(u)), u])
    return np.linalg.lstsq(x, values, rcond=None)[0][1:]


# -- Inception -------------------------------------------------------------------------------


def inception_weights(path=None, fetch=False):
    """Find the official Inception weights, for FID.

    Parameters
    ----------
    path : their file; else $M2L_INCEPTION, else torch's cache, where pytorch-fid keeps them.
    fetch : get them from pytorch-fid's release (95 MB) into torch's cache if they are not there.

    Returns
    -------
    Path, or None

    Raises
    ------
    InputError
        If a file that was named is missing, holds other weights, or they cannot be fetched.
    """
    import torch

    named = path or os.environ.get("M2L_INCEPTION")
    cached = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION
    if fetch and not named and not cached.is_file():
        from pytorch_fid.inception import FID_WEIGHTS_URL

        cached.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(FID_WEIGHTS_URL, str(cached), hash_prefix=OFFICIAL)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"FID: {INCEPTION} could not be fetched ({error}); get it and set M2L_INCEPTION"
            ) from error
    found = Path(named) if named else cached
    if not found.is_file():
        if named:
            raise InputError(f"{found}: no such file; give the path of {INCEPTION}")
        return None
    if not _digest(found).startswith(OFFICIAL):
        raise InputError(f"{found}: not the official Inception weights; get {INCEPTION}")
    return found


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inception(images, weights, dims=2048, batch=50, keep=False):
    """Inception features of images by pytorch-fid's network.

    Parameters
    ----------
    images : ndarray (N, H, W, 3) uint8
    weights : path of the network's weights; only the official ones give an FID.
    dims : 64, 192, 768 or 2048
    keep : keep the features in the cache, under the fingerprint of images and weights, and take
        them from there the next time. For photos, which are the same in every comparison.

    Returns
    -------
    ndarray (N, dims) float32
    """
    from m2l.corpora import cache_root

    if not keep:
        return _inception(images, weights, dims, batch)
    images = np.ascontiguousarray(images)
    pixels = hashlib.sha256(images.tobytes())
    pixels.update(f"{images.shape} {dims} {_digest(weights)}".encode())
    path = cache_root() / "inception" / f"{pixels.hexdigest()[:20]}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.writing.npy")
        np.save(scratch, _inception(images, weights, dims, batch))
        os.replace(scratch, path)
    return np.load(path)


def _inception(images, weights, dims, batch):
    import torch
    from pytorch_fid.inception import InceptionV3
    from tqdm import trange

    try:
        tensors = torch.load(weights, map_location="cpu", weights_only=True)
        # pytorch-fid takes no path: it is handed the file's tensors where it would fetch them.
        with mock.patch("pytorch_fid.inception.load_state_dict_from_url", lambda *_, **__: tensors):
            net = InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[dims]]).eval()
    except Exception as error:  # pickle, zip and shape errors have no common base
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{weights}: not Inception weights ({reason}); get them again") from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net, out = net.to(device), []
    with torch.inference_mode():
        for i in trange(0, len(images), batch, desc="Inception", disable=None, leave=False):
            x = torch.from_numpy(np.array(images[i : i + batch])).to(device)
            out.append(net(x.permute(0, 3, 1, 2).float() / 255)[0].mean((2, 3)).cpu().numpy())
    return np.concatenate(out)
