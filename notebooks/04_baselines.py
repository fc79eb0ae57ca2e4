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
# Three parts of the method are supposed to matter: the labels that reach every resolution, the
# growing from stage to stage, and affective feature matching. A part matters if taking it away makes
# something measurable worse. {ref}`sec-baselines` names the three baselines; this chapter trains
# them.

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
from myst_nb import glue
from PIL import Image

from m2l import corpora, figures, provenance
from m2l import photos as pyramids
from m2l.forest import DIMENSIONS
from m2l.training import VARIANTS, Preset, Run, variant

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# ## Four variants of one preset
#
# A variant is a preset with one thing changed. All four have the same budget; without progression,
# all of it is spent at the highest resolution.

# %%
base = Preset.load("baseline")
variants = {name: variant(base, name) for name in VARIANTS}

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame(
        {
            "variant": name,
            "stages": ", ".join(f"{s.resolution}×{s.resolution}" for s in preset.stages),
            "minutes": f"{sum(s.minutes for s in preset.stages):g}",
            "labels": "ERU" if preset.sizes.conditional else "none",
            # Without ERUs there are no gates to match.
            "AFM weight": f"{preset.afm_weight * preset.sizes.conditional:g}",
        }
        for name, preset in variants.items()
    ),
    "The variants and what each of them is given.",
)

# %% [markdown]
# ## What a label can do, live
#
# On painted landscapes, whose emotion is known because they were painted from it, a very short run
# is enough to see the largest difference: without labels, the picture cannot know what was asked.

# %%
sample = corpora.load("sample", kind="landscapes", n=photos, seed=seed, size=32)
paintings = pyramids.build(sample.table, top=16)
smoke = Preset.load("smoke", seed=seed)
smoke = replace(
    smoke,
    stages=tuple(replace(s, images=n) for s, n in zip(smoke.stages, stage_images)),
)
answers = {}
for name in ("full", "unconditional"):
    run = Run(variant(smoke, name), paintings, tempfile.mkdtemp(), accelerator="cpu")
    run.train(bar=False)
    rng = torch.Generator().manual_seed(seed)
    z, asked = torch.randn(400, 16, generator=rng), torch.rand(400, 2, generator=rng) * 2 - 1
    answers[name] = asked.numpy()[:, 0], run.sample(z, asked)

# %% mystnb={"figure": {"caption": "Brightness of 400 tiny generated pictures against the valence asked for, after a short run on painted (synthetic) landscapes. Painted landscapes are brighter the more pleasant they are.", "name": "fig-base-live"}, "image": {"alt": "Two scatter plots with a line each: for the full model brightness rises with the valence asked, for the unconditional one the line is flat."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7, 2.9), sharey=True)
slopes = {}
for ax, (name, (valence, images)) in zip(axes, answers.items()):
    brightness = images.mean((1, 2, 3)) / 255
    fit = np.polynomial.Polynomial.fit(valence, brightness, 1).convert()
    slopes[name] = float(fit.coef[1])
    ax.plot(valence, brightness, ".", ms=4, alpha=0.5)
    ends = np.array([-1, 1])
    ax.plot(ends, fit(ends), color="C1")
    ax.set(xlabel="valence asked (quantile, −1 to 1)", title=name)
axes[0].set_ylabel("mean brightness")
plt.show()

# %% tags=["remove-cell"]
for name, slope in slopes.items():
    glue(f"base_live_{name}", f"{slope:+.3f}", display=False)

# %% [markdown]
# From the least to the most pleasant request, brightness moves by twice the slope: the slope is
# {glue:text}`base_live_full` for the full model and {glue:text}`base_live_unconditional` without
# labels.

# %% tags=["remove-cell"]
study = provenance.load("baselines")
measured = study["variants"]
glue("base_minutes", f"{sum(s['minutes'] for s in study['preset']['stages']):g}", display=False)
top = study["preset"]["stages"][-1]["resolution"]
glue("base_resolution", f"{top}×{top}", display=False)
glue("base_n", f"{measured['full']['n']:,}", display=False)
glue("base_floor", f"{measured['full']['frechet']['photos']:.3g}", display=False)

