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
# the number of songs. All of it is of the tuned forest on the 222 features of 4Q-TAFFC, whose labels come from mood
# tags, not from ratings.

# %% tags=["parameters", "remove-cell"]
seed = 0

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import numpy as np

from m2l import figures
from m2l import results as provenance
from m2l.va import DIMENSIONS

figures.use_style()
study = provenance.load("forest")

# %% [markdown]
# ## Clusters
#
# Features whose rank correlations average 0.7 or more are shuffled together, each cluster named by the member
# that is closest to all others ({numref}`fig-listening-clusters`).

# %% mystnb={"figure": {"caption": "The fall of R\u00b2 on unseen clips when a cluster of features is shuffled: the eight that matter most, with the number of their members and 95 % intervals over artists.", "name": "fig-listening-clusters"}, "image": {"alt": "Two panels of eight clusters each, with small falls of R\u00b2."}}
clusters = study["listening"]["clusters"]
figure, axes = plt.subplots(2, 1, figsize=(6, 6))
for ax, d in zip(axes, DIMENSIONS):
    top = sorted(clusters, key=lambda name: -clusters[name][d]["value"])[:8]
    ends = [[clusters[name][d][k] for name in top] for k in ("low", "value", "high")]
    labels = [f"{name} ({clusters[name]['n']})" for name in top]
    figures.intervals(ax, *ends, labels)
    ax.axvline(0, color=figures.INK, lw=0.6)
    ax.set_title(d)
axes[1].set_xlabel("fall of R²")
plt.show()

# %% [markdown]
# ## Single features
#
# {numref}`fig-listening-dependence` sets one feature of all clips to a value and asks for the mean answer, with
# twenty forests on artists drawn anew {cite:p}`friedman2001greedy`.

# %% mystnb={"figure": {"caption": "Partial dependence: the mean prediction as one feature goes from its 5th to its 95th percentile, with 95 % intervals over forests. Solid is valence, dashed arousal.", "name": "fig-listening-dependence"}, "image": {"alt": "Panels for single features, each with two nearly flat or gently sloping bands, one for valence and one for arousal."}}
shown = study["listening"]["dependence"]
figure, axes = plt.subplots(-(-len(shown) // 2), 2, figsize=(6, 6), sharey=True, squeeze=False)
for ax in axes.flat[len(shown) :]:
    ax.axis("off")
for ax, (name, curve) in zip(axes.flat, shown.items()):
    for i, line in enumerate(("-", "--")):
        value, low, high = (np.array(curve[key])[:, i] for key in ("value", "low", "high"))
        ax.plot(curve["at"], value, line, label=DIMENSIONS[i])
        ax.fill_between(curve["at"], low, high, alpha=0.2)
    ax.set_xlabel(name)
    ax.locator_params(axis="x", nbins=4)
figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# Each feature by itself moves a prediction by a fraction of a point. These are descriptions of a model, not of
# music: among features that move together, which one a forest picks is partly chance.
#
# ## More songs
#
# {numref}`fig-listening-curve` trains on a share of the songs.

# %% mystnb={"figure": {"caption": "R\u00b2 on unseen clips of 4Q-TAFFC by the number of songs trained on, 148 features, with 95 % intervals over artists.", "name": "fig-listening-curve"}, "image": {"alt": "Two panels of two rising lines."}}
curve = study["curve"]["taffc"]
figure, axes = plt.subplots(1, 2, figsize=(6, 2.8))
for ax, d in zip(axes, DIMENSIONS):
    for (name, by), marker in zip(curve["models"].items(), "os"):
        value, low, high = (np.array([one[k] for one in by[d]]) for k in ("value", "low", "high"))
        spans = [value - low, high - value]
        ax.errorbar(curve["songs"], value, spans, fmt=f"{marker}-", lw=1.2, label=name)
    ax.set(title=d, xlabel="songs")
axes[0].set_ylabel("R²")
axes[1].legend(fontsize=8)
plt.show()

# %% [markdown]
# ## Summary
#
# The forest hears how full and how clear a sound is, spread over many features, none of which matters alone. More
# songs would help: the curves still rise.
