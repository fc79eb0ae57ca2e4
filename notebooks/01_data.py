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
# (sec-nb-data)=
# # Exploring the data
#
# A model of emotion can be no better than the labels it learns from. So before anything is trained
# we look and listen. First comes a corpus that needs no download: music and landscapes made by
# code, whose emotion is known because it was asked for. Then the real corpora of {ref}`sec-data`
# are laid out on the valence–arousal plane and checked against themselves, and one of them fails
# the check.

# %% tags=["parameters", "remove-cell"]
seed = 0
place = 1
seconds = 7
pictures = 24

# %% tags=["remove-cell"]
import warnings
from dataclasses import asdict
from itertools import product

import librosa.display
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from myst_nb import glue

from m2l import corpora, features, figures, paint, provenance, synth
from m2l.corpora import deam

figures.use_style()
# A library of a library would like a progress bar that pages cannot show.
warnings.filterwarnings("ignore", message="IProgress")


def keep(key, text):
    """Keep a text for the prose under data_<key>."""
    glue(f"data_{key}", text, display=False)


def percent(share, decimals=0):
    return f"{100 * share:.{int(decimals)}f}\u00a0%"


# %% [markdown]
# ## Songs whose emotion is known
#
# Where in music does emotion sit? Experiments that vary one cue at a time, and reviews of them,
# agree on the direction of most cues {cite:p}`gabrielsson2010structure,eerola2013cues`: arousal
# goes with fast, loud, bright, detached playing; valence with the major mode, a high register,
# consonance and steady timing. The module `m2l.synth` makes a rule of that. Its function `cues`
# turns a point of the plane into musical settings. Here are those of one point in each quadrant.

# %%
corners = {
    "excited, unpleasant": (2.5, 7.5),
    "excited, pleasant": (7.5, 7.5),
    "calm, unpleasant": (2.5, 2.5),
    "calm, pleasant": (7.5, 2.5),
}
cues = {mood: synth.cues(*va) for mood, va in corners.items()}

# %% tags=["hide-input"]
columns = {
    "tempo_bpm": "beats a minute", "mode": "mode", "register": "register (MIDI)",
    "level_db": "level (dB)", "brightness_hz": "brightness (Hz)", "density": "notes a beat",
    "percussion": "percussion (0–1)",
}  # fmt: skip
figures.table(
    pd.DataFrame(map(asdict, cues.values()))[list(columns)]
    .rename(columns=columns)
    .assign(mood=list(cues))[["mood", *columns.values()]],
    "Some of the musical settings of four emotions.",
    decimals=1,
)

# %% [markdown]
# `compose` writes a small score with these settings and plays it. The seed picks key, chords, motif
# and instruments; the emotion decides how they are used.

# %%
songs = {}
for mood, va in corners.items():
    songs[mood] = synth.compose(*va, seed=seed, seconds=seconds)

# %% tags=["hide-input"]
figures.players({mood.capitalize(): song for mood, song in songs.items()}, synth.SR)

# %% [markdown]
# What the ear takes in at once can also be seen. A mel spectrogram shows how much sound there is at
# each frequency at each moment, with the frequencies spaced as hearing spaces them. It is what most
# of the features of the {doc}`next chapter <02_forest>` are computed from.

# %% mystnb={"figure": {"caption": "Mel spectrograms of the four pieces, placed as on the plane: excited above, pleasant on the right. Brighter is louder.", "name": "fig-data-spectrograms"}, "image": {"alt": "Four spectrograms. The two excited pieces have dense vertical onsets and energy up to several kilohertz; the two calm ones have few, long horizontal tones below one kilohertz."}} tags=["hide-input"]
figure, axes = plt.subplots(2, 2, figsize=(7.2, 4.4), sharex=True, sharey=True, dpi=95)
for ax, (mood, song) in zip(axes.flat, songs.items(), strict=True):
    mel = librosa.feature.melspectrogram(y=song, sr=synth.SR, hop_length=features.HOP)
    level = librosa.power_to_db(mel, ref=1.0)
    shown = librosa.display.specshow(
        level, sr=synth.SR, hop_length=features.HOP, x_axis="time", y_axis="mel", ax=ax,
        cmap="cividis", vmin=-50, vmax=30, rasterized=True,
    )  # fmt: skip
    ax.set(title=mood, xlabel="", ylabel="")
    ax.set_yticks([256, 1024, 4096], ["256 Hz", "1 kHz", "4 kHz"])
    ax.minorticks_off()
