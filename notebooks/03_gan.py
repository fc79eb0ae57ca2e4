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

# %% tags=["remove-cell"]
import json
import tempfile
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from myst_nb import glue
from PIL import Image

from m2l import corpora, figures, generate, provenance
from m2l import photos as pyramids
from m2l.networks import Critic, Generator, Sizes
from m2l.training import Preset, Run, plane, tile

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# ## Two networks that grow
#
# The generator starts from noise and a valence and an arousal, draws 4×4 pixels, and doubles the
# side of its picture at each stage. The critic takes the same steps backwards. At every resolution
# of both stands an Emotional Residual Unit, through which the two labels act. The published
# settings, as the `paper` preset holds them:

# %%
paper = Preset.load("paper")
laptop = Preset.load("laptop")
paper.sizes

# %% [markdown]
# Most of the arithmetic is spent at high resolution, where a channel costs most. The `laptop` preset
# therefore narrows quickly and uses 1×1 convolutions in its ERUs.

# %% tags=["hide-input"]
rows = []
for name, preset in {"paper": paper, "laptop": laptop}.items():
    for network in (Generator, Critic):
        count = sum(p.numel() for p in network(preset.sizes).parameters())
        rows.append(
            {
                "preset": name,
                "network": network.__name__.lower(),
                "channels at 4×4, 8×8, …": ", ".join(map(str, preset.sizes.widths)),
                "millions of parameters": count / 1e6,
            }
        )
figures.table(
    pd.DataFrame(rows), "Sizes of the published networks and of those that a laptop can train."
)

# %% [markdown]
# A new stage is blended in: with α = 0 the picture is that of the stage before, enlarged, with
# α = 1 it is the new one. So nothing learned is lost when the networks grow.

# %% mystnb={"figure": {"caption": "One stage growing out of another in an untrained generator. At \u03b1 = 0 the 16\u00d716 picture is the 8\u00d78 picture enlarged, pixel for pixel.", "name": "fig-gan-fade"}, "image": {"alt": "Five small abstract pictures in a row: the first in coarse blocks, the last in finer ones."}} tags=["hide-input"]
torch.manual_seed(seed)
untrained = Generator(Sizes(z=16, widths=(32, 24, 16), eru_kernel=1))
z, va = torch.randn(1, 16), torch.zeros(1, 2)
alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
with torch.no_grad():
    frames = torch.cat([untrained(z, va, 2, a) for a in alphas])
frames = (frames - frames.min()) / (frames.max() - frames.min())
figures.pictures(
    (frames.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8),
    titles=[f"α = {a:g}" for a in alphas],
)
plt.show()

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


