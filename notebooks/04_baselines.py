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
# Parts of the method are supposed to matter: the labels that reach every resolution, the growing
# from stage to stage, affective feature matching, the gradient penalty. A part matters if taking it
# away makes something measurable worse, by more than another seed would. This chapter takes them
# away one at a time.

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

from m2l import ablation, corpora, figures, provenance
from m2l import photos as pyramids
from m2l.training import Preset, Run, variant

figures.use_style()
torch.set_num_threads(2)

folder = provenance.results_dir() / "ablation"
everything = ablation.load(folder)
grid = ablation.foremost(everything)
runs = everything[everything["grid"] == grid]
seeds = ablation.table(runs, "training.images")  # variants by seeds, empty where not run
planned = len(ablation.cells(grid))

# %% [markdown]
# ## Variants of one preset
#
# A variant is a preset with one thing changed. {ref}`sec-baselines` names the first four, the
# headline; the others ask how strong affective matching should be and where, whether another way to
# give labels does as well, what the penalty is for, and what fewer photos cost.

# %% tags=["hide-input"]
full = ablation.preset(grid, "full", 0)
labels = {"eru": "ERU", "ili": "label input", "none": "none"}
rows = []
for name in seeds.index:
    preset = ablation.preset(grid, name, 0)
    conditional = preset.sizes.condition == "eru"  # without ERUs there are no gates to match
    rows.append(
        {
            "variant": name,
            "images shown": int(seeds.loc[name].max()),
            "photos": "all" if preset.photos is None else f"{preset.photos:,}",
            "stages": len(preset.stages),
            "labels": labels[preset.sizes.condition],
            "AFM": f"{preset.afm_weight:g}, {preset.afm_form}"
            if preset.afm_weight and conditional
            else "–",
            "penalty": f"{preset.gp_weight:g}",
            "seeds run": int(seeds.loc[name].notna().sum()),
        }
    )
figures.table(pd.DataFrame(rows), "The variants that have been run, and what each is given.")

# %% tags=["remove-cell"]
done = int(seeds.notna().sum().sum())
resolution = int(runs["resolution"].max())
cpu = ablation.table(runs, "training.cpu_seconds").loc["full"].mean() / 60
glue("base_grid", grid, display=False)
glue("base_done", f"{done}", display=False)
glue("base_planned", f"{planned}", display=False)
glue("base_resolution", f"{resolution}×{resolution}", display=False)
glue("base_images", f"{int(seeds.loc['full'].max()):,}", display=False)
glue("base_cpu", f"{cpu:.1f}", display=False)
glue("base_seeds", f"{int(seeds.loc['full'].notna().sum())}", display=False)

# %% [markdown]
# Budgets are counted in images shown to the critic, {glue:text}`base_images` for the full model, so
# that a busy machine changes how long a run takes and not what it gives. Only the variant without
# progression, all of whose images are large, gets fewer: as many as cost the same number of
# multiplications. Runs of one seed see the photographs in the same order, and all runs are judged on
# the same noise, the same requests and by the same scene network, which {ref}`sec-nb-metrics`
# introduces. What follows comes from the grid {glue:text}`base_grid`: {glue:text}`base_done` of its
# {glue:text}`base_planned` runs, at {glue:text}`base_resolution`, a full one in
# {glue:text}`base_cpu` minutes of one core.

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

# %% [markdown]
# ## The same scenes in each variant
#
# Three seeds, each from low to high valence, then the same three from low to high arousal. The noise
# behind a row is the same in all variants; they share nothing else, so the scenes need not agree.

