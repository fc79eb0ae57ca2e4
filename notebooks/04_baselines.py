# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     notebook_metadata_filter: kernelspec,jupytext,-all,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# (sec-nb-baselines)=
# # Against simpler versions of itself
#
# Parts of the milestone's method are supposed to matter: the labels that reach every resolution, the
# growing from stage to stage, affective feature matching, the gradient penalty. A part matters if
# taking it away makes something measurable worse, by more than another seed would. This chapter takes
# them away one at a time.
#
# :::{admonition} What these runs are
# :class: caution
# They were trained with the **milestone's critic**, not with the one that taught the released
# generator, and on the **photographs' former labels**, which another network had predicted. Within the
# grid every comparison is fair; its correlations are not comparable to those of
# {ref}`sec-nb-metrics`, which come from today's labels and another generator.
# :::

# %% tags=["parameters", "remove-cell"]
seed = 0
photos = 240
stage_images = [1000, 2500, 4000]

# %% tags=["remove-cell"]
import tempfile
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image

from m2l import corpora, figures
from m2l import results as provenance
from m2l.experiments import ablation
from m2l.gan import photos as pyramids
from m2l.gan.presets import Preset, variant
from m2l.gan.training import Run

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# ## A cell of the grid
#
# A variant is a preset with one thing changed; a cell of the grid is a variant with a seed. Trained on
# painted landscapes, whose emotion is known because they were painted from it, two cells fit on this
# page, and the largest difference shows: without labels, the picture cannot know what was asked.

# %%
sample = corpora.load("sample", kind="landscapes", n=photos, seed=seed, size=32)
paintings = pyramids.build(sample.table, top=16)
smoke = Preset.load("smoke", seed=seed)
stages = tuple(replace(s, images=n) for s, n in zip(smoke.stages, stage_images))
smoke = replace(smoke, stages=stages)
rng = torch.Generator().manual_seed(seed)
z, asked = torch.randn(400, 16, generator=rng), torch.rand(400, 2, generator=rng) * 2 - 1
brightness = {}
for name in ("full", "unconditional"):
    run = Run(variant(smoke, name), paintings, tempfile.mkdtemp(), accelerator="cpu")
    run.train(bar=False)
    brightness[name] = run.sample(z, asked).mean((1, 2, 3)) / 255

# %% mystnb={"figure": {"caption": "Brightness of 400 tiny generated pictures against the valence asked for, after a short run on painted (synthetic) landscapes. Painted landscapes are brighter the more pleasant they are.", "name": "fig-base-live"}, "image": {"alt": "Two scatter plots with a line each: for the full model brightness rises with the valence asked, for the unconditional one the line is flat."}}
figure, axes = plt.subplots(1, 2, figsize=(6, 2.9), sharey=True)
for ax, (name, bright) in zip(axes, brightness.items()):
    line = np.polynomial.Polynomial.fit(asked[:, 0], bright, 1)
    ax.plot(asked[:, 0], bright, ".", ms=4, alpha=0.5)
    ax.plot([-1, 1], line(np.array([-1, 1])), color="C1")
    ax.set(xlabel="valence asked", title=name)
axes[0].set_ylabel("mean brightness")
plt.show()

# %% [markdown]
# Brightness rises with the valence asked in the full model and not without labels
# ({numref}`fig-base-live`).
#
# ## The grid
#
# At 32×32, {result}`ablation:grids.ablation.runs` runs on photographs were made: fourteen variants with five seeds
# each. A full run was shown {result}`ablation:grids.ablation.images` pictures and took
# {result}`ablation:grids.ablation.cpu_seconds:duration` of one core. Budgets are counted in pictures shown; without
# progression, where all pictures are large, in as many as cost the same multiplications. Without ERUs
# a run takes about half the time, so those variants are also given as many more pictures: these are
# called *longer*. The headline was made again at 64×64.
#
# Runs of one seed see the photographs in the same order, and all are judged on the same noise and the
# same requests. Reading them takes a line:

# %%
folder = provenance.results_dir() / "ablation"
runs = ablation.load(folder)
small, large = (runs[runs["grid"] == grid] for grid in ("ablation", "ablation64"))

