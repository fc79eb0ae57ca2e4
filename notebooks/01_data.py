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
# are laid out on the valence–arousal plane and listened to by machine; their labels are audited, and
# one corpus fails; and the disagreement of raters tells how far any model can get.

# %% tags=["parameters", "remove-cell"]
seed = 0
place = 1
seconds = 7
pictures = 24

# %% tags=["remove-cell"]
import warnings
from dataclasses import asdict
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from myst_nb import glue

from m2l import corpora, figures
from m2l import results as provenance
from m2l.corpora import audit
from m2l.sample import compose as synth
from m2l.sample import paint

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
# consonance and steady timing. The module `m2l.sample.compose` makes a rule of that. Its function `cues`
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
# The excited pieces are walls of onsets; the calm ones are a few long, dark tones. Pleasant and unpleasant
# differ far less. It is a first hint at what studies of music and emotion keep finding: **arousal is close
# to the sound, valence is not.**

# %% [markdown]
# ## Landscapes whose emotion is known
#
# `m2l.sample.paint` does for the eye what `m2l.sample.compose` does for the ear. A seed fixes a place. Valence and
# arousal set its light, colours, relief and weather, following what is known about colour and
# emotion {cite:p}`valdez1994color` ({numref}`fig-data-place`).

# %%
marks = [1.8, 3.4, 5.0, 6.6, 8.2]
views = {}
for va in product(marks, marks):
    views[va] = paint.landscape(*va, seed=place, size=96)

# %% mystnb={"figure": {"caption": "One place under twenty-five emotions, each picture at its own point of the valence\u2013arousal plane.", "name": "fig-data-place"}, "image": {"alt": "A grid of painted pictures of one place. From left to right the light changes from dark and overcast to warm and sunny; from bottom to top, from mist and stillness to strong contrast, with storm on the left and vivid colours on the right."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6.4, 6.4))
for (v, a), view in views.items():
    ax.imshow(view, extent=(v - 0.76, v + 0.76, a - 0.76, a + 0.76), interpolation="antialiased")
figures.va_plane(ax, label=False)
ax.spines[["left", "bottom"]].set_visible(False)
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
# With the files in place, `corpora.load("pmemo")` reads them, checks every label against its scale, maps all
# scales to 1–9, drops what cannot be used and says why. What it found for all corpora is kept in
# `results/data.json`, and everything below is read from there.

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
keep("sounds", f"{planes['features_songs']:,}")
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
# No label was missing or outside its scale, and {glue:text}`data_sounds` of the
# {glue:text}`data_taffc_rows` clips of 4Q-TAFFC could be decoded and described. The landscapes were another matter: of
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
for key in ("deam", "pmemo", "landscapes"):
    ends = described[key]["beyond"]["valence"]
    keep(f"{key}_3", f"{ends['below 3'] or 'none'}")
    keep(f"{key}_7", f"{ends['above 7']}")
keep("deam_v05", f"{described['deam']['labels']['valence']['quantiles'][1]:.1f}")
keep("landscapes_floor", f"{described['landscapes']['labels']['valence']['quantiles'][0]:.1f}")

# %% mystnb={"figure": {"caption": "Where the labels lie: counts over the valence\u2013arousal plane, brighter where there are more (every panel on its own scale), with the counts of each dimension along the edges, the share of items in each quadrant, and a cross for the mean and one standard deviation either side. The sample corpus, last, is spread evenly on purpose.", "name": "fig-data-planes"}, "image": {"alt": "Six panels. DEAM and PMEmo stretch from calm and unpleasant to excited and pleasant; 4Q-TAFFC forms separate clusters left and right, with two peaks along its valence edge; the landscapes crowd in a small blob of pleasant calm; OASIS forms a wide arc; the sample corpus covers the plane evenly."}} tags=["hide-input"]
counts = {key: planes[key] for key in names}
counts["sample"], _, _ = np.histogram2d(
    *sample.table[["valence", "arousal"]].T.values, bins=[range(1, 10)] * 2
)
titles = {key: f"{name} ({described[key]['label_source']})" for key, name in names.items()}
titles["sample"] = "sample (synthetic)"
spots = {"Q1": (9, 9.1), "Q2": (1, 9.1), "Q3": (1.15, 1.15), "Q4": (9, 1.15)}
figure, axes = plt.subplots(2, 3, figsize=(7.2, 5.8), sharex=True, sharey=True)
for ax, (key, histogram) in zip(axes.flat, counts.items(), strict=True):
    figures.density(ax, histogram) if key != "sample" else figures.va_plane(ax, label=False)
    edges = np.linspace(1, 9, len(histogram) + 1)
    above = ax.inset_axes([0, 1.1, 1, 0.14], sharex=ax)
    above.stairs(histogram.sum(1), edges, fill=True, color=figures.INK)
    beside = ax.inset_axes([1.02, 0, 0.14, 1], sharey=ax)
    beside.stairs(histogram.sum(0), edges, fill=True, color=figures.INK, orientation="horizontal")
    for edge in (above, beside):
        edge.axis("off")
    if key == "sample":
        ax.scatter("valence", "arousal", data=sample.table, s=7)
    else:
        mean, sd = (
            [described[key]["labels"][d][what] for d in ("valence", "arousal")]
            for what in ("mean", "sd")
        )
        ax.errorbar(*mean, xerr=sd[0], yerr=sd[1], color="#D55E00", lw=1.6, capsize=2)
        for quadrant, (x, y) in spots.items():
            ax.text(
                x, y, percent(described[key]["quadrants"][quadrant]), fontsize=8,
                ha="left" if x < 5 else "right", va="bottom",
            )  # fmt: skip
    above.set_title(titles[key], fontsize=9)
