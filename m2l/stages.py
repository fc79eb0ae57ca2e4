"""The stages of the study: each reads the data, does its work and writes a result.

A stage is what one rule of the Snakefile runs through one command. What it writes to `results/`
is small and anonymous: scores, histograms, pairs of true and predicted values, generated
pictures; never a photo, a song, or a table of labels.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd

from m2l import corpora, forest, photos, provenance
from m2l.errors import InputError

log = logging.getLogger(__name__)

BINS = np.linspace(1, 9, 33)
REPORTED = 0.609  # R² once reported on DEAM and PMEmo, pooled with PMEmo left on 0–1


def data(out, root=None, features=None):
    """Describe every corpus at hand: counts, cleaning, labels, their audit and noise ceiling.

    Writes `out` (.json), and beside it the corpora's (32, 32) histograms over the VA plane,
    indexed by valence, then arousal; the evidence for DEAM's exchange along its ids; and, given
    the 148 features of 4Q-TAFFC (.parquet indexed by path), their distributions.
    """
    from m2l import audit

    started = time.monotonic()
    described, ceilings, published, arrays, prints = {}, {}, {}, {}, {}
    for name in corpora.names():
        if name == "sample":
            continue
        try:
            corpus = corpora.load(name, root)
            checked = audited(name, root)
        except InputError as error:
            log.warning("%s", error)
            continue
        table, published[name] = corpus.table, checked["table"]
        described[name] = _described(corpus) | {
            "findings": checked["findings"].drop(columns="ids").to_dict("records")
        }
        ceilings[name] = checked["ceiling"]
        if name == "deam":
            described[name]["audit"] = {
                "published": _blocks(published[name], "block"),
                "corrected": _blocks(table, "block"),
                "found": _blocks(published[name], audit.find_blocks(published[name])),
            }
            # Every twentieth song shows the course and gives no song's labels away.
            evidence = audit.running_evidence(published[name])
            ids = published[name]["id"].astype(int)
            arrays["deam_evidence"] = np.stack([ids, evidence], axis=1)[::20].astype(np.float32)
        arrays[name], _, _ = np.histogram2d(table["valence"], table["arousal"], bins=(BINS, BINS))
        prints[name] = photos.fingerprint(table)
    if not described:
        raise InputError("no corpus found; set M2L_DATA to the folder with music/ and images/")
    result = {"corpora": described, "ceiling": ceilings}
    if {"deam", "pmemo"} <= set(published):
        tables = {name: published[name] for name in ("deam", "pmemo")}
        result["mixture"] = audit.mixture(tables, left="pmemo", reported=REPORTED)
    if features:
        arrays |= _distributions(features, root)
    provenance.save(out, result, started=started, data=prints, seed=0, preset="all", arrays=arrays)


def audited(name, root=None, scale=(1, 9)):
    """Audit the labels of a corpus as published, or of a table of one's own.

    Parameters
    ----------
    name : one of `corpora.names()`, or a .csv with the columns of `m2l.audit`.
    root : the data root.
    scale : ends of the scale of a .csv.

    Returns
    -------
    dict: table; findings (`audit.findings`); blocks (`audit.static_dynamic` of the blocks given
    or found) or None without dynamic labels; ceiling, as in the result of `data`.
    """
    from m2l import audit
    from m2l.corpora import deam

    ratings, ceiling, blocks = None, None, None
    if name.endswith(".csv"):
        try:
            table = pd.read_csv(name, skipinitialspace=True)
        except ValueError as error:  # pandas' parser and decoding errors are all ValueErrors
            raise InputError(f"{name}: not a readable CSV; save it as one, in UTF-8") from error
    else:
        table = corpora.load(
            name, root, **({"labels": "published"} if name == "deam" else {})
        ).table
        ceiling, scale = _ceiling(name, table, root), (1, 9)
        if name == "deam" and ceiling["computable"]:
            ratings = deam.ratings(root, "published")
    given = "block" if name.endswith(".csv") and "block" in table else None
    findings = audit.findings(table, scale, given, ratings)
    if {"dynamic_valence", "dynamic_arousal"} <= set(table):
        blocks = audit.static_dynamic(table, given or audit.find_blocks(table))
    return {"table": table, "findings": findings, "blocks": blocks, "ceiling": ceiling}


def _described(corpus):
    table = corpus.table
    described = {
        "title": corpus.card.title,
        "rows": len(table),
        "files": int(table["path"].notna().sum()),
        "label_source": str(table["label_source"].iloc[0]),
        "dropped": corpus.reasons,
        "notes": list(corpus.notes),
        "groups": int(table["group"].nunique()),
        "labels": {
            d: {
                "mean": float(table[d].mean()),
                "sd": float(table[d].std()),
                "quantiles": table[d].quantile([0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist(),
            }
            for d in forest.DIMENSIONS
        },
        # How far a single rater is from the mean of all.
        "rater_sd": {
            d: None if table[f"{d}_sd"].isna().all() else float(table[f"{d}_sd"].mean())
            for d in forest.DIMENSIONS
        },
        "correlation": float(table["valence"].corr(table["arousal"])),
        "quadrants": quadrants(table),
        # "Extreme negative": unpleasant beyond one point below the middle of the scale.
        "below_4": {d: float((table[d] < 4).mean()) for d in forest.DIMENSIONS},
        "beyond": {
            d: {
                **{f"below {x}": int((table[d] < x).sum()) for x in (3, 4)},
                **{f"above {x}": int((table[d] > x).sum()) for x in (6, 7)},
            }
            for d in forest.DIMENSIONS
        },
    }
    for column, key in (("scene", "scenes"), ("split", "splits")):
        if column in table:
            described[key] = table[column].value_counts().to_dict()
    return described


def _ceiling(name, table, root):
    """What the noise of its labels leaves to a model of a corpus, or why that is not known."""
    from m2l import audit
    from m2l.corpora import deam

    if name == "deam":
        try:
            ratings = deam.ratings(root)
            block = ratings["id"].map(table.set_index("id")["block"])
            parts = {key: part for key, part in ratings.groupby(block) if part["id"].nunique() > 9}
            return {
                "computable": True,
                "source": "single ratings",
                **audit.rater_report(ratings),
                "blocks": {
                    key: {"items": part["id"].nunique()}
                    | {d: audit.ceiling(*audit.moments(part, d)) for d in forest.DIMENSIONS}
                    for key, part in parts.items()
                },
            }
        except InputError as error:
            log.warning("%s", error)
            return {"computable": False, "reason": "the single ratings are not at hand"}
    columns = [f"{d}_{what}" for d in forest.DIMENSIONS for what in ("sd", "n")]
    if set(columns) <= set(table) and table[columns].notna().all(axis=None):
        out = {
            "computable": True,
            "source": "mean, sd and number of ratings of each item",
            "items": len(table),
            "per_item": audit.spread(table["valence_n"]),
        }
        for d in forest.DIMENSIONS:
            moments = [table[column].to_numpy(float) for column in (d, f"{d}_sd", f"{d}_n")]
            out[d] = {"ceiling": audit.ceiling(*moments), "icc1": audit.icc(*moments)}
        return out
    reasons = {
        "rated": "mean ratings only, without the single ratings or their sd and number",
        "derived": "the labels come from mood tags; nobody rated the items",
        "predicted": "the labels are a model's predictions; nobody rated the items",
        "synthetic": "the labels are known by construction",
    }
    return {"computable": False, "reason": reasons[table["label_source"].iloc[0]]}


def _blocks(table, blocks):
    from m2l import audit

    rows = audit.static_dynamic(table, blocks).reset_index()
    # JSON has no NaN, which stands for a correlation of too few songs.
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def _distributions(features, root):
    """Arrays on the features of 4Q-TAFFC, in the order of `m2l.features.NAMES`."""
    from m2l.features import NAMES

    try:
        table = pd.read_parquet(features)[list(NAMES)]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{features}: not a table of features; run 'm2l features'") from error
    corpus = corpora.load("taffc", root).table.dropna(subset="path")
    # The same song may have been named from another folder, or through a link.
    table.index = table.index.astype(str).map(os.path.realpath)
    songs = table.join(corpus.set_index(corpus["path"].map(os.path.realpath)), how="inner")
    if len(songs) < 3:
        raise InputError(f"{features}: {len(songs)} songs with labels; extract those of 4Q-TAFFC")
    x, points = songs[list(NAMES)], [0.05, 0.25, 0.5, 0.75, 0.95]
    quadrants = [x[songs["quadrant"] == q] for q in ("Q1", "Q2", "Q3", "Q4")]
    with_labels = [x.corrwith(songs[d], method="spearman") for d in forest.DIMENSIONS]
    return {
        "features_songs": np.array(len(songs)),
        "features_mean": x.mean().to_numpy(np.float32),
        "features_sd": x.std().to_numpy(np.float32),
        "features_quantiles": x.quantile(points).to_numpy(np.float32),  # (5, 148)
        "features_quadrants": np.stack([q.quantile(points) for q in quadrants]).astype(np.float32),
        "features_correlation": x.corr().to_numpy(np.float16),
        "features_labels": np.stack(with_labels).astype(np.float32),  # Spearman, (2, 148)
    }


def quadrants(table):
    """Share of rows in each quadrant of the plane, cut at 5: Q1 is pleasant and excited."""
    high_v, high_a = table["valence"] >= 5, table["arousal"] >= 5
    shares = {
        "Q1": high_v & high_a,
        "Q2": ~high_v & high_a,
        "Q3": ~high_v & ~high_a,
        "Q4": high_v & ~high_a,
    }
    return {name: float(rows.mean()) for name, rows in shares.items()}


def landscapes(root=None, limit=None):
    """The photos' pyramid, cleaned and split; `limit` keeps so many of each split, at random."""
    table = corpora.load("landscapes", root).table
    if limit:
        # Shuffled first: corpora lie scene by scene.
        some = table.sample(frac=1, random_state=0).groupby("split").head(limit)
        table = some.sort_index().reset_index(drop=True)
    return photos.build(table, top=128)


