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

from m2l import corpora, figures
from m2l import results as provenance
from m2l.experiments import ablation
from m2l.gan import photos as pyramids
from m2l.gan.presets import Preset, variant
from m2l.gan.training import Run

figures.use_style()
torch.set_num_threads(2)

folder = provenance.results_dir() / "ablation"
everything = ablation.load(folder)
grid = ablation.foremost(everything)
runs = everything[everything["grid"] == grid]
finer = ablation.whole(everything)[-1:] or [grid]
large = everything[everything["grid"] == finer[0]]  # the headline again, at a finer resolution
side, large_side = (f"{r}×{r}" for r in (int(f["resolution"].max()) for f in (runs, large)))
seeds = ablation.table(runs, "training.images")  # variants by seeds, empty where not run
planned = len(ablation.cells(grid))

# %% [markdown]
# ## Variants of one preset
#
# A variant is a preset with one thing changed. {ref}`sec-baselines` names the first four, the
# headline; the others ask how strong affective matching should be and where, whether another way to
# give labels does as well, what the penalty is for, and what fewer photos cost.

# %% tags=["hide-input"]
cpu = ablation.table(runs, "training.cpu_seconds").mean(axis=1) / 60
given = ablation.table(runs, "training.photos").max(axis=1)
labels = {"eru": "ERU", "ili": "label input", "none": "none"}
rows = []
for name in seeds.index:
    preset = ablation.preset(grid, name, 0)
    conditional = preset.sizes.condition == "eru"  # without ERUs there are no gates to match
    rows.append(
        {
            "variant": name,
            "images shown": int(seeds.loc[name].max()),
            "photos": int(given[name]),
            "stages": len(preset.stages),
            "labels": labels[preset.sizes.condition],
            "AFM": f"{preset.afm_weight:g}, {preset.afm_form}"
            if preset.afm_weight and conditional
            else "–",
            "penalty": f"{preset.gp_weight:g}",
            "CPU minutes": f"{cpu[name]:.1f}",
            "seeds run": int(seeds.loc[name].notna().sum()),
        }
    )
figures.table(pd.DataFrame(rows), "The variants that have been run, and what each is given.")

# %% tags=["remove-cell"]
done = int(seeds.notna().sum().sum())
glue("base_grid", grid, display=False)
glue("base_done", f"{done}", display=False)
glue("base_planned", f"{planned}", display=False)
glue("base_longer", f"{ablation.LONGER:g}", display=False)
glue("base_resolution", side, display=False)
glue("base_images", f"{int(seeds.loc['full'].max()):,}", display=False)
glue("base_cpu", f"{cpu['full']:.1f}", display=False)
glue("base_seeds", f"{int(seeds.loc['full'].notna().sum())}", display=False)

