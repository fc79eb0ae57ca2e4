"""The ablation grid: the full model and what is left of it when one part is taken out.

Conventions
-----------
A cell of the grid is one variant (`m2l.gan.presets.variant`) trained with one seed. Budgets are in
images shown, so that a busy machine changes how long a run takes and not what it gives; without
progression, where all images are large, in as many as cost the same multiplications. Runs of one
seed see the photos in one order, and all are measured on the same noise and the same requests, so
that variants are compared in pairs: by the scene network, and how they obey by both judges.

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

from m2l import results as provenance
from m2l import stats
from m2l.errors import InputError
from m2l.va import DIMENSIONS

log = logging.getLogger(__name__)

SEEDS = (0, 1, 2, 3, 4)
HEADLINE = ("full", "without AFM", "unconditional", "non-progressive")
LONGER = 1.9  # a full run takes that many times the CPU seconds of one without ERUs
REST = (
    "label input",
    "AFM spatial",
    "without penalty",
    "AFM 1",
    "AFM 10",
    "AFM 100",
    "photos 500",
    "unconditional, longer",
    "label input, longer",
)
READING = ("without reading", "reading 4")  # how much the critic's own reading of an emotion weighs
AT_64 = (*HEADLINE, "label input", "AFM spatial", "photos 500")
GRIDS = {
    "smoke": HEADLINE,
    "ablation": HEADLINE + tuple(v for v in REST if v != "AFM 100"),  # which is its own
    "ablation-projected": (*AT_64, "AFM 100", *READING),
    "ablation64": (*AT_64, "AFM 10", "label input, longer"),
    "ablation64-projected": (*AT_64, "AFM 100"),
    "ablation128": HEADLINE + REST,
    "ablation128-projected": (*HEADLINE, "label input", "reading 4"),
}
"""Variants of each grid, the coarsest first; the name is also that of its training preset."""
STUDY = "ablation128-projected"  # whose generators are the systems of the user study

MEASURES = {
    "Fréchet distance": ("likeness.frechet.generated", -1),
    "KID": ("likeness.kid.generated", -1),
    "density": ("likeness.density.generated", 1),
    "coverage": ("likeness.coverage.generated", 1),
    "variety": ("diversity.cell.ratio", 1),
    "r, valence": ("va.random.valence.r", 1),
    "r, arousal": ("va.random.arousal.r", 1),
    "r, valence, rated": ("rated.random.valence.r", 1),
    "r, arousal, rated": ("rated.random.arousal.r", 1),
}
"""What variants are compared by: the figure's name in `load`, and 1 where more is better."""
WITHIN = {f"r, {d}, within": f"va.random.{d}.within" for d in DIMENSIONS}
"""What is told beside them and not compared: r left within one kind of scene."""
RATIOS = ("Fréchet distance",)  # above 0, as their intervals then are
PATHS = {m: path for m, (path, _) in MEASURES.items()} | WITHIN
NEVER_BELOW = ("KID", "density", "coverage")  # 0, where intervals of them end


def cells(grid, seeds=SEEDS):
    """The grid's (variant, seed) in the order of their importance: the headline first.

    Raises
    ------
    InputError
        If there is no such grid.
    """
    if grid not in GRIDS:
        raise InputError(f"grid '{grid}': choose one of {', '.join(GRIDS)}")
    parts = [[v for v in GRIDS[grid] if (v in HEADLINE) == first] for first in (True, False)]
    return [(v, s) for part in parts for s in seeds for v in part]


def stem(grid, variant, seed):
    """Name of a cell's files, without their ending."""
    return f"{grid}-{variant.replace(',', '').replace(' ', '-')}-{seed}"


def preset(grid, variant, seed):
    """The training preset of a cell.

    Without progression it gets the images that cost as many multiplications, and what is called
    longer `LONGER` times the images, which takes as long as a full run.
    """
    from m2l.gan import presets

    base = presets.Preset.load(grid, seed=seed)
    name, _, longer = variant.partition(", ")
    changed = presets.variant(base, name)
    if name == "non-progressive":
        each = work(base)
        lengths = [sum(s.images * w for s, w in zip(base.stages, each, strict=True)) / each[-1]]
    elif longer:
        lengths = [s.images * LONGER for s in changed.stages]
    else:
        return changed
    stages = (
        replace(s, images=max(1, round(n / s.batch)) * s.batch)
        for s, n in zip(changed.stages, lengths, strict=True)
    )
    return replace(changed, stages=tuple(stages))