figure.supxlabel("seconds", color=figures.INK, size=10)
figure.colorbar(shown, ax=axes, label="dB", shrink=0.6, aspect=25)
plt.show()

# %% [markdown]
# The excited pieces are walls of onsets that reach into the high frequencies; the calm ones are a
# few long, dark tones. Left and right differ far less. It is a first hint at what studies of
# music and emotion keep finding: **arousal is close to the sound, valence is not.**

# %% [markdown]
# ## Landscapes whose emotion is known
#
# `m2l.paint` does for the eye what `m2l.synth` does for the ear. A seed fixes a place. Valence and
# arousal set its light, colours, relief and weather, following what is known about colour and
# emotion {cite:p}`valdez1994color`.

# %%
marks = [1.8, 3.4, 5.0, 6.6, 8.2]
views = {}
for va in product(marks, marks):
    views[va] = paint.landscape(*va, seed=place, size=96)

# %% mystnb={"figure": {"caption": "One place under twenty-five emotions, each picture at its own point of the valence\u2013arousal plane.", "name": "fig-data-place"}, "image": {"alt": "A grid of painted pictures of one place. From left to right the light changes from dark and overcast to warm and sunny; from bottom to top, from mist and stillness to strong contrast, with storm on the left and vivid colours on the right."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6.4, 6.4), dpi=80)
for (v, a), view in views.items():
    ax.imshow(view, extent=(v - 0.76, v + 0.76, a - 0.76, a + 0.76), interpolation="antialiased")
figures.va_plane(ax, label=False)
ax.spines[["left", "bottom"]].set_visible(False)
plt.show()

# %% [markdown]
# The same emotion also has to look different from place to place. A generator that had learnt one
# picture for each emotion would be of little use, and a {doc}`later chapter <05_metrics>` tests for
# that.

# %% mystnb={"figure": {"caption": "Eight places with the same emotion, unpleasant and calm above, pleasant and excited below.", "name": "fig-data-seeds"}, "image": {"alt": "Two rows of painted landscapes: hills, seas, lakes, forests and mountains, grey and misty in the upper row, bright and saturated in the lower."}} tags=["hide-input"]
moods = [corners["calm, unpleasant"], corners["excited, pleasant"]]
views = [paint.landscape(*va, seed=n, size=96) for va in moods for n in range(8)]
figures.pictures(views, columns=8).set_dpi(75)
plt.show()

# %% [markdown]
# Together they are the corpus `sample`. It comes through the same door as every other corpus, one
# tidy table with the same columns, so that whatever runs on it runs on the real ones.

# %%
sample = corpora.load(
    "sample",
    kind="landscapes",
    n=pictures,
    seed=seed,
    size=64,
)
shown = ["id", "valence", "arousal", "group", "label_source"]
sample.table[shown].head(3)

# %% [markdown]
# ## The real corpora
#
# No corpus is fetched by the package or distributed with it. Each has a card that says what it is,
# under which terms it stands and where to ask for it.

# %%
card = corpora.card("pmemo")
print(card.title, card.licence, card.where, card.layout, sep="\n\n")

# %% [markdown]
# With the files in place, `corpora.load("pmemo")` reads them, checks every label against its scale,
# maps all scales to 1–9, drops what cannot be used and says why. For this chapter that was done once
# for all corpora; what it found is kept in `results/data.json` (last written on
# {glue:text}`data_date`), and everything below is read from there.

# %%
study = provenance.load("data")
described = study["corpora"]
planes = study["arrays"]