def gan(run, out, weights):
    """Tell a training run as a result: settings, curves, samples; and release its generator.

    Parameters
    ----------
    run : m2l.training.Run, trained.
    out : .json to write; sample grids go into the folder of the same name.
    weights : .safetensors to write.
    """
    from m2l.training import describe

    at, preset = run.progress, run.preset
    if not at.images:
        raise InputError(f"{run.folder}: not trained yet; run 'm2l gan train' first")
    resolution, source = run.reached, run.pyramid.table["label_source"].iloc[0]
    lines = [json.loads(x) for x in (run.folder / "metrics.jsonl").read_text().splitlines()]
    keys = (
        "images",
        "seconds",
        "resolution",
        "alpha",
        "critic",
        "generator",
        "afm",
        "penalty",
        "diversity",
    )
    curve = pd.DataFrame(lines).reindex(columns=keys).astype(float)
    card = {
        "what": f"Progressive ERU generator, {resolution}×{resolution} landscapes for an emotion",
        "data": f"{len(run.rows)} photos with ratings"
        if source == "rated"
        else f"{len(run.rows)} photos; their valence and arousal are {source}, not rated by people",
        "training": f"preset {preset.name}, {at.images} images, {at.seconds / 3600:.2f} hours on "
        f"{provenance.hardware()}",
        "use": "research and teaching; the pictures show no real place",
        "limits": f"a first model at {resolution}×{resolution}"
        + ", stopped before its preset's last stage" * (resolution != preset.stages[-1].resolution)
        + "; soft, and knows only mountains, glaciers, seas and forests",
    }
    Path(weights).parent.mkdir(parents=True, exist_ok=True)
    run.release(weights, card)
    if at.stage < len(preset.stages):
        run.grid()  # of a stage under way there is none yet
    folder = Path(out).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for picture in sorted((run.folder / "samples").glob("*.png")):
        shutil.copy(picture, folder / picture.name)
    result = {
        "card": card,
        "resolution": resolution,
        "images": at.images,
        "photos": len(run.rows),
        "parameters": {
            name: sum(p.numel() for p in network.parameters())
            for name, network in (("generator", run.generator), ("critic", run.critic))
        },
        "bytes": Path(weights).stat().st_size,
        "settings": describe(preset),
        "training_seconds": at.seconds,
    }
    provenance.save(
        out,
        result,
        started=time.monotonic() - at.seconds,
        data={"landscapes": photos.fingerprint(run.pyramid.table)},
        seed=preset.seed,
        preset=preset.name,
        arrays={k: curve[k].to_numpy(np.float32) for k in keys},
    )


