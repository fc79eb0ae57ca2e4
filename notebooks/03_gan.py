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
# {ref}`sec-approach` gave the equations. Here they become two networks: first tiny ones that learn
# painted landscapes while this page is made, then those that learned {result}`gan:photos`
# photographs. The generator stays nearly the same throughout; what teaches it does not, and that makes
# the difference.

# %% tags=["parameters", "remove-cell"]
seed = 0
photos = 240
milestone = "smoke"
projected = "projected-smoke"
songs = 48

# %% tags=["remove-cell"]
import tempfile
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import soundfile
import torch
from PIL import Image

from m2l import corpora, figures, generate, page
from m2l import results as provenance
from m2l.experiments import landscapes
from m2l.gan import losses, networks
from m2l.gan import photos as pyramids
from m2l.gan import projected as looking
from m2l.gan.pictures import plane, tile, to_tensor
from m2l.gan.presets import Preset
from m2l.gan.training import Run
from m2l.music import ear, features, forest
from m2l.sample import compose as synth

figures.use_style()
warnings.filterwarnings("ignore", message="IProgress")
torch.set_num_threads(2)

# %% [markdown]
# ## Two networks that grow
#
# The generator starts from noise, a valence and an arousal, draws a few points, and doubles the side
# of its picture at each stage. The milestone's critic takes the same steps backwards
# ({numref}`fig-gan-networks`).

# %% mystnb={"figure": {"caption": "The milestone's two networks: a box for each resolution with its number of channels, the emotional residual unit as a dark edge. Training begins with the uppermost pair of boxes and adds a pair at each stage.", "name": "fig-gan-networks"}, "image": {"alt": "Six boxes that grow from 4\u00d74 to 128\u00d7128 downwards to a picture, and beside them six that shrink again upwards to a score; each has a dark edge."}}
figure, ax = plt.subplots(figsize=(4.8, 4.2))
figures.networks(ax, Preset.load("paper").sizes)
plt.show()

# %% [markdown]
# At every resolution the labels act through an **emotional residual unit**, or ERU. Its forward pass,
# from the package, is {eq}`eq-eru-gates` and {eq}`eq-eru` line by line: two gates, one that sees
# valence and one that sees arousal, weight the features; a convolution merges the result with the
# labels.

# %%
figures.source(networks.ERU.forward)

# %% [markdown]
# ## One step of the milestone's training
#
# The built-in sample corpus holds painted landscapes whose valence and arousal are known, since they
# were painted from them. They suffice to see what a step of training is.

# %%
sample = corpora.load("sample", kind="landscapes", n=photos, seed=seed, size=32)
paintings = pyramids.build(sample.table, top=16)
run = Run(Preset.load(milestone, seed=seed), paintings, tempfile.mkdtemp(), accelerator="cpu")

# %% [markdown]
# The critic has to tell paintings from what the generator makes, and must not do so too abruptly: its
# gradient is held near 1 on the way between the two. That is the penalty of
# {cite:t}`gulrajani2017improved`, again from the source.

# %%
figures.source(losses.gradient_penalty)

# %% [markdown]
# Put together, by hand, at the first resolution:

# %%
rng = torch.Generator().manual_seed(seed)
rows = torch.randperm(len(paintings.va), generator=rng)[:32].numpy()
real, va = to_tensor(paintings.array(4)[rows]), run.va[rows]
fake = run.generator(torch.randn(32, run.preset.sizes.z, generator=rng), va, 0)

score_real, gates_real = run.critic(real, va, 0)
score_fake, gates_fake = run.critic(fake, va, 0)
mix = torch.rand(32, 1, 1, 1, generator=rng)
step = {
    "critic: Wasserstein": losses.critic_loss(score_real, score_fake),
    "critic: gradient penalty": losses.gradient_penalty(
        lambda x: run.critic(x, va, 0)[0], real, fake.detach(), mix
    ),
    "generator: Wasserstein": losses.generator_loss(score_fake),
    "generator: affective matching": losses.affective_matching(gates_fake, gates_real, "channel"),
}

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame({"loss": k, "before any training": v.item()} for k, v in step.items()),
    "The four terms of a step. The penalty is weighted by 10, affective matching by 100.",
    name="tab-gan-step",
)

# %% [markdown]
# `Run.train` repeats that ({numref}`tab-gan-step`), first for the critic, then for the generator, and
# adds a stage when the schedule says so. A new stage is blended in, so that nothing learned is lost
# when the networks grow; {ref}`an appendix <sec-nb-gan-losses>` shows it on the tiny run.