# %% tags=["remove-cell"]
names = {
    "deam": "DEAM", "pmemo": "PMEmo", "taffc": "4Q-TAFFC", "landscapes": "landscapes",
    "oasis": "OASIS",
}  # fmt: skip
keep("date", study["provenance"]["date"])
keep("taffc_all", f"{corpora.card('taffc').counts['clips']:,}")
keep("taffc_rows", f"{described['taffc']['rows']:,}")
keep("oasis_all", f"{corpora.card('oasis').counts['photos']:,}")
keep("oasis_rows", f"{described['oasis']['rows']:,}")
keep("deam_files", f"{described['deam']['files']}")
keep("pmemo_files", f"{described['pmemo']['files']}")
photos = described["landscapes"]
dropped = sum(photos["dropped"].values())
keep("photos_found", f"{photos['rows'] + dropped:,}")
keep("photos_kept", f"{photos['rows']:,}")
keep("photos_grey", f"{photos['dropped']['photo is grey']:,}")
keep("photos_same", f"{photos['dropped']['same pixels as a photo before']:,}")
keep("photos_near", f"{photos['rows'] - photos['groups']:,}")
for part, rows in photos["splits"].items():
    keep(f"photos_{part}", f"{rows:,}")

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame(
        {
            "corpus": name,
            "items": described[key]["rows"],
            "files at hand": described[key]["files"],
            "labels": described[key]["label_source"],
            "groups": described[key]["groups"],
            "dropped": sum(described[key]["dropped"].values()),
            "changed on loading": "; ".join(described[key]["notes"]) or "nothing",
        }
        for key, name in names.items()
    ),
    "The corpora as loaded. A group is what must not be split between training and test: songs of "
    "one artist, photos of one theme, near-duplicates; the item itself where nothing is known.",
)

# %% [markdown]
# Labels are not sounds. DEAM and PMEmo came with the ratings of all their songs and the sound of
# {glue:text}`data_deam_files` and {glue:text}`data_pmemo_files` of them; of 4Q-TAFFC,
# {glue:text}`data_taffc_rows` of {glue:text}`data_taffc_all` clips were at hand, and of OASIS
# {glue:text}`data_oasis_rows` of {glue:text}`data_oasis_all` photos. Hence the division of labour in
# {ref}`sec-stand-ins`.

# %% [markdown]
# ### What cleaning removed
#
# No label was missing or outside its scale. The landscapes were another matter: of
# {glue:text}`data_photos_found` photos, {glue:text}`data_photos_grey` are black and white, from which
# a generator would learn that some emotions have no colour, and {glue:text}`data_photos_same` have
# exactly the pixels of an earlier one. The remaining {glue:text}`data_photos_kept` still hold
# {glue:text}`data_photos_near` that are near-duplicates of another, the same view cropped or toned
# anew. They stay, but are tied together, so that no test photo has a twin in training. The parts are
# {glue:text}`data_photos_train` photos to train the generator, {glue:text}`data_photos_probe` to
# train its judges and {glue:text}`data_photos_test` to test both.

# %% [markdown]
# ## Where the labels lie
#
# If labels covered the plane evenly, a model would see every emotion equally often. They do not.

# %% tags=["remove-cell"]
for key, quadrant in (("pmemo", "Q1"), ("pmemo", "Q4"), ("landscapes", "Q4")):
    keep(f"{key}_{quadrant.lower()}", percent(described[key]["quadrants"][quadrant]))
for key in ("deam", "pmemo"):
    keep(f"{key}_r", f"{described[key]['correlation']:.2f}")
for key in ("deam", "pmemo", "landscapes", "oasis"):
    keep(f"{key}_below_4", percent(described[key]["below_4"]["valence"], key == "landscapes"))
for key in ("landscapes", "oasis"):
    for d in ("valence", "arousal"):
        keep(f"{key}_{d}_sd", f"{described[key]['labels'][d]['sd']:.2f}")
keep("deam_v05", f"{described['deam']['labels']['valence']['quantiles'][1]:.1f}")
keep("landscapes_floor", f"{described['landscapes']['labels']['valence']['quantiles'][0]:.1f}")