def judge(out, weights, generator, root=None, n=2000, epochs=40, seed=0, limit=None, preset="full"):
    """Train the scene network on the probe photos and measure a generator with it.

    Parameters
    ----------
    out : .json to write.
    weights : .safetensors of the scene network to write.
    generator : .safetensors of the generator to measure.
    n : generated images.
    """
    from m2l import generate, metrics, scene

    started = time.monotonic()
    pyramid = landscapes(root, limit)
    released = generate.load(generator)
    net, reader = _reader(pyramid, released.resolution, epochs, seed)
    reader["people"] = _people(net, released.resolution, root, seed)
    Path(weights).parent.mkdir(parents=True, exist_ok=True)
    scene.save(
        net,
        weights,
        {
            "what": "Scene, valence and arousal of a landscape, at any size",
            "data": f"{reader['photos']} photos the generator has not seen; labels as the corpus's",
            "accuracy": reader["accuracy"]["value"],
            "r2": {d: reader["va"][d]["r2"] for d in forest.DIMENSIONS},
        },
    )
    result, arrays = _measure(net, pyramid, released, n, seed)
    many = max(n, 2048)  # what the distance in 2,048 dimensions needs
    if metrics.inception_weights() and len(pyramid) >= many:
        u = released.va_map(np.resize(arrays["requested"], (many, 2)))
        fakes = generate.paint(u, np.arange(many), released)
        result |= metrics.fid(pyramid.array(released.resolution)[:many], fakes)
    provenance.save(
        out,
        {"reader": reader, "resolution": released.resolution} | result,
        started=started,
        seed=seed,
        preset=preset,
        arrays=arrays,
        data={"landscapes": photos.fingerprint(pyramid.table)},
    )


