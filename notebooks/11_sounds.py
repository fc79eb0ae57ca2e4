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
# A model of emotion is given not the labels but the sound: 148 numbers a song, 74 descriptors
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
from m2l.music import features, importance
from m2l.sample import compose as synth
from m2l.va import DIMENSIONS

figures.use_style()
warnings.filterwarnings("ignore", message="IProgress")
study = provenance.load("data")
planes = study["arrays"]

# %%
rng = np.random.default_rng(seed)
asked = rng.uniform(1.5, 8.5, (pieces, 2))  # valence and arousal that the composer is told
sounds = pd.DataFrame(
    [
        features.from_signal(synth.compose(*va, seed=n, seconds=6), features.NAMES)
        for n, va in enumerate(asked)
    ],
    columns=features.NAMES,
)
high = asked >= 5
quadrant = np.where(high[:, 1], np.where(high[:, 0], 1, 2), np.where(high[:, 0], 4, 3))

# %% mystnb={"figure": {"caption": "Eight of the 148 features by quadrant: 4Q-TAFFC (dots; thick line from the first to the third quartile, thin from the 5th to the 95th percentile) and the new pieces of the sample corpus (diamonds, median and quartiles).", "name": "fig-data-features"}, "image": {"alt": "Eight panels with four rows, one a quadrant. In 4Q-TAFFC the excited quadrants are louder and brighter and have less spectral contrast than the calm ones, while pleasant and unpleasant differ little, most in pulse clarity and mode. The sample pieces are softer and darker, with more contrast and clearer pulse and key, and their mode tells pleasant from unpleasant."}}
chosen = {
    "loudness_mean": "loudness (dB)",
    "onset_strength_mean": "onset strength",
    "tempo_mean": "tempo (bpm)",
    "pulse_clarity_mean": "pulse clarity",
    "spectral_centroid_mean": "spectral centroid (Hz)",
    "spectral_contrast_1_mean": "low-band contrast (dB)",
    "mode_mean": "mode (minor to major)",
    "key_clarity_mean": "key clarity",
}
songs = planes["features_quadrants"]  # (4, 5, 148): quadrant, percentile, feature
own = sounds.groupby(quadrant).quantile([0.25, 0.25, 0.5, 0.75, 0.75])
figures.by_quadrant(
    {
        title: {
            "4Q-TAFFC": songs[:, :, features.NAMES.index(name)].T,
            "sample": own[name].to_numpy().reshape(4, 5).T,
        }
        for name, title in chosen.items()
    }
)
plt.show()

# %% [markdown]
# From the excited quadrants to the calm ones the clips change in many features at once; from pleasant to
# unpleasant, in few and by little ({numref}`fig-data-features`). {numref}`tab-data-features` has those that
# follow the labels most closely: none follows valence as closely as several follow arousal. The sample pieces
# follow the rules more neatly: their mode alone tells pleasant from unpleasant. But they are softer
# and darker, with clearer pulse and key, and often lie outside the range of real clips. They are good for
# showing methods, not for training a model of real music.

# %%
follows = pd.DataFrame(planes["features_labels"].T, index=features.NAMES, columns=DIMENSIONS)
closest = {d: follows[d].loc[follows[d].abs().nlargest(5).index] for d in DIMENSIONS}
figures.table(
    pd.DataFrame(
        {d: [f"{n}, {r:.2f}" for n, r in column.items()] for d, column in closest.items()}
    ),
    "The five features of 4Q-TAFFC with the highest rank correlation (Spearman) with each label.",
    name="tab-data-features",
)

# %% mystnb={"figure": {"caption": "Correlations among the 148 features, grouped by family: 4Q-TAFFC above, the new pieces of the sample corpus below. Blue is negative, red positive; in each family the means come first, then the deviations.", "name": "fig-data-correlations"}, "image": {"alt": "Two square matrices. In the upper, moderate correlations within timbre and within harmony, with bright diagonals where the three chromas describe the same pitch class; in the lower the same diagonals, and stronger correlations among timbre, loudness and rhythm."}}
related = pd.DataFrame(planes["features_correlation"].astype(float), features.NAMES, features.NAMES)
families = importance.families(features.NAMES)
order = [
    f for members in families.values() for f in sorted(members, key=lambda f: f[-4:] == "_std")
]
figures.correlations(
    {"4Q-TAFFC": related.loc[order, order], "sample": sounds.corr().fillna(0).loc[order, order]},
    {name: len(members) for name, members in families.items()},
)
plt.show()

# %% [markdown]
# The features overlap ({numref}`fig-data-correlations`), though few pairs say nearly the same:

# %%
pairs = np.abs(related.to_numpy()[np.triu_indices(148, 1)])
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