def work(preset):
    """Floating point operations that one image takes in both networks, forward, at each stage."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        generator, critic = preset.networks()
        z, va = torch.zeros(1, preset.sizes.z), torch.zeros(1, 2)
        counts = []
        for stage in preset.stages:
            level = preset.sizes.stage(stage.resolution)
            with FlopCounterMode(display=False) as counter:
                seen = critic.look(generator(z, va, level), stage.side)
                critic.judge(seen, va, level)
            counts.append(counter.get_total_flops())
    return counts


def run(
    grid: str,
    variant: str,
    seed: int,
    out,
    folder,
    root=None,
    judge: Path | None = None,
    n=1000,
    draws=100,
    limit: int | None = None,
):
    """Train and measure one cell, unless it is there already; go on where it was interrupted.

    Parameters
    ----------
    grid : ablation, ablation64, ablation128, each of them with -projected, or smoke; the training
        preset has its name.
    variant : one of the grid's, such as full, unconditional or "without AFM".
    seed : of the training.
    out : folder that gets its .jsonl and its .png.
    folder : where the training run is kept.
    judge : .safetensors of the scene network; the shipped one by default.
    n : generated images to measure of each run.
    draws : for the intervals.
    limit : take only so many photos of each split.

    Returns
    -------
    Path of the .jsonl

    Raises
    ------
    InputError
        If the training is interrupted; the same call goes on.
    """
    import torch

    from m2l import generate
    from m2l.experiments import evaluation as evaluate
    from m2l.experiments import landscapes
    from m2l.gan import photos
    from m2l.gan import training as t
    from m2l.gan.pictures import save_grid
    from m2l.judge import scene

    path = Path(out) / f"{stem(grid, variant, seed)}.jsonl"
    if path.is_file():
        return path
    started, settings = time.monotonic(), preset(grid, variant, seed)
    torch.set_num_threads(1)  # cells run side by side
    pyramid = landscapes.pyramid(root, limit)
    trained = t.Run(settings, pyramid, Path(folder) / path.stem)
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
        painted = evaluate.paint(released, pyramid, n)
        measured = evaluate.measure(evaluate.Judges(net), pyramid, painted, draws=draws)[0]
        sets |= {name: measured[name]["scene"] for name in ("likeness", "diversity", "va")}
        sets["looks"] = measured["looks"]
        sets["rated"] = rated(net, pyramid, painted, draws)
        # Three scenes from low to high valence, then the same three from low to high arousal.
        axis, zero = np.linspace(-0.95, 0.95, 7), np.zeros(7)
        ways = np.stack([np.stack([axis, zero], 1), np.stack([zero, axis], 1)])
        images = generate.paint(ways[:, None], np.arange(3)[None, :, None], released)
        save_grid(images, path.with_suffix(".png"), columns=7)
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


def rated(net, pyramid, painted, draws=None):
    """How `evaluation.Painted` and photos obey, as the judge of ratings sees it."""
    from m2l.experiments.evaluation import Judges
    from m2l.judge import metrics, ratings

    judges, test = Judges(net, ratings.load()), pyramid.rows("test")
    photo = judges.photos(pyramid, painted.images.shape[1])[test]
    seen = ratings.told(judges.rated, ratings.features(painted.images))
    return {
        "random": metrics.consistency(painted.requested, seen, draws=draws),
        "photos": metrics.consistency(pyramid.va[test], photo.va["ratings"], draws=draws),
    }


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
        raise InputError(f"{folder}: no runs of the ablation here; 'make ablation' makes them")
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


def conclude(folder, out):
    """Write what the runs of a folder say together, for the report to quote.

    Of each grid: side, images and cpu_seconds of a full run, runs (finished), planned; of each
    variant the means of `MEASURES` with intervals, by names without their commas, and seeds, of
    runs that did not diverge; the claims; and comparisons: how many there are with the full model,
    how many have a p below 0.05, how many `survive` the correction for their number, and each.

    Parameters
    ----------
    out : .json to write.
    """
    started = time.monotonic()
    everything, grids = load(folder), {}
    for grid, runs in everything.groupby("grid"):
        shown = table(runs, "training.images")
        told = {m.replace(",", ""): summary(runs, path, m in RATIOS) for m, path in PATHS.items()}
        for m in NEVER_BELOW:
            told[m]["low"] = told[m]["low"].clip(lower=0)
        variety, compares = table(runs, MEASURES["variety"][0]), compared(runs)
        grids[grid] = {
            "side": int(runs["resolution"].max()),
            "images": int(shown.loc["full"].max()),
            "cpu_seconds": float(table(runs, "training.cpu_seconds").loc["full"].mean()),
            "runs": int(shown.notna().sum().sum()),
            "planned": len(cells(grid)),
            "photos": {m.replace(",", ""): x for m, x in floors(runs).items()},
            "variants": {
                name: {"seeds": int(finished)}
                | {
                    m: {
                        k: float(x)
                        for k, x in rows.loc[name, ["value", "low", "high"]].items()
                        if np.isfinite(x)
                    }
                    for m, rows in told.items()
                    if name in variety.index
                }
                for name, finished in variety.reindex(shown.index).notna().sum(axis=1).items()
            },
            "claims": claims(runs),
            "comparisons": {
                "number": len(compares),
                "uncorrected": int((compares["p"] < 0.05).sum()),
                "survive": int((compares["adjusted"] < 0.05).sum()),
                "each": [
                    {"measure": m.replace(",", ""), "variant": v, **row}
                    for (m, v), row in compares.to_dict("index").items()
                ],
            },
        }
    first = json.loads(next(Path(folder).glob("*.jsonl")).read_text().partition("\n")[0])
    provenance.save(
        out,
        {"grids": grids},
        started=started,
        data=first["provenance"]["data"],
        seed=0,
        preset=", ".join(grids),
    )


def worth(grid, variants=None):
    """What variants are worth, as the report shows it.

    Parameters
    ----------
    grid : one of those that `conclude` writes.
    variants : by name; all that have three seeds or more by default.

    Returns
    -------
    DataFrame of text, a row a variant and a last one of what photographs reach.
    """
    text = provenance.text
    return pd.DataFrame(
        {
            "variant": name,
            "Fréchet distance ↓ · variety ↑": f"{text(at['Fréchet distance'])} · "
            f"{text(at['variety'])}",
            "r, valence · arousal ↑": f"{text(at['r valence'])} · {text(at['r arousal'])}",
        }
        for name, at in _rows(grid, variants)
    )


def survivors(grids):
    """What survives the correction in grids, dict of critic to one that `conclude` writes."""
    return pd.DataFrame(
        {
            "critic": who,
            "variant": one["variant"],
            "measure": one["measure"],
            "full → variant": f"{one['reference']:.2f} → {one['value']:.2f}",
        }
        for who, grid in grids.items()
        for one in grid["comparisons"]["each"]
        if one["adjusted"] < 0.05
    )


def obeyed(grid):
    """How variants obey by the judge of ratings, and within a kind of scene by the scene network.

    Returns
    -------
    DataFrame as that of `worth`.
    """
    columns = {"r by ratings": "rated", "r within a kind": "within"}
    return pd.DataFrame(
        {"variant": name}
        | {
            f"{column} ↑": " · ".join(provenance.text(at[f"r {d} {key}"]) for d in DIMENSIONS)
            for column, key in columns.items()
        }
        for name, at in _rows(grid)
    )


def _rows(grid, variants=None):
    shown = grid["variants"]
    if variants is None:
        variants = [v for v in shown if shown[v]["seeds"] > 2]
    return [*((v, shown[v]) for v in variants if v in shown), ("*photographs*", grid["photos"])]


def table(figures, metric, column="value"):
    """One figure of all runs of a grid: a DataFrame of variants by seeds."""
    name, _, path = metric.partition(".")
    rows = figures[(figures["set"] == name) & (figures["metric"] == path)]
    wide = rows.pivot(index="variant", columns="seed", values=column)
    known = [v for v in HEADLINE + REST + READING if v in wide.index]
    return wide.loc[known + [v for v in wide.index if v not in known]]


def summary(figures, metric, ratio=False):
    """One figure of each variant over its seeds; with `ratio`, by its logarithms.

    Returns
    -------
    DataFrame indexed by variant: n (seeds), value (mean), low and high: the 95 % interval of
    Student's t over three seeds or more or, with one seed, that of its run.
    """
    parts = {c: table(figures, metric, c) for c in ("value", "low", "high")}
    rows = {}
    for variant, values in parts["value"].iterrows():
        values = values.dropna()
        rows[variant] = stats.over_seeds(np.log(values) if ratio else values)
        if ratio:
            rows[variant] |= {c: np.exp(rows[variant][c]) for c in parts}
        if len(values) == 1:
            seed = values.index[0]
            rows[variant] |= {c: parts[c].loc[variant, seed] for c in ("low", "high")}
    return pd.DataFrame.from_dict(rows, orient="index")


def differences(figures, metric, reference="full"):
    """Differences of each variant from the reference, paired by seed.

    Parameters
    ----------
    figures : DataFrame, from `load`, of one grid.
    metric : "<set>.<path>", as in its rows.

    Returns
    -------
    DataFrame indexed by variant: n (pairs), value (mean difference), low, high and each (tuple of
    the differences); see `m2l.stats.over_seeds`.
    """
    wide, rows = table(figures, metric), {}
    for variant in wide.index.drop(reference, errors="ignore"):
        each = (wide.loc[variant] - wide.loc[reference]).dropna()
        if len(each):
            rows[variant] = stats.over_seeds(each) | {"each": tuple(each)}
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["n", "value", "low", "high", "each"]
    )


def compared(figures, reference="full"):
    """Every variant against the reference in every measure, with a correction for their number.

    Parameters
    ----------
    figures : DataFrame, from `load`, of one grid.

    Returns
    -------
    DataFrame indexed by measure and variant: n (pairs of seeds, three or more); reference and
    value, the means, and change, {"value", "low", "high"} of the mean difference or, for Fréchet
    distances, which are above 0, geometric means and their ratio; p, of a paired t test; adjusted,
    by Holm's procedure over all rows; and better, True or False where the change survives it, else
    None.
    """
    from scipy.stats import ttest_1samp

    rows = {}
    for measure, (metric, better) in MEASURES.items():
        wide, ratio = table(figures, metric), measure in RATIOS
        for variant in wide.index.drop(reference, errors="ignore"):
            pairs = wide.loc[[variant, reference]].dropna(axis=1)
            if pairs.shape[1] < 3:
                continue
            own, other = (np.log(pairs) if ratio else pairs).to_numpy()
            found = stats.over_seeds(own - other)
            change = {k: found[k] for k in ("value", "low", "high")}
            change = {k: float(np.exp(x) if ratio else x) for k, x in change.items()}
            rows[measure, variant] = {
                "n": found["n"],
                "reference": float(np.exp(other.mean()) if ratio else other.mean()),
                "value": float(np.exp(own.mean()) if ratio else own.mean()),
                "change": change,
                "p": ttest_1samp(own - other, 0).pvalue,
                "better": better * found["value"] > 0,
            }
    told = pd.DataFrame(
        list(rows.values()),
        index=pd.MultiIndex.from_tuples(rows, names=("measure", "variant")),
        columns=["n", "reference", "value", "change", "p", "better"],
    )
    told["adjusted"] = stats.holm(told["p"])
    told["better"] = told["better"].astype(object).where(told["adjusted"] < 0.05, None)
    return told


def floors(figures):
    """What photographs reach in place of generated pictures, dict of measure to value.

    For correlations it is the judge's own with the labels; for variety, a share, it is 1.
    """
    out = dict.fromkeys(PATHS, 1.0)
    for measure, metric in PATHS.items():
        other = metric.replace(".generated", ".photos").replace(".random.", ".photos.")
        if other != metric:
            out[measure] = float(np.nanmean(table(figures, other).to_numpy()))
    return out


def claims(figures):
    """The claims of the first report about the generator, each with the number that decides it.

    Returns
    -------
    list of dict: claim; measure, what the number is; n (seeds), value, low, high; and holds, True
    or False where the interval excludes 0, None where it does not or there is none.
    """
    out = []

    def add(claim, measure, found, scale=1.0):
        ends = sorted(scale * found[c] for c in ("low", "high"))
        holds = True if ends[0] > 0 else False if ends[1] < 0 else None
        told = {"n": int(found["n"]), "value": scale * found["value"], "low": ends[0]}
        out.append({"claim": claim, "measure": measure, **told, "high": ends[1], "holds": holds})

    def of_full(metric):
        return summary(figures, metric).loc["full"]

    full = figures[(figures["variant"] == "full") & (figures["set"] == "training")]
    least = full[full["metric"].str.fullmatch(r"stages\.\d+\.diversity")].groupby("seed")["value"]
    ended = set(figures[(figures["variant"] == "full") & (figures["set"] == "va")]["seed"])
    stable = [0.0 if seed not in ended else value for seed, value in least.min().items()]
    out.append(
        {
            "claim": "Training is stable through all stages",
            "measure": "least variety of a batch at the end of a stage, as a share of the photos'; "
            "0 for a run that diverged; at least 0.5 is asked",
            **stats.over_seeds(stable),
            "holds": bool(min(stable) >= 0.5),
        }
    )
    # From −1 to 1, the whole way is twice the slope.
    for claim, look, dimension in (
        ("Higher valence is brighter", "brightness", "valence"),
        ("Higher valence is warmer", "warmth", "valence"),
        ("Lower arousal is calmer", "detail", "arousal"),
    ):
        measure = f"{look}, highest minus lowest {dimension}"
        add(claim, measure, of_full(f"looks.generated.{look}.{dimension}"), 2.0)
    for measure in ("r, valence", "r, arousal"):
        found = differences(figures, MEASURES[measure][0])
        if "without AFM" in found.index:
            told = f"{measure}, full minus without AFM"
            add("AFM keeps the emotion", told, found.loc["without AFM"], -1.0)
    variety = table(figures, MEASURES["variety"][0])
    runs = figures[figures["set"] == "training"].groupby("variant")["seed"].unique()
    if "without penalty" in runs.index:
        both = variety.reindex(["full", "without penalty"])
        pairs = both[sorted(set(runs["without penalty"]) & set(runs["full"]))].fillna(0)
        add(
            "The gradient penalty prevents collapse",
            "variety, full minus without penalty; 0 for a run that diverged",
            stats.over_seeds(pairs.loc["full"] - pairs.loc["without penalty"]),
        )
    return out
