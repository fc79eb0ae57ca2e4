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
# (sec-nb-forest)=
# # Hearing emotion
#
# How much of what a song feels like can be heard from its sound? This chapter goes from four composed
# pieces to models tested on real songs by artists that they had never heard. Scores are given for each
# corpus by itself, with intervals over artists.

# %% tags=["parameters", "remove-cell"]
seed = 0
songs = 24
seconds = 7
folds = 4

# %% tags=["remove-cell"]
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from m2l import corpora, figures, stats
from m2l import results as provenance
from m2l.music import features, forest
from m2l.sample import compose as synth
from m2l.va import DIMENSIONS

figures.use_style()
warnings.filterwarnings("ignore", message="IProgress")
study = provenance.load("forest")
heard = provenance.load("ear")
abroad = provenance.load("abroad")
text = provenance.text

# %% [markdown]
# ## Four pieces
#
# One seed, so one motif and one set of instruments, under four emotions. Listen first.

# %%
moods = {
    "excited, unpleasant": (2.5, 7.5),
    "excited, pleasant": (7.5, 7.5),
    "calm, unpleasant": (2.5, 2.5),
    "calm, pleasant": (7.5, 2.5),
}
pieces = {m: synth.compose(*va, seed=seed, seconds=seconds) for m, va in moods.items()}
figures.players({mood.capitalize(): piece for mood, piece in pieces.items()}, synth.SR)

# %% [markdown]
# `features.curves` follows 74 descriptors through a piece {cite:p}`mcfee2015librosa`.
# {numref}`fig-forest-curves` has two that can be understood without a textbook: how loud the sound is, and
# how bright, the mean frequency in it.

# %% mystnb={"figure": {"caption": "Two of the 74 descriptors over time in the four pieces. Solid lines are the excited pieces, dashed lines the calm ones.", "name": "fig-forest-curves"}, "image": {"alt": "Two panels of four curves each. The excited pieces, solid, are louder and brighter than the calm ones, dashed, nearly everywhere."}}
figure, axes = plt.subplots(2, 1, figsize=(5.6, 4.2), sharex=True)
for ax, row in zip(axes, ("loudness", "spectral_centroid")):
    for mood, piece in pieces.items():
        curve = features.curves(piece)[row]
        at = np.arange(len(curve)) * features.HOP / features.SR
        ax.plot(at, curve, "-" if mood.startswith("excited") else "--", lw=1.4, label=mood)
axes[0].set(ylabel="loudness (dB)", ylim=(-60, 0))
axes[1].set(ylabel="centroid (Hz)", xlabel="seconds")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# Their means and standard deviations over a clip are the milestone's 148 numbers; the changes of each
# descriptor make them 222.
#
# ## How a model is tested
#
# All models below are tested in the same way. Here it is with a forest on a few composed
# pieces, whose emotion is known: folds keep an artist's songs
# together, so that no model is tested on an artist that it knows.

# %%
sample = corpora.load("sample", kind="music", n=songs, seed=seed).table
x, _ = features.extract_many(sample["path"], progress=False, names=features.NAMES)
y = sample[list(DIMENSIONS)].to_numpy()
predicted = forest.cross_validate(forest.default_forest, x, y, sample["group"], folds, seed=seed)
scores = stats.evaluate(y, predicted, sample["group"], seed=seed)
print(*(f"R², {d}: {text(scores[d]['r2'])}" for d in DIMENSIONS), sep="\n")

# %% [markdown]
# R² is {eq}`eq-r2`: the share of the labels' variance that the predictions explain; always answering
# the mean gives 0.
#
# ## Models on the same features
#
# On {result}`ear:songs` clips of 4Q-TAFFC by {result}`ear:artists` artists, whose labels come **from mood tags,
# not from ratings** ({ref}`sec-provenance`), models read the same 148 features
# ({numref}`tab-forest-ladder`). Settings are searched inside the training part of each fold.

# %%
ladder = study["corpora"]["taffc"]["models"]
figures.table(
    pd.DataFrame(
        {"model": name} | {f"R², {d}": text(found[d]["r2"]) for d in DIMENSIONS}
        for name, found in ladder.items()
    ),
    "4Q-TAFFC, 148 features: cross-validated R² with 95 % intervals over artists. The CNN reads "
    "spectrograms in place of features.",
    name="tab-forest-ladder",
)