for ax in axes.flat:
    ax.label_outer()
plt.show()

# %% [markdown]
# Each panel of {numref}`fig-data-planes` has its own story.
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
# **Few strongly negative examples.** What a generator cannot see it cannot learn to paint. A valence below 4 have
# {glue:text}`data_deam_below_4` of DEAM's songs, {glue:text}`data_pmemo_below_4` of PMEmo's and
# {glue:text}`data_landscapes_below_4` of the landscapes. The ratings of OASIS, with its
# fires, wrecks and rubbish heaps, reach much further down. Landscapes that people put on the web are hardly
# ever unpleasant, and a predictor that plays safe makes them less so.
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
# A table of labels can be wrong in ways that no training curve shows. `m2l.corpora.audit` looks for what can
# be seen from the table alone: labels that are missing, outside their scale or on another one; items
# or songs that occur twice. And it looks for **exchanged columns**. Where songs were annotated twice over,
# *static*, one valence and one arousal for the whole excerpt, and *dynamic*, twice a second while
# listening, nobody expects the two to be equal. But a song's static valence should follow the mean of
# its dynamic valence more closely than the mean of its dynamic arousal.
#
# Does the audit work? On made-up songs it can be told. Both kinds of label are the same emotion plus
# noise. Then three things go wrong: in the first hundred songs the static valence and arousal are
# exchanged, one label is lost, and one song comes twice.

# %%
rng = np.random.default_rng(seed)
emotion = rng.uniform(2, 8, (300, 2))
columns = [
    "valence",
    "arousal",
    "dynamic_valence",
    "dynamic_arousal",
]
labels = np.tile(emotion, 2) + rng.normal(0, 0.5, (300, 4))
labels[:100, :2] = labels[:100, 1::-1]
made_up = pd.DataFrame(labels, columns=columns)
made_up["id"] = np.arange(1, 301)
made_up.loc[250, "arousal"] = np.nan
made_up.loc[299, "id"] = 17
found = audit.findings(made_up)

# %% tags=["hide-input"]
figures.table(
    found[["severity", "text"]].rename(columns={"text": "finding"}),
    "What the audit finds in the made-up corpus. Nobody told it where to look.",
)

# %% [markdown]
# All three are found, the exchanged stretch to within a few songs. Now the same on the real corpora, as
# their authors publish them:

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame(
        {"corpus": name, "severity": row["severity"], "finding": row["text"]}
        for key, name in names.items()
        for row in described[key]["findings"]
    ),
    "Findings of the audit: errors are labels that are wrong, warnings a reason to look before use.",
)

# %% [markdown]
# PMEmo lists {glue:text}`data_twice` songs twice, under different ids; the labels of one song can lie
# more than a point apart, so small differences between songs mean little, and a split must keep artists
# together. And there is one finding of another order of magnitude. {numref}`fig-data-audit` correlates DEAM's
# static labels with its dynamic ones in its three blocks of ids.

# %% tags=["remove-cell"]
published = pd.DataFrame(described["deam"]["audit"]["published"]).set_index("block")
corrected = pd.DataFrame(described["deam"]["audit"]["corrected"]).set_index("block")
first = published.iloc[0]
keep("audit_songs", f"{first['songs']:.0f}")
keep("audit_share", percent(first["songs"] / published["songs"].sum()))
keep(
    "twice",
    next(f["text"] for f in described["pmemo"]["findings"] if f["check"] == "same song")
    .split("before: ")[1]
    .split(",")[0],
)
border = float(described["deam"]["audit"]["found"][0]["block"].split("-")[1])
for pair in ("valence_valence", "valence_arousal", "arousal_arousal", "arousal_valence"):
    keep(f"audit_{pair}", f"{first[pair]:.2f}")
    keep(f"audit_second_{pair}", f"{published.iloc[1][pair]:.2f}")

