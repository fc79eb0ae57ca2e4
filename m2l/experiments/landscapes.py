"""The photos that generators learn from; a training told as a result, and its release."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from m2l import corpora, results, stats
from m2l.errors import InputError
from m2l.gan import photos
from m2l.gan.checkpoints import read_checkpoint
from m2l.gan.training import FIGURES
from m2l.va import DIMENSIONS

HEADLINE = {
    "spread": "diversity.{}.overall.ratio",
    "spread at one emotion": "diversity.{}.one.ratio",
    "Fréchet distance": "likeness.{}.frechet.generated",
    "coverage": "likeness.{}.coverage.generated",
    **{f"r {d}": f"va.{{}}.random.{d}.r" for d in DIMENSIONS},
    **{f"r {d} within a kind": f"va.{{}}.random.{d}.within" for d in DIMENSIONS},
}
"""What is told of a preset by each judge, and where the result of measuring a generator has it."""


def pyramid(root=None, limit=None, folder="landscapes128", top=128):
    """The photos' pyramid, cleaned and split.

    Parameters
    ----------
    limit : keep so many of each split, at random.
    folder : of the photos, see `m2l.corpora.landscapes.load`; "sample" is the painted sample
        corpus, which needs no data.
    top : highest resolution.
    """
    from m2l.corpora.landscapes import split

    if folder == "sample":
        table = corpora.load("sample", kind="landscapes", size=max(top, 16)).table
        table["split"] = split(table["id"], table["group"])
    else:
        table = corpora.load("landscapes", root, folder=folder).table
    if limit:
        # Shuffled first: corpora lie scene by scene.
        some = table.sample(frac=1, random_state=0).groupby("split").head(limit)
        table = some.sort_index().reset_index(drop=True)
    return photos.build(table, top=top)


def gan(run, out, weights, note=None):
    """Tell a training run as a result: settings, curves, samples; and release its generator.

    Parameters
    ----------
    run : m2l.gan.training.Run, trained.
    out : .json to write; sample grids go into the folder of the same name.
    weights : .safetensors to write.
    note : for the card, what the settings do not tell.
    """
    at, preset = run.progress, run.preset
    if not at.images:
        raise InputError(f"{run.folder}: not trained yet; run 'm2l gan train' first")
    shown = len(run.rows)
    resolution, source = run.reached, run.pyramid.table["label_source"].iloc[0]
    named = Path(run.pyramid.table["path"].iloc[0]).parent.name
    lines = [json.loads(x) for x in (run.folder / "metrics.jsonl").read_text().splitlines()]
    keys = ("images", "seconds", "resolution", "alpha", *FIGURES)
    curve = pd.DataFrame(lines).reindex(columns=keys).astype(float)
    card = {
        "what": f"Progressive ERU generator, {resolution}×{resolution} landscapes for an emotion",
        "data": f"{shown} photos of {named}"
        + (
            " with ratings"
            if source == "rated"
            else f"; their valence and arousal are {source}, not rated by people"
        ),
        "emotion": "valence and arousal from 1 to 9; each becomes its quantile among the training "
        "photos, from -1 to 1, and this map travels with the weights",
        "training": f"preset {preset.name}, {at.images} images, {at.seconds / 60:.0f} minutes on "
        f"{results.hardware()}; what is kept is the average of the generator's weights",
        "images": str(at.images),
        "use": "research and teaching; the pictures show no real place",
        "limits": f"at {resolution}×{resolution} an impression rather than a view"
        + ", stopped before its preset's last stage" * (run.reached != preset.stages[-1].resolution)
        + "; knows only mountains, glaciers, seas and forests",
    }
    if note:
        card["note"] = note
    run.release(weights, card)
    if at.stage < len(preset.stages):
        run.grid()  # of a stage under way there is none yet
    folder = Path(out).with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for picture in sorted((run.folder / "samples").glob("*.png")):
        with Image.open(picture) as grid:
            side = grid.width // 7
            # Of large pictures two rows of four, or a repository would swell.
            grid.crop((0, 0, 4 * side, 2 * side) if side > 128 else (0, 0, *grid.size)).save(
                folder / picture.name
            )
    result = {
        "card": card,
        "resolution": resolution,
        "images": at.images,
        "photos": shown,
        "parameters": {
            name: sum(p.numel() for p in network.parameters())
            for name, network in (("generator", run.generator), ("critic", run.critic.trained))
        },
        "settings": asdict(preset),
        "training_seconds": at.seconds,
    }
    results.save(
        out,
        result,
        started=time.monotonic() - at.seconds,
        data={"landscapes": photos.fingerprint(run.pyramid.table)},
        seed=preset.seed,
        preset=preset.name,
        arrays={k: curve[k].to_numpy(np.float32) for k in keys},
    )


def headline(measured, judge):
    """Of a result of `m2l.experiments.evaluation.model`, what is told of it: dict by `HEADLINE`."""
    return {name: results.at(measured, path.format(judge)) for name, path in HEADLINE.items()}


def pictures_shown(path):
    """The number of pictures that a generator had been shown when it was written."""
    card = json.loads(read_checkpoint(path, "m2l-generator")[0]["card"])
    if "images" not in card:
        raise InputError(f"{path}: its card tells no images; 'm2l gan release' writes it anew")
    return int(card["images"])


def seeds(out, measured, generators):
    """Tell what several trainings of one preset, with other seeds, come to.

    Parameters
    ----------
    out : .json to write.
    measured : results of `m2l.experiments.evaluation.model`, one a seed.
    generators : that were measured, for the number of pictures that each had been shown.
    """
    started = time.monotonic()
    told = [results.read(path, "va", "provenance", "n") for path in measured]
    images = [pictures_shown(path) for path in generators]
    figures = {}
    for judge in told[0]["va"]:
        found = pd.DataFrame([headline(one, judge) for one in told])
        each = found.map(lambda figure: figure["value"]).to_dict("list")
        figures[judge] = {k: {"each": x} | stats.over_seeds(x) for k, x in each.items()}
    first = told[0]["provenance"]
    result = {"seeds": len(told), "images": images, "n": told[0]["n"], "figures": figures}
    block = {k: first[k] for k in ("data", "seed")}
    results.save(out, result, started=started, preset="projected", **block)
