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
# own measure ({ref}`sec-measures`), tested here on pictures whose faults are known, then applied to the
# released generator, and last to the whole way from a song to its picture.

# %% tags=["parameters", "remove-cell"]
seed = 0
paintings = 200

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from m2l import corpora, figures
from m2l import results as provenance
from m2l.doors import pictures as opener
from m2l.judge import metrics, scene
from m2l.va import DIMENSIONS

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# (sec-nb-metrics-judges)=
# ## Two judges, with different eyes
#
# A judge is a network that says what emotion it sees, and in whose features distances are taken.
#
# - The **scene network** comes with the package. It is trained on photographs that no generator has
#   seen to name the kind of scene and to read valence and arousal. Its labels are of the same making
#   as those the generator learned from: it measures whether the generator learned what it was taught, and
#   can flatter one that picked up the labelling networks' habits.
# - The **judge of ratings** looks through another network, the frozen ResNet of another project, trained
#   for another task, and a ridge regression from its features to people's ratings of
#   {result}`people:photos` photographs of all kinds {cite:p}`kurdi2017oasis`, to which the
#   networks that labelled the photographs were fitted as well. It can flatter bright and sharp pictures.
#
# The usual judge of likeness, Inception, defines FID {cite:p}`heusel2017ttur`. Its official weights
# were not at hand, so nothing here is called FID; `m2l metrics model --inception` reports it for whoever
# has them. The formula is FID's all the same, on the features of a judge:

# %%
figures.source(metrics.frechet)

# %% [markdown]
# Coverage {cite:p}`naeem2020density` asks how many photographs have a picture near them, where near is as
# far as their own fifth neighbour at most. Here are both between two halves of the painted landscapes of the sample
# corpus:

# %%
judge = scene.load()
table = corpora.load("sample", kind="landscapes", n=paintings, seed=seed, size=64).table
pictures = np.stack([np.asarray(opener.read(path, 64)) for path in table["path"]])
features, kinds, seen = scene.look(judge, pictures)

real, other = np.array_split(features, 2)
among = metrics.distances(real, real)
reach = np.partition(among, 5)[:, 5]
covered = (metrics.distances(real, other) < reach[:, None]).any(axis=1)
print(f"Fréchet distance {metrics.frechet(real, other):.1f}, coverage {covered.mean():.2f}")

# %% [markdown]
# ## Do the measures notice?
#
# A useful measure gets worse when one set of pictures is spoilt. Now the second half is blurred, noisy, or
# darkened; last, some of its pictures are replaced by copies of a single one ({numref}`fig-metrics-spoil`).
# Both measures notice every fault, blur the least.

# %%
rng = np.random.default_rng(seed)
whole = np.array_split(pictures, 2)[1].astype(float)
order = np.linspace(0, 1, len(whole))[:, None, None, None]
spoil = {
    "blur": lambda s: gaussian_filter(whole, (0, 2 * s, 2 * s, 0)),
    "noise": lambda s: whole + rng.normal(0, 40 * s, whole.shape),
    "darkness": lambda s: whole * (1 - 0.6 * s),
    "copies": lambda s: np.where(order < 0.8 * s, whole[:1], whole),
}
strengths = np.linspace(0, 1, 5)
found = {}
for fault, damage in spoil.items():
    found[fault] = []
    for s in strengths:
        x = scene.look(judge, damage(s).clip(0, 255).astype(np.uint8))[0]
        near = metrics.neighbours(among, metrics.distances(real, x))
        found[fault].append((metrics.frechet(real, x), near["coverage"]))

# %% mystnb={"figure": {"caption": "Two measures between one half of the painted landscapes and the other half after damage (synthetic pictures), in the scene network's features.", "name": "fig-metrics-spoil"}, "image": {"alt": "Two panels of four lines from no damage to most: the Fr\u00e9chet distance rises with each fault; coverage falls with all, with copies too."}}
figure, axes = plt.subplots(2, 1, figsize=(5.2, 4.6), sharex=True)
for (fault, values), marker in zip(found.items(), "osD^"):
    for ax, line in zip(axes, np.transpose(values)):
        ax.plot(strengths, line, f"{marker}-", label=fault)