# %% [markdown]
# ## A critic that has seen other pictures
#
# A few thousand photographs are little to learn seeing from. {cite:t}`sauer2021projected` let the
# critic look through a network that has learned to see elsewhere: EfficientNet-Lite0
# {cite:p}`tan2019efficientnet`, taught to name the objects of ImageNet, and frozen. Its maps at four
# scales are mixed by fixed random convolutions, and four small heads judge them. Everything that the
# milestone brought is kept in each head: an ERU, minibatch deviation, affective matching.

# %%
figures.source(looking.Head.forward)

# %% [markdown]
# Each head scores every point of its map, by the hinge loss; spectral
# normalisation takes the place of the gradient penalty, and differentiable augmentation
# {cite:p}`zhao2020diffaugment` keeps the critic from learning the photographs by heart. The labels
# also enter by projection {cite:p}`miyato2018projection`, and each head reads them off the picture, a
# further lesson for the generator. The training loop does not know which of the two critics it has:

# %%
second = Run(Preset.load(projected, seed=seed), paintings, tempfile.mkdtemp(), accelerator="cpu")
second.train(bar=False)
f"{second.progress.images} pictures in {second.progress.seconds:.0f} s on this page"

# %% [markdown]
# ## The same photographs, two teachers
#
# Both critics then taught a generator of nearly the same design on {result}`gan:photos` photographs, on one
# GPU ({numref}`tab-gan-runs`). The labels of the photographs are **predicted**, not rated ({ref}`sec-stand-ins`), so what a
# generator learns here is that predictor's idea of a pleasant or an exciting view.

# %% tags=["hide-input"]
runs = {
    "milestone's critic": provenance.load("gan_milestone"),
    "projected critic (released)": provenance.load("gan"),
}
figures.table(
    pd.DataFrame(
        {
            "taught by": name,
            "pictures shown": told["images"],
            "seconds": round(told["training_seconds"]),
            "million weights": told["parameters"]["generator"] / 1e6,
        }
        for name, told in runs.items()
    ),
    "The two runs, each at 128×128 on one NVIDIA H100, and the weights of the generators.",
    name="tab-gan-runs",
)

# %% [markdown]
# The noise and the labels of the next pictures are the same for both and were fixed before training:
# nothing was selected ({numref}`fig-gan-both`). The second generator also differs in details, above all by
# noise at every pixel {cite:p}`karras2019stylegan`; so more than one part was changed.

# %%
released = generate.load()
fixed = torch.Generator().manual_seed(1)
z = torch.randn(49, released.z, generator=fixed)
asked = released.va_map.inverse(torch.rand(49, 2, generator=fixed).numpy() * 2 - 1)


def seeds_of(path, count=12):
    """The first pictures of a run's grid of fixed seeds."""
    with Image.open(path) as grid:
        side = grid.width // 7
        pixels = np.asarray(grid).reshape(7, side, 7, side, 3).swapaxes(1, 2)
    return pixels.reshape(49, side, side, 3)[:count]


# %% mystnb={"figure": {"caption": "The first twelve of the fixed seeds, unselected. Above, the milestone's critic; below, the projected critic, which taught the released generator. V and A: the valence and arousal asked for, on the landscapes' scale, 1\u20139; the labels behind them are predicted, not rated.", "name": "fig-gan-both"}, "image": {"alt": "Twelve blurred impressions of dark ground and bright sky with stripes, above twelve landscapes with recognisable mountains, woods, water and clouds."}}
folder = provenance.results_dir()
before = seeds_of(folder / "gan_milestone" / "5-128-seeds.png")
after = seeds_of(folder / "gan" / "3-128-seeds.png")
figures.Gallery(
    {
        "Milestone's critic": (before, figures.felt(asked[:12])),
        "Projected critic": (after, figures.felt(asked[:12])),
    }
)

# %% [markdown]
# The first show sky, horizon and ground. The second have mountains,
# woods, glaciers and shores that anyone can name, and a rough texture when looked at closely.
#
# Was it longer training, or a lucky seed? The projected critic was trained from three seeds, with
# {ref}`another weight of reading <sec-nb-gan-reading>`, and each generator measured by the judge taught by people's ratings ({ref}`sec-nb-metrics`) after about as many seconds as the
# milestone's critic had ({numref}`tab-gan-seeds`). Most of the difference is there by then, and seeds differ
# little.

# %% tags=["hide-input"]
three = provenance.load("seeds")["figures"]["ratings"]
first, last = (
    landscapes.headline(provenance.load(name), "ratings")
    for name in ("metrics_milestone", "metrics")
)


def written(figure, name):
    return provenance.text(figure, ".0f" if "distance" in name else ".2f")


figures.table(
    pd.DataFrame(
        {
            "judge of ratings": name,
            "milestone's critic": written(first[name]["value"], name),
            "three seeds": written(found, name),
            "released": written(last[name]["value"], name),
        }
        for name, found in three.items()
        if "within" not in name
    ),
    "The milestone's critic and, after about as many seconds, three runs of the projected one: mean and "
    "95 % interval of Student's t over seeds; last, the released run, which went on, with its "
    "emphasis. Spread: as a share of the photographs'.",
    name="tab-gan-seeds",
)