# %% mystnb={"figure": {"caption": "Samples of each variant, training seed 0, on the same noise. In each block: three seeds from low to high valence (left to right), below them the same three from low to high arousal.", "name": "fig-base-grids"}, "image": {"alt": "Blocks of very small generated landscapes, one block for each variant, in six rows of seven."}} tags=["hide-input", "full-width"]
shown = [v for v in seeds.index if (folder / f"{ablation.stem(grid, v, 0)}.png").is_file()]
columns = min(3, len(shown))
lines = -(-len(shown) // columns)
figure, axes = plt.subplots(
    lines,
    columns,
    figsize=(3.1 * columns, 2.9 * lines),
    squeeze=False,
    layout="constrained",
    dpi=60,
)
for ax in axes.ravel():
    ax.axis("off")
for ax, name in zip(axes.ravel(), shown):
    picture = Image.open(folder / f"{ablation.stem(grid, name, 0)}.png")
    ax.imshow(picture.resize((7 * 96, 6 * 96), Image.Resampling.BICUBIC))
    ax.set_title(name, fontsize=9)
plt.show()

# %% [markdown]
# ## Seven figures for each
#
# Distances to real photographs and density and coverage are taken in the features of the scene
# network, variety is the mean distance between two pictures of the same part of the plane as a share
# of the photographs', and the correlations are between the emotion asked and the one seen.


# %% tags=["remove-cell"]
def number(x, digits=2):
    return f"{x:.{digits}f}".replace("-", "−")


def span(row, digits=2):
    """A mean with its interval, as text."""
    told = number(row["value"], digits)
    if np.isfinite(row["low"]):
        told += f" ({number(row['low'], digits)} to {number(row['high'], digits)})"
    return told


arrows = {1: "↑", -1: "↓"}
summaries = {name: ablation.summary(runs, path) for name, (path, _) in ablation.MEASURES.items()}
floors = ablation.floors(runs)

# %% tags=["hide-input", "full-width"]
rows = [
    {"variant": name}
    | {"seeds": int(summaries["variety"].loc[name, "n"])}
    | {
        f"{measure} {arrows[better]}": span(summaries[measure].loc[name])
        for measure, (_, better) in ablation.MEASURES.items()
    }
    for name in summaries["variety"].index
]
floor = {
    f"{measure} {arrows[better]}": number(floors[measure])
    for measure, (_, better) in ablation.MEASURES.items()
}
rows.append({"variant": "photographs", "seeds": ""} | floor)
figures.table(
    pd.DataFrame(rows),
    "Means over seeds with 95 % intervals: over seeds where there are three, over pictures where "
    "there is one seed, none where there are two. Last row: other photographs, as many, in place of generated ones.",
)

# %% [markdown]
# ## Differences from the full model
#
# Seeds differ; pairs of the same seed differ less. A part has an effect where the interval of the
# paired difference leaves zero. To the right is better for every measure. An interval takes three
# pairs.

# %% mystnb={"figure": {"caption": "Difference of each variant from the full model, paired by training seed; to the right the variant is better. Small marks: single seeds; points and bars: mean and 95 % interval of Student's t, which takes three pairs.", "name": "fig-base-differences"}, "image": {"alt": "One panel for each of seven measures, with a row of marks for each variant around a line at zero."}} tags=["hide-input"]
gaps = {name: ablation.differences(runs, path) for name, (path, _) in ablation.MEASURES.items()}
others = [v for v in seeds.index if v != "full"]
columns = 2
lines = -(-len(gaps) // columns)
figure, axes = plt.subplots(
    lines,
    columns,
    figsize=(7, (0.75 + 0.19 * len(others)) * lines),
    sharey=True,
    squeeze=False,
    layout="constrained",
)
for ax in axes.ravel()[len(gaps) :]:
    ax.axis("off")
for ax, (measure, gap) in zip(axes.ravel(), gaps.items()):
    sign = ablation.MEASURES[measure][1]
    for row, name in enumerate(others):
        if name not in gap.index:
            continue
        each = sign * np.array(gap.loc[name, "each"])
        ax.plot(each, np.full(len(each), row), "|", color="C0", ms=7)
        if len(each) > 2:
            low, high = sorted(sign * gap.loc[name, ["low", "high"]].astype(float))
            ax.plot([low, high], [row, row], color="C1", lw=1.4)
            ax.plot(sign * gap.loc[name, "value"], row, "o", color="C1", ms=5)
    ax.axvline(0, color=figures.INK, lw=0.8)
    ax.set_title(measure, fontsize=9)
    ax.set_yticks(range(len(others)), others)
    ax.set_ylim(len(others) - 0.5, -0.5)
    ax.grid(axis="x")
plt.show()

# %% [markdown]
# ## Where each one fails
#
# Measures have different units, so a loss is put in units of how far the full model is from
# photographs, or from the judge's own correlation on them: at 1, the variant is twice as far.

# %% tags=["hide-input"]
failings = ablation.failings(runs)
figures.table(
    pd.DataFrame(
        {"variant": name, "loses most at": f["measure"], "loss": float(f["loss"])}
        for name, f in failings.iterrows()
    ),
    "What each variant loses most at, in units of the full model's own gap. Below zero: nothing "
    "is lost, and least is gained here.",
)

# %% [markdown]
# ## Which claims hold
#
# The first report on this generator made claims about it from looking at pictures. Each is put here
# as a number with an interval, and holds if the interval lies above zero; fewer than three pairs of
# seeds decide nothing.

# %% tags=["hide-input", "full-width"]
claims = ablation.claims(runs)
verdicts = {True: "holds", False: "does not hold", None: "not decided"}
figures.table(
    pd.DataFrame(
        {
            "claim": c["claim"],
            "number": c["measure"],
            "value": span(c, 3),
            "seeds": c["n"],
            "verdict": verdicts[c["holds"]],
        }
        for c in claims
    ),
    "Claims about the generator, each with the number that decides it.",
)

# %% tags=["remove-cell"]
counts = pd.Series([verdicts[c["holds"]] for c in claims]).value_counts()
glue(
    "base_claims",
    ", ".join(
        f"{counts.get(v, 0)} {told}"
        for v, told in (
            ("holds", "shown to hold"),
            ("does not hold", "shown not to"),
            ("not decided", "not decided"),
        )
    ),
    display=False,
)
clear = [
    f"{name} ({measure})"
    for measure, gap in gaps.items()
    for name in gap.index
    if gap.loc[name, "low"] > 0 or gap.loc[name, "high"] < 0
]
glue("base_clear", "; ".join(clear) or "none yet", display=False)
for name in ("full", "without AFM", "unconditional", "non-progressive"):
    key = name.replace(" ", "_").replace("-", "_")
    for measure, short in (
        ("Fréchet distance", "frechet"),
        ("variety", "diversity"),
        ("r, valence", "valence"),
    ):
        known = name in summaries[measure].index
        told = span(summaries[measure].loc[name]) if known else "not run yet"
        glue(f"base_{key}_{short}", told, display=False)

# %% [markdown]
# ## Summary
#
# - {glue:text}`base_done` of {glue:text}`base_planned` runs are in, {glue:text}`base_seeds` of the
#   full model.
# - Valence asked and seen correlate by {glue:text}`base_full_valence` in the full model, by
#   {glue:text}`base_without_AFM_valence` without affective matching and by
#   {glue:text}`base_unconditional_valence` without labels.
# - The Fréchet distance to photographs is {glue:text}`base_full_frechet`, and
#   {glue:text}`base_non_progressive_frechet` without growing, for the same work.
# - Differences from the full model whose interval leaves zero: {glue:text}`base_clear`.
# - Of the numbers that decide the claims: {glue:text}`base_claims`.
