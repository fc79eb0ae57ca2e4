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
# (sec-nb-data-features)=
# # Appendix: how the songs sound
#
# A model of emotion does not see the labels' plane but the sound: 148 numbers a song, 74 descriptors
# by mean and standard deviation over time ({ref}`sec-nb-forest`). They can be computed
# where there is sound, so here for {result}`data:corpora.taffc.files` clips of 4Q-TAFFC, whose distributions
# are in the results, and at once for a few new pieces of the sample corpus.

# %% tags=["parameters", "remove-cell"]
seed = 0
pieces = 40

# %% tags=["remove-cell"]
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from m2l import figures
from m2l import results as provenance
from m2l.music import features
from m2l.sample import compose as synth

figures.use_style()
warnings.filterwarnings("ignore", message="IProgress")
study = provenance.load("data")
planes = study["arrays"]


# %%
rng = np.random.default_rng(seed)
asked = pd.DataFrame(
    rng.uniform(1.5, 8.5, (pieces, 2)),
    columns=["valence", "arousal"],
)
sounds = pd.DataFrame(
    [
        features.from_signal(synth.compose(*va, seed=n, seconds=6), features.NAMES)
        for n, va in enumerate(asked.values)
    ],
    columns=features.NAMES,
)

# %% tags=["remove-cell"]
described_by = dict(zip(features.NAMES, range(148), strict=True))
sample_quadrant = np.select(
    [(asked >= 5).all(axis=1), (asked < 5).all(axis=1), asked["arousal"] >= 5],
    ["Q1", "Q3", "Q2"],
    "Q4",
)
with_labels = pd.DataFrame(
    planes["features_labels"].T, index=features.NAMES, columns=["valence", "arousal"]
)
related = planes["features_correlation"].astype(float)

# %% mystnb={"figure": {"caption": "Eight of the 148 features by quadrant: 4Q-TAFFC (dots; thick line from the first to the third quartile, thin from the 5th to the 95th percentile) and the new pieces of the sample corpus (diamonds, median and quartiles).", "name": "fig-data-features"}, "image": {"alt": "Eight panels with four rows, one a quadrant. In 4Q-TAFFC the excited quadrants are louder and brighter and have less spectral contrast than the calm ones, while pleasant and unpleasant differ little, most in pulse clarity and mode. The sample pieces are softer and darker, with more contrast and clearer pulse and key, and their mode tells pleasant from unpleasant."}} tags=["hide-input"]
chosen = {
    "loudness_mean": "loudness (dB)", "onset_strength_mean": "onset strength", "tempo_mean": "tempo (bpm)",
    "pulse_clarity_mean": "pulse clarity", "spectral_centroid_mean": "spectral centroid (Hz)",
    "spectral_contrast_1_mean": "low-band contrast (dB)", "mode_mean": "mode (minor to major)",
    "key_clarity_mean": "key clarity",
}  # fmt: skip
rows = {
    "Q1": "excited, pleasant",
    "Q2": "excited, unpleasant",
    "Q4": "calm, pleasant",
    "Q3": "calm, unpleasant",
}
figure, axes = plt.subplots(2, 4, figsize=(7.2, 4.4), sharey=True)
for ax, (name, label) in zip(axes.flat, chosen.items(), strict=True):
    for row, quadrant in enumerate(rows):
        q5, q25, q50, q75, q95 = planes["features_quadrants"][
            int(quadrant[1]) - 1, :, described_by[name]
        ]
        ax.hlines(row - 0.13, q5, q95, color="C0", lw=0.9)
        ax.hlines(row - 0.13, q25, q75, color="C0", lw=3)
        ax.plot(
            q50,
            row - 0.13,
            "o",
            color="C0",
            ms=6,
            mec="w",
            mew=0.8,
            label="4Q-TAFFC" if row == 0 else None,
        )
        live = sounds.loc[sample_quadrant == quadrant, name].quantile([0.25, 0.5, 0.75])
        ax.hlines(row + 0.2, live.iloc[0], live.iloc[2], color="C1", lw=3)
        ax.plot(
            live.iloc[1],
            row + 0.2,
            "D",
            color="C1",
            ms=5,
            mec="w",
            mew=0.8,
            label="sample" if row == 0 else None,
        )
    ax.set_title(label, fontsize=8, loc="center")
    ax.tick_params(labelsize=8)
    ax.locator_params(axis="x", nbins=3)
    ax.set_yticks(range(4), rows.values())
    ax.tick_params(axis="y", length=0)
