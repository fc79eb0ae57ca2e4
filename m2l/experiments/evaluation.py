"""Measure pictures: those of a generator, of folders, and of what does without a generator.

Two judges look at pictures. The scene network (`m2l.judge.scene`) is trained on the photos' "probe"
split, which no generator sees, but its labels are of the same making as theirs. The other
(`m2l.judge.ratings`) looks through another network and was taught by people's ratings alone.
Distances compare a generator's pictures with half A of the photos that it was trained on, and half
B with half A for the floor.

What is written to `results/` is small and anonymous: scores, pairs of asked and seen emotion in
random order, generated pictures; never a photo, a song, or a table of labels.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from m2l import generate, stats
from m2l import results as provenance
from m2l.doors import cache
from m2l.doors import pictures as opener
from m2l.errors import InputError
from m2l.experiments import landscapes
from m2l.gan import photos
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.gan.pictures import save_grid
from m2l.judge import metrics, ratings, scene
from m2l.va import DIMENSIONS, QuantileMap

log = logging.getLogger(__name__)

GRID = np.stack(
    np.meshgrid(3 + 5 * (np.arange(7) + 0.5) / 7, 2.5 + 4 * (np.arange(7) + 0.5) / 7), -1
)
"""7×7 emotions over V 3–8, A 2.5–6.5, by arousal, then valence: as spread as a uniform draw."""
SCENES = 6  # seeds at each point of the grid
ONE = (5.9, 4.5)  # an emotion in the middle of the photos'
CORNERS = 0.9 * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])  # the four moods, as quantiles
COLOUR = [metrics.LOOKS.index(name) for name in ("brightness", "saturation")]


# -- what judges see ------------------------------------------------------------------------


@dataclass
class Seen:
    """What judges see in N pictures.

    Attributes
    ----------
    features : dict of judge, "scene" or "ratings", to ndarray (N, D)
    va : dict of judge to ndarray (N, 2), 1–9
    kinds : array (N,), the kind of scene, as the scene network names it.
    looks : ndarray (N, 5), see `metrics.looks`.
    """

    features: dict
    va: dict
    kinds: np.ndarray
    looks: np.ndarray

    def __getitem__(self, rows):
        features, va = ({k: x[rows] for k, x in d.items()} for d in (self.features, self.va))
        return Seen(features, va, self.kinds[rows], self.looks[rows])


@dataclass
class Judges:
    """The scene network and, unless it is None, the second judge."""

    net: object
    rated: np.ndarray | None = None

    def look(self, images):
        """Images (N, H, W, 3) uint8 to Seen."""
        return self._told(self._scenes(images), lambda: self._features(images))

    def photos(self, pyramid, resolution):
        """All photos of a pyramid, Seen; what the networks say is kept in the cache."""
        images = pyramid.array(resolution)
        beginning = cache.root() / "judged" / f"{pyramid.key}-{resolution}"
        key = cache.key(pyramid.key, *(t.numpy() for t in self.net.state_dict().values()))

        def kept(judge, look, key):
            return cache.arrays(f"{beginning}-{judge}.npz", lambda: look(images), key)

        return self._told(
            kept("scene", self._scenes, key),
            lambda: kept("ratings", self._features, ratings.NETWORK),
        )

    def _scenes(self, images):
        features, likely, va = scene.look(self.net, images)
        looks = metrics.looks(images)
        return {"features": features, "likely": likely, "va": va, "looks": looks}

    def _features(self, images):
        return {"features": ratings.features(images)}

    def _told(self, seen, others):
        kinds = np.array(self.net.scenes)[seen["likely"].argmax(1)]
        out = Seen({"scene": seen["features"]}, {"scene": seen["va"]}, kinds, seen["looks"])
        if self.rated is not None:
            out.features["ratings"] = others()["features"]
            out.va["ratings"] = ratings.told(self.rated, out.features["ratings"])
        return out


# -- a generator -----------------------------------------------------------------------------


def model(
    out,
    generator=generate.WEIGHTS,
    judge: Path | None = None,
    root=None,
    n=2048,
    seed=0,
    limit: int | None = None,
    inception=False,
    pairs: Path | None = None,
    draws=100,
    rated: Path | None = None,
):
    """Measure a generator and write the result.

    Parameters
    ----------
    out : .json to write; the pictures that come nearest to a training photo go into the folder of
        the same name.
    generator : .safetensors
    judge : .safetensors of the scene network; the shipped one by default.
    rated : .safetensors of the second judge; the shipped one by default.
    n : generated images.
    seed : of all draws.
    limit : take only so many photos of each split.
    draws : for the intervals.
    inception : report FID too, by the official weights, fetched into torch's cache (95 MB).
    pairs : .png to write, of the nearest pictures beside the photos; it holds photos.
    """
    started = time.monotonic()
    if inception:
        metrics.inception_weights()  # before the work
    pyramid, released = landscapes.pyramid(root, limit), generate.load(generator)
    judges = Judges(scene.load(judge), ratings.load(rated))
    painted = paint(released, pyramid, n, seed)
    result, arrays, nearest, beside = measure(judges, pyramid, painted, seed, draws, inception)
    folder = Path(out).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    save_grid(nearest, folder / "nearest.png", columns=max(1, len(nearest) // 2))
    if pairs:
        save_grid(np.concatenate([nearest, beside]), pairs, columns=len(nearest))
    result = {"generator": released.card} | result
    data = {"landscapes": photos.fingerprint(pyramid.table)}
    provenance.save(out, result, started=started, data=data, seed=seed, arrays=arrays)


@dataclass
class Painted:
    """Pictures to be measured, uint8.

    Attributes
    ----------
    requested, images : ndarray (N, 2), 1–9, and (N, R, R, 3): at the emotions of photos left out,
        so that a perfect generator could match.
    grid : ndarray (SCENES, 49, R, R, 3), the same seeds at each emotion of `GRID`
    one : ndarray (N // 8, R, R, 3), at the emotion `ONE`
    moods : ndarray (64, 4, R, R, 3), the same seeds at `CORNERS`
    va_map : QuantileMap
    """

    requested: np.ndarray
    images: np.ndarray
    grid: np.ndarray
    one: np.ndarray
    moods: np.ndarray
    va_map: QuantileMap


def paint(released, pyramid, n=2048, seed=0):
    """Pictures of a generator, Painted; seeds and requests are the same for every generator."""
    test = np.random.default_rng(seed).permutation(pyramid.rows("test"))
    if len(test) < 4:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    requested, to, few = pyramid.va[np.resize(test, n)], released.va_map, max(8, n // 32)

    def at(u, seeds):
        return generate.paint(u, seeds, released)

    def each(u, seeds):
        images = at(u, np.arange(seeds)[:, None])
        return images.reshape(seeds, len(u), *images.shape[-3:])

    return Painted(
        requested,
        at(to(requested), np.arange(n)),
        each(to(GRID.reshape(-1, 2)), SCENES),
        at(to(np.array(ONE)), np.arange(max(16, n // 8))),
        each(CORNERS, few),
        to,
    )


def measure(judges, pyramid, painted, seed=0, draws=None, inception=False, panel=12):
    """All figures of one generator, the arrays behind them, and its least original pictures.

    Returns
    -------
    result : dict: resolution, n; of each judge likeness, diversity and va, the agreement of asked
        and seen emotion; kinds, how often each kind of scene is named; moods, how many seeds keep
        theirs in all four corners of the plane; looks, slopes of `metrics.LOOKS` on the emotion's
        quantiles; nearest.
    arrays : dict of ndarray
    pictures, beside : ndarray (panel, R, R, 3) uint8, those that come nearest to a training photo,
        and the photos.
    """
    side, rng = painted.images.shape[1], np.random.default_rng(seed)
    photo, va, to = judges.photos(pyramid, side), pyramid.va, painted.va_map
    test, train = pyramid.rows("test"), pyramid.rows("train")
    n_each = min(len(painted.images), len(train) // 2)
    if n_each < 12 or len(test) < 4:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    a, b = np.split(rng.permutation(train)[: 2 * n_each], 2)
    asked, everywhere = painted.requested, np.tile(GRID.reshape(-1, 2), (SCENES, 1))
    seen, grid, one = (
        judges.look(x.reshape(-1, side, side, 3))
        for x in (painted.images, painted.grid, painted.one)
    )
    sides = {
        "random": (asked, seen, None),
        "photos": (va[test], photo[test], None),
        "grid": (everywhere, grid, np.arange(SCENES).repeat(49)),
    }
    around = np.argsort(np.linalg.norm((va - ONE) / va.std(0), axis=1))[: len(one.kinds)]
    result = {"resolution": side, "n": len(asked), "likeness": {}, "diversity": {}, "va": {}}
    for name in seen.features:
        fake, real = seen.features[name], photo.features[name]
        told = likeness(real[a], real[b], fake[:n_each], draws, seed)
        told["nearest"], distance, index = metrics.closeness(
            fake, real[test], real[train], draws, seed
        )
        cells = [_cells(to(x)) for x in (asked[:n_each], va[a])]
        varied = _diversity((fake[:n_each], cells[0]), (real[a], cells[1]), draws, seed)
        at_one = [(x, np.zeros(len(x))) for x in (one.features[name], real[around])]
        varied["one"] = _diversity(*at_one, draws, seed)["overall"]
        result["likeness"][name], result["diversity"][name] = told, varied
        result["va"][name] = {
            key: metrics.consistency(
                x, y.va[name], y.kinds, y.looks[:, COLOUR], groups, draws, seed
            )
            for key, (x, y, groups) in sides.items()
        }
        result["va"][name]["shuffled"] = metrics.consistency(
            rng.permutation(asked), seen.va[name], draws=draws, seed=seed
        )
    if inception:
        array = pyramid.array(side)
        kept = [metrics.inception(array[np.sort(rows)], keep=True) for rows in (a, b)]
        theirs = metrics.inception(painted.images[:n_each])
        result["likeness"]["inception"] = named_fid(likeness(*kept, theirs, draws, seed))
    result["kinds"] = _kinds(judges.net.scenes, seen.kinds, photo.kinds[test], va[test], draws)
    likely = scene.look(judges.net, painted.moods.reshape(-1, side, side, 3))[1].argmax(1)
    keeps = np.ptp(likely.reshape(-1, len(CORNERS)), axis=1) == 0
    result["moods"] = {"seeds": len(keeps), "kept": stats.share(keeps)}
    looks = {
        "generated": (to(everywhere), grid.looks),
        "photos": (to(va[test]), photo.looks[test]),
    }
    result["looks"] = {
        key: stats.bootstrap(_slopes, *arrays, draws=draws, seed=seed)
        for key, arrays in looks.items()
    }
    closest = np.argsort(distance)[:panel]  # by the last judge
    pictures, beside = painted.images[closest], pyramid.array(side)[train[index[closest]]]
    result["nearest"] = [
        {"picture": int(i), "distance": float(distance[i]), "photo": int(index[i]), "pixels": r}
        for i, r in zip(closest, pixels(pictures, beside), strict=True)
    ]
    arrays = {"requested": asked} | {f"answered, {k}": x for k, x in seen.va.items()}
    return result, {k: x.astype(np.float32) for k, x in arrays.items()}, pictures, beside


def pixels(a, b):
    """Correlation of the pixels of pictures a and b (N, R, R, 3), the better one of b and its
    mirror image; list of float. A copy has 1.
    """

    def flat(x):
        x = x.reshape(len(x), -1).astype(float)
        x = x - x.mean(1, keepdims=True)
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    return np.maximum(*((flat(a) * flat(x)).sum(1) for x in (b, b[:, :, ::-1]))).tolist()


def likeness(reference, floor, fake, draws=None, seed=0):
    """`metrics.compare` of pictures and of other photos with photos, all of the same N."""
    generated, others = (metrics.compare(reference, x, draws, seed) for x in (fake, floor))
    return {"n": len(reference)} | {
        name: {"generated": generated[name], "photos": others[name]} for name in generated
    }


def named_fid(measured):
    """Figures in Inception features with the Fréchet distance under the name of FID."""
    rest = {k: v for k, v in measured.items() if k != "frechet"}
    return {f"fid_2048_n{measured['n']}": measured["frechet"]} | rest


def _cells(u):
    """Number of the cell of each u (N, 2) among 3×3 of the plane."""
    v, a = np.digitize(u, (-1 / 3, 1 / 3)).T
    return 3 * v + a


def _few(draws):
    """Draws for what takes four times as long as the rest."""
    return max(2, (draws or stats.DRAWS) // 4)


def _diversity(generated, real, draws, seed):
    """Mean feature distances of pictures and photos, overall and within cells of the plane."""
    sides = {"generated": generated, "photos": real}
    apart = {k: metrics.distances(x, x) for k, (x, _) in sides.items()}

    def statistic(*rows):
        out = {"overall": {}, "cell": {}}
        for (side, (_, cells)), i in zip(sides.items(), rows, strict=True):
            part = apart[side][np.ix_(i, i)]
            out["overall"][side] = metrics.spread(part)
            out["cell"][side] = metrics.spread(part, cells[i])
        for told in out.values():
            told["ratio"] = told["generated"] / told["photos"] if told["photos"] else 0.0
        return out

    sizes = (len(x) for x, _ in sides.values())
    return stats.halves(statistic, *sizes, draws=_few(draws), seed=seed)


def _kinds(names, generated, real, va, draws):
    """How often each kind of scene is named, and how much of the photos' labels it explains."""
    given = (real[:, None] == np.array(names)[1:]).astype(float)
    design = np.column_stack([np.ones(len(real)), given])
    fitted = design @ np.linalg.lstsq(design, va, rcond=None)[0]
    return {
        name: {
            "generated": stats.bootstrap(np.mean, generated == name, draws=draws),
            "photos": stats.bootstrap(np.mean, real == name, draws=draws),
        }
        for name in names
    } | {
        "explains": {d: stats.score(va[:, i], fitted[:, i])["r2"] for i, d in enumerate(DIMENSIONS)}
    }


def _slopes(u, values):
    """Slopes of each look on the quantiles of valence and of arousal, which run from −1 to 1."""
    each = zip(metrics.LOOKS, metrics.effects(u, values).T, strict=True)
    return {look: dict(zip(DIMENSIONS, slopes, strict=True)) for look, slopes in each}


def choose(
    out,
    weights,
    run,
    generator,
    judge: Path | None = None,
    rated: Path | None = None,
    root=None,
    n=1500,
    seed=0,
    limit: int | None = None,
    draws=100,
):
    """Keep that state of a training run whose pictures are nearest to photos.

    By the Fréchet distance to the "probe" photos, at whose emotions the pictures are painted, in
    the features of the judge of ratings, through which no critic looks.

    Parameters
    ----------
    out : .json to write.
    weights : .safetensors to write: the state that is kept, with the card of the run's end.
    run : folder of the training run, with its snapshots.
    generator : .safetensors of the run's end.
    judge : .safetensors of the scene network; the shipped one by default.
    rated : .safetensors of the second judge; the shipped one by default.
    n : pictures of each state, and photos, at most.
    seed : of all draws.
    limit : take only so many photos of each split.
    draws : for the intervals.
    """
    started = time.monotonic()
    pyramid = landscapes.pyramid(root, limit)
    judges = Judges(scene.load(judge), ratings.load(rated))
    paths = [*sorted((Path(run) / "snapshots").glob("*.safetensors")), Path(generator)]
    images = [landscapes.pictures_shown(path) for path in paths]
    states = [replace(generate.load(path), emphasis=np.ones(2)) for path in paths]
    photo = judges.photos(pyramid, states[-1].resolution)
    probe = np.random.default_rng(seed).permutation(pyramid.rows("probe"))[:n]
    if len(probe) < 12:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    told = []
    for path, state in zip(paths, states, strict=True):
        u = state.va_map(pyramid.va[probe])
        seen = judges.look(generate.paint(u, np.arange(len(probe)), state))
        figures = {
            name: metrics.compare(photo.features[name][probe], x, draws, seed)
            for name, x in seen.features.items()
        }
        told.append({k: {m: x[m] for m in ("frechet", "coverage")} for k, x in figures.items()})
        log.info("%s: Fréchet distance %.1f", path, told[-1]["ratings"]["frechet"]["value"])
    best = int(np.argmin([x["ratings"]["frechet"]["value"] for x in told]))
    header, tensors = read_checkpoint(paths[best], "m2l-generator")
    header |= {"card": json.dumps(states[-1].card | {"images": str(images[best])})}
    write_checkpoint(weights, tensors, header)
    result = {"n": len(probe), "images": images, "states": told, "kept": best}
    data = {"landscapes": photos.fingerprint(pyramid.table)}
    provenance.save(out, result, started=started, data=data, seed=seed)


# -- what does without a generator -----------------------------------------------------------


def baselines(
    out,
    generator=generate.WEIGHTS,
    judge: Path | None = None,
    rated: Path | None = None,
    root=None,
    n=2048,
    asked=128,
    of=8,
    seed=0,
    limit: int | None = None,
    draws=100,
):
    """What any generator must justify itself against: see and score other ways to answer.

    Retrieval answers with the training photo whose label is nearest to the request or, emphasised,
    to what the generator is asked in its place; "photo at random" with any. Of several pictures for
    one request, one judge chooses that whose emotion it sees nearest, in standard deviations of the
    photos; the other judge scores the choice.

    Parameters
    ----------
    out : .json to write.
    generator : .safetensors
    judge : .safetensors of the scene network; the shipped one by default.
    rated : .safetensors of the second judge; the shipped one by default.
    n : requests to be answered by photos.
    asked : requests to be answered by several pictures.
    of : pictures for each of these.
    seed : of all draws.
    limit : take only so many photos of each split.
    draws : for the intervals.
    """
    started, rng = time.monotonic(), np.random.default_rng(seed)
    pyramid, released = landscapes.pyramid(root, limit), generate.load(generator)
    judges = Judges(scene.load(judge), ratings.load(rated))
    photo, va = judges.photos(pyramid, released.resolution), pyramid.va
    test, train = rng.permutation(pyramid.rows("test")), pyramid.rows("train")
    rows = np.resize(test, n)  # a photo's emotion may be asked for twice
    requested, spread = va[rows], va.std(0)
    _, nearest = metrics.nearest(requested / spread, va[train] / spread)
    to = released.va_map
    _, further = metrics.nearest(to(requested) * released.emphasis, to(va[train]))

    def scored(asked, seen):
        same = rows[: len(asked)]
        told = {
            k: metrics.consistency(asked, x, groups=same, draws=draws, seed=seed)
            for k, x in seen.items()
        }
        return {k: {d: x[d]["r"] for d in DIMENSIONS} for k, x in told.items()}

    few = requested[:asked]
    seeds = np.arange(len(few) * of).reshape(-1, of)
    images = generate.paint(released.va_map(few)[:, None], seeds, released)
    seen = {k: x.reshape(len(few), of, 2) for k, x in judges.look(images).va.items()}
    answers = {
        "retrieval": scored(requested, photo[train[nearest]].va),
        "retrieval, emphasised": scored(requested, photo[train[further]].va),
        "photo at random": scored(requested, photo[rng.choice(train, n)].va),
        "one picture": scored(few, {k: x[:, 0] for k, x in seen.items()}),
    }
    wanted = (few - va[test].mean(0)) / va[test].std(0)
    for name, x in seen.items():
        usual = photo.va[name][test]
        off = np.linalg.norm((x - usual.mean(0)) / usual.std(0) - wanted[:, None], axis=-1)
        best = np.arange(len(few)), off.argmin(1)
        others = {k: y[best] for k, y in seen.items() if k != name}
        answers[f"best, chosen by {name}"] = scored(few, others)
    result = {"n": n, "asked": len(few), "of": of, "answers": answers}
    data = {"landscapes": photos.fingerprint(pyramid.table)}
    provenance.save(out, result, started=started, data=data, seed=seed)


# -- folders ---------------------------------------------------------------------------------


def folders(
    generated,
    real,
    side: int | None = None,
    n: int | None = None,
    judge: Path | None = None,
    inception=False,
    seed=0,
):
    """Compare a folder of pictures with a folder of photos.

    Parameters
    ----------
    generated, real : folders of images.
    side : pixels that all are cropped and resized to; the first generated one's by default.
    n : images on each side; by default all generated ones or half of the real ones, the other
        half of which is the floor.
    judge : .safetensors of the scene network; the shipped one by default.
    seed : of all draws.
    inception : report FID too, by the official weights, fetched into torch's cache (95 MB).

    Returns
    -------
    dict of feature space to dict, as "likeness" of `measure`.
    """
    paths = [_pictures(folder) for folder in (generated, real)]
    most = min(len(paths[0]), len(paths[1]) // 2)
    n = min(n or most, most)
    if n < 12:
        raise InputError(
            f"{generated}, {real}: {len(paths[0])} and {len(paths[1])} images; "
            "give 12 or more, and twice as many real ones"
        )
    side = side or min(opener.read(paths[0][0]).size)
    rng = np.random.default_rng(seed)
    fake, two = ([p[i] for i in rng.permutation(len(p))] for p in paths)
    sets = [
        np.stack([np.asarray(opener.read(p, side)) for p in part])
        for part in (two[:n], two[n : 2 * n], fake[:n])
    ]
    net = scene.load(judge)
    out = {"scene": likeness(*(scene.look(net, x)[0] for x in sets), seed=seed)}
    if inception:
        kept = (True, True, False)
        looked = [metrics.inception(x, keep=k) for x, k in zip(sets, kept, strict=True)]
        out["inception"] = named_fid(likeness(*looked, seed=seed))
    return out


def _pictures(folder):
    found, passed = opener.find(folder)
    if passed:
        log.warning("%s: files passed over as no pictures: %d", folder, passed.total())
    return found
