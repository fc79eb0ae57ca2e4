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
# (sec-songs)=
# # Real songs
#
# What is painted for real music? Here are
# {result}`songs:songs:len` of the {result}`songs:of` clips of 4Q {cite:p}`panda2020novel`, three of each
# quadrant of the valence–arousal plane ({numref}`fig-songs-q1`, {numref}`fig-songs-q2`, {numref}`fig-songs-q3`,
# {numref}`fig-songs-q4`), drawn at random with no artist twice. Each was heard by a model that
# was trained on other artists' songs only; its place among songs became the same place among
# landscapes ({ref}`sec-bridge`), and the generator painted {result}`songs:pictures` landscapes for it,
# of seeds 0 to 3, the same for every song. Neither songs nor pictures were selected.
#
# :::{admonition} What is predicted here
# :class: caution
# The quadrant is what the corpus's authors gave the clip. The valence and arousal beside it are
# predictions, in brackets an interval made to hold the label of nine songs in ten. V and A below a picture are
# what was asked of the generator, on the landscapes' scale; the labels that it learned from were
# **predicted, not rated**. The songs cannot be played here, since the rights are their owners'; the
# first tile is the spectrum of their first 30 seconds, time to the right and pitch upwards.
# :::

# %% tags=["parameters", "remove-cell"]
seed = 0

# %% tags=["remove-cell"]
from m2l import results as provenance
from m2l.experiments import songs

study = provenance.load("songs")

# %% [markdown]
# ## Excited and pleasant

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls excited and pleasant, at random, and what was painted for them.", "name": "fig-songs-q1"}}
songs.gallery(study, "Q1")

# %% [markdown]
# ## Excited and unpleasant

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls excited and unpleasant, at random, and what was painted for them.", "name": "fig-songs-q2"}}
songs.gallery(study, "Q2")

# %% [markdown]
# ## Calm and unpleasant

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls calm and unpleasant, at random, and what was painted for them.", "name": "fig-songs-q3"}}
songs.gallery(study, "Q3")

# %% [markdown]
# ## Calm and pleasant

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls calm and pleasant, at random, and what was painted for them.", "name": "fig-songs-q4"}}
songs.gallery(study, "Q4")

# %% [markdown]
# ## Summary
#
# Excited songs and calm ones are told apart, pleasant ones from unpleasant ones less well: the intervals
# of valence take up half the scale. In valence seeds move a picture more than songs do, in
# arousal less ({ref}`sec-nb-metrics-way`). Listeners' choices between a song's picture and another's would
# decide; the choices of a judge are in {ref}`sec-nb-metrics`: over all songs it takes the song's own
# picture in {result}`end_to_end:judges.ratings.matched.one picture:*100 .0f` % of choices, where chance is 50 %.
