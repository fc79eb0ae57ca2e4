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
# (sec-nb-gan)=
# # Painting emotional landscapes
#
# {ref}`sec-approach` gave the equations. Here they are turned into a network, first a tiny one that
# learns painted landscapes while this page is made, then the one that was trained on
# photographs and that the package ships.

# %% tags=["parameters", "remove-cell"]
seed = 0
photos = 240
stage_images = [1000, 3000, 5000]
songs = 48

# %% tags=["remove-cell"]
import json
import tempfile
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import soundfile
import torch
from myst_nb import glue
from PIL import Image

from m2l import corpora, figures, generate, page
from m2l import results as provenance
from m2l.experiments import ablation
from m2l.gan import autoencoder, losses
from m2l.gan import photos as pyramids
from m2l.gan.networks import Critic, Generator, Sizes
from m2l.gan.pictures import plane, tile
from m2l.gan.presets import Preset
from m2l.gan.training import Run
from m2l.music import ear, features, forest
from m2l.sample import compose as synth

figures.use_style()
torch.set_num_threads(2)
study = provenance.load("gan")
settings = study["settings"]

# %% [markdown]
# ## Two networks that grow
#
# The generator starts from noise and a valence and an arousal, draws 4×4 points, and doubles the
# side of its picture at each stage. The critic takes the same steps backwards. At every resolution
# of both stands an Emotional Residual Unit (ERU), through which the two labels act.

# %%
paper = Preset.load("paper")
paper.sizes.asdict()

# %% mystnb={"figure": {"caption": "The networks of the published settings, drawn from the sizes above: a box for each resolution with its number of channels, the ERU as a dark edge. Training begins with the outermost pair of boxes and adds a pair a stage, further in.", "name": "fig-gan-networks"}, "image": {"alt": "Six boxes that grow from 4\u00d74 to 128\u00d7128 towards a picture in the middle, and six that shrink again towards a score; each has a dark edge."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7, 3.2))
figures.networks(ax, paper.sizes)
plt.show()

# %% [markdown]
# Most of the arithmetic is spent at high resolution, where a channel costs most. The `laptop` preset
# therefore narrows quickly and uses 1×1 convolutions in its ERUs. The table has the networks of the
# study beside it, as they were trained.

# %% tags=["hide-input"]
sizes = {
    "paper": paper.sizes,
    "laptop": Preset.load("laptop").sizes,
    f"study ({settings['name']})": Sizes.read(settings["sizes"]),
}
rows = [
    {
        "networks": name,
        "channels at 4×4, 8×8, …": ", ".join(map(str, each.widths)),
        "ERU kernel": f"{each.eru_kernel}×{each.eru_kernel}",
    }
    | {
        f"{network.__name__.lower()}, million parameters": sum(
            p.numel() for p in network(each).parameters()
        )
        / 1e6
        for network in (Generator, Critic)
    }
    for name, each in sizes.items()
]
figures.table(
    pd.DataFrame(rows), "Sizes of the published networks and of those that a laptop can train."
)

# %% [markdown]
# ## A tiny run, live
#
# The built-in sample corpus holds painted landscapes whose valence and arousal are known, since they
# were painted from them. A generator of three stages sees them for about a minute.

# %%
sample = corpora.load("sample", kind="landscapes", n=photos, seed=seed, size=32)
paintings = pyramids.build(sample.table, top=16)
tiny = Preset.load("smoke", seed=seed)
tiny = replace(
    tiny,
    stages=tuple(replace(stage, images=images) for stage, images in zip(tiny.stages, stage_images)),
)
run = Run(tiny, paintings, tempfile.mkdtemp(), accelerator="cpu")
complete = run.train(bar=False)

# %% mystnb={"figure": {"caption": "The tiny run on painted landscapes (synthetic data). The critic's estimate of the distance between real and generated pictures, and the ratio of the generated pictures' deviation to the real ones'. Dashed lines: a new stage begins.", "name": "fig-gan-live-curve"}, "image": {"alt": "Two line charts over images shown: the Wasserstein estimate, and the ratio of deviations, which stays below about one."}} tags=["hide-input"]
lines = pd.DataFrame(json.loads(x) for x in (run.folder / "metrics.jsonl").read_text().splitlines())