axes[0, 0].set_ylim(3.5, -0.5)
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# From the excited quadrants to the calm ones the clips change in many features at once; from pleasant to
# unpleasant, in few and by little ({numref}`fig-data-features`). {numref}`tab-data-features` has those that
# follow the labels most closely: with valence none goes as far as with arousal. The sample pieces follow the
# same rules more neatly than life does: their mode alone tells pleasant from unpleasant. But they are softer
# and darker, with clearer pulse and key, and often lie outside the range of real clips. They are good for
# showing methods, not for training a model of real music.

# %% tags=["hide-input"]
figures.table(
    pd.concat(
        [
            with_labels[d].loc[with_labels[d].abs().nlargest(5).index].rename_axis(f"with {d}")
            .rename(f"correlation, {d}").reset_index()
            for d in ("valence", "arousal")
        ],
        axis=1,
    ),
    "The five features of 4Q-TAFFC with the highest rank correlation (Spearman) with each label.",
    name="tab-data-features",
)  # fmt: skip

# %% mystnb={"figure": {"caption": "Correlations among the 148 features, grouped by family: 4Q-TAFFC left, the new pieces of the sample corpus right. Blue is negative, red positive; in each family the means come first, then the deviations.", "name": "fig-data-correlations"}, "image": {"alt": "Two square matrices. On the left, moderate correlations within timbre and within harmony, with bright diagonals where the three chromas describe the same pitch class; on the right the same diagonals, and stronger correlations among timbre, loudness and rhythm."}} tags=["hide-input"]
family = {d: name for name, members in features.FAMILIES.items() for d in members}
order = [
    i for name in features.FAMILIES for statistic in ("_mean", "_std") for i, feature in enumerate(features.NAMES)
    if feature.endswith(statistic) and family[max((d for d in family if feature.startswith(d)), key=len)] == name
]  # fmt: skip
sizes = [
    2 * sum(features.DESCRIPTORS[d] for d in members) for members in features.FAMILIES.values()
]
borders = np.cumsum([0, *sizes])
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.7), sharey=True)
for ax, matrix, name in zip(
    axes, (related, np.nan_to_num(sounds.corr().to_numpy())), ("4Q-TAFFC", "sample"), strict=True
):
    shown = ax.imshow(matrix[np.ix_(order, order)], vmin=-1, vmax=1, cmap="RdBu_r", rasterized=True)
    ax.set_title(name, fontsize=9)
    ax.set_xticks([])
    ax.set_yticks((borders[1:] + borders[:-1]) / 2 - 0.5, features.FAMILIES, fontsize=8)
    ax.tick_params(length=0)
    for border in borders[1:-1] - 0.5:
        ax.axhline(border, color="k", lw=0.6)
        ax.axvline(border, color="k", lw=0.6)
for label, side in zip(axes[0].get_yticklabels()[2:], ("bottom", "top"), strict=True):
    label.set_va(side)  # the two smallest families lie close together
figure.colorbar(shown, ax=axes, label="Pearson correlation", shrink=0.75, aspect=25)
plt.show()

# %% [markdown]
# The features overlap ({numref}`fig-data-correlations`), but less than their number suggests:

# %%
pairs = np.abs(related[np.triu_indices(148, 1)])
shares = np.cumsum(np.linalg.eigvalsh(related)[::-1]) / 148
print(
    f"{len(pairs):,} pairs, {(pairs > 0.5).mean():.0%} correlate beyond 0.5, {(pairs > 0.9).sum()} beyond 0.9"
)
for share in (0.5, 0.9):
    print(f"{(shares < share).sum() + 1} principal components hold {share:.0%} of the variance")

# %% [markdown]
# Correlated features have to be judged together: shuffle one, and its neighbours still tell the model what
# it said.

# %% [markdown]
# ## Summary
#
# Arousal is in many features of the sound, valence in few and weakly. The features overlap, so they are judged in
# groups ({ref}`sec-nb-listening`).