# %% [markdown]
# {numref}`fig-base-grids` shows what the variants paint, and {numref}`tab-base` what it is worth.

# %% mystnb={"figure": {"caption": "Samples of the headline at 64\u00d764, training seed 0, on the same noise. In each block: three seeds from low to high valence (left to right), below them the same three from low to high arousal, by the photographs' former labels.", "name": "fig-base-grids"}, "image": {"alt": "Four blocks of small generated landscapes, one block for each variant, in six rows of seven."}}
blocks = [
    np.asarray(Image.open(folder / f"ablation64-{name}-0.png"))
    for name in ("full", "without-AFM", "unconditional", "non-progressive")
]
figures.Gallery({"": (blocks, ablation.HEADLINE)}, width=17)

# %% tags=["hide-input"]
told = provenance.load("ablation")["grids"]


def row(name, at):
    """A row of the table: quoted as the text quotes."""
    text = provenance.text
    return {
        "variant": name,
        "Fréchet distance ↓": text(at["Fréchet distance"]),
        "variety ↑": text(at["variety"]),
        "r, valence · arousal ↑": f"{text(at['r valence'])} · {text(at['r arousal'])}",
    }


figures.table(
    pd.DataFrame(
        [row(v, at) for v, at in told["ablation"]["variants"].items() if "variety" in at]
        + [row("*photographs*", told["ablation"]["photos"])]
    ),
    "At 32×32: means over five seeds with 95 % intervals; in the last row, other photographs. "
    "Variety: mean distance of two pictures of one part of the plane, as a share of the photographs'. "
    "r: emotion asked and seen. Runs without gradient penalty all diverged and have no row.",
    name="tab-base",
)

# %% [markdown]
# ## Differences from the full model
#
# Seeds differ; pairs of the same seed differ less ({numref}`fig-base-differences`). Of the
# {result}`ablation:grids.ablation.comparisons.number` comparisons with the full model at 32×32,
# {result}`ablation:grids.ablation.comparisons.uncorrected` have a p below 0.05, where one in twenty would
# by chance; {result}`ablation:grids.ablation.comparisons.survive` survive a correction for their number
# {cite:p}`holm1979simple`. At 64×64 it is
# {result}`ablation:grids.ablation64.comparisons.survive` of
# {result}`ablation:grids.ablation64.comparisons.number`.

# %%
gaps = ablation.differences(large, ablation.MEASURES["variety"][0])
gaps.loc[["without AFM"], ["n", "value", "low", "high"]].astype(float).round(2)

# %% mystnb={"figure": {"caption": "Difference of each variant from the full model, paired by training seed; to the right the variant is better. Small marks: single seeds; points and bars: mean and 95 % interval of Student's t.", "name": "fig-base-differences"}, "image": {"alt": "One panel for each of four measures, with rows of marks for each variant around a line at zero."}}
shown = ("Fréchet distance", "variety", "r, valence", "r, arousal")
figures.paired(
    {
        name: (better, {s: ablation.differences(f, path) for s, f in sizes.items()})
        for name, (path, better) in ablation.MEASURES.items()
        for sizes in [{"32×32": small, "64×64": large}]
        if name in shown
    },
    [v for v in ablation.HEADLINE + ablation.REST if v not in ("full", "without penalty")],
)
plt.show()

# %% [markdown]
# (sec-nb-baselines-larger)=
# **Growing** gains nothing at these sizes. For the same work a generator that starts at full resolution
# comes to a Fréchet distance of {result}`ablation:grids.ablation.variants.non-progressive.Fréchet distance`, a growing
# one to {result}`ablation:grids.ablation.variants.full.Fréchet distance`; at 64×64 to
# {result}`ablation:grids.ablation64.variants.non-progressive.Fréchet distance` and
# {result}`ablation:grids.ablation64.variants.full.Fréchet distance`.
#
# **Labels** give what they are for. Without them the correlation with the request is {result}`ablation:grids.ablation64.variants.unconditional.r valence` for valence and
# {result}`ablation:grids.ablation64.variants.unconditional.r arousal` for arousal at 64×64, with them
# {result}`ablation:grids.ablation64.variants.full.r valence` and {result}`ablation:grids.ablation64.variants.full.r arousal`.
#
# These differences survive the correction. So do the lower variety of label input in place of ERUs, and
# of matching pixel by pixel.
#
# **The gradient penalty** is needed: without it every run diverged.