# %% [markdown]
# All but the mean and, in valence, the CNN lie within each other's intervals. A linear model, ridge, does
# nearly as well as the best. What limits the models is not their kind but what they are given.
#
# ## Better inputs
#
# So the models were given more: the changes of the descriptors, and what two networks hear that were trained
# to tag music, on other labels and far more songs {cite:p}`pons2019musicnn`. MTT is the network of
# MagnaTagATune; MSD that of the Million Song Dataset, which may hold some of these very songs, though without
# their emotion. {numref}`fig-forest-inputs` shows one model, the tuned forest, with each input.

# %% mystnb={"figure": {"caption": "R\u00b2 of the tuned forest on 4Q-TAFFC by what it reads, with 95 % intervals over artists. 148 and 222: features; MTT and MSD: the penultimate layers of two tagging networks.", "name": "fig-forest-inputs"}, "image": {"alt": "Two panels of eight points with intervals. Inputs with the tagging networks reach higher, above all in valence with both networks."}}
tuned = {
    name: {d: models["tuned forest"][d]["r2"] for d in DIMENSIONS}
    for name, models in heard["rungs"].items()
}
figures.by_dimension({"tuned forest": tuned}, "R²")
plt.show()

# %% [markdown]
# Both networks together raise R² in valence by
# {result}`ear:rungs.MTT + MSD.tuned forest.valence.gain` over the 222 features, in arousal by
# {result}`ear:rungs.MTT + MSD.tuned forest.arousal.gain`. By MTT alone, the careful figure, it is
# {result}`ear:rungs.MTT.tuned forest.valence.gain` and {result}`ear:rungs.MTT.tuned forest.arousal.gain`: in
# valence little is certain to remain. Features beside the networks add nothing more. The model that the
# package uses by default reads both networks; `m2l emotion --model forest` uses the 148 features.
#
# (sec-nb-forest-abroad)=
# ## Songs from elsewhere
#
# A network that learned tags may know these songs. It is least likely to know
# {result}`abroad:clips.deam` clips of DEAM and {result}`abroad:clips.pmemo` of PMEmo, which listeners have
# rated: a small sample, all the sound at hand from either. And corpora can test each other, on those of
# DEAM's openSMILE features that can be computed from sound again ({numref}`tab-forest-abroad`;
# all models are in {numref}`tab-listening-abroad`).

# %% tags=["hide-input"]
clips = {"the default, both networks": "ear", "MTT alone": "MTT", "the forest, 148": "forest"}
pairs = {"DEAM, tested on 4Q": ("deam", "taffc"), "4Q, tested on DEAM": ("taffc", "deam")}
across = {(r["learnt"], r["tested"]): r for r in abroad["across"]["rows"] if r["model"] == "ridge"}
figures.table(
    pd.DataFrame(
        [
            {"Learnt": f"4Q, tested on rated clips: {name}"}
            | {f"r, {d}": text(abroad["unknown"][key][d]["r"]) for d in DIMENSIONS}
            for name, key in clips.items()
        ]
        + [
            {"Learnt": f"{name}: ridge, openSMILE"}
            | {f"r, {d}": text(across[pair][d]["r"]) for d in DIMENSIONS}
            for name, pair in pairs.items()
        ]
    ),
    "Correlation of heard and labelled emotion on songs of another corpus, models untouched, with 95 % intervals.",
    name="tab-forest-abroad",
)