# %% mystnb={"figure": {"caption": "Where the labels lie: counts over the valence\u2013arousal plane, brighter where there are more (every panel on its own scale), with the share of items in each quadrant. The sample corpus, last, is spread evenly on purpose.", "name": "fig-data-planes"}, "image": {"alt": "Six panels. DEAM and PMEmo stretch from calm and unpleasant to excited and pleasant; 4Q-TAFFC forms separate clusters left and right; the landscapes crowd in a small blob of pleasant calm; OASIS forms a wide arc; the sample corpus covers the plane evenly."}} tags=["hide-input"]
figure, axes = plt.subplots(2, 3, figsize=(7.2, 5.4), sharex=True, sharey=True)
spots = {"Q1": (9, 9.15), "Q2": (1, 9.15), "Q3": (1.2, 1.2), "Q4": (9, 1.2)}
for ax, (key, name) in zip(axes.flat, names.items(), strict=False):
    figures.density(ax, planes[key])
    for quadrant, (x, y) in spots.items():
        ax.text(
            x, y, percent(described[key]["quadrants"][quadrant]), fontsize=8,
            ha="left" if x < 5 else "right", va="bottom",
        )  # fmt: skip
    ax.set_title(f"{name} ({described[key]['label_source']})", fontsize=9, pad=15)
figures.va_plane(axes.flat[5], label=False)
axes.flat[5].scatter("valence", "arousal", data=sample.table, s=7)
axes.flat[5].set_title("sample (synthetic)", fontsize=9, pad=15)
for ax in axes.flat:
    ax.label_outer()
plt.show()

# %% [markdown]
# Each panel has its own story.
#
# - **Rated music lies along a diagonal.** Valence and arousal correlate at
#   {glue:text}`data_deam_r` in DEAM and {glue:text}`data_pmemo_r` in PMEmo: what excites tends to
#   please. The corners off the diagonal are thin. In PMEmo, choruses of chart songs,
#   {glue:text}`data_pmemo_q1` are pleasant and excited and {glue:text}`data_pmemo_q4` pleasant and
#   calm.
# - **4Q-TAFFC is balanced by design.** It holds equally many clips of each quadrant, and the
#   quadrants come from the same mood words as its labels. That makes it good for training and its
#   scores hard to compare: there is a gap in the middle that real ratings do not have.
# - **Landscapes crowd together.** {glue:text}`data_landscapes_q4` lie in the pleasant, calm quadrant.
#   People photograph what they like; and these labels are predictions, which stay near the mean.
#   Their standard deviation is {glue:text}`data_landscapes_valence_sd` in valence and
#   {glue:text}`data_landscapes_arousal_sd` in arousal, against {glue:text}`data_oasis_valence_sd` and
#   {glue:text}`data_oasis_arousal_sd` in the ratings of OASIS from which the predictor had learnt.

# %% [markdown]
# ### Few strongly negative examples
#
# What a generator cannot see it cannot learn to paint. Take everything more than one point below the
# middle of the valence scale as strongly negative, and ask how much of it there is.

# %% mystnb={"figure": {"caption": "Items with a valence below 4, as a share of the corpus, split by arousal at 5.", "name": "fig-data-negative"}, "image": {"alt": "Stacked bars for five corpora. 4Q-TAFFC has by far the most strongly negative items, OASIS and DEAM about half as many, PMEmo fewer, and the landscapes next to none."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7.2, 2.4))
low, middle = 12, 16  # cells of a quarter point: valence below 4, arousal below 5
calm, excited = (
    np.array([100 * planes[key][:low, part].sum() / planes[key].sum() for key in names])
    for part in (slice(None, middle), slice(middle, None))
)
ax.barh(list(names.values()), calm, height=0.6, label="calm")
ax.barh(
    list(names.values()),
    excited,
    height=0.6,
    left=calm,
    hatch="////",
    edgecolor="w",
    label="excited",
)
for row, total in enumerate(calm + excited):
    ax.text(total + 0.6, row, f"{total:.1f} %", va="center", fontsize=9)
