# %% [markdown]
# (sec-nb-forest)=
# # Predicting emotion
#
# The first stage turns a song into two numbers. It measures 148 properties of the sound and lets a
# random forest {cite:p}`breiman2001forests` learn which of them go with which emotion
# ({ref}`sec-stage-music`). In this chapter the measuring is done on two short pieces and the
# learning on a small corpus, both made by code, so that the truth is known. After that the same
# functions face real music.

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
from myst_nb import glue

from m2l import corpora, features, figures, forest, provenance, synth

figures.use_style()
# A library of a library would like a progress bar that pages cannot show.
warnings.filterwarnings("ignore", message="IProgress")


def keep(key, text):
    """Keep a text for the prose under forest_<key>."""
    glue(f"forest_{key}", text, display=False)


def interval(score, decimals=2):
    """A score with its interval, as text."""
    value, low, high = (score[k] for k in ("value", "low", "high"))
    return f"{value:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


def signed(text):
    return text.replace("-", "\u2212")


# %% [markdown]
# ## From sound to numbers
#
# Two pieces by the same seed, one calm and unpleasant, one excited and pleasant:

# %%
moods = {
    "calm, unpleasant": (2.5, 2.5),
    "excited, pleasant": (7.5, 7.5),
}
pieces = {
    mood: synth.compose(*va, seed=seed, seconds=seconds)
    for mood, va in moods.items()
}  # fmt: skip

# %% tags=["hide-input"]
figures.players({mood.capitalize(): piece for mood, piece in pieces.items()}, synth.SR)

# %% [markdown]
# `features.curves` follows 74 descriptors through a piece, one value every
# {glue:text}`forest_hop` milliseconds. Most are those of librosa {cite:p}`mcfee2015librosa`. Here are
# three that can be understood without a textbook: how loud it is, how bright it is (the spectral
# centroid, the mean frequency of the sound), and whether it sounds major or minor (how much better
# the best major key fits the notes than the best minor key).

# %%
curves = {mood: features.curves(piece) for mood, piece in pieces.items()}

# %% tags=["remove-cell"]
keep("hop", f"{1000 * features.HOP / features.SR:.0f}")

# %% mystnb={"figure": {"caption": "Three of the 74 descriptors over time in the two pieces.", "name": "fig-forest-curves"}, "image": {"alt": "Three panels of curves. The excited piece, a solid line, is louder and brighter than the calm one, a dashed line, nearly everywhere; its mode curve lies above zero, that of the calm piece below."}} tags=["hide-input"]
panels = {
    "loudness": "loudness (dB)",
    "spectral_centroid": "centroid (Hz)",
    "mode": "mode (major > 0)",
}
figure, axes = plt.subplots(3, 1, figsize=(7.2, 4.6), sharex=True)
for ax, (row, label) in zip(axes, panels.items()):
    for (mood, curve), line in zip(curves.items(), ("--", "-")):
        at = np.arange(len(curve)) * features.HOP / features.SR
        ax.plot(at, curve[row], line, lw=1.4, label=mood)
    ax.set_ylabel(label)
axes[0].set_ylim(-60, 0)
axes[2].axhline(0, color=figures.INK, lw=0.6)
axes[2].set_xlabel("seconds")
figure.align_ylabels()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# A forest needs a fixed number of inputs, whatever the length of the song. So each curve is reduced
# to two numbers: its mean, and its standard deviation over time, which says how much the song moves.

# %%
table = pd.DataFrame(
    {mood: features.from_signal(piece) for mood, piece in pieces.items()},
    index=list(features.NAMES),
)

# %% tags=["remove-cell"]
keep("features", f"{len(features.NAMES)}")

# %% tags=["hide-input"]
some = [f"{row}_{statistic}" for row in panels for statistic in ("mean", "std")]
figures.table(
    table.loc[some].rename_axis("feature").reset_index(),
    f"Six of the {len(features.NAMES)} features of the two pieces.",
)

# %% [markdown]
# The name of every feature says what it is. All {glue:text}`forest_features` belong to one of four
# families:

# %% tags=["hide-input"]
family_of = {d: family for family, members in features.FAMILIES.items() for d in members}
figures.table(
    pd.DataFrame(
        {
            "family": family,
            "features": 2 * sum(features.DESCRIPTORS[d] for d in members),
            "descriptors (rows, where more than one)": ", ".join(
                d.replace("_", " ") + f" ({features.DESCRIPTORS[d]})" * (features.DESCRIPTORS[d] > 1)
                for d in members
            ),
        }
        for family, members in features.FAMILIES.items()
    ),
    "The families of features; each row of a descriptor gives a mean and a standard deviation.",
)