# %% [markdown]
# Budgets are counted in images shown to the critic, {glue:text}`base_images` for the full model, so
# that a busy machine changes how long a run takes and not what it gives. The variant without
# progression, all of whose images are large, gets fewer: as many as cost the same number of
# multiplications. Without ERUs a run takes about half the time, so those without are also given
# {glue:text}`base_longer` times the images: these are called longer, and take as long as the full
# model. Runs of one seed see the photographs in the same order, and all runs are judged on
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
def sheets(grid, variants, columns, width):
    """Show the sample grids of variants, training seed 0, side by side."""
    paths = {v: folder / f"{ablation.stem(grid, v, 0)}.png" for v in variants}
    shown = {v: path for v, path in paths.items() if path.is_file()}
    columns = min(columns, len(shown))
    lines = -(-len(shown) // columns)
    _, axes = plt.subplots(
        lines,
        columns,
        figsize=(width * columns, 0.94 * width * lines),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.ravel():
        ax.axis("off")
    for ax, (name, path) in zip(axes.ravel(), shown.items()):
        ax.imshow(Image.open(path), interpolation="bicubic")
        ax.set_title(name, fontsize=9, loc="center")
    plt.show()


sheets(grid, seeds.index, columns=3, width=3.1)

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
measures = ablation.MEASURES


def seven(runs, caption):
    """A table of the measures of all variants, photographs in the last row."""
    told = {m: ablation.summary(runs, path) for m, (path, _) in measures.items()}
    variety, floors = ablation.table(runs, measures["variety"][0]), ablation.floors(runs)
    rows = []
    for name, ran in ablation.table(runs, "training.images").notna().sum(axis=1).items():
        ended = name in variety.index
        lost = ran - (variety.loc[name] >= 0.5).sum() if ended else ran
        rows.append(
            {"variant": name, "runs": int(ran), "lost": int(lost)}
            | {
                f"{m} {arrows[way]}": span(told[m].loc[name]) if ended else "–"
                for m, (_, way) in measures.items()
            }
        )
    rows.append(
        {"variant": "photographs", "runs": "", "lost": ""}
        | {f"{m} {arrows[way]}": number(floors[m]) for m, (_, way) in measures.items()}
    )
    return figures.table(pd.DataFrame(rows), caption)


# %% tags=["hide-input", "full-width"]
seven(
    runs,
    f"At {side}: means over the runs that came to their end, with 95 % intervals, over seeds where "
    "there are three or more, over pictures where there is one, none where there are two. Lost: runs "
    "that diverged, or whose variety is below one half. Last row: other photographs, as many, in place of "
    "generated ones.",
)

# %% [markdown]
# ## Differences from the full model
#
# Seeds differ; pairs of the same seed differ less. A part has an effect where the interval of the
# paired difference leaves zero. To the right is better for every measure. An interval takes three
# pairs. There are {glue:text}`base_intervals` intervals, of which about
# {glue:text}`base_by_chance` would leave zero by chance if nothing had an effect; one alone, with its
# end close to zero, is a hint.


# %% tags=["remove-cell"]
def forest(grids, variants):
    """Draw paired differences from the full model, a panel a measure and a row a variant.

    Where there are several grids, dict of name to figures, they lie one below the other in a row.
    """
    _, axes = plt.subplots(
        4,
        2,
        figsize=(7, 4 * (0.75 + 0.19 * len(variants) * len(grids))),
        sharey=True,
        layout="constrained",
    )
    axes.ravel()[-1].axis("off")
    for ax, (measure, (path, better)) in zip(axes.ravel(), measures.items()):
        for place, (size, runs) in enumerate(grids.items()):
            shift, colour = 0.4 * (place - (len(grids) - 1) / 2), f"C{place + 1}"
            gaps = ablation.differences(runs, path)
            for row, name in enumerate(variants):
                if name not in gaps.index:
                    continue
                gap, y = gaps.loc[name], row + shift
                ax.plot(better * np.array(gap["each"]), [y] * gap["n"], "|", color="C0", ms=7)
                if gap["n"] > 2:
                    ax.plot(
                        [better * gap["low"], better * gap["high"]], [y, y], color=colour, lw=1.4
                    )
                    ax.plot(better * gap["value"], y, "os"[place], color=colour, ms=5, label=size)
        ax.axvline(0, color=figures.INK, lw=0.8)
        ax.set_title(measure, fontsize=9)
        ax.set_yticks(range(len(variants)), variants)
        ax.set_ylim(len(variants) - 0.5, -0.5)
        ax.grid(axis="x")
    if len(grids) > 1:
        known = dict(zip(*axes[0, 0].get_legend_handles_labels()[::-1]))
        axes[-1, -1].legend(known.values(), known.keys(), loc="upper left")
    plt.show()


# %% mystnb={"figure": {"caption": "Difference of each variant from the full model, paired by training seed; to the right the variant is better. Small marks: single seeds; points and bars: mean and 95 % interval of Student's t, which takes three pairs.", "name": "fig-base-differences"}, "image": {"alt": "One panel for each of seven measures, with a row of marks for each variant around a line at zero."}} tags=["hide-input"]
others = [v for v in ablation.table(runs, measures["variety"][0]).index if v != "full"]
forest({side: runs}, others)

# %% tags=["remove-cell"]
gaps = pd.concat(ablation.differences(runs, path) for path, _ in measures.values())
intervals = int(gaps["low"].notna().sum())
glue("base_intervals", f"{intervals}", display=False)
glue("base_by_chance", f"{0.05 * intervals:.0f}", display=False)

# %% [markdown]
# ## Where each one fails
#
# Measures have different units, so a loss is put in units of how far the variants are from
# photographs on average, or from the judge's own correlation on them: at 1, a variant has lost as
# much as that.

# %% tags=["hide-input"]
failings = ablation.failings(runs)
figures.table(
    pd.DataFrame(
        {"variant": name, "loses most at": f["measure"], "loss": float(f["loss"])}
        for name, f in failings.iterrows()
    ),
    "What each variant loses most at, beside the full model, in units of the variants' mean distance "
    "from photographs. Below zero: nothing is lost, and least is gained here.",
)

# %% [markdown]
# (sec-nb-baselines-afm)=
# ## How strong should matching be?
#
# Affective feature matching asks that the critic's emotion maps of generated pictures be, on average,
# those of photographs. It was meant to carry the emotion.

# %% mystnb={"figure": {"caption": "The weight of affective feature matching by channel, and what it does. Small marks: single seeds; line: their mean; cross: the mean of the published form, pixel by pixel, with weight 100; dashed: photographs.", "name": "fig-base-afm"}, "image": {"alt": "Four panels over weights 0, 1, 10 and 100: distance to photographs, variety, and the two correlations."}} tags=["hide-input"]
weights = {"without AFM": "0", "AFM 1": "1", "AFM 10": "10", "full": "100"}
shown = ("Fréchet distance", "variety", "r, valence", "r, arousal")
floor = ablation.floors(runs)
figure, axes = plt.subplots(1, 4, figsize=(8, 2.4), layout="constrained")
for ax, measure in zip(axes, shown):
    values = ablation.table(runs, measures[measure][0]).reindex([*weights, "AFM spatial"])
    for place, name in enumerate(weights):
        each = values.loc[name].dropna()
        ax.plot([place] * len(each), each, "_", color="C0", ms=9)
    ax.plot(range(len(weights)), values.loc[list(weights)].mean(axis=1), "o-", color="C1", ms=4)
    ax.plot(len(weights) - 1, values.loc["AFM spatial"].mean(), "x", color="C2", ms=7)
    ax.axhline(floor[measure], color=figures.INK, ls="--", lw=0.8)
    ax.set_xticks(range(len(weights)), weights.values())
    ax.set_title(measure, fontsize=9)
figure.supxlabel("weight", color=figures.INK, size=9)
plt.show()

# %% tags=["remove-cell"]
for name, weight in (weights | {"AFM spatial": "spatial"}).items():
    for measure, short in zip(shown, ("frechet", "variety", "valence", "arousal")):
        mean = ablation.summary(runs, measures[measure][0])["value"].get(name, np.nan)
        glue(f"base_afm_{weight}_{short}", number(mean), display=False)

# %% [markdown]
# What it does first is to keep pictures apart: with weights of 0, 1, 10 and 100 their variety is
# {glue:text}`base_afm_0_variety`, {glue:text}`base_afm_1_variety`, {glue:text}`base_afm_10_variety` and
# {glue:text}`base_afm_100_variety` of the photographs', and the Fréchet distance
# {glue:text}`base_afm_0_frechet`, {glue:text}`base_afm_1_frechet`, {glue:text}`base_afm_10_frechet` and
# {glue:text}`base_afm_100_frechet`. The emotion seen does not simply follow: the correlation is
# {glue:text}`base_afm_0_valence`, {glue:text}`base_afm_1_valence`, {glue:text}`base_afm_10_valence` and
# {glue:text}`base_afm_100_valence` for valence and {glue:text}`base_afm_0_arousal`,
# {glue:text}`base_afm_1_arousal`, {glue:text}`base_afm_10_arousal` and
# {glue:text}`base_afm_100_arousal` for arousal. In the published form, pixel by pixel with weight 100,
# variety is {glue:text}`base_afm_spatial_variety`, and the correlations are
# {glue:text}`base_afm_spatial_valence` and {glue:text}`base_afm_spatial_arousal`.

# %% tags=["remove-cell"]
large_cpu = ablation.table(large, "training.cpu_seconds").loc["full"].mean() / 60
large_images = ablation.table(large, "training.images").loc["full"]
glue("base_large_side", large_side, display=False)
glue("base_large_images", f"{int(large_images.max()):,}", display=False)
glue("base_large_cpu", f"{large_cpu:.0f}", display=False)
glue("base_large_seeds", f"{int(large_images.notna().sum())}", display=False)

# %% [markdown]
# (sec-nb-baselines-larger)=
# ## The same at twice the side
#
# What holds at one size need not hold at the next. The headline was trained once more at
# {glue:text}`base_large_side`, with {glue:text}`base_large_images` images in
# {glue:text}`base_large_cpu` minutes of one core for a full run, {glue:text}`base_large_seeds` seeds each.
# Here too the variant without labels takes half the time of the full model, and no longer one was made.

# %% mystnb={"figure": {"caption": "The headline at twice the side, training seed 0, on the same noise. In each block: three seeds from low to high valence (left to right), below them the same three from low to high arousal.", "name": "fig-base-large"}, "image": {"alt": "Four blocks of small generated landscapes, one block for each variant, in six rows of seven."}} tags=["hide-input", "full-width"]
sheets(finer[0], ablation.HEADLINE, columns=2, width=4.7)

# %% tags=["hide-input", "full-width"]
seven(large, f"As above, at {large_side}.")

# %% mystnb={"figure": {"caption": "Difference of the headline's variants from the full model at both sizes, paired by training seed; to the right the variant is better. Marks as above.", "name": "fig-base-sizes"}, "image": {"alt": "One panel for each of seven measures, with two rows of marks for each of three variants, one for each size, around a line at zero."}} tags=["hide-input"]
forest({side: runs, large_side: large}, ablation.HEADLINE[1:])

# %% [markdown]
# ## Which claims hold
#
# The first report on this generator made claims about it from looking at pictures. Each is put here
# as a number with an interval, and holds if the interval lies above zero; fewer than three pairs of
# seeds decide nothing.

# %% tags=["hide-input", "full-width"]
verdicts = {True: "holds", False: "does not hold", None: "not decided"}
claims = {
    name: {(c["claim"], c["measure"]): c for c in ablation.claims(figures_of)}
    for name, figures_of in {side: runs, large_side: large}.items()
}
figures.table(
    pd.DataFrame(
        {"claim": key[0], "number": key[1]}
        | {
            f"at {name}": f"{span(told[key], 3)}; n\u00a0=\u00a0{told[key]['n']}: {verdicts[told[key]['holds']]}"
            if key in told
            else "–"
            for name, told in claims.items()
        }
        for key in claims[side]
    ),
    "Claims about the generator, each with the number that decides it, at both sizes.",
)

# %% tags=["remove-cell"]
for key, name in (("base_claims", side), ("base_claims_large", large_side)):
    counts = pd.Series([verdicts[c["holds"]] for c in claims[name].values()]).value_counts()
    glue(
        key,
        ", ".join(
            f"{counts.get(v, 0)} {words}"
            for v, words in (
                ("holds", "shown to hold"),
                ("does not hold", "shown not to"),
                ("not decided", "not decided"),
            )
        ),
        display=False,
    )
for key, figures_of in (("base_clear", runs), ("base_clear_large", large)):
    clear = {}  # by variant and direction
    for measure, (path, better) in measures.items():
        for name, gap in ablation.differences(figures_of, path).iterrows():
            if gap["low"] > 0 or gap["high"] < 0:
                way = "better" if better * gap["value"] > 0 else "worse"
                clear.setdefault((name, way), []).append(measure)
    told = (f"{name}, {way}: {', '.join(found)}" for (name, way), found in sorted(clear.items()))
    glue(key, "; ".join(told) or "none", display=False)
for name in seeds.index:
    key = name.replace(",", "").replace(" ", "_").replace("-", "_")
    for measure, short in (
        ("Fréchet distance", "frechet"),
        ("variety", "diversity"),
        ("r, valence", "valence"),
        ("r, arousal", "arousal"),
    ):
        for size, figures_of in (("", runs), ("_large", large)):
            told = ablation.summary(figures_of, measures[measure][0])
            known = span(told.loc[name]) if name in told.index else "not run yet"
            glue(f"base_{key}_{short}{size}", known, display=False)

# %% [markdown]
# ## Summary
#
# - {glue:text}`base_done` of {glue:text}`base_planned` runs at {glue:text}`base_resolution` are in,
#   {glue:text}`base_seeds` of the full model, and {glue:text}`base_large_seeds` seeds of the headline
#   at {glue:text}`base_large_side`.
# - **Likeness.** The Fréchet distance to photographs is {glue:text}`base_full_frechet` and, at
#   {glue:text}`base_large_side`, {glue:text}`base_full_frechet_large`; without growing, for the same
#   work, {glue:text}`base_non_progressive_frechet` and
#   {glue:text}`base_non_progressive_frechet_large`; without affective matching
#   {glue:text}`base_without_AFM_frechet` and {glue:text}`base_without_AFM_frechet_large`.
# - **The price of labels.** A run without them takes half the time. Shown the same images it comes to
#   {glue:text}`base_unconditional_frechet`, in the same time to
#   {glue:text}`base_unconditional_longer_frechet`: all that is then clearly missing is an answer to
#   the request. Labels as an input in place of ERUs come, in the same time, to
#   {glue:text}`base_label_input_longer_frechet`, with a variety of
#   {glue:text}`base_label_input_longer_diversity` beside {glue:text}`base_full_diversity`.
# - **Emotion** at {glue:text}`base_large_side`: valence asked and seen correlate by
#   {glue:text}`base_full_valence_large` in the full model, by
#   {glue:text}`base_without_AFM_valence_large` without affective matching and by
#   {glue:text}`base_unconditional_valence_large` without labels; arousal by
#   {glue:text}`base_full_arousal_large`, {glue:text}`base_without_AFM_arousal_large` and
#   {glue:text}`base_unconditional_arousal_large`.
# - Differences from the full model whose interval leaves zero, at {glue:text}`base_resolution`:
#   {glue:text}`base_clear`. At {glue:text}`base_large_side`: {glue:text}`base_clear_large`.
# - Of the numbers that decide the claims, {glue:text}`base_claims` at {glue:text}`base_resolution`;
#   {glue:text}`base_claims_large` at {glue:text}`base_large_side`.