# %% [markdown]
# Unknown songs are put roughly in the right order, in arousal more surely than in valence, but too near the middle: the
# default hears valence from {result}`abroad:unknown.ear.valence.heard.0:.1f` to
# {result}`abroad:unknown.ear.valence.heard.1:.1f` where listeners went from
# {result}`abroad:unknown.ear.valence.rated.0:.1f` to {result}`abroad:unknown.ear.valence.rated.1:.1f`, and arousal
# from {result}`abroad:unknown.ear.arousal.heard.0:.1f` to {result}`abroad:unknown.ear.arousal.heard.1:.1f` where
# they went from {result}`abroad:unknown.ear.arousal.rated.0:.1f` to
# {result}`abroad:unknown.ear.arousal.rated.1:.1f`.
# Within a song, `m2l emotion --over-time` follows DEAM's annotators on ten clips with a mean r of
# {result}`abroad:over_time.valence.r` in valence and {result}`abroad:over_time.arousal.r` in arousal; on ten
# clips that hardly change, that shows nothing.
#
# (sec-nb-forest-deam)=
# ## What exchanged labels do to a score
#
# DEAM has ratings by listeners. In its published table, valence and arousal of all songs with an id up to 1000
# are exchanged ({ref}`sec-nb-data-audit`). {numref}`tab-forest-deam` shows what that does to the same forest on
# the same 74 published features, split by song, as artists are not known.

# %%
tables = {
    "as published": ("deam published", "default forest"),
    "put right": ("deam corrected", "default forest"),
    "put right, tuned": ("deam corrected", "tuned forest"),
    "put right, SVR": ("deam corrected", "SVR"),
    "ids up to 1000, put right": ("deam 1-1000", "default forest"),
}
figures.table(
    pd.DataFrame(
        {"DEAM": name}
        | {f"R², {d}": text(study["corpora"][key]["models"][model][d]["r2"]) for d in DIMENSIONS}
        for name, (key, model) in tables.items()
    ),
    "DEAM by its table of labels: cross-validated R² of a forest on the published openSMILE features.",
    name="tab-forest-deam",
)

# %% [markdown]
# With the exchange, valence looks easier and arousal harder than they are, without any warning. A single score
# over two corpora, as the milestone gave, misleads in another way: a model that knows only which corpus a song is
# from explains part of it ({ref}`sec-conclusion`).
#
# (sec-nb-forest-intervals)=
# ## How sure it is
#
# Each prediction carries an interval, made to hold nine tenths of the songs by artists not heard
# {cite:p}`lei2018conformal`. Of these clips it held {result}`ear:released.ear.held.0.9.valence.held:.1%` in valence and
# {result}`ear:released.ear.held.0.9.arousal.held:.1%` in arousal. It is
# {result}`ear:released.ear.held.0.9.valence.width:.1f` points long in valence, half of the scale, and
# {result}`ear:released.ear.held.0.9.arousal.width:.1f` in arousal: one clip settles little about its valence.
#
# ## What the features say
#
# Shuffle a family of features among clips that a forest has not heard, and see how much R² falls
# {cite:p}`gregorutti2015grouped`. {numref}`fig-forest-families` does so for the tuned forest on 222 features.

# %% mystnb={"figure": {"caption": "The fall of R\u00b2 on unseen clips of 4Q-TAFFC when a family of features is shuffled, with 95 % intervals over artists; in brackets the number of features.", "name": "fig-forest-families"}, "image": {"alt": "Two panels of four points with intervals: timbre and harmony matter most, rhythm and loudness hardly."}}
families = study["listening"]["families"]
labelled = {f"{name} ({one['n']})": one for name, one in families.items()}
figures.by_dimension({"families": labelled}, "fall of R²")
plt.show()

# %% [markdown]
# Timbre and harmony matter most. Loudness and rhythm are hardly missed, since the others also tell how dense a
# sound is. {ref}`An appendix <sec-nb-listening>` follows single features and the number of songs.

# %% [markdown]
# ## Summary
#
# - Arousal is heard better than valence: on 4Q-TAFFC by 148 features R²
#   {result}`forest:corpora.taffc.models.tuned forest.arousal.r2` against
#   {result}`forest:corpora.taffc.models.tuned forest.valence.r2`.
# - Kinds of model differ little; what they read matters. Two pretrained networks bring valence to
#   {result}`ear:rungs.MTT + MSD.tuned forest.valence.r2`, arousal to
#   {result}`ear:rungs.MTT + MSD.tuned forest.arousal.r2`.
# - DEAM's published table exchanges valence and arousal of part of its songs; put right, R² is
#   {result}`forest:corpora.deam corrected.models.tuned forest.valence.r2` and
#   {result}`forest:corpora.deam corrected.models.tuned forest.arousal.r2`.
# - Intervals hold as many songs as they promise and are long: in valence half of the scale.