axes[0].set_ylabel("Fréchet distance")
axes[1].set(ylabel="coverage", xlabel="damage, from none to most")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
plt.show()

# %% [markdown]
# ## The judges, judged
#
# Before they read generated pictures, they read real ones ({numref}`tab-metrics-judges`). People's
# ratings depend little on who was asked: {result}`people:ceiling.valence:*100 .0f` % and
# {result}`people:ceiling.arousal:*100 .0f` % of their variance do not. Of ratings on themes
# left out, the judge of ratings explains {result}`people:ratings.apart.valence.r2.value:*100 .0f` % and
# {result}`people:ratings.apart.arousal.r2.value:*100 .0f` %. The scene network names the right one of
# {result}`scene:scenes:len` kinds at a rate of {result}`scene:resolutions.128.accuracy`.
#
# ```{list-table} What the judges read in photographs that they were not fitted to: r with 95 % intervals.
# :name: tab-metrics-judges
# :header-rows: 1
#
# * - Judge, compared with
#   - Valence
#   - Arousal
# * - Scene network, labels of photographs left out
#   - {result}`scene:resolutions.128.valence.r`
#   - {result}`scene:resolutions.128.arousal.r`
# * - Scene network, people on scenery
#   - {result}`people:scene.scenery.valence.r`
#   - {result}`people:scene.scenery.arousal.r`
# * - Judge of ratings, people on other themes
#   - {result}`people:ratings.apart.valence.r`
#   - {result}`people:ratings.apart.arousal.r`
# * - Judge of ratings, people on scenery
#   - {result}`people:ratings.scenery.valence.r`
#   - {result}`people:ratings.scenery.arousal.r`
# * - Judge of ratings, labels of photographs left out
#   - {result}`people:ratings.photos.valence.r`
#   - {result}`people:ratings.photos.arousal.r`
# ```
#
# ## Like photographs?
#
# {result}`metrics:likeness.scene.n` generated pictures are compared with as many photographs, and so are
# as many other photographs, the floor ({numref}`tab-metrics-likeness`); KID is the kernel
# distance {cite:p}`binkowski2018kid` in the same features, whose unbiased estimate may fall below 0.
#
# ```{list-table} Generated pictures against photographs in the features of the judge of ratings and of the scene network, with 95 % intervals.
# :name: tab-metrics-likeness
# :header-rows: 1
#
# * - Measure
#   - Generated
#   - Photographs (floor)
# * - Fréchet ↓, ratings
#   - {result}`metrics:likeness.ratings.frechet.generated`
#   - {result}`metrics:likeness.ratings.frechet.photos`
# * - Fréchet ↓, scene
#   - {result}`metrics:likeness.scene.frechet.generated`
#   - {result}`metrics:likeness.scene.frechet.photos`
# * - KID ↓, ratings
#   - {result}`metrics:likeness.ratings.kid.generated:.3f`
#   - {result}`metrics:likeness.ratings.kid.photos:.3f`
# * - KID ↓, scene
#   - {result}`metrics:likeness.scene.kid.generated:.3f`
#   - {result}`metrics:likeness.scene.kid.photos:.3f`
# * - coverage ↑, ratings
#   - {result}`metrics:likeness.ratings.coverage.generated`
#   - {result}`metrics:likeness.ratings.coverage.photos`
# * - coverage ↑, scene
#   - {result}`metrics:likeness.scene.coverage.generated`
#   - {result}`metrics:likeness.scene.coverage.photos`
# ```
#
# **Varied?** Variety is the mean distance between two pictures, as a share of the photographs'. Over all of
# them it is {result}`metrics:diversity.scene.overall.ratio` for the scene network and
# {result}`metrics:diversity.ratings.overall.ratio` for the other judge. At one emotion, where other
# emotions do not help, it is {result}`metrics:diversity.scene.one.ratio` and
# {result}`metrics:diversity.ratings.one.ratio` of that of the photographs nearest to this emotion.

