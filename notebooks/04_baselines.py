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
# them away one at a time, twice: from the milestone's critic, and from the projected one that taught
# the released generator ({ref}`sec-nb-gan`).

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
# {result}`ablation:grids.ablation.runs` runs with the milestone's critic and
# {result}`ablation:grids.ablation-projected.runs` with the projected one were made on photographs at 32×32,
# {result}`ablation:grids.ablation-projected.variants.full.seeds` seeds of each variant on this page;
# {ref}`an appendix <sec-nb-gan-more>` has further ones and 64×64. A full run
# was shown {result}`ablation:grids.ablation.images` pictures, with the projected critic
# {result}`ablation:grids.ablation-projected.images`, and took {result}`ablation:grids.ablation.cpu_seconds:duration` or
# {result}`ablation:grids.ablation-projected.cpu_seconds:duration` of
# one core. Budgets are counted in pictures shown; without progression, where all pictures are large, in
# as many as cost the same multiplications. These short runs tell what a part does, not what can be reached.
#
# Runs of one seed see the photographs in the same order, and all are judged by the scene network on the
# same noise and the same requests; what the judge of ratings says is in {numref}`tab-gan-rated`, in an appendix. Reading
# them takes a line:

# %%
folder = provenance.results_dir() / "ablation"
runs = ablation.load(folder)
grids = {"milestone's critic": "ablation", "projected critic": "ablation-projected"}
found = {who: runs[runs["grid"] == grid] for who, grid in grids.items()}

# %% [markdown]
# {numref}`fig-base-grids` shows what the variants paint; {numref}`tab-base` and
# {numref}`tab-base-projected` say what it is worth.


# %% mystnb={"figure": {"caption": "Samples at 32\u00d732, training seed 0, on the same noise. In each block: one seed from low to high valence (left to right), below it from low to high arousal.", "name": "fig-base-grids"}, "image": {"alt": "Two rows of four blocks of small generated landscapes, a row for each critic, one block for each variant."}}
def block(grid, variant):
    """Of the six rows of a cell's picture the first of either direction."""
    sheet = np.asarray(Image.open(folder / f"{ablation.stem(grid, variant, 0)}.png"))
    return np.concatenate(np.split(sheet, 6)[::3])


figures.Gallery(
    {
        who: ([block(grid, v) for v in ablation.HEADLINE], ablation.HEADLINE)
        for who, grid in grids.items()
    },
    width=17,
)

# %%
told = provenance.load("ablation")["grids"]
shown = (*ablation.HEADLINE, "label input", "AFM spatial", "without penalty", *ablation.READING)
figures.table(
    ablation.worth(told["ablation"], shown),
    "The milestone's critic at 32×32: means over seeds with 95 % intervals; in the last row, other "
    "photographs. Variety: mean distance of two pictures of one part of the plane, as a share of the "
    "photographs'. r: emotion asked and seen.",
    name="tab-base",
)

# %%
figures.table(
    ablation.worth(told["ablation-projected"], shown),
    "The same with the projected critic.",
    name="tab-base-projected",
)

# %% [markdown]
# ## Differences from the full model
#
# Seeds differ; pairs of the same seed differ less ({numref}`fig-base-differences`). Of the
# {result}`ablation:grids.ablation.comparisons.number` comparisons with the full model of the milestone's critic,
# {result}`ablation:grids.ablation.comparisons.uncorrected` have a p below 0.05, where chance alone gives
# one in twenty; {result}`ablation:grids.ablation.comparisons.survive` survive a correction for their number
# within the grid {cite:p}`holm1979simple`. With the projected critic it is
# {result}`ablation:grids.ablation-projected.comparisons.survive` of
# {result}`ablation:grids.ablation-projected.comparisons.number`. {numref}`tab-base-survive` has those that do; the
# rest are leads, no findings.

# %%
gaps = ablation.differences(found["projected critic"], ablation.MEASURES["variety"][0])
gaps[["value", "low", "high"]].astype(float).round(2)

# %% mystnb={"figure": {"caption": "Difference of each variant from the full model, paired by training seed; to the right the variant is better. Small marks: single seeds; points and bars: mean and 95 % interval of Student's t.", "name": "fig-base-differences"}, "image": {"alt": "One panel for each of three measures, with rows of marks for each variant around a line at zero."}}
measures = ("variety", "r, valence", "r, arousal")
figures.paired(
    {
        name: (better, {who: ablation.differences(f, path) for who, f in found.items()})
        for name, (path, better) in ablation.MEASURES.items()
        if name in measures
    },
    [v for v in shown if v != "full"],
)
plt.show()

# %% tags=["hide-input"]
figures.table(
    ablation.survivors({who: told[grid] for who, grid in grids.items()}),
    "The differences that survive the correction.",
    name="tab-base-survive",
)

