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
# (sec-nb-metrics)=
# # Likeness, variety, obedience
#
# A generated landscape can fail in three ways: it can look unlike a photograph, it can look like all
# the other generated ones, and it can ignore the emotion that was asked for. Each failure has its
# own measure ({ref}`sec-measures`). This chapter first tests the measures on pictures whose faults
# are known, then applies them to the released generator, and last to the whole way from a song to
# its picture.

# %% tags=["parameters", "remove-cell"]
seed = 0
paintings = 200

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from m2l import corpora, figures
from m2l import results as provenance
from m2l.doors import pictures as opener
from m2l.judge import metrics, scene
from m2l.results import text
from m2l.va import DIMENSIONS

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# (sec-nb-metrics-judges)=
# ## Two judges, with different eyes
#
# A judge is a network whose features distances are taken in, and which says what emotion it sees.
#
# - The **scene network** comes with the package. It is trained on photographs that no generator has
#   seen to name the kind of scene and to read valence and arousal. Its labels are of the same making
#   as those the generator learned from: what it measures is whether the generator learned what it was
#   taught. It can flatter a generator that picked up the labelling networks' habits.
# - The **judge of ratings** owes nothing to those labels: the frozen ResNet of another project, trained
#   for another task, and a ridge regression from its features to people's ratings of
#   {result}`people:photos` photographs of all kinds {cite:p}`kurdi2017oasis`. It had no part in the
#   labels, in the critic, or in the scene network. It can flatter bright and sharp pictures, if people
#   rated such photographs higher for other reasons.
#
# The usual third pair of eyes, Inception, defines FID {cite:p}`heusel2017ttur`. Its official weights
# were not at hand, so nothing here is called FID; `m2l metrics model --inception` reports it for whoever
# has them.

# %%
judge = scene.load()
table = corpora.load("sample", kind="landscapes", n=paintings, seed=seed, size=64).table
pictures = np.stack([np.asarray(opener.read(path, 64)) for path in table["path"]])
features, scenes, seen = scene.look(judge, pictures)

# %% [markdown]
# ## Do the measures notice?
#
# A useful measure gets worse when one set of pictures is spoilt, and each notices other faults. Here
# half of the painted landscapes of the sample corpus are compared with the other half, blurred,
# noisy, or darkened; last, some of the pictures are replaced by copies of a single one.

# %%
half = len(pictures) // 2
rng = np.random.default_rng(seed)
spoil = {
    "blur": ([0, 0.5, 1, 1.5, 2], lambda x, s: gaussian_filter(x.astype(float), (0, s, s, 0))),
    "noise": ([0, 5, 10, 20, 40], lambda x, s: x + rng.normal(0, s, x.shape)),
    "darkness": ([0, 0.1, 0.2, 0.4, 0.6], lambda x, s: x * (1 - s)),
    "copies": (
        [0, 0.2, 0.4, 0.6, 0.8],
        lambda x, s: np.where(np.arange(len(x))[:, None, None, None] < s * len(x), x[:1], x),
    ),
}
measures = {
    "Fréchet distance": metrics.frechet,
    "density": lambda a, b: metrics.neighbours(a, b)["density"],
    "coverage": lambda a, b: metrics.neighbours(a, b)["coverage"],
}
found = {}
for fault, (strengths, damage) in spoil.items():
    spoilt = [
        scene.look(judge, np.clip(damage(pictures[half:], s), 0, 255).astype(np.uint8))[0]
        for s in strengths
    ]
    for name, measure in measures.items():
        found[name, fault] = [measure(features[:half], x) for x in spoilt]

# %% mystnb={"figure": {"caption": "Three measures between one half of the painted landscapes and the other half after damage (synthetic pictures), in the scene network's features. Leftmost in each panel: no damage.", "name": "fig-metrics-spoil"}, "image": {"alt": "A grid of line charts, three measures by four kinds of damage: the Fr\u00e9chet distance rises with each; density falls with blur, noise and darkness; coverage falls with all, with copies too."}} tags=["hide-input"]
figure, axes = plt.subplots(3, 4, figsize=(8, 5.2), sharey="row", layout="constrained")
for row, name in zip(axes, measures):
    for ax, (fault, (strengths, _)) in zip(row, spoil.items()):
        ax.plot(strengths, found[name, fault], "o-", ms=4)
        if name == "coverage":
            ax.set_xlabel(f"{fault}")
    row[0].set_ylabel(name)
    row[0].set_ylim(bottom=0)
plt.show()

