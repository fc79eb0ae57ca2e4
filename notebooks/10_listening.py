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
# (sec-nb-listening)=
# # Appendix: what the forest listens to
#
# {ref}`sec-nb-forest` shuffles whole families of features. Here are clusters within them, single features, and
# the number of songs. The first two are of the tuned forest on the 222 features of 4Q-TAFFC, whose labels come from
# mood tags, not from ratings.

# %% tags=["parameters", "remove-cell"]
seed = 0

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import pandas as pd

from m2l import figures
from m2l import results as provenance
from m2l.music import importance
from m2l.va import DIMENSIONS

figures.use_style()
study = provenance.load("forest")

# %% [markdown]
# ## Clusters
#
# Features whose rank correlations average 0.7 or more are shuffled together, each cluster named by the member
# that is closest to all others ({numref}`fig-listening-clusters`). In the package:

# %%
figures.source(importance.clusters)

# %% [markdown]
# One member stands for all: the others of a cluster say about the same.

# %% mystnb={"figure": {"caption": "The fall of R\u00b2 on unseen clips when a cluster of features is shuffled: the eight that matter most, with the number of their members and 95 % intervals over artists.", "name": "fig-listening-clusters"}, "image": {"alt": "Two panels of eight clusters each, with small falls of R\u00b2."}}
figures.strongest(study["listening"]["clusters"], "fall of R²")
plt.show()

# %% [markdown]
# ## Single features
#
# {numref}`fig-listening-dependence` sets one feature of all clips to a value and asks for the mean answer, with
# twenty forests on artists drawn anew {cite:p}`friedman2001greedy`.

# %% mystnb={"figure": {"caption": "Partial dependence: the mean prediction as one feature goes from its 5th to its 95th percentile, with 95 % intervals over forests. Solid is valence, dashed arousal.", "name": "fig-listening-dependence"}, "image": {"alt": "Panels for single features, each with two nearly flat or gently sloping bands, one for valence and one for arousal."}}
figures.dependence(study["listening"]["dependence"])
plt.show()

# %% [markdown]
# Each feature by itself moves a prediction by a fraction of a point. These are descriptions of a model, not of
# music: among features that move together, which one a forest picks is partly chance.
#
# ## More songs
#
# {numref}`fig-listening-curve` trains two models on a share of the songs, ridge and extra trees.

# %% mystnb={"figure": {"caption": "R\u00b2 on unseen clips of 4Q-TAFFC by the number of songs trained on, 148 features, with 95 % intervals over artists.", "name": "fig-listening-curve"}, "image": {"alt": "Two panels of two rising lines."}}
curve = study["curve"]["taffc"]
figures.learning(curve["songs"], curve["models"])
plt.show()

# %% [markdown]
# (sec-nb-listening-abroad)=
# ## All models on songs from elsewhere
#
# {numref}`tab-listening-abroad` has every model of which chapter {ref}`sec-nb-forest` shows some: on the
# {result}`abroad:clips.deam` and {result}`abroad:clips.pmemo` rated clips, and from corpus to corpus by DEAM's openSMILE
# features. Which of two models carries over best differs from corpus to corpus.

# %%
abroad = provenance.load("abroad")
rated = {f"4Q, rated clips: {name}": told for name, told in abroad["unknown"].items()}
rated |= {f"DEAM, rated clips: {name}": told for name, told in abroad["across"]["clips"].items()}
named = {"deam": "DEAM", "taffc": "4Q"}
rated |= {
    f"{named[row['learnt']]}, {named[row['tested']]}: {row['model']}": row
    for row in abroad["across"]["rows"]
}
figures.table(
    pd.DataFrame(
        {"learnt, tested: model": name}
        | {f"r, {d}": provenance.text(told[d]["r"]) for d in DIMENSIONS}
        for name, told in rated.items()
    ),
    "Correlation of heard and labelled emotion, with 95 % intervals; within a corpus, on songs left out.",
    name="tab-listening-abroad",
)

# %% [markdown]
# ## Summary
#
# What the forest uses is spread over many features, none of which matters much alone. More songs would help: all
# curves but that of ridge in arousal still rise.
