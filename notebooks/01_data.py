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
# A model of emotion can be no better than the labels it learns from. So before anything is trained,
# the labels are looked at: first of music and landscapes made by code, whose emotion is known because it
# was asked for; then of the real corpora of {ref}`sec-data`, one of which has a serious defect. The
# disagreement of raters tells how far any model can get.

# %% tags=["parameters", "remove-cell"]
seed = 0
place = 1
pictures = 24

# %% tags=["remove-cell"]
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from m2l import corpora, figures
from m2l import results as provenance
from m2l.corpora import audit
from m2l.sample import compose, paint
from m2l.va import DIMENSIONS

figures.use_style()

# %% [markdown]
# ## Songs whose emotion is known
#
# Where in music does emotion sit? Experiments that vary one cue at a time, and reviews of them,
# agree on the direction of most cues {cite:p}`gabrielsson2010structure,eerola2013cues`: arousal
# goes with fast, loud, bright, detached playing; valence with the major mode, a high register,
# consonance and steady timing. The module `m2l.sample.compose` makes rules of that. Its function
# `cues` turns a point of the plane into musical settings. Here are three for a point in each quadrant.

# %%
corners = {
    "excited, unpleasant": (2.5, 7.5),
    "excited, pleasant": (7.5, 7.5),
    "calm, unpleasant": (2.5, 2.5),
    "calm, pleasant": (7.5, 2.5),
}
cues = [compose.cues(*va) for va in corners.values()]
pd.DataFrame(cues, index=corners)[["tempo_bpm", "mode", "brightness_hz"]].round()

# %% [markdown]
# `compose` writes a small score with these settings and plays it. {ref}`The next chapter <sec-nb-forest>` opens
# with the four pieces.
#
# ## Landscapes whose emotion is known
#
# `m2l.sample.paint` does for the eye what `m2l.sample.compose` does for the ear. A seed fixes a place.
# Valence and arousal set its light, colours, relief and weather, following what is known about colour
# and emotion {cite:p}`valdez1994color` ({numref}`fig-data-place`).

# %% mystnb={"figure": {"caption": "One place under twenty-five emotions, each picture at its own point of the valence\u2013arousal plane.", "name": "fig-data-place"}, "image": {"alt": "A grid of painted pictures of one place. From left to right the light changes from dark and overcast to warm and sunny; from bottom to top, from mist and stillness to strong contrast, with storm on the left and vivid colours on the right."}}
figure, ax = plt.subplots(figsize=(5, 5))
for v, a in product([1.8, 3.4, 5.0, 6.6, 8.2], repeat=2):
    view = paint.landscape(v, a, seed=place, size=96)
    ax.imshow(view, extent=(v - 0.76, v + 0.76, a - 0.76, a + 0.76), interpolation="antialiased")
figures.va_plane(ax, label=False)
plt.show()

# %% [markdown]
# Such pieces and pictures are the corpus `sample`. It is loaded as every other corpus is, into a
# table with the same columns, so that whatever runs on it runs on the real ones.

# %%
sample = corpora.load("sample", kind="landscapes", n=pictures, seed=seed, size=64)

# %% [markdown]
# ## The real corpora
#
# No corpus is fetched by the package or distributed with it. With the files in place,
# `corpora.load("pmemo")` reads them, checks every label against its scale, maps all scales to 1–9, drops
# what cannot be used and says why. What it found for all corpora ({numref}`tab-data-corpora`) is kept in
# `results/data.json`, from which everything below is read.

# %%
study = provenance.load("data")
described, planes = study["corpora"], study["arrays"]

# %% tags=["hide-input"]
names = {"deam": "DEAM", "pmemo": "PMEmo", "taffc": "4Q-TAFFC"}
names |= {"landscapes": "landscapes", "oasis": "OASIS"}
figures.table(
    pd.DataFrame(
        {
            "corpus": name,
            "items (files)": f"{described[key]['rows']:,} ({described[key]['files']:,})",
            "labels": described[key]["label_source"],
            "groups": described[key]["groups"],
        }
        for key, name in names.items()
    ),
    "The corpora as loaded, in brackets the sounds or photos at hand. A group is what must not be split "
    "between training and test: songs of one artist, photos of one theme, near-duplicates; the item "
    "itself where nothing is known.",
    name="tab-data-corpora",
)

# %% [markdown]
# Labels are not sounds, hence the division of labour in {ref}`sec-stand-ins`.
#
# **What cleaning removed.** No label was missing or outside its scale. Of the landscapes,
# {result}`data:corpora.landscapes.dropped.photo is grey` are black and white, from which a generator would
# learn that some emotions have no colour, and
# {result}`data:corpora.landscapes.dropped.same pixels as a photo before` have exactly the pixels of an
# earlier one. Near-duplicates, the same view cropped or toned anew, stay, but are tied together, so that no
# test photo has a twin in training. {result}`data:corpora.landscapes.splits.train` photos train the
# generator, {result}`data:corpora.landscapes.splits.probe` its judges, and
# {result}`data:corpora.landscapes.splits.test` test both.