# %% [markdown]
# ## The judges, judged
#
# Before they read generated pictures, they read real ones ({numref}`tab-metrics-judges`). People's
# ratings themselves have an error: of their variance, {result}`people:ceiling.valence:*100 .0f` % and
# {result}`people:ceiling.arousal:*100 .0f` % are more than chance of who was asked, which no judge can
# exceed.

# %% tags=["hide-input"]
judged, people = provenance.load("scene"), provenance.load("people")
at128 = judged["resolutions"]["128"]
rows = [
    ("scene network", "photographs left out, their labels", at128, "r2", "r"),
    ("scene network", "people, on scenery", people["scene"]["scenery"], "r2", "r"),
    ("judge of ratings", "people, other themes left out", people["ratings"]["apart"], "r2", "r"),
    ("judge of ratings", "people, on scenery", people["ratings"]["scenery"], "r2", "r"),
    (
        "judge of ratings",
        "photographs left out, their labels",
        people["ratings"]["photos"],
        "r2",
        "r",
    ),
]
figures.table(
    pd.DataFrame(
        {"judge": who, "compared with": what}
        | {
            f"{name}, {d}": text(told[d][key])
            for key, name in ((a, "R²"), (b, "r"))
            for d in DIMENSIONS
        }
        for who, what, told, a, b in rows
    ),
    "What the judges read in photographs they were not fitted to; 95 % intervals. R² below zero: "
    "another scale, as predicted labels spread less than ratings.",
    name="tab-metrics-judges",
)

# %% [markdown]
# The scene network names the right one of {result}`scene:scenes:len` kinds at a rate of
# {result}`scene:resolutions.128.accuracy`. A generator cannot be seen to obey better than photographs
# are seen to have their labels: their own figures stand beside its own below.

# %% [markdown]
# ## Like photographs?
#
# {result}`metrics:likeness.scene.n` generated pictures are compared with as many photographs, and for
# the floor as many other photographs with the same ones ({numref}`tab-metrics-likeness`). KID
# {cite:p}`binkowski2018kid` is an unbiased relative of the Fréchet distance. Density says how many
# pictures lie where photographs are, coverage how many photographs have a picture near them
# {cite:p}`naeem2020density`, precision how many pictures lie near any photograph.

# %% tags=["hide-input"]
study = provenance.load("metrics")
names = {
    "frechet": "Fréchet distance ↓",
    "kid": "KID ↓",
    "density": "density ↑",
    "coverage": "coverage ↑",
    "precision": "precision ↑",
}
spaces = {"scene": "scene network", "ratings": "judge of ratings"}
figures.table(
    pd.DataFrame(
        {"measure": name, "features": where}
        | {
            side: text(study["likeness"][space][key][k], ".3f" if key == "kid" else "")
            for k, side in (("generated", "generated"), ("photos", "photographs (floor)"))
        }
        for key, name in names.items()
        for space, where in spaces.items()
    ),
    "Generated pictures against photographs, with 95 % intervals.",
    name="tab-metrics-likeness",
)

# %% [markdown]
# Of the pictures, {result}`metrics:kinds.sea.generated:*100 .0f` % are named seas,
# {result}`metrics:kinds.forest.generated:*100 .0f` % forests,
# {result}`metrics:kinds.glacier.generated:*100 .0f` % glaciers and
# {result}`metrics:kinds.mountain.generated:*100 .0f` % mountains; of photographs
# {result}`metrics:kinds.sea.photos:*100 .0f`, {result}`metrics:kinds.forest.photos:*100 .0f`,
# {result}`metrics:kinds.glacier.photos:*100 .0f` and {result}`metrics:kinds.mountain.photos:*100 .0f` %.

# %% [markdown]
# ## Copies of the training photographs?
#
# A generator that copies would come nearer to its training photographs than new photographs do. One in
# a hundred new photographs is nearer to one than a certain mark; that mark rests on ten of them, so its
# own uncertainty is in the interval. Nearer than the mark are
# {result}`metrics:likeness.scene.nearest.closer:*100 .1f` % of the pictures in the scene network's
# features and {result}`metrics:likeness.ratings.nearest.closer:*100 .1f` % in the other judge's. The
# twelve that come nearest ({numref}`fig-metrics-nearest`) were looked at beside their photographs: they
# share a kind of scene and its colours, not a picture, and the correlations of their pixels, which are
# written below them, are far from the 1 of a copy. The verdict: no copies.