def curves(frame, told="Wasserstein estimate"):
    """What the critic tells, and the pictures' deviation, over images shown, with the stages."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8))
    left.plot(frame["images"] / 1000, -frame["critic"])
    left.set(xlabel="thousand images", ylabel=told)
    right.plot(frame["images"] / 1000, frame["diversity"], color="C1")
    right.axhline(1, color=figures.INK, lw=0.8, ls=":")
    right.set(xlabel="thousand images", ylabel="deviation, generated / real", ylim=(0, 1.3))
    for ax in (left, right):
        for start in frame["images"][frame["resolution"].diff() > 0]:
            ax.axvline(start / 1000, color=figures.INK, lw=0.8, ls="--", alpha=0.6)
    return figure


curves(lines)
plt.show()

# %% mystnb={"figure": {"caption": "Left, sixteen of the painted landscapes at 16\u00d716. Right, sixteen that the tiny generator made after a minute, one seed each.", "name": "fig-gan-live-samples"}, "image": {"alt": "Two grids of sixteen very small landscapes; the generated ones are rougher but show skies above darker ground."}} tags=["hide-input"]
rng = torch.Generator().manual_seed(seed)
z, u = torch.randn(16, tiny.sizes.z, generator=rng), torch.rand(16, 2, generator=rng) * 2 - 1
figure, axes = plt.subplots(1, 2, figsize=(6, 3))
for ax, images, title in (
    (axes[0], np.asarray(paintings.array(16)[:16]), "painted"),
    (axes[1], run.sample(z, u), "generated"),
):
    ax.imshow(tile(images))
    ax.set_title(title, loc="center")
    ax.axis("off")
plt.show()

# %% [markdown]
# A new stage is blended in: with α = 0 the picture is that of the stage before, enlarged, with
# α = 1 it is the new one. So nothing learned is lost when the networks grow.

# %% mystnb={"figure": {"caption": "The tiny generator's last stage growing out of the one before. At \u03b1 = 0 the 16\u00d716 picture is the 8\u00d78 picture enlarged, pixel for pixel.", "name": "fig-gan-fade"}, "image": {"alt": "Five small pictures in a row: the first in coarse blocks, the last in finer ones."}} tags=["hide-input"]
alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
frames = np.concatenate([run.sample(z[:1], u[:1], 2, a) for a in alphas])
figures.pictures(frames, titles=[f"α = {a:g}" for a in alphas])
plt.show()

# %% [markdown]
# ## What an emotional residual unit does
#
# Each ERU computes two maps of gates between 0 and 1, one that sees valence and one that sees
# arousal. Where a gate is open, features pass. Here are the maps of the tiny critic on one painted
# landscape, and what changes in them when the same picture comes with another label.

# %% mystnb={"figure": {"caption": "Gates of the tiny critic's ERUs on one painted landscape (synthetic), averaged over channels. Columns: resolution. Rows: the valence and the arousal gates with the picture's own labels, then how much more open each is with the highest label than with the lowest.", "name": "fig-gan-gates"}, "image": {"alt": "A small painted landscape, and four rows of maps at 16\u00d716, 8\u00d78 and 4\u00d74. The upper two show sky and ground apart; the lower two where a higher label opens the gates."}} tags=["hide-input"]
index = int(run.va.sum(1).argmax())  # the most pleasant and exciting one
picture = np.asarray(paintings.array(16)[index])
x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
own = run.va[index]


def gates(va):
    """Gates of each ERU on the picture, averaged over channels, (2, R, R) each."""
    with torch.no_grad():
        return [g[0].mean(1) for g in run.critic(x, va[None], 2)[1]]


figure, axes = plt.subplots(4, 4, figsize=(6.6, 6), layout="constrained")
for ax in axes[1:, 0]:
    ax.axis("off")
figures.axis_of_pictures(axes[0, 0]).imshow(picture)
axes[0, 0].set_title("picture", loc="center")
for row, (axis, name) in enumerate((("valence", "V"), ("arousal", "A"))):
    low, high = own.clone(), own.clone()
    low[row], high[row] = -1, 1
    moved = [much - little for much, little in zip(gates(high), gates(low))]
    reach = max(float(m[row].abs().max()) for m in moved)
    shown = np.concatenate([g[row].ravel() for g in gates(own)])
    for column, (plain, change) in enumerate(zip(gates(own), moved), start=1):
        top = figures.axis_of_pictures(axes[row, column])
        first = top.imshow(plain[row], vmin=shown.min(), vmax=shown.max())
        bottom = figures.axis_of_pictures(axes[2 + row, column])
        second = bottom.imshow(change[row], vmin=-reach, vmax=reach, cmap="RdBu_r")
        if row == 0:
            top.set_title(f"{len(plain[row])}×{len(plain[row])}", loc="center")
    axes[row, 1].set_ylabel(f"{axis} gate")
    axes[2 + row, 1].set_ylabel(f"{name} high − low")
    figure.colorbar(first, ax=axes[row, 1:], shrink=0.8)
    figure.colorbar(second, ax=axes[2 + row, 1:], shrink=0.8)
plt.show()

# %% [markdown]
# ## What affective feature matching matches
#
# Affective feature matching asks that these maps look the same for a generated as for a real picture
# of the same label. But the two pictures show different scenes. How alike are the maps of two *real*
# pictures with nearly the same label? That is the least that can be asked for.

# %% tags=["hide-input"]
with torch.no_grad():
    va = run.va
    apart = torch.cdist(va, va) + 9 * torch.eye(len(va))
    partner = apart.argmin(1)
    pixels = torch.from_numpy(np.array(paintings.array(16))).permute(0, 3, 1, 2).float() / 127.5 - 1
    noise = torch.randn(len(va), tiny.sizes.z, generator=rng)
    real_maps = run.critic(pixels, va, 2)[1]
    other_maps = run.critic(pixels[partner], va[partner], 2)[1]
    fake_maps = run.critic(run.average(noise, va), va, 2)[1]
forms = {
    "spatial": "every pixel of a pair (as published)",
    "image": "each channel's mean, pair by pair",
    "channel": "each channel's mean over the batch",
}
matching = pd.DataFrame(
    {
        "form": form,
        "compares": what,
        "generated with painted": losses.affective_matching(fake_maps, real_maps, form).item(),
        "painted with painted": losses.affective_matching(other_maps, real_maps, form).item(),
    }
    for form, what in forms.items()
)
for name in ("spatial", "channel"):
    row = matching.set_index("form").loc[name]
    glue(f"gan_floor_{name}", f"{row['painted with painted']:.3f}", display=False)
    glue(f"gan_live_afm_{name}", f"{row['generated with painted']:.3f}", display=False)
figures.table(
    matching,
    "Affective difference of the tiny critic's maps: generated with painted pictures of the same "
    "label, and painted pictures with others of nearly the same label.",
    decimals=3,
)

# %% mystnb={"figure": {"caption": "What two forms of affective matching compare, on valence gates at 16\u00d716. Left three: a painted and a generated picture of the same label, and the difference of their maps, all of which the spatial form counts. Right: the mean gate of each channel over all pictures, which is all that the channel form sees.", "name": "fig-gan-afm"}, "image": {"alt": "Two small pictures, a map of the difference of their gates, and a scatter of sixteen channel means close to a diagonal."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 4, figsize=(8, 2.3), layout="constrained")
with torch.no_grad():
    made = run.sample(noise[index : index + 1], own[None])[0]
for ax, image, title in ((axes[0], picture, "painted"), (axes[1], made, "generated")):
    figures.axis_of_pictures(ax).imshow(image)
    ax.set_title(title, loc="center")
difference = (fake_maps[0][index, 0] - real_maps[0][index, 0]).mean(0)
reach = float(difference.abs().max())
shown = figures.axis_of_pictures(axes[2]).imshow(difference, cmap="RdBu_r", vmin=-reach, vmax=reach)
axes[2].set_title("difference", loc="center")
figure.colorbar(shown, ax=axes[2], shrink=0.75)
means = [m[0][:, 0].mean((0, 2, 3)) for m in (real_maps, fake_maps)]
axes[3].plot(*means, "o", ms=4, alpha=0.8, mew=0)
ends = [min(map(torch.min, means)), max(map(torch.max, means))]
axes[3].plot(ends, ends, color=figures.INK, lw=0.8, ls="--")
axes[3].set(xlabel="painted", ylabel="generated", aspect="equal")
axes[3].set_title("channel means", loc="center")
plt.show()

# %% [markdown]
# In the spatial form two painted pictures of like mood already differ by
# {glue:text}`gan_floor_spatial`, since their horizons and hills lie elsewhere; the generator could only
# fall below that by painting an average scene. In the channel form they differ by
# {glue:text}`gan_floor_channel`, and the generated ones, by {glue:text}`gan_live_afm_channel`,
# which leaves layout to the seed.

# %% [markdown]
# (sec-nb-gan-losses)=
# ## What losses, augmentation and rates do
#
# Before hours are spent at 128×128, minutes at 16×16 tell which settings are worth them. The grid
# `losses` changes one setting of a small run at a time; each run took {glue:text}`gan_losses_minutes`
# minutes of one core and {glue:text}`gan_losses_images` pictures, and was judged by the same network as
# everything else ({ref}`sec-nb-metrics`).

# %% tags=["remove-cell"]
folder = provenance.results_dir() / "ablation"
runs = ablation.load(folder)
short = runs[runs["grid"] == "losses"]
means = {name: ablation.summary(short, path) for name, (path, _) in ablation.MEASURES.items()}
seeds = ablation.table(short, "training.images").notna().sum(axis=1)
minutes = ablation.table(short, "training.cpu_seconds").loc["full"].mean() / 60
glue("gan_losses_minutes", f"{minutes:.0f}", display=False)
images = ablation.table(short, "training.images").loc["full"].max()
glue("gan_losses_images", f"{int(images):,}", display=False)
told = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} or {seeds.max()}"
glue("gan_losses_seeds", told, display=False)

# %% tags=["hide-input", "full-width"]
told = {
    "full": "WGAN-GP, penalty each 4th step, AFM 100 by channel",
    "without AFM": "AFM 0",
    "AFM spatial": "AFM pixel by pixel, as published",
    "hinge": "hinge loss, R1 and R2 penalties",
    "relativistic": "relativistic loss, R1 and R2 penalties",
    "2 critic steps": "two steps of the critic to one of the generator",
    "half the learning rates": "both learning rates halved",
    "DiffAugment": "translation and cutout",
    "DiffAugment with colour": "translation, cutout and colour",
    "noise inputs": "the generator gets noise at each pixel too",
}
chosen = ("Fréchet distance", "coverage", "variety", "r, valence", "r, arousal")
arrow = {1: "↑", -1: "↓"}
order = [v for v in ablation.LOSSES if v in seeds.index]
rows = [
    {"variant": name, "change": told.get(name, name)}
    | {
        f"{m} {arrow[ablation.MEASURES[m][1]]}": float(means[m]["value"].get(name, np.nan))
        for m in chosen
    }
    for name in order
]
figures.table(
    pd.DataFrame(rows),
    "Short runs at 16×16, means over seeds. Variety: mean distance of two pictures of one emotion, as "
    "a share of the photographs'. r: between the emotion asked and the one seen.",
)

# %% mystnb={"figure": {"caption": "The short runs, training seed 0, on the same noise: in each block three seeds from low to high valence, below them the same three from low to high arousal.", "name": "fig-gan-losses"}, "image": {"alt": "Blocks of very small generated landscapes, one block for each setting, in six rows of seven."}} tags=["hide-input", "full-width"]
pictured = [v for v in order if (folder / f"{ablation.stem('losses', v, 0)}.png").is_file()]
columns = 5
lines = -(-len(pictured) // columns)
figure, axes = plt.subplots(
    lines, columns, figsize=(9, 1.75 * lines), squeeze=False, layout="constrained"
)
for ax in axes.ravel():
    ax.axis("off")
for ax, name in zip(axes.ravel(), pictured):
    ax.imshow(
        Image.open(folder / f"{ablation.stem('losses', name, 0)}.png"), interpolation="bicubic"
    )
    ax.set_title(name, fontsize=7, loc="center")
plt.show()


# %% tags=["remove-cell"]
def seen(measure, name, digits=2):
    """A mean of the short runs, as text."""
    return f"{means[measure]['value'][name]:.{digits}f}".replace("-", "−")


for name in order:
    key = name.replace(" ", "_")
    glue(f"gan_short_variety_{key}", seen("variety", name), display=False)
    glue(f"gan_short_frechet_{key}", seen("Fréchet distance", name, 1), display=False)
nearest = means["Fréchet distance"]["value"].loc[order].idxmin()
glue("gan_short_nearest", nearest, display=False)
glue("gan_short_frechet_nearest", seen("Fréchet distance", nearest, 1), display=False)
larger = runs[runs["grid"] == "ablation"]
spread = ablation.table(larger, ablation.MEASURES["Fréchet distance"][0]).loc["full"].dropna()
glue("gan_short_spread", f"{spread.max() - spread.min():.1f}", display=False)
cost = ablation.table(short, "training.cpu_seconds").mean(axis=1)
for name in ("penalty each step", "penalty each 16th step"):
    glue(
        f"gan_short_cost_{name.replace(' ', '_')}",
        f"{cost[name] / cost['full']:.1f}",
        display=False,
    )

# %% [markdown]
# With {glue:text}`gan_losses_seeds` seed each, small differences mean little: the full model's own seeds
# at 32×32, in {ref}`sec-nb-baselines`, lie {glue:text}`gan_short_spread` apart in Fréchet distance. What
# stands out:
#
# - **Matching keeps pictures of one emotion apart.** Their variety is
#   {glue:text}`gan_short_variety_full` of the photographs' with weight 100,
#   {glue:text}`gan_short_variety_AFM_10` with 10, {glue:text}`gan_short_variety_AFM_1` with 1 and
#   {glue:text}`gan_short_variety_without_AFM` without. Pixel by pixel, at the published weight, it is
#   {glue:text}`gan_short_variety_AFM_spatial`. What that costs is in {ref}`sec-nb-baselines-afm`.
# - **Objectives.** Hinge and relativistic losses, held by penalties on gradients at the pictures
#   themselves, came to Fréchet distances of {glue:text}`gan_short_frechet_hinge` and
#   {glue:text}`gan_short_frechet_relativistic`, the published objective to
#   {glue:text}`gan_short_frechet_full`.
# - **A lazy penalty.** At each step the distance is
#   {glue:text}`gan_short_frechet_penalty_each_step`, for {glue:text}`gan_short_cost_penalty_each_step`
#   times the CPU time of every fourth step; at each sixteenth
#   {glue:text}`gan_short_frechet_penalty_each_16th_step`, for
#   {glue:text}`gan_short_cost_penalty_each_16th_step` times.
# - **Augmentation.** Translation and cutout gave {glue:text}`gan_short_frechet_DiffAugment` with a
#   variety of {glue:text}`gan_short_variety_DiffAugment`; with changes of colour
#   {glue:text}`gan_short_frechet_DiffAugment_with_colour` and
#   {glue:text}`gan_short_variety_DiffAugment_with_colour`.
# - **Steps and rates.** Two steps of the critic to one of the generator gave
#   {glue:text}`gan_short_frechet_2_critic_steps`, halved rates
#   {glue:text}`gan_short_frechet_half_the_learning_rates`.
# - **Noise inputs**, of which {ref}`sec-nb-gan-noise` has more to say, gave
#   {glue:text}`gan_short_frechet_noise_inputs` here: no gain at this size.
#
# The smallest distance is that of the run "{glue:text}`gan_short_nearest`",
# {glue:text}`gan_short_frechet_nearest`. The long run keeps the published objective, the penalty at
# each fourth step and matching by channel with weight 100.

# %% [markdown]
# (sec-nb-gan-latents)=
# ## 128×128 at the price of 32×32
#
# On a processor without a graphics card the high resolutions are what costs. The `latent` preset
# leaves them to an autoencoder {cite:p}`rombach2022latent`: its encoder turns each 4×4 pixels of a
# photograph into {glue:text}`gan_channels` numbers, the same progressive networks learn these from 4×4
# to 32×32, and its decoder paints four times as many pixels along each side.
#
# What the generator is asked to paint must be paintable. Two things see to that while the
# autoencoder learns. Noise, {glue:text}`gan_latent_noise` of the latents' deviation, is added before
# they are decoded, so that the decoder forgives what the generator does not hit exactly. And latents
# shrunk by half must decode to the picture shrunk by half
# {cite:p}`skorokhodov2025diffusability`, so that they are as smooth as pictures are and the lower stages
# have something to paint. The decoder that ships is a second one, made for the same latents: it has seen
# noise of up to three times that strength, and cannot paint a checkerboard
# {cite:p}`sugawara2019checkerboard`.

# %% tags=["remove-cell"]
coded = provenance.load("autoencoder")
glue("gan_latent_noise", f"{autoencoder.NOISE:g}", display=False)
for name, value in coded["psnr"].items():
    told = "{value:.1f} dB ({low:.1f} to {high:.1f})".format(**value)
    glue(f"gan_psnr_{name}", told, display=False)
for name, count in coded["parameters"].items():
    glue(f"gan_weights_{name}", f"{count:,}", display=False)
words = {3: "three", 4: "four", 6: "six", 8: "eight"}
glue("gan_channels", words.get(coded["channels"], str(coded["channels"])), display=False)
glue("gan_coded_photos", f"{coded['photos']:,}", display=False)

# %% [markdown]
# On {glue:text}`gan_coded_photos` photographs kept apart, what comes back has a peak signal-to-noise
# ratio of {glue:text}`gan_psnr_decoded`; a picture shrunk to a quarter of its side and enlarged again has
# {glue:text}`gan_psnr_interpolated`. Pictures of half the side come back from shrunk latents with
# {glue:text}`gan_psnr_half`. The decoder has {glue:text}`gan_weights_decoder` parameters, few enough
# for a browser.

# %% [markdown]
# ## The run on photographs
#
# The released generator was trained on landscape photographs by the same code. Their valence and
# arousal are predicted, not rated ({ref}`sec-stand-ins`), so what it has learned is that predictor's
# idea of a pleasant or an exciting view.

# %% tags=["remove-cell"]
curve = pd.DataFrame(study["arrays"])
last = curve[curve["resolution"] == curve["resolution"].iloc[-1]].tail(40)
top = settings["stages"][-1]["resolution"]
factor = 4 if settings.get("latents") else 1
for name, text in {
    "resolution": f"{study['resolution']}×{study['resolution']}",
    "photos": f"{study['photos']:,}",
    "images": f"{study['images']:,}",
    "hours": f"{study['training_seconds'] / 3600:.1f}",
    "hardware": study["provenance"]["hardware"],
    "preset": study["provenance"]["preset"],
    "megabytes": f"{study['bytes'] / 1e6:.1f}",
    "generator_parameters": f"{study['parameters']['generator'] / 1e6:.2f}",
    "diversity": f"{last['diversity'].mean():.2f}",
    "afm": f"{last['afm'].mean():.3f}",
    "form": {"spatial": "every pixel", "channel": "channel means over the batch"}.get(
        settings["afm_form"], "channel means, pair by pair"
    ),
    "space": "the latents of a small autoencoder, which turns each of their points into 4×4 pixels"
    if settings.get("latents")
    else "the pixels themselves",
    "end": "the last stage of its preset"
    if study["resolution"] == factor * top
    else f"not yet the last stage of its preset, {factor * top}×{factor * top}",
}.items():
    glue(f"gan_{name}", text, display=False)

# %% [markdown]
# It saw {glue:text}`gan_images` pictures drawn from {glue:text}`gan_photos` photographs, in
# {glue:text}`gan_hours` hours on {glue:text}`gan_hardware`, which other work kept busy too, with the
# {glue:text}`gan_preset` preset, and reached {glue:text}`gan_resolution`,
# {glue:text}`gan_end`. What its networks paint and judge is {glue:text}`gan_space`. Its file has
# {glue:text}`gan_megabytes` MB and the generator {glue:text}`gan_generator_parameters` million
# parameters.

# %% mystnb={"figure": {"caption": "The run on photographs. A collapse would show as a critic that runs away or as a deviation that falls towards zero. Dashed lines: a new stage begins.", "name": "fig-gan-curve"}, "image": {"alt": "Two line charts over images shown for the run on photographs, with the starts of the stages marked."}} tags=["hide-input"]
objective = settings.get("objective", "wgan-gp")
smooth = curve.ffill().rolling(8, min_periods=1).mean()
smooth[["images", "resolution"]] = curve[["images", "resolution"]]
curves(smooth, "Wasserstein estimate" if objective == "wgan-gp" else f"critic's {objective} gain")
plt.show()

# %% [markdown]
# Over the last forty entries of the log, the deviation of generated pictures was
# {glue:text}`gan_diversity` of that of real ones and the affective difference
# {glue:text}`gan_afm`. Neither says whether the pictures are good; {ref}`sec-nb-metrics` measures
# that. What each stage had learned by its end:

# %% mystnb={"figure": {"caption": "Six seeds of the released generator's run, at the end of each stage. All rows but the last were painted by the first of the two decoders.", "name": "fig-gan-stages"}, "image": {"alt": "Rows of generated pictures that become sharper from row to row: colour patches, then horizons, then landscapes."}} tags=["hide-input"]
samples = sorted(
    (provenance.results_dir() / "gan").glob("*-seeds.png"), key=lambda p: int(p.name.split("-")[0])
)
figure, axes = plt.subplots(len(samples), 6, figsize=(7.2, 1.25 * len(samples)), squeeze=False)
for row, path in zip(axes, samples):
    grid = np.asarray(Image.open(path))
    side = len(grid) // 7  # a grid of 7×7
    for column, ax in enumerate(row):
        y, x = divmod(column * 8, 7)  # along the diagonal
        tiled = grid[y * side : (y + 1) * side, x * side : (x + 1) * side]
        figures.axis_of_pictures(ax).imshow(tiled)
    row[0].set_ylabel(f"{side}×{side}")
plt.show()

# %% [markdown]
# (sec-nb-gan-noise)=
# ### Chance at every point
#
# A picture of the published method follows from a hundred numbers and a label. The larger it grows, the
# smoother are the features from which its texture must be drawn, and what the network draws follows
# their contours: after {glue:text}`gan_before_images` pictures the run painted woods and shores as loops
# and stripes. Since then its generator also gets noise, one number a point at each resolution, as much
# of it in each channel as it learns to use {cite:p}`karras2019stylegan`. To the networks as they stood
# this changed nothing at first; the critic's estimate then fell from {glue:text}`gan_noise_from` to
# {glue:text}`gan_noise_to` within {glue:text}`gan_noise_within` pictures.

# %% tags=["remove-cell"]
before = provenance.load("gan_before")
since = curve["images"] - before["images"]
estimate = -curve["critic"]
glue("gan_before_images", f"{before['images']:,}", display=False)
glue("gan_noise_from", f"{estimate[(since > -8000) & (since <= 0)].mean():.1f}", display=False)
within = 20_000
glue(
    "gan_noise_to",
    f"{estimate[(since > within - 8000) & (since <= within)].mean():.1f}",
    display=False,
)
glue("gan_noise_within", f"{within:,}", display=False)
then, now = (provenance.load(name) for name in ("metrics_before", "metrics"))
for name, measured in (("before", then), ("after", now)):
    frechet = measured["likeness"]["scene"]["frechet"]["generated"]
    glue(
        f"gan_frechet_{name}",
        "{value:.2f} ({low:.2f} to {high:.2f})".format(**frechet),
        display=False,
    )

# %% mystnb={"figure": {"caption": "The same fourteen seeds before the generator got noise inputs (above) and as released (below); training went on in between.", "name": "fig-gan-noise"}, "image": {"alt": "Two blocks of two rows of seven generated landscapes; in the upper block trees and shores are loops and stripes, in the lower one they have texture."}} tags=["hide-input"]
grids = [
    np.asarray(Image.open(provenance.results_dir() / name / "3-128-seeds.png"))[:256]
    for name in ("gan_before", "gan")
]
figure, axes = plt.subplots(2, 1, figsize=(8, 4.75), layout="constrained")
for ax, grid, name in zip(axes, grids, ("before", "released")):
    figures.axis_of_pictures(ax).imshow(grid)
    ax.set_ylabel(name)
plt.show()

# %% [markdown]
# In the scene network's features the distance to photographs was {glue:text}`gan_frechet_before` then
# and is {glue:text}`gan_frechet_after` now.

# %% [markdown]
# ## One scene under many emotions
#
# The seed chooses the scene, valence and arousal its mood. Held to one seed, the plane of emotions
# becomes a picture of its own.

# %%
released = generate.load()
over_plane = generate.paint(0.9 * plane(7).numpy(), page.SCENE, released)

# %% mystnb={"figure": {"caption": "One seed of the released generator over the plane, chosen among thirty-two for how much it changes. Valence rises to the right, arousal upwards, both in quantiles of the photographs' labels.", "name": "fig-gan-plane"}, "image": {"alt": "A grid of seven by seven generated landscapes that changes gradually from corner to corner."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7, 7))
figures.axis_of_pictures(ax).imshow(tile(over_plane))
side = released.resolution
ends = [side / 2, 3.5 * side, 6.5 * side]
ax.set_xticks(ends, ["low", "valence", "high"])
ax.set_yticks(ends, ["high", "arousal", "low"], rotation=90, va="center")
ax.tick_params(length=0)
plt.show()

# %% mystnb={"figure": {"caption": "Eight seeds in each corner of the plane (rows). If seeds gave the same picture, rows would repeat themselves.", "name": "fig-gan-seeds"}, "image": {"alt": "Four rows of eight generated landscapes, one row for each combination of low and high valence and arousal."}} tags=["hide-input"]
corners = {
    "excited,\nunpleasant": (-0.9, 0.9),
    "excited,\npleasant": (0.9, 0.9),
    "calm,\nunpleasant": (-0.9, -0.9),
    "calm,\npleasant": (0.9, -0.9),
}
figure, axes = plt.subplots(4, 8, figsize=(8, 4.2))
for row, (name, corner) in zip(axes, corners.items()):
    for ax, image in zip(row, generate.paint(np.array(corner), np.arange(8), released)):
        figures.axis_of_pictures(ax).imshow(image)
    row[0].set_ylabel(name, fontsize=7)
plt.show()

# %% [markdown]
# (sec-nb-gan-256)=
# ## 256×256: what it costs and what it gives
#
# A stage more doubles the side once again. The preset `latent256` takes over the networks of the run
# above, shows them {glue:text}`gan256_photos` other photographs at 128×128 for a while, then blends in
# the new stage. It is a short run, {glue:text}`gan256_images` pictures in
# {glue:text}`gan256_minutes` minutes, made to see the price: a picture of 256×256 takes
# {glue:text}`gan256_cost` times as long to learn from as one of 128×128.

# %% tags=["remove-cell"]
large = provenance.load("gan256")
rates = {}
for side, part in pd.DataFrame(large["arrays"]).groupby("resolution"):
    spent = part[["images", "seconds"]].iloc[[0, -1]].diff().iloc[-1]
    rates[int(4 * side)] = spent["seconds"] / spent["images"]
glue("gan256_photos", f"{large['photos']:,}", display=False)
glue("gan256_images", f"{large['images']:,}", display=False)
glue("gan256_minutes", f"{large['training_seconds'] / 60:.0f}", display=False)
glue("gan256_cost", f"{rates[256] / rates[128]:.1f}", display=False)


def stage_samples(stage, side, count=4):
    """The first pictures of a stage of the large run, one seed each."""
    path = provenance.results_dir() / "gan256" / f"{stage}-{side}-seeds.png"
    with Image.open(path) as grid:
        return np.stack([np.asarray(grid)[:side, i * side : (i + 1) * side] for i in range(count)])


def finest(images):
    """Mean size of what the finest octave adds, from 0 to 1."""
    x = images.astype(float) / 255
    n, h, w, c = x.shape
    coarse = x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4)).repeat(2, 1).repeat(2, 2)
    return np.abs(x - coarse).mean()


small, big = stage_samples(0, 128), stage_samples(1, 256)
enlarged = np.stack(
    [np.asarray(Image.fromarray(x).resize((256, 256), Image.Resampling.BICUBIC)) for x in small]
)
glue("gan256_finest", f"{finest(big) / finest(enlarged):.1f}", display=False)

# %% mystnb={"figure": {"caption": "Four seeds of the short run: above, at 128\u00d7128 before the new stage, enlarged; below, at 256\u00d7256 after it.", "name": "fig-gan-256"}, "image": {"alt": "Two rows of four generated landscapes; the lower row is the larger one."}} tags=["hide-input"]
figure, axes = plt.subplots(2, 4, figsize=(8, 4.1), layout="constrained")
for row, images, name in zip(axes, (enlarged, big), ("128×128", "256×256")):
    for ax, image in zip(row, images):
        figures.axis_of_pictures(ax).imshow(image)
    row[0].set_ylabel(name)
plt.show()

# %% [markdown]
# The finest octave of the larger pictures holds {glue:text}`gan256_finest` times as much as that of the
# enlarged ones. To the eye it is noise more than detail, and scenes have lost form: so few photographs
# and so short a run do not repay a stage more. The networks, the preset and the price are there for
# whoever has the photographs and the hours that the stages below were given.

# %% [markdown]
# ## From a song to its landscape
#
# The two halves meet here. A forest that learned from {glue:text}`gan_practice` synthetic pieces
# hears four others; their place among songs becomes the same place among photographs, and the released
# generator paints it.

# %%
practice = corpora.load("sample", kind="music", n=songs, seed=seed).table
heard_in, _ = features.extract_many(practice["path"], progress=False, names=features.NAMES)
hearing = ear.fit(
    heard_in,
    practice[["valence", "arousal"]],
    practice["group"],
    features.NAMES,
    {"what": "a forest of synthetic pieces"},
    lambda: forest.default_forest(seed),
)
pieces, painted, heard = {}, {}, {}
for mood, corner in corners.items():
    pieces[mood] = f"{tempfile.mkdtemp()}/piece.wav"
    sound = synth.compose(*(5 + 3 * np.array(corner)), seed=seed + 1000, seconds=7)
    soundfile.write(pieces[mood], sound, synth.SR)
    painted[mood], heard[mood] = generate.from_song(pieces[mood], seed=[1, 2, 3], model=hearing)

# %% mystnb={"figure": {"caption": "Four synthetic pieces that a forest of synthetic pieces has not heard before, and three landscapes for each by the released generator. Brackets: the valence and arousal that it heard, 1\u20139; all four were composed equally far from the middle of both scales.", "name": "fig-gan-songs"}, "image": {"alt": "Four strips of three generated landscapes, each strip titled with a piece's mood; the same three scenes change with it."}} tags=["hide-input"]
figure, axes = plt.subplots(2, 2, figsize=(8, 3.1))
for ax, mood in zip(axes.ravel(), corners):
    ax.imshow(tile(painted[mood], columns=3))
    felt = heard[mood]
    told = f"{' '.join(mood.split())} ({felt['valence']:.1f}, {felt['arousal']:.1f})"
    ax.set_title(told, fontsize=8, loc="center")
    ax.axis("off")
plt.show()

# %% tags=["remove-cell"]
reach = np.ptp(ear.predict(pieces.values())[["valence", "arousal"]], axis=0)
glue("gan_practice", f"{songs}", display=False)
glue("gan_abroad", "{:.1f} in valence and {:.1f} in arousal".format(*reach), display=False)

# %% [markdown]
# The released model learned from recordings and is for recordings. Between these four pieces it finds
# no more difference than {glue:text}`gan_abroad`; how the whole way does on real songs is measured in
# {ref}`sec-nb-metrics`.

# %% [markdown]
# (sec-nb-gan-card)=
# ## Model card
#
# The card travels with the weights; to it belong the figures that {ref}`sec-nb-metrics` explains.

# %% tags=["hide-input"]
measured = provenance.load("metrics")
asked = measured["va"]["random"]


def span(value, digits=2):
    text = f"{value['value']:.{digits}f} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"
    return text.replace("-", "−")


likeness, diversity = measured["likeness"]["scene"], measured["diversity"]
card = released.card | {
    "objective": f"{settings['objective']}, penalty {settings['gp_weight']:g} each "
    f"{settings['gp_interval']}th step; affective matching {settings['afm_weight']:g}, "
    f"{settings['afm_form']} form",
    "size": f"{study['bytes'] / 1e6:.1f} MB, safetensors; "
    f"{study['parameters']['generator'] / 1e6:.2f} million parameters and the decoder's",
    "likeness": f"Fréchet distance in the scene network's features {span(likeness['frechet']['generated'])}, "
    f"photographs {likeness['frechet']['photos']['value']:.2f}; coverage "
    f"{span(likeness['coverage']['generated'])}, photographs {likeness['coverage']['photos']['value']:.2f}",
    "variety": f"{span(diversity['overall']['ratio'])} of the photographs', "
    f"{span(diversity['cell']['ratio'])} within one emotion",
    "emotion seen": f"r with the valence asked {span(asked['valence']['r'])}, with the arousal "
    f"{span(asked['arousal']['r'])}",
}
figures.table(
    pd.DataFrame(card.items(), columns=["card", "text"]),
    "What the released generator says of itself.",
)

# %% [markdown]
# ## Summary
#
# - The networks have the published form: an ERU at every resolution, a mirrored critic, stages that
#   are blended in, WGAN-GP with affective feature matching. The released generator paints in an
#   autoencoder's latents and is given noise at every point; both are options.
# - Matched pixel by pixel, the emotion maps of two painted pictures of like mood differ by
#   {glue:text}`gan_floor_spatial`; matched by channel, by {glue:text}`gan_floor_channel`, which
#   leaves the layout to the seed. The study matched {glue:text}`gan_form`.
# - A run of {glue:text}`gan_hours` hours on {glue:text}`gan_hardware` reached
#   {glue:text}`gan_resolution`, {glue:text}`gan_end`. At its end the generated pictures deviated from
#   each other {glue:text}`gan_diversity` times as much as photographs do, pixel by pixel.
# - Its labels are predicted. {ref}`sec-nb-metrics` says how far it follows the emotion asked of it.
