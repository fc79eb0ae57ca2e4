"""How good are the landscapes: likeness to photos, variety, and obedience to the emotion asked.

Conventions
-----------
Feature arrays are (N, D), one row an image; valence and arousal (N, 2) on 1–9. A distance is
reported beside its floor, the same distance between two sets of real photos of the same N.
Intervals are those of `m2l.stats`: of rows by the bootstrap, of whole sets by random halves. "FID"
is only ever the Fréchet distance in the features of the official Inception weights, N and
dimensions in its name; the same formula in other features is called a Fréchet distance.

Pictures reach Inception as uint8, which is what a PNG keeps: at the generator's resolution, photos
box-averaged down to the same, and both resized to 299×299 by pytorch-fid's bilinear rule. Upwards,
that rule and the antialiased one of clean-fid are the same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from m2l import stats
from m2l.doors import cache
from m2l.errors import InputError
from m2l.va import DIMENSIONS

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
    both = [np.asarray(x, float) for x in (a, b)]
    (mu_a, cov_a), (mu_b, cov_b) = ((x.mean(0), np.cov(x, rowvar=False)) for x in both)
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(values.clip(0))  # root @ root.T is Σa
    # ΣaΣb has the eigenvalues of this symmetric matrix, which takes no general matrix root.
    shared = np.linalg.eigvalsh(root.T @ cov_b @ root).clip(0)
    distance = ((mu_a - mu_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b)
    return float(distance - 2 * np.sqrt(shared).sum())


def kid(aa, bb, ab):
    """Kernel distance of two sets: the unbiased squared MMD, from their kernels (see `kernel`).

    Parameters
    ----------
    aa, bb, ab : ndarray (N, N), (M, M), (N, M), within each set and across.

    References
    ----------
    Bińkowski et al. 2018, "Demystifying MMD GANs", section 4.
    """
    within = ((k.sum(dtype=float) - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (aa, bb))
    return float(sum(within) - 2 * ab.mean(dtype=float))


def kernel(x, y):
    """The kernel (x·y / D + 1)³ of rows of features (N, D) and (M, D)."""
    k = x @ y.T / x.shape[1] + 1
    return k * k * k


def neighbours(among, across, k=5):
    """Density, coverage and precision: how far fakes and photos lie among each other.

    A photo's neighbourhood reaches to its k-th nearest other photo. Density is the mean number of
    neighbourhoods that hold a fake, over k; coverage the share of neighbourhoods that hold one;
    precision the share of fakes that lie in one.

    Parameters
    ----------
    among, across : ndarray (N, N), (N, M), distances of the photos and from them to the fakes.

    Returns
    -------
    dict

    References
    ----------
    Naeem et al. 2020, "Reliable fidelity and diversity metrics", eqs. 3 and 4, and, of precision,
    Kynkäänniemi et al. 2019, eq. 2; the values are those of the authors' prdc.
    """
    radii = np.partition(among, k, axis=1)[:, k]  # each photo is its own 0-th
    inside = across < radii[:, None]
    return {
        "density": float(inside.sum(0).mean() / k),
        "coverage": float(inside.any(1).mean()),
        "precision": float(inside.any(0).mean()),
    }


def distances(a, b):
    """Euclidean distances (N, M) of rows."""
    from sklearn.metrics import pairwise_distances

    return pairwise_distances(a, b)


def compare(reference, other, draws=None, seed=0):
    """Fréchet distance, KID, density, coverage and precision of a set against photos.

    Parameters
    ----------
    reference, other : ndarray (N, D), (M, D)
    draws : halves to draw; a tenth of them in more than 512 dimensions, where each takes a second.

    Returns
    -------
    dict of figure to {"value", "low", "high"}
    """
    # In single precision: half the memory to move, and no figure changes in its third digit.
    a, b = np.asarray(reference, np.float32), np.asarray(other, np.float32)
    aa, bb, ab = kernel(a, a), kernel(b, b), kernel(a, b)
    among, across = distances(a, a), distances(a, b)

    def statistic(i, j):
        ii, jj, ij = np.ix_(i, i), np.ix_(j, j), np.ix_(i, j)
        told = {"frechet": frechet(a[i], b[j]), "kid": kid(aa[ii], bb[jj], ab[ij])}
        return told | neighbours(among[ii], across[ij])

    draws = draws or stats.DRAWS
    few = draws if a.shape[1] <= 512 else max(2, draws // 10)
    return stats.halves(statistic, len(a), len(b), draws=few, seed=seed)


def nearest(features, among):
    """Distance (N,) of each row to the nearest row of another set, and that row's index (N,)."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(among).kneighbors(features)
    return tuple(x[:, 0] for x in found)