# %% [markdown]
# ## Where the labels lie
#
# If labels covered the plane evenly, a model would see every emotion equally often. They do not
# ({numref}`fig-data-planes`).

# %% mystnb={"figure": {"caption": "Where the labels lie: counts over the valence\u2013arousal plane, brighter where there are more, every panel on its own scale, with the share of items in each quadrant. The sample corpus, last, is spread evenly on purpose.", "name": "fig-data-planes"}, "image": {"alt": "Six panels. DEAM and PMEmo stretch from calm and unpleasant to excited and pleasant; 4Q-TAFFC forms separate clusters left and right; the landscapes crowd in a small blob of pleasant calm; OASIS forms a wide arc; the sample corpus covers the plane evenly."}} tags=["hide-input"]
figure, axes = plt.subplots(3, 2, figsize=(5.2, 7.6), sharex=True, sharey=True)
for ax, (key, name) in zip(axes.flat, names.items()):
    figures.density(ax, planes[key], described[key]["quadrants"])
    ax.set_title(f"{name} ({described[key]['label_source']})")
figures.va_plane(axes[2, 1], label=False).scatter("valence", "arousal", data=sample.table, s=7)
axes[2, 1].set_title("sample (synthetic)")
for ax in axes.flat:
    ax.label_outer()
plt.show()

# %% [markdown]
# - **Rated music lies along a diagonal.** Valence and arousal correlate at
#   {result}`data:corpora.deam.correlation` in DEAM and {result}`data:corpora.pmemo.correlation` in
#   PMEmo: what excites tends to please. The corners off the diagonal are thin.
# - **4Q-TAFFC is balanced by design.** It holds equally many clips of each quadrant, and the
#   quadrants come from the same mood words as its labels: there is a gap in the middle that real
#   ratings do not have.
# - **Landscapes crowd together**, {result}`data:corpora.landscapes.quadrants.Q4:.0%` of them in the
#   pleasant, calm quadrant. People photograph what they like; and these labels are predictions, which
#   stay near the mean.
#
# **Few strongly negative examples.** What a generator cannot see it cannot learn to paint.
# {result}`data:corpora.deam.below_4.valence:.0%` of DEAM's songs have a valence below 4,
# {result}`data:corpora.pmemo.below_4.valence:.0%` of PMEmo's and
# {result}`data:corpora.landscapes.below_4.valence:.1%` of the landscapes. Numbers can therefore not
# simply be handed over: nine songs in ten of DEAM have a valence from
# {result}`data:corpora.deam.labels.valence.quantiles.1:.1f` to
# {result}`data:corpora.deam.labels.valence.quantiles.5:.1f`, nine landscapes in ten from
# {result}`data:corpora.landscapes.labels.valence.quantiles.1:.1f` to
# {result}`data:corpora.landscapes.labels.valence.quantiles.5:.1f`. So what is passed on is
# not the number but its place in the order: a song that is sad among songs asks for a landscape that
# is sad among landscapes ({ref}`sec-bridge`).

# %% [markdown]
# (sec-nb-data-audit)=
# ## Labels that do not fit themselves
#
# A table of labels can be wrong in ways that no training curve shows. `m2l.corpora.audit` looks for
# what can be seen from the table alone: labels that are missing, outside their scale or on another one;
# items or songs that occur twice; and **exchanged columns**. DEAM's songs were annotated twice
# over: *static*, one valence and one arousal for the whole excerpt, and *dynamic*, twice a second while
# listening. Nobody expects the two to be equal. But a song whose static valence lies above its static
# arousal should mostly have its dynamic valence above its dynamic arousal, too.
#
# Made-up songs show that an exchange can be told by this. Both kinds of label are the same emotion plus noise. Then
# three things go wrong: in the first hundred songs the static valence and arousal are exchanged, one
# label is lost, and one song comes twice.

# %%
rng = np.random.default_rng(seed)
emotion = rng.uniform(2, 8, (300, 2))
labels = np.tile(emotion, 2) + rng.normal(0, 0.5, (300, 4))
labels[:100, :2] = labels[:100, 1::-1]
made_up = pd.DataFrame(labels, columns=[*DIMENSIONS, "dynamic_valence", "dynamic_arousal"])
made_up.insert(0, "id", range(1, 301))
made_up.loc[250, "arousal"] = np.nan
made_up.loc[299, "id"] = 17

z = (made_up - made_up.mean()) / made_up.std()
static, dynamic = z["valence"] - z["arousal"], z["dynamic_valence"] - z["dynamic_arousal"]
for start in (0, 100, 200):
    part = slice(start, start + 99)
    print(
        f"songs {start + 1} to {start + 100}: r = {static.loc[part].corr(dynamic.loc[part]):+.2f}"
    )

# %% [markdown]
# A negative correlation gives the exchange away. The audit needs no blocks: it adds up the evidence song
# by song and finds the borders itself ({numref}`tab-data-audit`).

# %%
figures.table(
    audit.findings(made_up)[["severity", "text"]].rename(columns={"text": "finding"}),
    "What the audit finds in the made-up corpus, without being told where to look.",
    name="tab-data-audit",
)

