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
# (sec-nb-provenance)=
# # Where the numbers come from
#
# A number in this book leads back to a result, and a result to a commit, a corpus and a machine. In
# the source of a page a number stands as the path to it in `results/`, so that a search finds it;
# below each figure and table stands which result it was made from, or that the page made it itself.
# This page is made after all chapters, from what they and the study recorded while they ran.

# %% tags=["parameters", "remove-cell"]
chapters = "book/executed"

# %% tags=["remove-cell"]
from m2l import figures, results
from m2l.experiments import provenance

# %% [markdown]
# (sec-nb-provenance-data)=
# ## Corpora
#
# None of the corpora is part of this project or fetched by it. Each has a card that says what it is
# and where its authors give it out; `m2l data` lists them, and a loader that finds other files than
# the card describes says which. The fingerprint is a hash of the items' names, labels and file
# sizes as loaded for [chapter 1](01_data): whoever has the same fingerprint has the same data.

# %%
figures.table(
    provenance.data(),
    "Data availability; last, the fingerprint.",
    name="tab-provenance-data",
)

# %% [markdown]
# **What may be shared** is what this project contains: trained weights, scores, histograms,
# pictures by the generator, pairs of a label and a prediction without the item's name, and coarse spectra of
# {result}`songs:songs:len` clips ({ref}`sec-songs`). No song, no photo and no table of labels is in it, not even
# as a thumbnail; what can be heard was composed by `m2l` itself.

# %% [markdown]
# (sec-nb-provenance-results)=
# ## Results
#
# Each stage of the study is a command that writes one file to `results/`, or one file for each run into a
# folder there, with a note of what it ran on. A plus behind a commit means that the package had
# changes that were not committed yet ({numref}`tab-provenance-results`). The fingerprints hash what a result was
# computed from, such as features with their labels: results from one corpus may differ in them. The machines they ran on are in
# {numref}`tab-provenance-machines`.

# %%
runs = results.chapters(chapters)
figures.table(
    provenance.made(runs, "book"),
    "The results of the study: what each was made from, how, and who reads it.",
    name="tab-provenance-results",
)

# %%
figures.table(
    provenance.machines(),
    "Machines and versions that made the results.",
    name="tab-provenance-machines",
)

# %% [markdown]
# (sec-nb-provenance-weights)=
# ## Released weights
#
# The networks and the forest that ship with the package, by their SHA-256 ({numref}`tab-provenance-weights`).

# %%
figures.table(
    provenance.weights(),
    "Weights in the package; of the checksum, the first 16 of 64 digits.",
    name="tab-provenance-weights",
)

# %% [markdown]
# (sec-nb-provenance-chapters)=
# ## Chapters
#
# The chapters were run for these very pages, by the machine and the Python of the last row. Their
# settings lie in `params/`; a seed stands among them.

# %%
figures.table(
    provenance.ran(runs), "Run time and settings of the chapters.", name="tab-provenance-chapters"
)

# %% [markdown]
# ## Environment
#
# `requirements.lock` pins every package, these among them; `environment.yml` installs the same.

# %%
figures.table(
    provenance.packages(), "The main packages of this build.", name="tab-provenance-packages"
)