# %% [markdown]
# (sec-nb-baselines-larger)=
# ### Growing
#
# For the same work a generator that starts at full resolution comes to a Fréchet distance of
# {result}`ablation:grids.ablation.variants.non-progressive.Fréchet distance` with the milestone's critic, a growing
# one to {result}`ablation:grids.ablation.variants.full.Fréchet distance`; with the projected critic to
# {result}`ablation:grids.ablation-projected.variants.non-progressive.Fréchet distance` and
# {result}`ablation:grids.ablation-projected.variants.full.Fréchet distance`. In arousal, starting at full size obeyed better in each grid, a lead.
#
# ### Labels
#
# They give what they are for. Without them the correlation with the request is
# {result}`ablation:grids.ablation-projected.variants.unconditional.r valence` for valence and
# {result}`ablation:grids.ablation-projected.variants.unconditional.r arousal` for arousal with the projected critic, with them
# {result}`ablation:grids.ablation-projected.variants.full.r valence` and
# {result}`ablation:grids.ablation-projected.variants.full.r arousal`. So says the scene network, whose labels are
# of the same making. The judge of ratings, who reads photographs of this size with r
# {result}`ablation:grids.ablation.photos.r valence rated` and {result}`ablation:grids.ablation.photos.r arousal rated`,
# sees arousal in the projected critic's pictures,
# {result}`ablation:grids.ablation-projected.variants.full.r arousal rated`, and is not shown to see more in the milestone's:
# {result}`ablation:grids.ablation.variants.full.r valence rated` and
# {result}`ablation:grids.ablation.variants.full.r arousal rated` ({numref}`tab-gan-rated`).
#
# (sec-nb-baselines-afm)=
# ### Affective matching
#
# It was meant to carry the emotion. Without it the correlation for valence is
# {result}`ablation:grids.ablation.variants.without AFM.r valence`, with it
# {result}`ablation:grids.ablation.variants.full.r valence` with the milestone's critic;
# {result}`ablation:grids.ablation-projected.variants.without AFM.r valence` and
# {result}`ablation:grids.ablation-projected.variants.full.r valence` with the projected one. At {ref}`64×64 <sec-nb-gan-64>`, with the milestone's,
# the scene network sees arousal with r {result}`ablation:grids.ablation64.variants.AFM spatial.r arousal` when gates are
# matched pixel by pixel, as published, {result}`ablation:grids.ablation64.variants.full.r arousal` by channel, and
# {result}`ablation:grids.ablation64.variants.without AFM.r arousal` when not matched; variety is
# {result}`ablation:grids.ablation64.variants.AFM spatial.variety`,
# {result}`ablation:grids.ablation64.variants.full.variety` and
# {result}`ablation:grids.ablation64.variants.without AFM.variety` of the photographs'. By channel pictures stay apart: so it is matched.
#
# ### Reading
#
# The projected critic's heads also read the labels off pictures, and the generator learns to be read. Without that r
# is {result}`ablation:grids.ablation-projected.variants.without reading.r valence` and {result}`ablation:grids.ablation-projected.variants.without reading.r arousal`; with
# four times its weight (*reading 4*) {result}`ablation:grids.ablation-projected.variants.reading 4.r valence` and
# {result}`ablation:grids.ablation-projected.variants.reading 4.r arousal`, at no cost that shows. By the judge of ratings arousal goes
# from {result}`ablation:grids.ablation-projected.variants.without reading.r arousal rated` by
# {result}`ablation:grids.ablation-projected.variants.full.r arousal rated` to {result}`ablation:grids.ablation-projected.variants.reading 4.r arousal rated`. After the
# correction this was a lead. In a long run at 128×128 it {ref}`came to nothing <sec-nb-gan-reading>`.

# %% [markdown]
# (sec-nb-baselines-claims)=
# ## Which claims hold
#
# The milestone made claims about its generator from looking at pictures. Each is put here as a number
# with an interval ({numref}`tab-base-claims`): it holds above zero, does not hold below, else is not decided. The same
# questions are put to the released generator in {ref}`sec-nb-metrics` and answered in
# {ref}`sec-conclusion`.

# %% tags=["hide-input"]
verdicts = {True: "holds", False: "does not hold", None: "not decided"}


def verdict(one):
    return f"{verdicts[one['holds']]}: {provenance.text(one)}" if one else "–"


sides = [{c["measure"]: c for c in told[grid]["claims"]} for grid in grids.values()]
figures.table(
    pd.DataFrame(
        {"claim": f"**{c['claim']}**: {name}"}
        | {who: verdict(side.get(name)) for who, side in zip(grids, sides)}
        for name, c in sides[0].items()
    ),
    "Claims about the milestone's generator at 32×32, each with the number that decides it.",
    name="tab-base-claims",
)

# %% [markdown]
# ## Summary
#
# - **Labels** make the picture answer: without them nothing of the request is seen. With the milestone's critic
#   only the scene network is shown to see the answer; with the projected one, at 32×32, the judge of ratings sees
#   arousal, too.
# - **Growing** was not shown to help, at 32×32 or {ref}`64×64 <sec-nb-gan-64>`.
# - **Affective matching** keeps pictures apart with the milestone's critic: at 64×64, where this survives the
#   correction, variety is {result}`ablation:grids.ablation64.variants.full.variety` with it and
#   {result}`ablation:grids.ablation64.variants.without AFM.variety` without. With the projected critic, whose pictures
#   are varied anyway, {result}`ablation:grids.ablation-projected.variants.full.variety` and
#   {result}`ablation:grids.ablation-projected.variants.without AFM.variety`. That it carries the emotion was not shown.
# - **The gradient penalty** was not shown to prevent collapse: without it variety is
#   {result}`ablation:grids.ablation.variants.without penalty.variety`.
# - **Reading** the labels off pictures with more weight was the best lead to better obedience; at 128×128 it
#   {ref}`came to nothing <sec-nb-gan-reading>`.
# - **Label input** in place of ERUs costs likeness and variety with the milestone's critic. With the projected one
#   it obeys better in arousal, {result}`ablation:grids.ablation-projected.variants.label input.r arousal` where ERUs
#   have {result}`ablation:grids.ablation-projected.variants.full.r arousal`: with the correction a lead, which {ref}`64×64 <sec-nb-gan-64>` did not
#   bear out.