# %% [markdown]
# All three are found, the exchanged stretch to within a few songs. On the real corpora, as published, the
# audit warns of some songs in PMEmo that come twice under different ids, and finds a far larger defect in
# DEAM.
#
# **In the official table, valence and arousal of all
# {result}`data:corpora.deam.audit.published.block=1-1000.songs` songs with an id up to 1000 are
# exchanged.** There, static valence follows the song's own dynamic *arousal*
# (r {result}`data:corpora.deam.audit.published.block=1-1000.valence_arousal`, against
# {result}`data:corpora.deam.audit.published.block=1-1000.valence_valence` with valence), and static
# arousal follows dynamic valence
# ({result}`data:corpora.deam.audit.published.block=1-1000.arousal_valence`, against
# {result}`data:corpora.deam.audit.published.block=1-1000.arousal_arousal`). In the next thousand ids all is
# in order. The affected songs are exactly those of the older 1000-songs set
# {cite:p}`soleymani2013songs`, which suggests that two columns changed places when the tables were joined.
# {numref}`fig-data-evidence` adds the evidence up along the ids.

# %% mystnb={"figure": {"caption": "Evidence, added up along the ids, that DEAM's static labels are in order rather than exchanged. It falls until about id 1000 and climbs from there on; the dashed line is the border that the audit finds without being told.", "name": "fig-data-evidence"}, "image": {"alt": "A line that falls steadily from zero at id 1 to its lowest point at about id 1000, marked by a dashed line, then climbs steadily to the last id."}}
figure, ax = plt.subplots(figsize=(5.2, 2.8))
ax.plot(*planes["deam_evidence"].T)
ax.axvline(
    float(described["deam"]["audit"]["found"][0]["block"].split("-")[1]), color="C1", ls="--"
)
ax.set(xlabel="id of the song", ylabel="log-likelihood ratio")
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
# number, and no model can know which ten were asked. If the ratings of a song have variance *s*², the
# mean of *n* of them misses what all conceivable raters would say by *s*²/*n* on average squared. So
# the R² of even a perfect model is held below 1 − mean(*s*²/*n*) / var(*y*), the mean over all songs and the
# variance of their labels *y*: the reliability of the mean, ICC(1, *k*) {cite:p}`shrout1979icc`. Again this
# can be tried on ratings whose answer is known.

# %%
truth = rng.normal(5, 1, 500)
answers = truth[:, None] + rng.normal(0, 2, (500, 10))  # of ten raters
means, sds = answers.mean(1), answers.std(1, ddof=1)
perfect = 1 - np.mean((means - truth) ** 2) / np.var(means)
print(f"a perfect model {perfect:.2f}")
print("the ceiling    ", provenance.text(audit.ceiling(means, sds, np.full(500, 10))))

# %% [markdown]
# A model that knew the truth would score as the first line says, and the ceiling, computed from the
# answers alone, agrees. Of the corpora here, DEAM comes with its single ratings (corrected for the
# exchange, which they share) and OASIS with the standard deviation and the number of its ratings
# ({numref}`tab-data-ceiling`). For the others it cannot be computed: PMEmo's ratings are at hand as means
# only; nobody rated the clips of 4Q-TAFFC or the landscapes.
#
# ```{list-table} The noise ceiling: R² that a perfect model of the mean rating could reach, with 95 % intervals over items.
# :name: tab-data-ceiling
# :header-rows: 1
#
# * - Corpus
#   - Valence
#   - Arousal
# * - DEAM, {result}`data:ceiling.deam.per_item.mean:.0f` raters a song
#   - {result}`data:ceiling.deam.valence.ceiling`
#   - {result}`data:ceiling.deam.arousal.ceiling`
# * - OASIS, {result}`data:ceiling.oasis.per_item.mean:.0f` raters a photo
#   - {result}`data:ceiling.oasis.valence.ceiling`
#   - {result}`data:ceiling.oasis.arousal.ceiling`
# ```
#
# People agree better on arousal than on valence: two single ratings of a song correlate at
# {result}`data:ceiling.deam.arousal.icc1` in arousal and at {result}`data:ceiling.deam.valence.icc1` in
# valence. But the two ceilings lie close together. If models of valence stay far behind those of
# arousal, the raters are not the reason. The ceiling speaks of chance among raters only: what all of
# them share, their culture and the way the question was put, it takes for granted.

# %% [markdown]
# ## Summary
#
# - Rated music lies along the diagonal from calm and unpleasant to excited and pleasant; its other
#   corners are thin. 4Q-TAFFC is balanced, with labels derived from words.
# - The landscapes crowd at pleasant and calm, and their labels are predictions. Songs and landscapes
#   are therefore matched by rank.
# - Arousal is in many features of the sound, valence in few
#   ({ref}`an appendix <sec-nb-data-features>`).
# - Valence and arousal are exchanged in {result}`data:corpora.deam.audit.published.block=1-1000.songs`
#   songs of DEAM. The audit finds it by checking the corpus against itself, and the loader corrects it.
# - Raters disagree, so no model can go beyond an R² of
#   {result}`data:ceiling.deam.valence.ceiling.value` in valence and
#   {result}`data:ceiling.deam.arousal.ceiling.value` in arousal on DEAM.