def _reader(pyramid, resolution, epochs, seed):
    """A scene network for pictures of one resolution, and how well it reads held-out photos."""
    from m2l import metrics, scene

    probe, test = pyramid.rows("probe"), pyramid.rows("test")
    if min(len(probe), len(test)) < 4:
        raise InputError(f"landscapes: {len(pyramid)} photos are too few to judge by; give 50")
    array, scenes = pyramid.array(resolution), pyramid.table["scene"].to_numpy()
    net = scene.train(array[probe], scenes[probe], pyramid.va[probe], epochs, seed=seed)
    _, probabilities, estimated = scene.look(net, array[test])
    named = np.array(net.scenes)[probabilities.argmax(1)] == scenes[test]
    return net, {
        "photos": len(probe),
        "tested": len(test),
        "accuracy": metrics.bootstrap(np.mean, named),
        "va": metrics.consistency(pyramid.va[test], estimated, seed),
    }


def _people(net, resolution, root, seed):
    """How a scene network agrees with people, on the rated scenery of OASIS; None without it."""
    from m2l import metrics, scene

    try:
        table = corpora.load("oasis", root).table.dropna(subset="path")
    except InputError as error:
        log.warning("%s", error)
        return None
    table = table[table["category"] == "Scenery"]
    images = np.stack([np.asarray(photos.load(path, resolution)) for path in table["path"]])
    ratings = table[list(forest.DIMENSIONS)].to_numpy()
    return {"photos": len(table), **metrics.consistency(ratings, scene.look(net, images)[2], seed)}


