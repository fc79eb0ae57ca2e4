"""The ablation grid: the full model and what is left of it when one part is taken out.

Conventions
-----------
A cell of the grid is one variant (`m2l.training.variant`) trained with one seed. Budgets are in
images shown, so that a busy machine changes how long a run takes and not what it gives; without
progression, where all images are large, in as many as cost the same multiplications. Runs of one
seed see the photos in one order, and all are measured with one judge, on the same noise and
the same requests, so that variants are compared in pairs.

A cell writes `<grid>-<variant>-<seed>.jsonl`, one line a set of figures, and a grid of samples as
a .png of the same name.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from m2l.errors import InputError

log = logging.getLogger(__name__)

SEEDS = (0, 1, 2)
HEADLINE = ("full", "without AFM", "unconditional", "non-progressive")
REST = (
    "label input",
    "AFM spatial",
    "AFM 1",
    "AFM 10",
    "without penalty",
    "photos 500",
    "photos 1300",
)
GRIDS = {
    "ablation": HEADLINE + REST,
    "ablation64": HEADLINE,
    "ablation128": HEADLINE + REST,
    "smoke": HEADLINE,
}
"""Variants of each grid; the name is also that of its training preset."""


def cells(grid, seeds=SEEDS):
    """The grid's (variant, seed) in the order of their importance: the headline first.

    Raises
    ------
    InputError
        If there is no such grid.
    """
    if grid not in GRIDS:
        raise InputError(f"grid '{grid}': choose one of {', '.join(GRIDS)}")
    rest = [v for v in GRIDS[grid] if v not in HEADLINE]
    return [(v, s) for part in (HEADLINE, rest) for s in seeds for v in part]


def stem(grid, variant, seed):
    """Name of a cell's files, without their ending."""
    return f"{grid}-{variant.replace(' ', '-')}-{seed}"


def preset(grid, variant, seed):
    """The training preset of a cell."""
    from m2l import training

    base = training.Preset.load(grid, seed=seed)
    changed = training.variant(base, variant)
    if variant == "non-progressive":
        (stage,) = changed.stages
        each = work(base)
        images = sum(s.images * w for s, w in zip(base.stages, each, strict=True)) / each[-1]
        steps = max(1, round(images / stage.batch))
        changed = replace(changed, stages=(replace(stage, images=steps * stage.batch),))
    return changed