# %% [markdown]
# (sec-nb-baselines-afm)=
# ## How strong should matching be?
#
# Affective feature matching asks that the critic's gates for generated pictures be, on average, those
# for photographs. It was meant to carry the emotion. {numref}`fig-base-afm` has its weight.

# %% mystnb={"figure": {"caption": "The weight of affective matching by channel, and what it does. Small marks: single seeds; line: their mean; cross: the mean of the published form, pixel by pixel, with weight 100; dashed: photographs.", "name": "fig-base-afm"}, "image": {"alt": "Four panels over weights 0, 1, 10 and 100: distance to photographs, variety, and the two correlations."}}
weights = {"without AFM": "0", "AFM 1": "1", "AFM 10": "10", "full": "100"}
floor = ablation.floors(small)
figure, axes = plt.subplots(2, 2, figsize=(5.6, 4.6), sharex=True)
for ax, measure in zip(axes.ravel(), shown):
    values = ablation.table(small, ablation.MEASURES[measure][0])
    for place, name in enumerate(weights):
        ax.plot([place] * 5, values.loc[name], "_", color="C0", ms=9)
    ax.plot(range(4), values.loc[list(weights)].mean(axis=1), "o-", color="C1", ms=4)
    ax.plot(3, values.loc["AFM spatial"].mean(), "x", color="C2", ms=8)
    ax.axhline(floor[measure], color=figures.INK, ls="--", lw=0.8)
    ax.set_xticks(range(4), weights.values())
    ax.set_title(measure)
figure.supxlabel("weight", color=figures.INK)
plt.show()

# %% [markdown]
# What it seems to do first is to keep pictures apart, though five seeds do not decide it: variety is
# {result}`ablation:grids.ablation.variants.without AFM.variety` of the photographs' without it and
# {result}`ablation:grids.ablation.variants.full.variety` at the published weight; pixel by pixel
# {result}`ablation:grids.ablation.variants.AFM spatial.variety`. The emotion seen does not simply follow:
# the correlation for arousal is {result}`ablation:grids.ablation.variants.without AFM.r arousal` without,
# {result}`ablation:grids.ablation.variants.AFM 10.r arousal` at a weight of 10 and
# {result}`ablation:grids.ablation.variants.full.r arousal` at 100.

# %% [markdown]
# (sec-nb-baselines-claims)=
# ## Which claims hold
#
# The milestone made claims about its generator from looking at pictures. Each is put here as a number
# with an interval ({numref}`tab-base-claims`), and holds if the interval lies above zero. The same
# questions are put to the released generator in {ref}`sec-nb-metrics` and answered in
# {ref}`sec-conclusion`.

# %% tags=["hide-input"]
verdicts = {True: "holds", False: "does not hold", None: "not decided"}


def verdict(one):
    return f"{verdicts[one['holds']]}: {provenance.text(one, '.3f')}" if one else "–"


sizes = [{c["measure"]: c for c in told[grid]["claims"]} for grid in ("ablation", "ablation64")]
figures.table(
    pd.DataFrame(
        {"claim": c["claim"], "number": name, "at 32×32": verdict(c), "at 64×64": verdict(large)}
        for name, c in sizes[0].items()
        for large in [sizes[1].get(name)]
    ),
    "Claims about the milestone's generator, each with the number that decides it.",
    name="tab-base-claims",
)

# %% [markdown]
# ## Summary
#
# - **Growing** was not what made it work: at equal cost, starting at full resolution does as well.
# - **Labels through ERUs** make the picture answer; the price is time. Labels as an input, in the same
#   time, come to a Fréchet distance of
#   {result}`ablation:grids.ablation.variants.label input, longer.Fréchet distance`, with a variety of
#   {result}`ablation:grids.ablation.variants.label input, longer.variety`.
# - **Affective matching** by channel: pictures of one emotion lie further apart with it, in the mean; that
#   it helps the emotion was not shown. Pixel by pixel, as published, it costs variety.
# - **The gradient penalty** prevents collapse in this critic. The projected critic does without.