def closeness(fake, held_out, train, draws=None, seed=0):
    """Whether pictures are copies: how near the training photos they come, beside new photos.

    Too close is what is nearer to a training photo than 99 % of new photos are. That mark rests on
    few of them, so each draw of pictures draws the new photos too.

    Parameters
    ----------
    fake, held_out, train : ndarray (N, D), (M, D), (T, D)

    Returns
    -------
    summary : dict: generated and photos, the median distance to the nearest training photo with
        its interval; mark; closer, the share of pictures too close; copies, whether the whole
        interval of that share lies above the new photos' own 1 %.
    distance, index : ndarray (N,), of each picture to its nearest training photo.
    """
    (distance, index), (usual, _) = nearest(fake, train), nearest(held_out, train)
    rng, mark, marks, shares = np.random.default_rng(seed), np.quantile(usual, 0.01), [], []
    for _ in range(draws or stats.DRAWS):
        marks.append(np.quantile(rng.choice(usual, len(usual)), 0.01))
        shares.append(np.mean(rng.choice(distance, len(distance)) < marks[-1]))
    closer = stats.summary(np.mean(distance < mark), shares)
    summary = {
        "generated": stats.bootstrap(np.median, distance, draws=draws, seed=seed),
        "photos": stats.bootstrap(np.median, usual, draws=draws, seed=seed),
        "mark": stats.summary(mark, marks),
        "closer": closer,
        "copies": closer["low"] > 0.01,
    }
    return summary, distance, index


# -- variety ---------------------------------------------------------------------------------


def spread(apart, cells=None):
    """Mean distance between two different pictures: how much variety there is.

    Parameters
    ----------
    apart : ndarray (N, N), see `distances`.
    cells : array (N,); only pictures of one cell are then compared, cells weighted by their
        pictures. Zero where no cell has two.
    """
    if cells is None:
        n = len(apart)
        return float(apart.sum() / (n * (n - 1)))
    parts = [np.flatnonzero(cells == c) for c in np.unique(cells)]
    parts = [rows for rows in parts if len(rows) > 1]
    each = [spread(apart[np.ix_(rows, rows)]) for rows in parts]
    return float(np.average(each, weights=list(map(len, parts)))) if parts else 0.0


# -- obedience -------------------------------------------------------------------------------


def consistency(requested, estimated, kinds=None, looks=None, groups=None, draws=None, seed=0):
    """How well estimated valence and arousal follow what was asked for, with intervals.

    Parameters
    ----------
    requested, estimated : ndarray (N, 2)
    kinds : array (N,), the kind of scene that each picture shows.
    looks : ndarray (N, K), such as brightness and saturation.
    groups : array (N,), drawn whole.

    Returns
    -------
    dict of dimension to dict of mae, r, ccc, spearman and slope (of the estimate on the request)
    to {"value", "low", "high"}; with kinds also within, r left within a kind of scene, and with
    looks left, r left without them.
    """
    given = {}
    if kinds is not None:
        given["within"] = (np.asarray(kinds)[:, None] == np.unique(kinds)[1:]).astype(float)
    if looks is not None:
        given["left"] = looks

    def statistic(asked, told, *given_):
        out = {}
        for name, x, y in zip(DIMENSIONS, asked.T, told.T, strict=True):
            left = {k: stats.partial(x, y, z) for k, z in zip(given, given_, strict=True)}
            out[name] = _follows(x, y) | left
        return out

    arrays = (np.asarray(requested, float), np.asarray(estimated, float), *given.values())
    return stats.bootstrap(statistic, *arrays, groups=groups, draws=draws, seed=seed)


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


def inception_weights():
    """Path of the official Inception weights, for FID: in torch's cache, fetched if not there.

    Raises
    ------
    InputError
        If they cannot be fetched (95 MB, from pytorch-fid's release), or others lie in their place.
    """
    import torch
    from pytorch_fid.inception import FID_WEIGHTS_URL

    path = Path(torch.hub.get_dir(), "checkpoints", Path(FID_WEIGHTS_URL).name)
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(FID_WEIGHTS_URL, path, hash_prefix=OFFICIAL)
    except (OSError, RuntimeError) as error:
        raise InputError(f"FID: no {FID_WEIGHTS_URL} ({error}); put it at {path}") from error
    with open(path, "rb") as file:
        if not hashlib.file_digest(file, "sha256").hexdigest().startswith(OFFICIAL):
            raise InputError(f"{path}: not the official Inception weights; delete it")
    return path


def inception(images, keep=False):
    """Inception features of images by pytorch-fid's network.

    Parameters
    ----------
    images : ndarray (N, H, W, 3) uint8
    keep : keep the features in the cache, under the fingerprint of images and weights, and take
        them from there the next time. For photos, which are the same in every comparison.

    Returns
    -------
    ndarray (N, 2048) float32
    """
    weights = inception_weights()
    if not keep:
        return _inception(images)
    path = cache.root() / "inception" / f"{cache.key(images, 2048, weights)}.npz"
    return cache.arrays(path, lambda: {"features": _inception(images)})["features"]


def _inception(images, batch=50):
    import torch
    from pytorch_fid.inception import InceptionV3
    from tqdm import trange

    device = "cuda" if torch.cuda.is_available() else "cpu"
    net, out = InceptionV3().eval().to(device), []
    with torch.inference_mode():
        for i in trange(0, len(images), batch, desc="Inception", disable=None, leave=False):
            x = torch.from_numpy(np.array(images[i : i + batch])).to(device)
            out.append(net(x.permute(0, 3, 1, 2).float() / 255)[0].mean((2, 3)).cpu().numpy())
    return np.concatenate(out)