# %% mystnb={"figure": {"caption": "DEAM against itself: correlation of the published static labels with the mean of the song's own dynamic ones, by blocks of ids. Where labels are in order, the dot (same dimension) lies right of the square (the other dimension). For ids up to 1000 it is the other way round, in both dimensions.", "name": "fig-data-audit"}, "image": {"alt": "Pairs of a dot and a square joined by a line, for valence and arousal of three blocks of ids. In ids 1 to 1000 both squares lie near one and both dots near 0.6; in the other blocks both dots lie near one and the squares far to the left."}} tags=["hide-input"]
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

# %% [markdown]
# The blocks of ids need not be known. For every song, take how far its static valence lies above its
# static arousal, and the same of its dynamic labels. Where the labels are in order, the two
# differences agree in sign, and the song is evidence for order; where they are exchanged, they oppose
# each other. Added up song by song ({numref}`fig-data-evidence`), the evidence falls where labels are
# exchanged and climbs where they are not, and the turning point is the border.

# %% mystnb={"figure": {"caption": "Evidence, added up along the ids, that DEAM's static labels are in order rather than exchanged. It falls until about id 1000 and climbs from there on; the dashed line is the border that the audit finds without being told.", "name": "fig-data-evidence"}, "image": {"alt": "A line that falls steadily from zero at id 1 to its lowest point at about id 1000, marked by a dashed line, then climbs steadily to the last id."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(7.2, 2.8))
ids, evidence = planes["deam_evidence"].T
ax.plot(ids, evidence)
ax.axvline(border, color="C1", ls="--", lw=1.4)
ax.text(border + 20, evidence.min() * 0.2, f"border found: {border:.0f}", fontsize=9)
ax.axhline(0, color=figures.INK, lw=0.6)
ax.text(330, evidence.min() * 0.7, "exchanged", fontsize=9, ha="center")
ax.text(1650, evidence.min() * 0.7, "in order", fontsize=9, ha="center")
ax.set(xlabel="id of the song", ylabel="log-likelihood ratio", xlim=(1, 2058))
plt.show()

# %% [markdown]
# The defect is quiet. Valence and arousal of songs correlate, so a model still trains on the
# exchanged labels and still scores, too well in one dimension and too badly in the other.
# `corpora.load("deam")` runs the check, puts the labels back where it fails, and says so in the
# corpus' notes; `labels="published"` keeps them as they are. What difference it makes to a forest is
# in {ref}`the next chapter <sec-nb-forest-deam>`. On the command line, `m2l data deam --audit` prints
# all of this, and `m2l data mine.csv --audit` does the same for a table of one's own.

# %% [markdown]
# (sec-nb-data-ceiling)=
# ## How good can a model be?
#
# A label is a mean over a few people who disagree. Had ten others been asked, it would be another
# number, and no model can know which ten were asked. If the ratings of a song have variance $s^2$, the
# mean of $n$ of them misses what all conceivable raters would say by $s^2/n$ on average squared. So
# even a perfect model of the mean rating is held below
#
# $$R^2_\text{max} = 1 - \frac{\operatorname{mean}(s_i^2 / n_i)}{\operatorname{var}(\bar y_i)},$$
#
# the reliability of the mean, ICC(1, *k*) {cite:p}`shrout1979icc`. Again this can be tried on ratings
# whose answer is known.

# %%
rng = np.random.default_rng(seed)
truth = rng.normal(5, 1, 500)
raters = 10
answers = truth[:, None] + rng.normal(0, 2, (500, raters))
means = answers.mean(axis=1)
perfect = 1 - np.mean((means - truth) ** 2) / np.var(means)
bound = audit.ceiling(
    means,
    answers.std(axis=1, ddof=1),
    np.full(500, raters),
)
print(f"a perfect model {perfect:.2f}")
print("the ceiling     {value:.2f} ({low:.2f} to {high:.2f})".format(**bound))

# %% [markdown]
# A model that knew the truth would score as the first line says, and the ceiling, computed from the
# answers alone, agrees. Of the corpora here, DEAM comes with its single ratings (corrected for the
# exchange, which they share) and OASIS with the standard deviation and the number of its ratings. For
# the others it cannot be computed: PMEmo's ratings are at hand as means only; nobody rated the clips of
# 4Q-TAFFC or the landscapes.