def _measure(net, pyramid, released, n, seed):
    """Figures of one generator in the eyes of a scene network, and the arrays behind them."""
    from m2l import generate, metrics, scene

    rng = np.random.default_rng(seed)
    test = pyramid.rows("test")
    real, _, _ = scene.look(net, pyramid.array(released.resolution)[test])
    # Requests follow the photos' own joint distribution, so that a perfect generator could match.
    requested = pyramid.va[test][rng.integers(len(test), size=n)]
    images = generate.paint(released.va_map(requested), np.arange(n), released)
    fake, _, answered = scene.look(net, images)
    halves = np.array_split(rng.permutation(len(test)), 2)
    n_each = min(len(halves[1]), n)
    one, two = real[halves[0][:n_each]], real[halves[1][:n_each]]
    # Twenty scenes at each of 7×7 points of the plane.
    axis = np.linspace(-0.9, 0.9, 7)
    u = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 1, 2)
    on_grid = scene.look(net, generate.paint(u, np.arange(20), released))[2].reshape(7, 7, 20, 2)
    result = {
        "n": n,
        "frechet": {
            "generated": metrics.frechet(two, fake[:n_each]),
            "photos": metrics.frechet(two, one),
            "n": n_each,
        },
        "diversity": {
            "generated": metrics.bootstrap(metrics.spread, fake),
            "photos": metrics.bootstrap(metrics.spread, real),
            "ratio": metrics.spread(fake) / metrics.spread(real),
        },
        "va": metrics.consistency(requested, answered, seed),
        "va_r": {
            d: metrics.bootstrap(_correlation, requested[:, i], answered[:, i])
            for i, d in enumerate(forest.DIMENSIONS)
        },
        "grid": {"asked": axis.tolist(), "answered": on_grid.mean(2).tolist()},
    }
    return result, {
        "requested": requested.astype(np.float32),
        "answered": answered.astype(np.float32),
    }


def _correlation(x, y):
    return np.corrcoef(x, y)[0, 1]


def baselines(out, folder, root=None, preset="baseline", n=1000, epochs=20, seed=0, limit=None):
    """Train the full model and the milestone's three baselines on equal terms, and measure them.

    Parameters
    ----------
    out : .json to write; a grid of samples of each goes into the folder of the same name.
    folder : where the runs go; finished ones are not trained again.
    preset : schedule that all of them follow.
    """
    from m2l import generate
    from m2l.training import VARIANTS, Diverged, Preset, Run, describe, save_grid, variant

    started = time.monotonic()
    pyramid = landscapes(root, limit)
    base = Preset.load(preset, seed=seed)
    net, reader = _reader(pyramid, base.stages[-1].resolution, epochs, seed)
    result = {"preset": describe(base), "reader": reader, "variants": {}}
    pictures = Path(out).with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    for name in VARIANTS:
        log.info("baseline: %s", name)
        slug = name.replace(" ", "-")
        run = Run(variant(base, name), pyramid, Path(folder) / slug)
        run.resume()
        try:
            complete = run.train()
        except Diverged as error:
            raise InputError(f"baseline {name}: {error}") from error
        if not complete:
            raise InputError(f"{run.folder}: interrupted; run the same command to go on")
        weights = run.folder / "generator.safetensors"
        run.release(weights, {"what": f"baseline: {name}"})
        released = generate.load(weights)
        measured, _ = _measure(net, pyramid, released, n, seed)
        result["variants"][name] = measured | {
            "images": run.progress.images,
            "seconds": run.progress.seconds,
        }
        seeds = np.repeat(np.arange(3), 7)
        u = np.tile(np.stack([np.linspace(-0.95, 0.95, 7), np.zeros(7)], 1), (3, 1))
        save_grid(generate.paint(u, seeds, released), pictures / f"{slug}.png", columns=7)
    provenance.save(
        out,
        result,
        started=started,
        seed=seed,
        preset=base.name,
        data={"landscapes": photos.fingerprint(pyramid.table)},
    )