def curves(frame, starts):
    """Wasserstein estimate and diversity over images shown."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8))
    left.plot(frame["images"] / 1000, -frame["critic"])
    left.set(xlabel="thousand images", ylabel="Wasserstein estimate")
    right.plot(frame["images"] / 1000, frame["diversity"], color="C1")
    right.axhline(1, color=figures.INK, lw=0.8, ls=":")
    right.set(xlabel="thousand images", ylabel="deviation, generated / real", ylim=(0, 1.3))
    for ax in (left, right):
        for start in starts:
            ax.axvline(start / 1000, color=figures.INK, lw=0.8, ls="--", alpha=0.6)
    return figure


curves(lines, lines.groupby("resolution")["images"].min().iloc[1:])
plt.show()

# %% mystnb={"figure": {"caption": "Left, sixteen of the painted landscapes at 16\u00d716. Right, sixteen that the tiny generator made after a minute, one seed each.", "name": "fig-gan-live-samples"}, "image": {"alt": "Two grids of sixteen very small landscapes; the generated ones are rougher but show skies above darker ground."}} tags=["hide-input"]
rng = torch.Generator().manual_seed(seed)
z, u = torch.randn(16, 16, generator=rng), torch.rand(16, 2, generator=rng) * 2 - 1
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
# What does the critic compare when it matches affect? The gates of its ERUs, one map for valence and
# one for arousal at each resolution. Affective feature matching asks that these maps look the same
# for generated as for real pictures of the same labels.

# %% mystnb={"figure": {"caption": "The valence and arousal gates of the tiny critic's ERU at 16\u00d716 on one painted landscape, averaged over channels. Bright: features pass; dark: they are held back.", "name": "fig-gan-gates"}, "image": {"alt": "A small painted landscape and two maps of the same size that follow its horizon."}} tags=["hide-input"]
index = 5
picture = np.asarray(paintings.array(16)[index])
x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
with torch.no_grad():
    _, gates = run.critic(x, run.va[index][None], 2)
figure, axes = plt.subplots(1, 3, figsize=(6.6, 2.4))
axes[0].imshow(picture)
for ax, gate, title in zip(axes[1:], gates[0][0].mean(1), ("valence gate", "arousal gate")):
    shown = ax.imshow(gate)
    ax.set_title(title, loc="center")
    figure.colorbar(shown, ax=ax, shrink=0.8)
axes[0].set_title("picture", loc="center")
for ax in axes:
    ax.axis("off")
plt.show()

# %% [markdown]
# ## The run on photographs
#
# The released generator was trained on landscape photographs by the same code. Their valence and
# arousal are predicted, not rated ({ref}`sec-stand-ins`), so what it has learned is that predictor's
# idea of a pleasant or an exciting view.

# %% tags=["remove-cell"]
study = provenance.load("gan")
curve = pd.DataFrame({k: v for k, v in study["arrays"].items()})
glue("gan_resolution", f"{study['resolution']}×{study['resolution']}", display=False)
glue("gan_photos", f"{study['photos']:,}", display=False)
glue("gan_images", f"{study['images']:,}", display=False)
glue("gan_hours", f"{study['training_seconds'] / 3600:.1f}", display=False)
glue("gan_hardware", study["provenance"]["hardware"], display=False)
glue("gan_preset", study["provenance"]["preset"], display=False)
glue("gan_megabytes", f"{study['bytes'] / 1e6:.1f}", display=False)
glue("gan_generator_parameters", f"{study['parameters']['generator'] / 1e6:.2f}", display=False)
last = curve[curve["resolution"] == study["resolution"]].tail(40)
glue("gan_diversity", f"{last['diversity'].mean():.2f}", display=False)
glue("gan_afm", f"{last['afm'].mean():.3f}", display=False)

# %% [markdown]
# It saw {glue:text}`gan_images` pictures drawn from {glue:text}`gan_photos` photographs, in
# {glue:text}`gan_hours` hours on {glue:text}`gan_hardware`, which other work kept busy too, with the
# {glue:text}`gan_preset` preset, and reached {glue:text}`gan_resolution`. Its file has {glue:text}`gan_megabytes` MB and
# {glue:text}`gan_generator_parameters` million parameters.

# %% mystnb={"figure": {"caption": "The run on photographs. A collapse would show as a critic that runs away or as a deviation that falls towards zero.", "name": "fig-gan-curve"}, "image": {"alt": "Two line charts over images shown for the run on photographs, with the starts of the stages marked."}} tags=["hide-input"]
smooth = curve.ffill().rolling(8, min_periods=1).mean()
curves(smooth.assign(images=curve["images"]), curve.groupby("resolution")["images"].min().iloc[1:])
plt.show()

# %% [markdown]
# Over the last forty entries of the log, the deviation of generated pictures was
# {glue:text}`gan_diversity` of that of real ones and the affective difference
# {glue:text}`gan_afm`. Neither says whether the pictures are good; {ref}`sec-nb-metrics` measures
# that. What each stage had learned by its end:

# %% mystnb={"figure": {"caption": "Six seeds of the released generator's run, at the end of each stage and, in the last row, as released.", "name": "fig-gan-stages"}, "image": {"alt": "Rows of generated pictures that become sharper from row to row: colour patches, then horizons, then landscapes."}} tags=["hide-input"]
samples = sorted((provenance.results_dir() / "gan").glob("*-seeds.png"))
figure, axes = plt.subplots(len(samples), 6, figsize=(7.2, 1.25 * len(samples)), squeeze=False)
for row, path in zip(axes, samples):
    side = int(path.name.split("-")[1])
    grid = np.asarray(Image.open(path))
    for column, ax in enumerate(row):
        y, x = divmod(column * 8, 7)
        ax.imshow(grid[y * side : (y + 1) * side, x * side : (x + 1) * side])
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    row[0].set_ylabel(f"{side}×{side}")
plt.show()

# %% [markdown]
# ## One scene under many emotions
#
# The seed chooses the scene, valence and arousal its mood. Held to one seed, the plane of emotions
# becomes a picture of its own.

# %%
released = generate.load()
over_plane = generate.paint(plane(7).numpy() * 0.9, 12, released)

# %% mystnb={"figure": {"caption": "One seed of the released generator over the plane. Valence rises to the right, arousal upwards, both in quantiles of the photographs' labels.", "name": "fig-gan-plane"}, "image": {"alt": "A grid of seven by seven generated landscapes that changes gradually from corner to corner."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6.4, 6.4))
ax.imshow(tile(over_plane))
side = released.resolution
ax.set_xticks([side / 2, 3.5 * side, 6.5 * side], ["low", "valence", "high"])
ax.set_yticks(
    [side / 2, 3.5 * side, 6.5 * side], ["high", "arousal", "low"], rotation=90, va="center"
)
ax.tick_params(length=0)
for spine in ax.spines.values():
    spine.set_visible(False)
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
        ax.imshow(image)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    row[0].set_ylabel(name, fontsize=7)
plt.show()

# %% [markdown]
# ## From a song to its landscape
#
# The two halves meet here. A piece composed for this page is heard by the forest; its place among
# songs becomes the same place among photographs.

# %%
songs = corpora.load("sample", kind="music", n=4, seed=seed).table
images, emotions = zip(*(generate.from_song(path, seed=[1, 2, 3]) for path in songs["path"]))

# %% mystnb={"figure": {"caption": "Four synthetic pieces and three landscapes for each, by the released forest and generator. Titles: the valence and arousal that the piece was composed for, and what the forest heard.", "name": "fig-gan-songs"}, "image": {"alt": "Four rows of three generated landscapes, each row titled with a piece's valence and arousal."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 4, figsize=(8, 2.7))
for ax, row, felt, song in zip(axes, images, emotions, songs.itertuples()):
    ax.imshow(tile(row, columns=1)[: 3 * side])
    ax.set_title(
        f"composed {song.valence:.1f}, {song.arousal:.1f}\n"
        f"heard {felt['valence']:.1f}, {felt['arousal']:.1f}",
        fontsize=7,
        loc="center",
    )
    ax.axis("off")
plt.show()

# %% [markdown]
# ## Summary
#
# - The networks are the published ones: an ERU at every resolution, a mirrored critic, stages that
#   are blended in, WGAN-GP with affective feature matching.
# - A run of {glue:text}`gan_hours` hours on two processor cores reached {glue:text}`gan_resolution`
#   without collapse. It was stopped there: the last stage of its preset, 64×64, is still to come.
# - It is a first model, well below the 128×128 that the method was published with, and trained on
#   predicted labels. {ref}`sec-nb-metrics` says how far it follows the emotion asked of it.