# %% mystnb={"figure": {"caption": "The twelve of the generated pictures that come nearest to a training photograph in the features of the judge of ratings, with the correlation of their pixels with that photograph's. The photographs themselves cannot be shown here.", "name": "fig-metrics-nearest"}, "image": {"alt": "Twelve generated landscapes, each with a small correlation below one half."}} tags=["hide-input"]
side = study["resolution"]
sheet = np.asarray(Image.open(provenance.results_dir() / "metrics" / "nearest.png"))
tiles = sheet.reshape(2, side, -1, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
figures.Gallery({"": (tiles, [f"{x['pixels']:.2f}" for x in study["nearest"]])})

# %% [markdown]
# ## Varied?
#
# Variety is the mean distance between two pictures, as a share of the photographs'. Over all of them it
# is {result}`metrics:diversity.scene.overall.ratio` for the scene network and
# {result}`metrics:diversity.ratings.overall.ratio` for the other judge. At one emotion, where other
# emotions do not help, it is {result}`metrics:diversity.scene.one.ratio` and
# {result}`metrics:diversity.ratings.one.ratio` of that of the photographs nearest to this emotion.

# %% [markdown]
# (sec-nb-metrics-obedience)=
# ## Obedient, or only in the kind of scene?
#
# The generator is asked for the emotions of photographs left out, and for a grid over the plane; both
# judges say what they see ({numref}`tab-metrics-va`). Kinds of scenes differ in emotion: the kind alone
# explains {result}`metrics:kinds.explains.valence:*100 .0f` % and
# {result}`metrics:kinds.explains.arousal:*100 .0f` % of the photographs' labels. A picture may obey by
# changing its scene. So r is also given within one kind of scene, as the scene network names it, and
# without brightness and saturation. Shuffled requests are the control.

# %% tags=["hide-input"]
rows = {
    "generated": ("random", "r"),
    "generated, within a kind": ("random", "within"),
    "generated, without colour": ("random", "left"),
    "photographs, their labels": ("photos", "r"),
    "photographs, within a kind": ("photos", "within"),
    "control: requests shuffled": ("shuffled", "r"),
}
figures.table(
    pd.DataFrame(
        {"r of asked and seen": f"{who}: {label}"}
        | {d: text(study["va"][space][source][d][key]) for d in DIMENSIONS}
        for space, who in spaces.items()
        for label, (source, key) in rows.items()
    ),
    "Emotion asked for and emotion seen: correlations with 95 % bootstrap intervals.",
    name="tab-metrics-va",
)

# %% [markdown]
# The scene does change with the emotion: from corner to corner of the plane, the same seed keeps the
# kind of its scene for {result}`metrics:moods.kept:*100 .1f` % of {result}`metrics:moods.seeds` seeds.
# One scene in four moods it is not.

# %% mystnb={"figure": {"caption": "Emotion asked for and emotion seen by the two judges over a grid of the plane. Thin lines: a row or column of the grid; points: their mean.", "name": "fig-metrics-grid"}, "image": {"alt": "Two rows of two charts, a row a judge; the emotion seen rises with the emotion asked for valence and for arousal."}} tags=["hide-input"]
figure, axes = plt.subplots(2, 2, figsize=(7, 5.4), sharex="col", layout="constrained")
for row, (space, who) in zip(axes, spaces.items()):
    answered = np.array(study["grid"][space])  # (arousal, valence, dimension)
    for i, (ax, d) in enumerate(zip(row, DIMENSIONS)):
        lines = answered[..., i] if d == "valence" else answered[..., i].T
        ax.plot(study["grid"][d], lines.T, color=figures.INK, lw=0.8, alpha=0.6)
        ax.plot(study["grid"][d], lines.mean(0), "o-")
        ax.set_title(f"{d}, {who}")
        ax.set_ylabel("seen")
for ax, d in zip(axes[1], DIMENSIONS):
    ax.set_xlabel(f"{d} asked")
plt.show()

# %% mystnb={"figure": {"caption": "What changes in the picture from the lowest to the highest valence and arousal asked for, beside what changes among photographs. Points: generated; squares: photographs; bars: 95 % bootstrap intervals.", "name": "fig-metrics-looks"}, "image": {"alt": "Two panels, for valence and arousal, with a point and a square for each of brightness, saturation, warmth, contrast and detail."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7.8, 2.9), sharey=True, layout="constrained")
for ax, d in zip(axes, DIMENSIONS):
    for source, marker, shift in (("generated", "o", -0.14), ("photos", "s", 0.14)):
        told = [study["looks"][source][look][d] for look in metrics.LOOKS]
        value = 2 * np.array([x["value"] for x in told])  # from −1 to 1
        ends = 2 * np.array([[x["low"], x["high"]] for x in told]).T
        ax.errorbar(
            value,
            np.arange(len(told)) + shift,
            xerr=np.abs(ends - value),
            fmt=marker,
            ms=5,
            capsize=2,
            lw=1.2,
            label=source,
        )
    ax.axvline(0, color=figures.INK, lw=0.8)
    ax.set_yticks(range(len(metrics.LOOKS)), metrics.LOOKS)
    ax.set(title=d, xlabel="change over the whole range")
    ax.grid(axis="x")
axes[0].invert_yaxis()
axes[1].legend(fontsize=8)
plt.show()

# %% [markdown]
# (sec-nb-metrics-milestone)=
# ## Beside the milestone's critic
#
# The same kind of generator, taught by the milestone's critic, is measured on the same seeds and
# requests ({numref}`tab-metrics-milestone`). The scene network, small as it is and trained on
# labels of the same making, forgives it much. The judge of ratings does not: hardly a photograph has
# one of its pictures near it ({result}`metrics_milestone:likeness.ratings.coverage.generated`), and
# valence goes the wrong way. One judge would not have shown that.

# %% tags=["hide-input"]
models = {"released": study, "milestone's critic": provenance.load("metrics_milestone")}
measures = {
    "Fréchet distance ↓": ("likeness", "frechet", "generated"),
    "coverage ↑": ("likeness", "coverage", "generated"),
    "variety ↑": ("diversity", "overall", "ratio"),
    "r, valence ↑": ("va", "random", "valence", "r"),
    "r, arousal ↑": ("va", "random", "arousal", "r"),
}


def at(found, space, path):
    """A judge's figure in a result."""
    part = found[path[0]][space]
    for key in path[1:]:
        part = part[key]
    return text(part)


figures.table(
    pd.DataFrame(
        {"measure": name, "judge": who}
        | {model: at(found, space, path) for model, found in models.items()}
        for name, path in measures.items()
        for space, who in spaces.items()
    ),
    "Two critics, one generator: the same seeds and requests, with 95 % intervals.",
    name="tab-metrics-milestone",
)

# %% [markdown]
# ## What does without a generator
#
# To answer a request, one could show the training photograph whose label is nearest, or a photograph at
# random; or paint {result}`baselines:of` pictures and let one judge choose, while the other scores the
# choice ({numref}`tab-metrics-baselines`).

# %% tags=["hide-input"]
labels = {
    "retrieval": "nearest training photograph",
    "photo at random": "photograph at random",
    "one picture": "one generated picture",
    "best, chosen by scene": "best of several, chosen by the scene network",
    "best, chosen by ratings": "best of several, chosen by the judge of ratings",
}
answers = provenance.load("baselines")["answers"]
figures.table(
    pd.DataFrame(
        {"answer": label}
        | {
            f"{d}, {who}": text(answers[key][space][d]) if space in answers[key] else "–"
            for d in DIMENSIONS
            for space, who in spaces.items()
        }
        for key, label in labels.items()
    ),
    "Correlation of the emotion asked for and seen, by both judges, with 95 % intervals.",
    name="tab-metrics-baselines",
)

# %% [markdown]
# Retrieval obeys as well as photographs are seen to have their labels, and better than the generator:
# whoever wants obedience alone needs no generator. What it adds is that its pictures are not among the
# photographs, and that there are as many of them as there are seeds.

# %% [markdown]
# (sec-nb-metrics-way)=
# ## From the song to the picture
#
# The whole way is measured on {result}`end_to_end:songs` clips by {result}`end_to_end:artists` artists.
# Each is heard by a model that was trained on other artists' songs; the generator paints what was heard;
# the judges say what emotion the picture has. All emotions are quantiles here, the song's among songs
# and the picture's among photographs, because that is how they are carried over ({ref}`sec-bridge`). The
# songs' own labels come from mood tags, not from listeners ({ref}`sec-provenance`).

# %% mystnb={"figure": {"caption": "Correlation along the way, with 95 % intervals over artists: the song's label and what is heard; what is asked of the generator and what a judge sees; the whole way, with one picture for a song and with the mean of several. Points: the judge of ratings; squares: the scene network. Grey: the middle 95 % with pictures of other songs.", "name": "fig-metrics-way"}, "image": {"alt": "Points with intervals for four links, for valence and for arousal; the whole way lies below each of its parts, and a grey band around zero shows chance."}} tags=["hide-input"]
journey = provenance.load("end_to_end")
links = {
    "heard": "song → heard",
    "generator": "request → picture",
    "whole": "song → picture",
    "whole, mean of pictures": f"song → {journey['pictures']} pictures",
}
figure, axes = plt.subplots(1, 2, figsize=(7.8, 2.6), sharey=True, layout="constrained")
for ax, d in zip(axes, DIMENSIONS):
    for space, marker, shift in (("ratings", "o", -0.12), ("scene", "s", 0.12)):
        told = [journey["judges"][space].get(key, journey["heard"])[d]["r"] for key in links]
        value = np.array([x["value"] for x in told])
        ends = np.array([[x["low"], x["high"]] for x in told]).T
        ax.errorbar(
            value,
            np.arange(len(links)) + shift,
            xerr=np.abs(ends - value),
            fmt=marker,
            ms=5,
            capsize=2,
            lw=1.2,
        )
    chance = journey["judges"]["ratings"]["shuffled"][d]
    ax.axvspan(chance["low"], chance["high"], color=figures.INK, alpha=0.25, lw=0)
    ax.axvline(0, color=figures.INK, lw=0.8)
    ax.set_yticks(range(len(links)), links.values())
    ax.set(title=d, xlabel="correlation")
    ax.grid(axis="x")
axes[1].invert_yaxis()
plt.show()

# %% [markdown]
# Given a song, its own picture is nearer to it in the plane than the picture of another song in
# {result}`end_to_end:judges.ratings.matched.one picture:*100 .0f` % of the choices by the judge of
# ratings ({result}`end_to_end:judges.scene.matched.one picture:*100 .0f` % by the scene network), and
# the mean of {result}`end_to_end:pictures` pictures in
# {result}`end_to_end:judges.ratings.matched.mean of pictures:*100 .0f` %; with pictures dealt out at
# random it is {result}`end_to_end:judges.ratings.matched.shuffled:*100 .0f` %.
#
# ### Where a picture's emotion comes from
#
# The emotion that a judge sees in one picture varies for three reasons ({numref}`tab-metrics-shares`):
# songs differ, as far as they were heard to; what was heard is uncertain, so that a song could as well
# have been heard a little differently; and seeds differ, at one and the same request.

# %% tags=["hide-input"]
parts = {"songs": "songs as heard", "unknown": "what is not known of a song", "seeds": "seeds"}
figures.table(
    pd.DataFrame(
        {"": d, "judge": who}
        | {
            name: text(journey["judges"][space]["shares"][d][key], "*100 .0f")
            for key, name in parts.items()
        }
        for d in DIMENSIONS
        for space, who in spaces.items()
    ),
    "Shares of the variance of one picture's emotion, in per cent, with 95 % intervals over artists.",
    name="tab-metrics-shares",
)

# %% mystnb={"figure": {"caption": "Three songs, from the one whose possible emotions lie closest together to the one where they lie furthest apart. Leftmost: the picture of what was heard. Others: the same seed for emotions drawn over what is not known, in order of their valence.", "name": "fig-metrics-uncertainty"}, "image": {"alt": "Three rows of generated landscapes of one seed each."}} tags=["hide-input"]
strip = Image.open(provenance.results_dir() / "end_to_end" / "uncertainty.png")
figure, ax = plt.subplots(figsize=(8, 8 * strip.height / strip.width))
ax.imshow(strip)
ax.axis("off")
plt.show()

# %% [markdown]
# A song takes {result}`end_to_end:seconds.listening.cpu:.2f` s of one core to be listened to and
# {result}`end_to_end:seconds.picture.cpu:.2f` s to be painted.

# %% [markdown]
# ## Summary
#
# - Against photographs the released generator is
#   {result}`metrics:likeness.scene.frechet.generated` away in the scene network's features, where
#   photographs are {result}`metrics:likeness.scene.frechet.photos` from each other; it covers
#   {result}`metrics:likeness.scene.coverage.generated` of them.
# - Its variety is {result}`metrics:diversity.scene.overall.ratio` of the photographs'. It does not copy.
# - By people's ratings, valence asked and seen correlate by
#   {result}`metrics:va.ratings.random.valence.r` and arousal by
#   {result}`metrics:va.ratings.random.arousal.r`; photographs and their labels by
#   {result}`metrics:va.ratings.photos.valence.r` and {result}`metrics:va.ratings.photos.arousal.r`.
#   Within one kind of scene {result}`metrics:va.ratings.random.valence.within` and
#   {result}`metrics:va.ratings.random.arousal.within` are left.
# - From the song to one picture, the correlation is
#   {result}`end_to_end:judges.ratings.whole.valence.r` for valence and
#   {result}`end_to_end:judges.ratings.whole.arousal.r` for arousal.