# %% [markdown]
# ## On photographs
#
# The same four variants on the landscape photographs, {glue:text}`base_minutes` minutes each at up
# to {glue:text}`base_resolution`, are measured by a scene network that was trained on photographs
# the generators never saw; {ref}`sec-nb-metrics` describes it. This is a first comparison: one seed,
# a short run and low resolution. Differences of the size that another seed would make cannot be told
# from it.

# %% tags=["hide-input"]
rows = []
for name, m in measured.items():
    row = {
        "variant": name,
        "images seen": f"{m['images']:,}",
        "Fréchet distance ↓": f"{m['frechet']['generated']:.3g}",
        "diversity / photos ↑": f"{m['diversity']['ratio']:.2f}",
    }
    for d in DIMENSIONS:
        r = m["va_r"][d]
        row[f"r, {d} ↑"] = f"{r['value']:.2f} ({r['low']:.2f} to {r['high']:.2f})"
    rows.append(row)
figures.table(pd.DataFrame(rows), "The four variants on photographs, one run each.")

# %% [markdown]
# The Fréchet distance is in the scene network's features and is not FID; between two halves of the
# real photographs it is {glue:text}`base_floor`. The correlations are between the emotion asked and
# the emotion that the network sees in {glue:text}`base_n` pictures, with 95 % bootstrap intervals
# over pictures.

# %% mystnb={"figure": {"caption": "How well each variant obeys. Points: correlation of asked and seen emotion; bars: 95 % bootstrap intervals over pictures of one run, which do not cover the difference between runs.", "name": "fig-base-va"}, "image": {"alt": "Points with intervals for four variants, for valence and for arousal; the unconditional variant lies at zero."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7.6, 2.5), sharey=True)
for ax, d in zip(axes, DIMENSIONS):
    values = [m["va_r"][d] for m in measured.values()]
    figures.intervals(
        ax,
        np.arange(len(values)),
        [v["low"] for v in values],
        [v["value"] for v in values],
        [v["high"] for v in values],
        list(measured),
    )
    ax.axvline(0, color=figures.INK, lw=0.8)
    ax.set(title=d, xlabel="correlation of asked and seen", xlim=(-0.2, 1))
axes[1].invert_yaxis()
plt.show()

# %% mystnb={"figure": {"caption": "The same three seeds (rows) from low to high valence (left to right) in each variant.", "name": "fig-base-grids"}, "image": {"alt": "Four grids of very small generated landscapes, three rows of seven each, one grid for each variant."}} tags=["hide-input"]
folder = provenance.results_dir() / "baselines"
figure, axes = plt.subplots(2, 2, figsize=(8, 4.2))
for ax, name in zip(axes.ravel(), measured):
    ax.imshow(Image.open(folder / f"{name.replace(' ', '-')}.png"))
    ax.set_title(name)
    ax.axis("off")
plt.show()

# %% tags=["remove-cell"]
for name, m in measured.items():
    key = name.replace(" ", "_").replace("-", "_")
    glue(f"base_{key}_frechet", f"{m['frechet']['generated']:.3g}", display=False)
    glue(f"base_{key}_diversity", f"{m['diversity']['ratio']:.2f}", display=False)
    for d in DIMENSIONS:
        glue(f"base_{key}_{d}", f"{m['va_r'][d]['value']:.2f}", display=False)

# %% [markdown]
# ## Summary
#
# - Without labels, valence asked and valence seen correlate by
#   {glue:text}`base_unconditional_valence`; with them by {glue:text}`base_full_valence`, and without
#   affective feature matching by {glue:text}`base_without_AFM_valence`.
# - Variety, as a share of the photographs', is {glue:text}`base_full_diversity` in full,
#   {glue:text}`base_without_AFM_diversity` without affective feature matching,
#   {glue:text}`base_unconditional_diversity` without labels and
#   {glue:text}`base_non_progressive_diversity` without growing.
# - The Fréchet distance of the full model is {glue:text}`base_full_frechet`, that of the one that did
#   not grow {glue:text}`base_non_progressive_frechet`, in equal time.
# - One seed each: these figures say that the comparison works, not yet which part of the method
#   deserves the credit.