ax.invert_yaxis()
ax.set(xlabel="per cent of the corpus", xlim=(0, 52))
ax.tick_params(axis="y", length=0)
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# In DEAM it is {glue:text}`data_deam_below_4` of the songs, in PMEmo
# {glue:text}`data_pmemo_below_4`. Of the landscapes it is {glue:text}`data_landscapes_below_4`. The
# ratings of OASIS, with its fires, wrecks and rubbish heaps, reach much further down
# ({glue:text}`data_oasis_below_4`). It is the landscapes people put on the web that are hardly ever
# unpleasant, and a predictor that plays safe makes them less so.
#
# The two worlds therefore do not meet if numbers are simply handed over.
# {numref}`fig-data-spread` puts their ranges side by side.

# %% mystnb={"figure": {"caption": "Range of the labels. The point is the median, the line runs from the 5th to the 95th percentile.", "name": "fig-data-spread"}, "image": {"alt": "Two panels of points with lines, one row a corpus. In valence the landscapes reach from about five to seven only, music from about three to seven or more; in arousal the landscapes lie between about four and five, music between about three and seven."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.4), sharey=True)
for ax, d in zip(axes, ("valence", "arousal"), strict=True):
    quantiles = np.array([described[key]["labels"][d]["quantiles"] for key in names])
    figures.intervals(ax, range(len(names)), *quantiles[:, [1, 3, 5]].T, list(names.values()))
    ax.axvline(5, color=figures.INK, lw=0.6)
    ax.set(xlim=(1, 9), xlabel=d, xticks=[1, 3, 5, 7, 9])
axes[0].set_ylim(len(names) - 0.5, -0.5)
plt.show()

# %% [markdown]
# The unhappiest twentieth of DEAM's songs have a valence below {glue:text}`data_deam_v05`, and not
# one landscape reaches down to {glue:text}`data_landscapes_floor`. That is why the approach passes on
# not the number but its place in the order: a song that is sad among songs asks for a landscape that
# is sad among landscapes ({ref}`sec-bridge`).

# %% [markdown]
# (sec-nb-data-audit)=
# ## Labels that do not fit themselves
#
# DEAM's songs were annotated twice over: *static*, one valence and one arousal for the whole
# excerpt, and *dynamic*, twice a second while listening. Nobody expects the two to be equal. But a
# song's static valence should follow the mean of its dynamic valence more closely than the mean of
# its dynamic arousal. `deam.audit` correlates all four pairs, separately for each block of ids.
#
# Does the check work? On made-up songs it can be told. Both kinds of label are the same
# emotion plus noise; then, in the first hundred songs, valence and arousal of the static label are
# exchanged.

# %%
rng = np.random.default_rng(seed)
emotion = rng.uniform(1, 9, (300, 2))
columns = [
    "valence",
    "arousal",
    "dynamic_valence",
    "dynamic_arousal",
]
labels = np.tile(emotion, 2) + rng.normal(0, 1, (300, 4))
labels[:100, :2] = labels[:100, 1::-1]
made_up = pd.DataFrame(labels, columns=columns)
made_up["block"] = ["exchanged"] * 100 + ["in order"] * 200
deam.audit(made_up).drop(columns="songs").round(2).T

# %% [markdown]
# In the block in order the pairs of the same name correlate (`valence_valence`, `arousal_arousal`).
# In the exchanged block the pairs of different names do. The same on DEAM as it is published:

# %% tags=["remove-cell"]
published = pd.DataFrame(described["deam"]["audit"]["published"]).set_index("block")
corrected = pd.DataFrame(described["deam"]["audit"]["corrected"]).set_index("block")
first = published.iloc[0]
keep("audit_songs", f"{first['songs']:.0f}")
keep("audit_share", percent(first["songs"] / published["songs"].sum()))
for pair in ("valence_valence", "valence_arousal", "arousal_arousal", "arousal_valence"):
    keep(f"audit_{pair}", f"{first[pair]:.2f}")
    keep(f"audit_second_{pair}", f"{published.iloc[1][pair]:.2f}")

