"""Measure what was trained: the judge, a generator, folders of pictures, the way from a song.

The judge is the scene network (`m2l.judge.scene`), trained on the photos' "probe" split, which no
generator sees. Distances compare a generator's pictures with half A of the photos that it was
trained on, and half B with half A for the floor; the judge has seen neither.

What is written to `results/` is small and anonymous: scores, pairs of asked and seen emotion in
random order, generated pictures; never a photo, a song, or a table of labels.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import time
from pathlib import Path

import numpy as np

from m2l import corpora, generate, stats
from m2l import results as provenance
from m2l.errors import InputError
from m2l.gan import photos
from m2l.judge import metrics
from m2l.music import forest
from m2l.va import DIMENSIONS, QuantileMap

log = logging.getLogger(__name__)

AXIS = np.linspace(-0.9, 0.9, 7)
SCENES = 20  # seeds at each of the 7×7 points of the plane
COLOUR = [metrics.LOOKS.index(name) for name in ("brightness", "saturation")]


# -- the judge -------------------------------------------------------------------------------


def judge(out, weights, root=None, epochs=60, seed=0, limit=None, preset="full"):
    """Train the scene network on the probe photos and say how well it reads other photos.

    Parameters
    ----------
    out : .json to write.
    weights : .safetensors to write.
    """
    from m2l.experiments import stages
    from m2l.judge import scene

    started = time.monotonic()
    pyramid = stages.landscapes(root, limit)
    probe, test = pyramid.rows("probe"), pyramid.rows("test")
    if min(len(probe), len(test)) < 4:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    scenes, side = pyramid.table["scene"].to_numpy(), scene.SIDE
    net = scene.train(
        pyramid.array(side)[probe], scenes[probe], pyramid.va[probe], epochs, seed=seed
    )
    result = {"photos": len(probe), "tested": len(test), "resolutions": {}}
    arrays = {}
    for resolution in (16, 32, 64, 128):
        _, likely, told = scene.look(net, pyramid.array(resolution)[test])
        named = np.array(net.scenes)[likely.argmax(1)]
        result["resolutions"][str(resolution)] = _read(named, scenes[test], pyramid.va[test], told)
        pairs = np.concatenate([pyramid.va[test], told], axis=1)
        arrays[f"photos {resolution}"] = np.random.default_rng(seed).permutation(pairs)
    result["scenes"] = net.scenes
    result["confusion"] = [
        [int(((scenes[test] == a) & (named == b)).sum()) for b in net.scenes] for a in net.scenes
    ]
    result["people"] = _people(net, root)
    read = result["resolutions"][str(side)]
    Path(weights).parent.mkdir(parents=True, exist_ok=True)
    scene.save(
        net,
        weights,
        {
            "what": "Scene, valence and arousal of a landscape, at any size from 16×16",
            "data": f"{len(probe)} photos that no generator has seen; their valence and arousal "
            f"are {pyramid.table['label_source'].iloc[0]}",
            "accuracy": read["accuracy"]["value"],
            "r2": {d: read[d]["r2"]["value"] for d in DIMENSIONS},
            "ccc": {d: read[d]["ccc"]["value"] for d in DIMENSIONS},
        },
    )
    provenance.save(
        out,
        result | {"bytes": Path(weights).stat().st_size},
        started=started,
        seed=seed,
        preset=preset,
        arrays={k: a.astype(np.float32) for k, a in arrays.items()},
        data={"landscapes": photos.fingerprint(pyramid.table)},
    )


def _read(named, scenes, va, told):
    """Scores of a reading of photos, with intervals."""
    out = {"accuracy": stats.bootstrap(np.mean, named == scenes)}
    for d, name in enumerate(DIMENSIONS):
        out[name] = stats.bootstrap(stats.score, va[:, d], told[:, d])
    return out


def _people(net, root):
    """How a scene network agrees with people, on the rated scenery of OASIS; None without it."""
    from m2l.judge import scene

    try:
        table = corpora.load("oasis", root).table.dropna(subset="path")
    except InputError as error:
        log.warning("%s", error)
        return None
    table = table[table["category"] == "Scenery"]
    images = np.stack([np.asarray(photos.load(path, scene.SIDE)) for path in table["path"]])
    ratings = table[list(DIMENSIONS)].to_numpy()
    told = scene.look(net, images)[2]
    return {"photos": len(table)} | {
        name: stats.bootstrap(stats.score, ratings[:, d], told[:, d])
        for d, name in enumerate(DIMENSIONS)
    }


def read_photos(net, pyramid, resolution):
    """Features, estimated va and looks of all photos at a resolution, kept in the cache.

    They are kept under the fingerprints of the photos and of the network.
    """
    from m2l.judge import scene

    told = hashlib.sha256(b"".join(t.numpy().tobytes() for t in net.state_dict().values()))
    name = f"{photos.fingerprint(pyramid.table)}-{resolution}-{told.hexdigest()[:12]}.npz"
    path = corpora.cache_root() / "scene" / name
    if not path.is_file():
        images = pyramid.array(resolution)
        features, _, va = scene.look(net, images)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.writing.npz")
        np.savez(scratch, features=features, va=va, looks=metrics.looks(images))
        os.replace(scratch, path)
    with np.load(path) as kept:
        return kept["features"], kept["va"], kept["looks"]


# -- a generator -----------------------------------------------------------------------------


def model(
    out,
    generator=generate.WEIGHTS,
    judge=None,
    root=None,
    n=2048,
    seed=0,
    limit=None,
    preset="full",
    inception=None,
):
    """Measure a generator and write the result.

    Parameters
    ----------
    out : .json to write; the pictures that come nearest to a training photo go into the folder of
        the same name.
    generator, judge : .safetensors of the generator and of the scene network.
    n : generated images.
    inception : path of the official Inception weights, for FID; not reported without.
    """
    from m2l.experiments import stages
    from m2l.gan.pictures import save_grid
    from m2l.judge import scene

    started = time.monotonic()
    pyramid = stages.landscapes(root, limit)
    released = generate.load(generator)
    net = scene.load(judge or scene.WEIGHTS)
    result, arrays, nearest = measure(net, pyramid, released, n, seed, inception=inception)
    folder = Path(out).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    save_grid(nearest, folder / "nearest.png", columns=len(nearest) // 2)
    provenance.save(
        out,
        {"generator": released.card} | result,
        started=started,
        seed=seed,
        preset=preset,
        arrays=arrays,
        data={"landscapes": photos.fingerprint(pyramid.table)},
    )


def measure(net, pyramid, released, n=2048, seed=0, draws=None, inception=None, panel=12):
    """All figures of one generator, the arrays behind them, and its least original pictures.

    Noise, requests and halves follow from `seed` alone, so that generators are measured alike.

    Returns
    -------
    result : dict: resolution, n; likeness by feature space; diversity; va, the agreement of asked
        and seen emotion; colour, how much of it is brightness and saturation; looks, slopes of
        `metrics.LOOKS` on the emotion's quantiles; grid, the mean answers; nearest.
    arrays : dict of ndarray
    pictures : ndarray (panel, R, R, 3) uint8, those that come nearest to a training photo.
    """
    from m2l.judge import scene

    side, rng = released.resolution, np.random.default_rng(seed)
    features, seen, looks = read_photos(net, pyramid, side)
    train, test = rng.permutation(pyramid.rows("train")), rng.permutation(pyramid.rows("test"))
    n_each = min(n, len(train) // 2)
    if n_each < 12 or len(test) < 4:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    a, b = train[:n_each], train[n_each : 2 * n_each]

    # Requests are the emotions of photos left out, so that a perfect generator could match.
    requested = pyramid.va[np.resize(test, n)]
    images = generate.paint(released.va_map(requested), np.arange(n), released)
    fake, _, told = scene.look(net, images)
    plane = np.stack(np.meshgrid(AXIS, AXIS), -1).reshape(-1, 2)
    asked = np.broadcast_to(plane, (SCENES, 49, 2))
    painted = generate.paint(asked, np.arange(SCENES)[:, None], released)
    on_grid, _, answered = (x.reshape(SCENES, 49, -1) for x in scene.look(net, painted))

    spaces = {"scene": likeness(features[a], features[b], fake[:n_each], draws, seed)}
    if inception:
        array = pyramid.array(side)
        kept = [metrics.inception(array[np.sort(rows)], inception, keep=True) for rows in (a, b)]
        theirs = metrics.inception(images[:n_each], inception)
        spaces["inception"] = named_fid(likeness(*kept, theirs, draws, seed))
    spaces["scene"]["nearest"], distance, index = metrics.closeness(
        fake, features[test], features[pyramid.rows("train")], draws, seed
    )
    closest = np.argsort(distance)[:panel]
    result = {
        "resolution": side,
        "n": n,
        "likeness": spaces,
        "diversity": _diversity(
            (fake[:n_each], released.va_map(requested[:n_each])),
            (features[a], released.va_map(pyramid.va[a])),
            on_grid,
            draws,
            seed,
        ),
        "va": {
            "random": metrics.consistency(requested, told, draws=draws, seed=seed),
            "grid": metrics.consistency(
                released.va_map.inverse(asked), answered, draws=draws, seed=seed
            ),
            "photos": metrics.consistency(pyramid.va[test], seen[test], draws=draws, seed=seed),
            "shuffled": metrics.consistency(
                rng.permutation(requested), told, draws=draws, seed=seed
            ),
        },
        "colour": _colour(
            (looks[pyramid.rows("probe")], pyramid.va[pyramid.rows("probe")]),
            {
                "generated": (requested, told, metrics.looks(images)),
                "photos": (pyramid.va[test], seen[test], looks[test]),
            },
            draws,
            seed,
        ),
        "looks": _looks(
            {
                "generated": (asked, metrics.looks(painted).reshape(SCENES, 49, -1)),
                "photos": (released.va_map(pyramid.va[test]), looks[test]),
            },
            draws,
            seed,
        ),
        "grid": {
            "asked": AXIS.tolist(),
            "answered": answered.mean(0).reshape(7, 7, 2).tolist(),  # by arousal, then valence
        },
        "nearest": [
            {"seed": int(i), "distance": float(distance[i]), "photo": int(index[i])}
            for i in closest
        ],
    }
    return (
        result,
        {"requested": requested.astype(np.float32), "answered": told.astype(np.float32)},
        images[closest],
    )


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


def _diversity(generated, real, on_grid, draws, seed):
    """Mean feature distances: overall, within cells of the plane, and at one request."""
    (fake, fake_u), (photo, photo_u) = generated, real
    fake_cells, photo_cells = _cells(fake_u), _cells(photo_u)

    def statistic(i, j):
        overall = metrics.spread(fake[i]), metrics.spread(photo[j])
        cell = (
            metrics.spread_within(fake[i], fake_cells[i]),
            metrics.spread_within(photo[j], photo_cells[j]),
        )
        return {
            name: {"generated": ours, "photos": theirs, "ratio": ours / theirs if theirs else 0.0}
            for name, (ours, theirs) in (("overall", overall), ("cell", cell))
        }

    def on_scenes(i):
        by_request = np.mean([metrics.spread(on_grid[i, p]) for p in range(on_grid.shape[1])])
        by_scene = np.mean([metrics.spread(on_grid[s]) for s in i])
        return {"other scene": by_request, "other request": by_scene}

    few = max(2, (draws or stats.DRAWS) // 4)
    return stats.halves(statistic, len(fake), len(photo), draws=few, seed=seed) | {
        "same": stats.halves(on_scenes, len(on_grid), draws=few, seed=seed)
    }


def _colour(probe, sides, draws, seed):
    """How much of the agreement is left without brightness and saturation, and in them alone."""
    looks, va = probe
    coefficients = np.linalg.lstsq(_with_one(looks[:, COLOUR]), va, rcond=None)[0]
    out = {}
    for d, name in enumerate(DIMENSIONS):

        def statistic(asked, told, look, guess, d=d):
            return {
                "r": stats.score(asked[:, d], told[:, d])["r"],
                "left": stats.partial(asked[:, d], told[:, d], look),
                "probe": stats.score(asked[:, d], guess[:, d])["r"],
            }

        out[name] = {}
        for side, (asked, told, look) in sides.items():
            guess = _with_one(look[:, COLOUR]) @ coefficients
            arrays = (asked, told, look[:, COLOUR], guess)
            out[name][side] = stats.bootstrap(statistic, *arrays, draws=draws, seed=seed)
    return out


def _with_one(x):
    return np.column_stack([np.ones(len(x)), x])


def _looks(sides, draws, seed):
    """Slopes of each look on the quantiles of valence and of arousal, which run from −1 to 1."""

    def statistic(u, values):
        slopes = metrics.effects(u.reshape(-1, 2), values.reshape(-1, len(metrics.LOOKS)))
        return {
            look: dict(zip(DIMENSIONS, slopes[:, i], strict=True))
            for i, look in enumerate(metrics.LOOKS)
        }

    return {
        side: stats.bootstrap(statistic, *arrays, draws=draws, seed=seed)
        for side, arrays in sides.items()
    }


# -- folders ---------------------------------------------------------------------------------


def folders(generated, real, side=None, n=None, judge=None, inception=None, seed=0):
    """Compare a folder of pictures with a folder of photos.

    Parameters
    ----------
    generated, real : folders of images.
    side : pixels that all are cropped and resized to; the first generated one's by default.
    n : images on each side; by default all generated ones or half of the real ones, the other
        half of which is the floor.
    inception : path of the official Inception weights, for FID.

    Returns
    -------
    dict of feature space to dict, as "likeness" of `measure`.
    """
    from m2l.judge import scene

    paths = [_pictures(folder) for folder in (generated, real)]
    most = min(len(paths[0]), len(paths[1]) // 2)
    n = min(n or most, most)
    if n < 12:
        raise InputError(
            f"{generated}, {real}: {len(paths[0])} and {len(paths[1])} images; "
            "give 12 or more, and twice as many real ones"
        )
    side = side or photos.short_side(paths[0][0])
    rng = np.random.default_rng(seed)
    fake, two = ([p[i] for i in rng.permutation(len(p))] for p in paths)
    sets = [
        np.stack([np.asarray(photos.load(p, side)) for p in part])
        for part in (two[:n], two[n : 2 * n], fake[:n])
    ]
    net = scene.load(judge or scene.WEIGHTS)
    out = {"scene": likeness(*(scene.look(net, x)[0] for x in sets), seed=seed)}
    if inception:
        kept = (True, True, False)
        looked = [metrics.inception(x, inception, keep=k) for x, k in zip(sets, kept, strict=True)]
        out["inception"] = named_fid(likeness(*looked, seed=seed))
    return out


def _pictures(folder):
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; give one with PNG or JPEG images")
    endings = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in endings)


# -- from the song to the picture ------------------------------------------------------------


def end_to_end(
    out,
    features,
    root=None,
    generator=generate.WEIGHTS,
    judge=None,
    folds=5,
    trials=25,
    trees=300,
    pictures=8,
    uncertain=100,
    draws=24,
    timed=10,
    seed=0,
    preset="full",
):
    """Measure the whole way, from the sound of songs left out to the emotion of their pictures.

    Each song of 4Q-TAFFC is heard by a forest that was trained on other artists. Emotions are
    compared as quantiles in [-1, 1]: the song's label among songs, the picture's emotion, as the
    judge sees it, among photos.

    Parameters
    ----------
    out : .json to write; a strip of pictures goes into the folder of the same name.
    features : .parquet of the songs' features, indexed by path.
    generator, judge : .safetensors of the generator and of the scene network.
    trials, trees : of the search for the forest's settings, which each fold does for itself.
    pictures : seeds for each song.
    uncertain, draws : songs for which pictures are painted over the forest's uncertainty, and
        how many for each.
    timed : songs for which every part is timed.
    """
    from m2l.experiments.emotion import taffc
    from m2l.gan.pictures import save_grid
    from m2l.judge import scene
    from m2l.music import rivals as models
    from m2l.music.features import NAMES

    started = time.monotonic()
    table, songs = taffc(features, root)
    if songs["group"].nunique() < 10:
        raise InputError(f"{features}: {len(songs)} songs with labels; extract those of 4Q-TAFFC")
    released, net = generate.load(generator), scene.load(judge or scene.WEIGHTS)
    names = list(NAMES)
    x, y = table[names].to_numpy(float), songs[list(DIMENSIONS)].to_numpy(float)
    artists = songs["group"].to_numpy()
    tested = forest.out_of_fold(
        lambda: models.tuned_forest(seed, trials, trees), x, y, artists, folds, seed
    )
    relative = (y - tested.predicted) / tested.doubts
    label = QuantileMap.fit(y)(y)
    asked = np.empty_like(y)
    drawn = np.empty((len(y), draws, 2))
    rng = np.random.default_rng(seed)
    for fold in np.unique(tested.folds):
        own = tested.folds == fold
        # As the released forest: its place among songs and its errors come from other songs.
        place = QuantileMap.fit(tested.predicted[~own])
        asked[own] = place(tested.predicted[own])
        errors = relative[~own][rng.integers((~own).sum(), size=(own.sum(), draws))]
        felt = tested.predicted[own][:, None] + errors * tested.doubts[own][:, None]
        drawn[own] = place(np.clip(felt, 1, 9))

    seeds = np.arange(len(y))[:, None] * pictures + np.arange(pictures)
    images = generate.paint(asked[:, None], seeds, released)
    seen = released.va_map(scene.look(net, images)[2]).reshape(len(y), pictures, 2)
    one, mean = seen[:, 0], seen.mean(1)

    def agreement(a, b):
        return metrics.consistency(a, b, groups=artists, seed=seed)

    some = np.sort(rng.permutation(len(y))[:uncertain])
    uncertainty, strip = _uncertainty(
        released, net, tested.doubts, asked, drawn, one, seeds[:, 0], some
    )
    folder = Path(out).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    save_grid(strip, folder / "uncertainty.png", columns=len(strip) // 3)
    result = {
        "songs": len(y),
        "artists": len(set(artists)),
        "search": {"folds": folds, "trials": trials, "trees": trees},
        "pictures": pictures,
        "resolution": released.resolution,
        "forest": agreement(label, asked),
        "generator": agreement(asked, one),
        "whole": agreement(label, one),
        "whole, mean of pictures": agreement(label, mean),
        "shuffled": {
            name: stats.permutation(
                lambda x, y: stats.score(x, y)["r"], label[:, d], one[:, d], seed=rng
            )
            for d, name in enumerate(DIMENSIONS)
        },
        "matched": {
            name: stats.bootstrap(np.mean, metrics.matched(label, told), groups=artists, seed=seed)
            for name, told in (
                ("one picture", one),
                ("mean of pictures", mean),
                ("shuffled", rng.permutation(one)),
            )
        },
        "uncertainty": uncertainty,
        "seconds": _timed(
            songs["path"].iloc[:: max(1, len(songs) // timed)][:timed],
            tested.models[0],
            names,
            released,
        ),
    }
    pairs = np.concatenate([label, asked, one, mean], axis=1)
    provenance.save(
        out,
        result,
        started=started,
        seed=seed,
        preset=preset,
        # In random order: rows say nothing about which song they are.
        arrays={"label, asked, seen, mean": rng.permutation(pairs).astype(np.float32)},
        data={"taffc": photos.fingerprint(songs)},
    )


def _uncertainty(released, net, doubts, asked, drawn, one, seeds, some):
    """How the forest's uncertainty shows: what the judge sees in pictures drawn over it.

    Returns the figures, and a strip of three rows: of the songs least, medium and most uncertain
    among `some`, the picture of the prediction, then of draws in the order of their valence.
    """
    from m2l.judge import scene

    images = generate.paint(drawn[some], seeds[some, None], released)
    seen = released.va_map(scene.look(net, images)[2]).reshape(len(some), -1, 2)
    out = {"songs": len(some), "draws": drawn.shape[1]}
    for d, name in enumerate(DIMENSIONS):
        within, doubt = seen[:, :, d].std(1), doubts[some, d]

        def statistic(within, doubt, single):
            # Of the variance among pictures of different songs, how much one song has by itself.
            return {
                "sd": within.mean(),
                "share": (within**2).mean() / ((within**2).mean() + single.var()),
                "r": stats.score(doubt, within)["r"],
            }

        out[name] = stats.bootstrap(statistic, within, doubt, one[some, d]) | {
            "asked_sd": float(drawn[some, :, d].std(1).mean())
        }
    order = np.argsort(doubts[some].mean(1))
    rows = []
    for i in order[[0, len(order) // 2, -1]]:
        u = drawn[some[i]][np.argsort(drawn[some[i]][:, 0])]
        u = u[np.linspace(0, len(u) - 1, min(8, len(u))).round().astype(int)]
        rows.append(generate.paint(np.vstack([asked[some[i]], u]), seeds[some[i]], released))
    return out, np.concatenate(rows)


def _timed(paths, model, names, released):
    """Median wall and CPU seconds of each part of the way, over songs, on one thread."""
    from PIL import Image
    from threadpoolctl import threadpool_limits

    from m2l.music.features import extract

    model, parts = getattr(model, "best", model), []
    with threadpool_limits(1):
        for path in paths:
            laps = [(time.perf_counter(), time.process_time())]

            def lap(laps=laps):
                laps.append((time.perf_counter(), time.process_time()))

            x = extract(path, names).to_numpy(float)[None]
            lap()
            va = model.predict(x)
            lap()
            image = generate.paint(released.va_map(va), 0, released)[0]
            lap()
            Image.fromarray(image).save(io.BytesIO(), "PNG")
            lap()
            parts.append(np.diff(laps, axis=0))
    wall, cpu = np.median(parts, axis=0).T
    named = ("features", "forest", "picture", "png")
    return {"songs": len(paths)} | {
        name: {"wall": float(w), "cpu": float(c)}
        for name, w, c in zip(named, wall, cpu, strict=True)
    }