# %% tags=["remove-cell"]
limit = study["ceiling"]
for d in ("valence", "arousal"):
    bound = limit["deam"][d]["ceiling"]
    keep(f"ceiling_deam_{d}", f"{bound['value']:.2f}")
    keep(f"ceiling_deam_{d}_span", f"{bound['low']:.2f} to {bound['high']:.2f}")
keep("ratings", f"{limit['deam']['ratings']:,}")
keep("raters", f"{limit['deam']['raters']}")
keep("oasis_raters", f"{limit['oasis']['per_item']['mean']:.0f}")
late = limit["deam"]["blocks"]["2001-2058"]
keep("late_items", f"{late['items']}")
keep("late_arousal", f"{late['arousal']['value']:.2f}")

# %% mystnb={"figure": {"caption": "The noise ceiling. Left: R\u00b2 that a perfect model of the mean rating could reach, with 95 % intervals over items. Right: how it grows with the number of raters of a song in DEAM; the marks are the corpus as it is.", "name": "fig-data-ceiling"}, "image": {"alt": "Left, points with intervals for valence and arousal: DEAM at about 0.8 and 0.85, its three blocks around that with one wide interval lower down for arousal in the last, OASIS near one. Right, two rising curves that flatten, with marks at ten raters."}} tags=["hide-input"]
figure, (ax, curve) = plt.subplots(
    1, 2, figsize=(7.2, 3.4), gridspec_kw={"width_ratios": [1.25, 1]}
)
rows = {"DEAM, all": {d: limit["deam"][d]["ceiling"] for d in ("valence", "arousal")}}
rows |= {
    f"DEAM, {block.replace('-', '–')}": part for block, part in limit["deam"]["blocks"].items()
}
rows["OASIS"] = {d: limit["oasis"][d]["ceiling"] for d in ("valence", "arousal")}
k = np.arange(1, 41)
for shift, d, marker, line in ((-0.13, "valence", "o", "-"), (0.13, "arousal", "s", "--")):
    spans = [[part[d][what] for part in rows.values()] for what in ("low", "value", "high")]
    low, value, high = map(np.array, spans)
    ax.errorbar(
        value, np.arange(len(rows)) + shift, xerr=[value - low, high - value], fmt=marker, capsize=3,
        lw=1.4, label=d,
    )  # fmt: skip
    icc = limit["deam"][d]["icc1"]
    curve.plot(k, k * icc / (1 + (k - 1) * icc), line, label=d)
    curve.plot(
        limit["deam"]["per_item"]["mean"], limit["deam"][d]["ceiling"]["value"], marker,
        color=curve.lines[-1].get_color(), ms=7,
    )  # fmt: skip
ax.set_yticks(range(len(rows)), rows)
ax.invert_yaxis()
ax.set(xlim=(0.2, 1.02), xlabel="highest possible R²")
ax.grid(axis="x")
ax.legend(loc="lower left")
curve.set(xlabel="raters a song", ylabel="highest possible R²", xlim=(0, 40), ylim=(0, 1))
curve.grid()
plt.show()

# %% [markdown]
# From DEAM's {glue:text}`data_ratings` ratings by {glue:text}`data_raters` people, a perfect model would
# reach an $R^2$ of {glue:text}`data_ceiling_deam_valence` in valence
# ({glue:text}`data_ceiling_deam_valence_span`) and {glue:text}`data_ceiling_deam_arousal` in arousal
# ({glue:text}`data_ceiling_deam_arousal_span`). People agree better on arousal than on valence: two
# single ratings of a song correlate at {result}`data:ceiling.deam.arousal.icc1` in arousal and at
# {result}`data:ceiling.deam.valence.icc1` in valence. But the two ceilings lie close together. If models of valence stay far behind those of arousal, the raters
# are not the reason.
#
# Two cautions. The ceiling belongs to *these* songs and raters: a block whose songs differ little has a
# low one, such as the last {glue:text}`data_late_items` songs in arousal
# ({glue:text}`data_late_arousal`). And it speaks of chance among raters only. What all raters share,
# their culture and the way the question was put, is part of the truth that it takes for granted.
# With about {glue:text}`data_oasis_raters` raters a photo, OASIS is nearly free of noise.

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
# - Arousal is in many features of the sound, valence in few and weakly ({ref}`sec-nb-data-features`, an
#   appendix).
# - Valence and arousal are exchanged in {glue:text}`data_audit_songs` songs of DEAM. The audit finds it
#   by checking the corpus against itself, and the loader corrects it.
# - Raters disagree, so no model can go beyond an $R^2$ of {glue:text}`data_ceiling_deam_valence` in
#   valence and {glue:text}`data_ceiling_deam_arousal` in arousal on DEAM.