# %% [markdown]
# A step is fast only if nothing in it waits for the processor. At 128×128 the projected critic's training handles
# {result}`speed:sides.128.projected.plain:,.0f` pictures a second when each operation is launched from Python,
# {result}`speed:sides.128.projected.captured:,.0f` when the card repeats the step from a captured graph, and
# {result}`speed:sides.128.projected.compiled:,.0f` when what lies between the convolutions is fused as well; the
# milestone's, with its gradient penalty and smaller batches, {result}`speed:sides.128.gpu.plain:,.0f` and
# {result}`speed:sides.128.gpu.captured:,.0f` (`benchmarks/gan.py`, one run).

# %% [markdown]
# The released run has {result}`gan:settings.stages:len` stages, from
# {result}`gan:settings.stages.0.resolution`×{result}`gan:settings.stages.0.resolution` to
# {result}`gan:resolution`×{result}`gan:resolution` ({numref}`fig-gan-curve` in the appendix). Of its states the one
# nearest to photographs is released ({numref}`tab-gan-choice`). A further stage, which adds detail alone, paints
# {result}`detail:finest`×{result}`detail:finest` ({numref}`fig-gan-256`).

# %% [markdown]
# ## One seed under many emotions
#
# Seed and emotion choose the scene together. Held to one seed, the plane of emotions becomes a picture of its
# own ({numref}`fig-gan-plane`): neighbours show one scene in another mood, far corners show another scene.
# What is asked is exaggerated, as much as makes an emotion as easy to read from a picture as from a
# photograph ({ref}`sec-nb-gan-emphasis`).

# %% mystnb={"figure": {"caption": "One seed of the released generator over the plane. Valence rises to the right, arousal upwards; at the edges, the valence and arousal asked for, on the landscapes' scale.", "name": "fig-gan-plane"}, "image": {"alt": "A grid of seven by seven generated landscapes that changes gradually from corner to corner."}}
places = 0.9 * plane(7).numpy()
valence = released.va_map.inverse(places)[:7, 0]
arousal = released.va_map.inverse(places)[::7, 1]
figures.plane_of_pictures(tile(generate.paint(places, page.SCENE, released)), valence, arousal)
plt.show()

# %% [markdown]
# ## From a song to its landscape
#
# The two halves meet here. A forest that has just learned from synthetic pieces hears four others;
# their place among songs becomes the same place among photographs ({ref}`sec-bridge`), and the
# released generator paints it ({numref}`fig-gan-songs`).

# %%
practice = corpora.load("sample", kind="music", n=songs, seed=seed).table
hearing = ear.fit(
    features.extract_many(practice["path"], progress=False, names=features.NAMES)[0],
    practice[["valence", "arousal"]],
    practice["group"],
    features.NAMES,
    {"what": "a forest of synthetic pieces"},
    lambda: forest.default_forest(seed),
)
corners = {
    "tense": (-0.9, 0.9), "cheerful": (0.9, 0.9), "gloomy": (-0.9, -0.9), "serene": (0.9, -0.9)
}  # fmt: skip
heard = {}
for mood, corner in corners.items():
    piece = f"{tempfile.mkdtemp()}/piece.wav"
    sound = synth.compose(*(5 + 3 * np.array(corner)), seed=seed + 1000, seconds=7)
    soundfile.write(piece, sound, synth.SR)
    images, felt = generate.from_song(piece, seed=[1, 2, 3], model=hearing, of=1)
    asked = felt[["landscape_valence", "landscape_arousal"]].to_numpy(float)
    heard[f"Composed as {mood}"] = images, figures.felt([asked] * 3)

# %% mystnb={"figure": {"caption": "Four synthetic pieces that the forest of synthetic pieces has not heard before, three landscapes for each by the released generator. V and A: what was asked of the generator, on the landscapes' scale.", "name": "fig-gan-songs"}, "image": {"alt": "Four groups of three generated landscapes, each group titled with a piece's mood; the same three scenes change with it."}}
figures.Gallery(heard)

# %% [markdown]
# How this works on real songs is shown in {ref}`sec-songs` and measured in
# {ref}`sec-nb-metrics`.

# %% [markdown]
# ## Summary
#
# - An ERU at every resolution carries valence and arousal into the picture; its code follows the equations.
# - With the milestone's critic, {result}`gan_milestone:images` pictures in
#   {result}`gan_milestone:training_seconds:duration` give impressions of sky and ground. With one that
#   looks through a frozen network, {result}`gan:images` in {result}`gan:training_seconds:duration` on
#   the same card give landscapes.