# %% [markdown]
# ## A forest on songs whose emotion is known
#
# Can a forest find its way back from the sound to the emotion that a piece was composed for? The
# sample corpus spreads its pieces evenly over the plane, in groups of three by one "composer", who
# keeps to one key and one set of instruments.

# %%
sample = corpora.load("sample", kind="music", n=songs, seed=seed).table
x, skipped = features.extract_many(sample["path"], progress=False)
y = sample[["valence", "arousal"]].to_numpy()

# %% [markdown]
# `cross_validate` predicts each piece by a forest that has heard neither the piece nor anything
# else of its group. Whoever leaves that out measures how well a model recognises an artist.

# %%
predicted = forest.cross_validate(
    forest.default_forest,
    x,
    y,
    sample["group"],
    folds=folds,
    seed=seed,
)
scores = forest.evaluate(y, predicted, sample["group"], draws=200)

# %% tags=["remove-cell"]
keep("sample_songs", f"{len(x)}")
keep("sample_skipped", f"{len(skipped)}")
for d in forest.DIMENSIONS:
    keep(f"sample_{d}", interval(scores[d]["r2"]))
    keep(f"sample_{d}_r", f"{scores[d]['r']['value']:.2f}")

# %% mystnb={"figure": {"caption": "Emotion that the sample pieces were composed for, and what a forest that had not heard them makes of it.", "name": "fig-forest-sample"}, "image": {"alt": "Two scatter plots of predicted on true values with the diagonal. In arousal the points follow the diagonal, flattened towards the middle; in valence they scatter more widely."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.5))
for i, (ax, d) in enumerate(zip(axes, forest.DIMENSIONS)):
    figures.agreement(ax, y[:, i], predicted[0, :, i], d)
plt.show()

# %% [markdown]
# On {glue:text}`forest_sample_songs` pieces, arousal is recovered with an $R^2$ of
# {glue:text}`forest_sample_arousal` (in brackets a 95 % interval, here from very few groups) and
# valence with {glue:text}`forest_sample_valence`; the correlations are
# {glue:text}`forest_sample_arousal_r` and {glue:text}`forest_sample_valence_r`. Three things can be
# seen that will return with real songs. **Arousal comes first.** Loudness, brightness and density
# can be read off a spectrum, whereas valence hangs on the mode, which the forest has to piece together
# from many chroma features and few examples. **Predictions crowd towards the middle.** A forest
# averages, and where it is unsure it answers with something near the mean. **The order is better than
# the numbers**, which is why songs are carried over to landscapes by rank ({ref}`sec-bridge`).

# %% [markdown]
# (sec-nb-forest-study)=
# ## The study: 4Q-TAFFC
#
# Now to real music. The sound of 4Q-TAFFC {cite:p}`panda2020novel` was at hand, so its clips train
# the forest that drives the generator. To recall {ref}`sec-provenance`: its labels are derived from
# mood words; nobody rated the clips.
#
# Three models are compared: one that always answers with the mean of the training songs, a forest
# with default settings, and a forest whose settings are chosen by a search inside each training part.
# All three are judged on songs of artists that they have not heard.

# %%
study = provenance.load("forest")
models = study["taffc"]

# %% tags=["remove-cell"]
keep("songs", f"{study['songs']:,}")
keep("folds", f"{study['folds']}")
keep("repeats", f"{study['repeats']}")
for model, name in {"default forest": "default", "tuned forest": "tuned", "mean": "mean"}.items():
    for d in forest.DIMENSIONS:
        keep(f"{name}_{d}_r2", interval(models[model][d]["r2"]))
        for score in ("r2", "rmse", "ccc", "r"):
            keep(f"{name}_{d}_{score}_value", signed(f"{models[model][d][score]['value']:.2f}"))
for d in forest.DIMENSIONS:
    own = study["arrays"]["taffc tuned forest"]
    i = forest.DIMENSIONS.index(d)
    keep(f"{d}_slope", f"{np.polyfit(own[:, i], own[:, 2 + i], 1)[0]:.2f}")
    keep(f"{d}_sd_true", f"{own[:, i].std():.2f}")
    keep(f"{d}_sd_predicted", f"{own[:, 2 + i].std():.2f}")

# %% tags=["hide-input"]
headings = {"r2": "R²", "mse": "MSE", "rmse": "RMSE", "ccc": "CCC"}
figures.table(
    pd.DataFrame(
        {"dimension": d, "model": model}
        | {heading: signed(interval(models[model][d][score])) for score, heading in headings.items()}
        for d in forest.DIMENSIONS
        for model in models
    ),
    f"Scores on {study['songs']} clips of 4Q-TAFFC, {study['folds']}-fold cross-validation with "
    "artists kept apart. In brackets, 95 % bootstrap intervals over artists. MSE and RMSE are on the "
    "1–9 scale; CCC is Lin's concordance, which is 1 only if the values themselves agree.",
)
