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
# What does the whole way look like on music that nobody composed for it? Here are
# {result}`songs:songs:len` of the {result}`songs:of` clips of 4Q {cite:p}`panda2020novel`, three of each
# quadrant of the emotional plane, drawn at random with no artist twice. Each was heard by a model that
# was trained on other artists' songs only; its place among songs became the same place among
# landscapes ({ref}`sec-bridge`), and the generator painted {result}`songs:pictures` landscapes for it,
# of seeds 0 to 3, the same for every song. Neither songs nor pictures were selected.
#
# :::{admonition} What is predicted here
# :class: caution
# The quadrant is what the corpus's authors gave the clip. The valence and arousal beside it are
# predictions, in brackets the interval that is to hold nine songs in ten. V and A below a picture are
# what was asked of the generator, on the landscapes' scale; the labels that it learned from were
# **predicted, not rated**. The songs cannot be played here, since the rights are their owners'; the
# first tile is the spectrum of 30 seconds.
# :::

# %% tags=["parameters", "remove-cell"]
seed = 0

# %% tags=["remove-cell"]
from m2l import results as provenance
from m2l.experiments import songs

study = provenance.load("songs")

# %% [markdown]
# ## Excited and pleasant
#
# The songs of {numref}`fig-songs-q1` are the corpus's excited, pleasant ones.

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls excited and pleasant, at random, and what was painted for them.", "name": "fig-songs-q1"}}
songs.gallery(study, "Q1")

# %% [markdown]
# ## Excited and unpleasant
#
# The songs of {numref}`fig-songs-q2` are the corpus's excited, unpleasant ones.

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls excited and unpleasant, at random, and what was painted for them.", "name": "fig-songs-q2"}}
songs.gallery(study, "Q2")

# %% [markdown]
# ## Calm and unpleasant
#
# The songs of {numref}`fig-songs-q3` are the corpus's calm, unpleasant ones.

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls calm and unpleasant, at random, and what was painted for them.", "name": "fig-songs-q3"}}
songs.gallery(study, "Q3")

# %% [markdown]
# ## Calm and pleasant
#
# The songs of {numref}`fig-songs-q4` are the corpus's calm, pleasant ones.

# %% mystnb={"figure": {"caption": "Three songs that the corpus calls calm and pleasant, at random, and what was painted for them.", "name": "fig-songs-q4"}}
songs.gallery(study, "Q4")

# %% [markdown]
# ## Summary
#
# Loud songs and quiet ones are told apart, pleasant ones from unpleasant ones less well: the intervals
# of valence take up half the scale. Pictures of one song differ from each other at least as much as the
# same seed differs from song to song. A listener's own choice between a song's picture and another's is
# what would decide; a judge's is in {ref}`sec-nb-metrics`: over all songs it takes the song's own
# picture in {result}`end_to_end:judges.ratings.matched.one picture:*100 .0f` % of choices, where chance is 50 %.