# %% tags=["hide-input"]
blocks = pd.concat({"published": published, "corrected": corrected}, names=["labels"])
blocks = blocks.rename(index=lambda name: name.replace("-", "–"))
figures.table(
    blocks.reset_index()[
        ["labels", "block", "songs", "valence_valence", "valence_arousal", "arousal_arousal", "arousal_valence"]
    ].rename(
        columns={
            "block": "ids", "valence_valence": "V with dyn. V", "valence_arousal": "V with dyn. A",
            "arousal_arousal": "A with dyn. A", "arousal_valence": "A with dyn. V",
        }
    ),
    "DEAM against itself: Pearson correlation of static labels, valence (V) and arousal (A), with "
    "the mean of the song's own dynamic (dyn.) ones.",
)  # fmt: skip

# %% mystnb={"figure": {"caption": "The same correlations as published. Where labels are in order, the dot (same dimension) lies right of the square (the other dimension). For ids up to 1000 it is the other way round, in both dimensions.", "name": "fig-data-audit"}, "image": {"alt": "Pairs of a dot and a square joined by a line, for valence and arousal of three blocks of ids. In ids 1 to 1000 both squares lie near one and both dots near 0.6; in the other blocks both dots lie near one and the squares far to the left."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7.2, 2.9))
rows = [(block, d) for block in published.index for d in ("valence", "arousal")]
own = [published.loc[block, f"{d}_{d}"] for block, d in rows]
cross = [
    published.loc[block, f"{d}_{'arousal' if d == 'valence' else 'valence'}"] for block, d in rows
]
ax.hlines(range(len(rows)), own, cross, color=figures.INK, lw=1)
ax.plot(own, range(len(rows)), "o", ms=7, label="with the same dimension")
ax.plot(cross, range(len(rows)), "s", ms=7, label="with the other dimension")
ax.set_yticks(range(len(rows)), [f"{block.replace('-', '–')}, {d}" for block, d in rows])
ax.invert_yaxis()
ax.set(xlim=(-0.2, 1.03), xlabel="correlation of the static label with the dynamic ones")
ax.grid(axis="x")
figure.legend(loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# **In the official table, valence and arousal of all {glue:text}`data_audit_songs` songs with an id
# up to 1000 are exchanged.** There, static valence follows the song's own dynamic *arousal*
# ({glue:text}`data_audit_valence_arousal`, against {glue:text}`data_audit_valence_valence` with
# valence), and static arousal follows dynamic valence ({glue:text}`data_audit_arousal_valence`,
# against {glue:text}`data_audit_arousal_arousal`). In the next thousand ids all is in order
# ({glue:text}`data_audit_second_valence_valence` and
# {glue:text}`data_audit_second_arousal_arousal`). The affected songs are
# {glue:text}`data_audit_share` of the corpus, and they are exactly those that came from the older
# 1000-songs set {cite:p}`soleymani2013songs`, which suggests that two columns changed places when
# the tables were joined.
#
# The defect is quiet. Valence and arousal of songs correlate, so a model still trains on the
# exchanged labels and still scores, too well in one dimension and too badly in the other. `corpora.load("deam")` runs the audit, puts the labels back where it fails, and says so in
# the corpus' notes; `labels="published"` keeps them as they are. What difference it makes to a
# forest is in {ref}`the next chapter <sec-nb-forest-deam>`.

# %% [markdown]
# ## Summary
#
# - The sample corpus, composed and painted by code, has known emotions over the whole plane. It
#   needs no download, and every method of this book is shown on it first.
# - Rated music lies along the diagonal from calm and unpleasant to excited and pleasant; its other
#   corners are thin. 4Q-TAFFC is balanced, with labels derived from words.
# - The landscapes crowd at pleasant and calm: {glue:text}`data_landscapes_q4` in one quadrant,
#   {glue:text}`data_landscapes_below_4` strongly negative. Their labels are predictions. Songs and
#   landscapes are therefore matched by rank.
# - Cleaning took {glue:text}`data_photos_grey` grey photos and {glue:text}`data_photos_same`
#   duplicates, and tied near-duplicates together.
# - Valence and arousal are exchanged in {glue:text}`data_audit_songs` songs of DEAM. The loader
#   detects it by checking the corpus against itself, and corrects it.