# %% [markdown]
# ## Copies of the training photographs?
#
# A generator that copies would come nearer to its training photographs than new photographs do. Of the
# pictures {result}`metrics:likeness.scene.nearest.closer:*100 .1f` % in the scene network's features and
# {result}`metrics:likeness.ratings.nearest.closer:*100 .1f` % in the other judge's are nearer than all but 1 % of new
# photographs; 1 % would be chance.
# {numref}`fig-metrics-nearest` has the twelve that come nearest; the correlation of their pixels with the
# photograph's would be 1 for a copy. Looked at beside their photographs, they share a kind of scene and its
# colours, not a picture. They are no copies.

# %% mystnb={"figure": {"caption": "The twelve of the generated pictures that come nearest to a training photograph in the features of the judge of ratings, with the correlation of their pixels with that photograph's. The photographs themselves cannot be shown here.", "name": "fig-metrics-nearest"}, "image": {"alt": "Twelve generated landscapes, each with the correlation of its pixels with a photograph's."}} tags=["hide-input"]
study = provenance.load("metrics")
side = study["resolution"]
sheet = np.asarray(Image.open(provenance.results_dir() / "metrics" / "nearest.png"))
tiles = sheet.reshape(2, side, -1, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
figures.Gallery({"": (tiles, [f"{x['pixels']:.2f}" for x in study["nearest"]])}, width=4.5)

# %% [markdown]
# (sec-nb-metrics-obedience)=
# ## Obedient, or only in the kind of scene?
#
# The generator is asked for the emotions of photographs left out, and both judges say what they see
# ({numref}`tab-metrics-va`). Kinds of scenes differ in emotion: the kind alone
# explains {result}`metrics:kinds.explains.valence:*100 .0f` % and
# {result}`metrics:kinds.explains.arousal:*100 .0f` % of the photographs' labels. A picture may obey by
# changing its scene. So r is also given within one kind of scene, as the scene network names it, and
# without brightness and saturation. Shuffled requests are the control.
#
# ```{list-table} Emotion asked for and emotion seen: correlations with 95 % bootstrap intervals.
# :name: tab-metrics-va
# :header-rows: 1
#
# * - r of asked and seen
#   - Valence
#   - Arousal
# * - **Judge of ratings**: generated
#   - {result}`metrics:va.ratings.random.valence.r`
#   - {result}`metrics:va.ratings.random.arousal.r`
# * - the same, as trained, without {ref}`emphasis <sec-nb-gan-emphasis>`
#   - {result}`emphasis:curve.0.ratings.valence.r`
#   - {result}`emphasis:curve.0.ratings.arousal.r`
# * - within one kind of scene
#   - {result}`metrics:va.ratings.random.valence.within`
#   - {result}`metrics:va.ratings.random.arousal.within`
# * - without brightness and colour
#   - {result}`metrics:va.ratings.random.valence.left`
#   - {result}`metrics:va.ratings.random.arousal.left`
# * - photographs, their labels
#   - {result}`metrics:va.ratings.photos.valence.r`
#   - {result}`metrics:va.ratings.photos.arousal.r`
# * - photographs, within a kind
#   - {result}`metrics:va.ratings.photos.valence.within`
#   - {result}`metrics:va.ratings.photos.arousal.within`
# * - control: requests shuffled
#   - {result}`metrics:va.ratings.shuffled.valence.r`
#   - {result}`metrics:va.ratings.shuffled.arousal.r`
# * - **Scene network**: generated
#   - {result}`metrics:va.scene.random.valence.r`
#   - {result}`metrics:va.scene.random.arousal.r`
# * - within one kind of scene
#   - {result}`metrics:va.scene.random.valence.within`
#   - {result}`metrics:va.scene.random.arousal.within`
# * - photographs, their labels
#   - {result}`metrics:va.scene.photos.valence.r`
#   - {result}`metrics:va.scene.photos.arousal.r`
# ```
#
# The scene does change with the emotion: from corner to corner of the plane, the same seed keeps the
# kind of its scene for {result}`metrics:moods.kept:*100 .1f` % of {result}`metrics:moods.seeds` seeds.

# %% [markdown]
# **Beside the milestone's critic.** A generator that the milestone's critic taught, measured on the same seeds and
# requests but without emphasis, does well by the scene network: r is {result}`metrics_milestone:va.scene.random.valence.r` in
# valence. By the judge of ratings it is {result}`metrics_milestone:va.ratings.random.valence.r`, and coverage
# {result}`metrics_milestone:likeness.ratings.coverage.generated`. One judge would not have shown that.
#
# ## What does without a generator
#
# To answer a request, one could show the training photograph whose label is nearest, or a photograph at
# random; or, for {result}`baselines:asked` requests, paint {result}`baselines:of` pictures each and let one judge
# choose, while the other scores the choice ({numref}`tab-metrics-baselines`).
#
# ```{list-table} Correlation of the emotion asked for and seen, by the judge of ratings, with 95 % intervals.
# :name: tab-metrics-baselines
# :header-rows: 1
#
# * - Answer
#   - Valence
#   - Arousal
# * - nearest training photograph
#   - {result}`baselines:answers.retrieval.ratings.valence`
#   - {result}`baselines:answers.retrieval.ratings.arousal`
# * - the same, with the generator's emphasis
#   - {result}`baselines:answers.retrieval, emphasised.ratings.valence`
#   - {result}`baselines:answers.retrieval, emphasised.ratings.arousal`
# * - photograph at random
#   - {result}`baselines:answers.photo at random.ratings.valence`
#   - {result}`baselines:answers.photo at random.ratings.arousal`
# * - one generated picture
#   - {result}`baselines:answers.one picture.ratings.valence`
#   - {result}`baselines:answers.one picture.ratings.arousal`
# * - best of several, chosen by the scene network
#   - {result}`baselines:answers.best, chosen by scene.ratings.valence`
#   - {result}`baselines:answers.best, chosen by scene.ratings.arousal`
# ```
#
# The generator obeys about as well as the nearest photograph; retrieval with the same emphasis obeys better:
# whoever wants obedience alone needs no generator. What one adds is
# pictures that are not photographs, as many as there are seeds.

# %% [markdown]
# (sec-nb-metrics-way)=
# ## From the song to the picture
#
# All steps together are measured on {result}`end_to_end:songs` clips by {result}`end_to_end:artists` artists
# ({numref}`fig-metrics-way`). Each is heard by a model that was trained on other artists' songs; the
# generator paints what was heard; the judges say what emotion the picture has. All emotions are quantiles
# here, the song's among songs and the picture's among photographs as the same judge sees these, because that
# is how they are carried over ({ref}`sec-bridge`). The songs' own labels come from mood tags, not from listeners
# ({ref}`sec-provenance`).

# %% mystnb={"figure": {"caption": "Correlation along the way, with 95 % intervals over artists: the song's label and what is heard; what is asked of the generator and what a judge sees; the song's label and what a judge sees, in one picture and in the mean of several. Grey: the middle 95 % with pictures of other songs.", "name": "fig-metrics-way"}, "image": {"alt": "Points with intervals for four links, for valence and for arousal; from song to one picture it lies below each of the parts, and a grey band around zero shows chance."}} tags=["hide-input"]
journey = provenance.load("end_to_end")
links = {
    "song → heard": "heard",
    "request → picture": "generator",
    "song → picture": "one picture",
    f"song → {journey['pictures']} pictures": "mean of pictures",
}
way = {}
for name, key in {"judge of ratings": "ratings", "scene network": "scene"}.items():
    told = journey["judges"][key]
    steps = {"heard": journey["heard"], "generator": told["generator"], **told["whole"]}
    way[name] = {t: {d: steps[k][d]["r"] for d in DIMENSIONS} for t, k in links.items()}
figures.by_dimension(way, "correlation", journey["judges"]["ratings"]["shuffled"])
plt.show()

# %% [markdown]
# Given a song, its own picture is nearer to it in the plane than the picture of another song in
# {result}`end_to_end:judges.ratings.matched.one picture:*100 .0f` % of the choices by the judge of
# ratings ({result}`end_to_end:judges.scene.matched.one picture:*100 .0f` % by the scene network), and
# the mean of {result}`end_to_end:pictures` pictures in
# {result}`end_to_end:judges.ratings.matched.mean of pictures:*100 .0f` %; with pictures dealt out at
# random it is {result}`end_to_end:judges.ratings.matched.shuffled:*100 .0f` %.
#
# That is for seeds as they come. `m2l generate` paints {result}`end_to_end:of` scenes for a song, and the scene
# network keeps the one that it sees nearest to what is asked. Scored by the other judge, r from song to picture is
# then {result}`end_to_end:judges.ratings.whole.chosen.valence.r` for valence and
# {result}`end_to_end:judges.ratings.whole.chosen.arousal.r` for arousal, where the first scene has
# {result}`end_to_end:judges.ratings.whole.one picture.valence.r` and {result}`end_to_end:judges.ratings.whole.one picture.arousal.r`, and
# the song's own picture is the nearer one in {result}`end_to_end:judges.ratings.matched.chosen:*100 .0f` % of choices.
# What was not heard cannot be painted. With pictures that showed exactly what was heard, it would be:

# %%
label, asked = np.hsplit(journey["arrays"]["label, asked"], 2)
f"{100 * metrics.matched(label, asked).mean():.0f} % of choices"

# %% [markdown]
# **Where a picture's emotion comes from.** With `--spread`, which paints the doubt as well, the emotion that the judge of ratings
# sees in one picture varies for three reasons: songs differ, as far as they were heard to
# ({result}`end_to_end:judges.ratings.shares.valence.songs.value:*100 .0f` % of the variance in valence,
# {result}`end_to_end:judges.ratings.shares.arousal.songs.value:*100 .0f` % in arousal); what was heard is
# uncertain ({result}`end_to_end:judges.ratings.shares.valence.unknown.value:*100 .0f` % and
# {result}`end_to_end:judges.ratings.shares.arousal.unknown.value:*100 .0f` %); and seeds differ, at one and
# the same request ({result}`end_to_end:judges.ratings.shares.valence.seeds.value:*100 .0f` % and
# {result}`end_to_end:judges.ratings.shares.arousal.seeds.value:*100 .0f` %).

# %% [markdown]
# ## Summary
#
# - Against photographs the released generator is
#   {result}`metrics:likeness.ratings.frechet.generated` away in the features of the judge of ratings, where
#   photographs are {result}`metrics:likeness.ratings.frechet.photos` from each other; it covers
#   {result}`metrics:likeness.ratings.coverage.generated` of them.
# - Its variety is {result}`metrics:diversity.ratings.overall.ratio` of the photographs'.
# - By the judge of ratings, valence asked and seen correlate by
#   {result}`metrics:va.ratings.random.valence.r` and arousal by
#   {result}`metrics:va.ratings.random.arousal.r`; photographs and their labels by
#   {result}`metrics:va.ratings.photos.valence.r` and {result}`metrics:va.ratings.photos.arousal.r`.
#   Within one kind of scene {result}`metrics:va.ratings.random.valence.within` and
#   {result}`metrics:va.ratings.random.arousal.within` are left.
# - From the song to the picture that `m2l generate` paints, the correlation is
#   {result}`end_to_end:judges.ratings.whole.chosen.valence.r` for valence and
#   {result}`end_to_end:judges.ratings.whole.chosen.arousal.r` for arousal.