def work(preset):
    """Floating point operations that one image takes in both networks, forward, at each stage."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from m2l.networks import Critic, Generator

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        generator, critic = Generator(preset.sizes), Critic(preset.sizes)
        z, va = torch.zeros(1, preset.sizes.z), torch.zeros(1, 2)
        counts = []
        for stage in preset.stages:
            level = preset.sizes.stage(stage.resolution)
            with FlopCounterMode(display=False) as counter:
                critic(generator(z, va, level), va, level)
            counts.append(counter.get_total_flops())
    return counts


def run(
    grid,
    variant,
    seed,
    out,
    folder,
    root=None,
    judge=None,
    n=1000,
    draws=100,
    limit=None,
):
    """Train and measure one cell, unless it is there already; go on where it was interrupted.

    Parameters
    ----------
    grid, variant, seed : the cell.
    out : folder that gets its .jsonl and its .png.
    folder : where the training run is kept.
    judge : .safetensors of the scene network.
    n : generated images to measure.

    Returns
    -------
    Path of the .jsonl

    Raises
    ------
    InputError
        If the training is interrupted; the same call goes on.
    """
    from m2l import evaluate, generate, photos, provenance, scene, stages
    from m2l import training as t

    path = Path(out) / f"{stem(grid, variant, seed)}.jsonl"
    if path.is_file():
        return path
    started = time.monotonic()
    pyramid = stages.landscapes(root, limit)
    trained = t.Run(preset(grid, variant, seed), pyramid, Path(folder) / path.stem)
    trained.resume()
    diverged = None
    try:
        if not trained.train():
            raise InputError(f"{trained.folder}: interrupted; run the same command to go on")
    except t.Diverged as error:  # a result like any other
        diverged = str(error).partition("; the run")[0]
        log.warning("%s, seed %d: %s", variant, seed, diverged)
    sets = {"training": _training(trained, diverged)}
    path.parent.mkdir(parents=True, exist_ok=True)
    if not diverged:
        weights = trained.folder / "generator.safetensors"
        trained.release(weights, {"what": f"ablation: {variant}, seed {seed}"})
        released = generate.load(weights)
        net = scene.load(judge or scene.WEIGHTS)
        measured, _, _ = evaluate.measure(net, pyramid, released, n, draws=draws)
        sets |= {
            "likeness": measured["likeness"]["scene"],
            **{k: measured[k] for k in ("diversity", "va", "colour", "looks", "grid")},
        }
        # Three scenes from low to high valence, then the same three from low to high arousal.
        axis, zero = np.linspace(-0.95, 0.95, 7), np.zeros(7)
        ways = np.stack([np.stack([axis, zero], 1), np.stack([zero, axis], 1)])
        images = generate.paint(ways[:, None], np.arange(3)[None, :, None], released)
        t.save_grid(images, path.with_suffix(".png"), columns=7)
    block = provenance.describe(
        started=started,
        data={"landscapes": photos.fingerprint(pyramid.table)},
        seed=seed,
        preset=grid,
    )
    cell = {"grid": grid, "variant": variant, "seed": seed, "resolution": trained.reached, "n": n}
    scratch = path.with_suffix(".writing")
    scratch.write_text(
        "".join(
            json.dumps(cell | {"set": name, "values": values, "provenance": block}) + "\n"
            for name, values in sets.items()
        )
    )
    os.replace(scratch, path)
    return path


def _training(trained, diverged):
    """How a run went: its budget, its time, and how calm it was at each resolution."""
    at = trained.progress
    lines = pd.read_json(trained.folder / "metrics.jsonl", lines=True)
    stages, before = [], 0
    for resolution, part in lines.groupby("resolution"):
        largest = part[["critic", "penalty"]].abs().max().fillna(0)  # a short stage has no penalty
        stages.append(
            {
                "resolution": int(resolution),
                "images": int(part["images"].iloc[-1]) - before,
                "critic": float(largest["critic"]),
                "penalty": float(largest["penalty"]),
                "diversity": float(part["diversity"].iloc[-1]),
                "least diversity": float(part["diversity"].min()),
            }
        )
        before = int(part["images"].iloc[-1])
    return {
        "images": at.images,
        "photos": len(trained.rows),
        "parameters": sum(p.numel() for p in trained.generator.parameters()),
        "seconds": at.seconds,
        "cpu_seconds": at.cpu_seconds,
        "diverged": diverged,
        "stages": stages,
    }


def load(folder):
    """Read all cells.

    Returns
    -------
    DataFrame, one row a figure: grid, variant, seed, resolution, set, metric (its path in the
    set, joined by dots), value, low and high, NaN without an interval.

    Raises
    ------
    InputError
        If there are none.
    """
    rows = [
        {k: line[k] for k in ("grid", "variant", "seed", "resolution", "set")} | figure
        for path in sorted(Path(folder).glob("*.jsonl"))
        for line in map(json.loads, path.read_text().splitlines())
        for figure in _figures(line["values"])
    ]
    if not rows:
        raise InputError(f"{folder}: no runs of the ablation here; 'm2l gan ablation' makes them")
    return pd.DataFrame(rows)


def _figures(values, path=()):
    if isinstance(values, dict) and not {"value", "low", "high"} <= set(values):
        for key, value in values.items():
            yield from _figures(value, (*path, key))
    elif isinstance(values, dict):
        yield {"metric": ".".join(path)} | {k: values[k] for k in ("value", "low", "high")}
        yield from _figures(
            {k: v for k, v in values.items() if k not in ("value", "low", "high")}, path
        )
    elif isinstance(values, list):
        for i, value in enumerate(values):
            yield from _figures(value, (*path, str(i)))
    elif isinstance(values, (int, float)):
        yield {"metric": ".".join(path), "value": float(values), "low": np.nan, "high": np.nan}


def differences(figures, metric, reference="full"):
    """Differences of each variant from the reference, paired by seed.

    Parameters
    ----------
    figures : DataFrame, from `load`, of one grid.
    metric : "<set>.<path>", as in its rows.

    Returns
    -------
    DataFrame indexed by variant: n (pairs), value (mean difference), low and high (95 % interval
    of Student's t over seeds; NaN with one pair) and each (tuple of the differences).
    """
    from scipy.stats import t

    wide = table(figures, metric)
    rows = {}
    for variant in wide.index.drop(reference, errors="ignore"):
        each = (wide.loc[variant] - wide.loc[reference]).dropna().to_numpy()
        n = len(each)
        if not n:
            continue
        half = t.ppf(0.975, n - 1) * each.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        mean = each.mean()
        rows[variant] = {
            "n": n,
            "value": mean,
            "low": mean - half,
            "high": mean + half,
            "each": tuple(each),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def table(figures, metric):
    """One figure of all cells of a grid: a DataFrame of variants by seeds."""
    name, _, path = metric.partition(".")
    rows = figures[(figures["set"] == name) & (figures["metric"] == path)]
    wide = rows.pivot(index="variant", columns="seed", values="value")
    known = [v for variants in (HEADLINE, REST) for v in variants if v in wide.index]
    return wide.loc[known + [v for v in wide.index if v not in known]]
