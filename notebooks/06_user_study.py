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
# (sec-user-study)=
# # User study
#
# :::{important}
# No participants have been asked. Every answer in this chapter is **simulated**: drawn by a computer
# from effects that we chose. The figures say nothing about the system. They say what a study with
# people could find out, and that its analysis can be trusted.
# :::
#
# The measures of the other chapters are taken by models. Whether a person sees in the picture what
# they hear in the song can only be answered by a person. This chapter plans how to ask, works out
# how many people and songs it takes, and tries the whole analysis on answers whose effects are
# known. The reasons for the design are given in {ref}`sec-study-design`, the reservations in
# {ref}`sec-ethics`.

# %% tags=["parameters", "remove-cell"]
seed = 0
participants = 40
songs = 20
draws = 1000
studies = 200

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from myst_nb import glue

from m2l import figures, study

figures.use_style()
COLOURS = plt.rcParams["axes.prop_cycle"].by_key()["color"]
MARKERS = "osD^v"
MEASURES = {"choice": "Choices", "valence": "Valence", "arousal": "Arousal"}


def keep(key, text):
    """Keep a text for the prose under study_<key>."""
    glue(f"study_{key}", text, display=False)


def percent(share):
    return f"{100 * share:.0f}\u00a0%"


# %% [markdown]
# ## What is asked, and why
#
# Each person goes through three blocks.
#
# 1. **Rate the pictures.** How pleasant, and how excited, does this landscape feel? Two sliders
#    {cite:p}`betella2016slider`, read on 1–9 like the manikins of {cite:t}`bradley1994sam`. No music
#    is played, so nothing suggests an answer.
# 2. **Rate the songs.** The same two sliders, without a picture. A person's picture and song ratings
#    of one emotion can then be subtracted; how that person uses a slider drops out.
# 3. **Choose.** A song plays, two pictures stand side by side: which one fits? One was made for this
#    song, the *matched* one. The other was made by the same system for another song, the *shuffled*
#    one.
#
# The third block carries the main question. Both pictures come from one system, so neither is
# sharper or prettier on average, and a person who likes forests likes them on both sides. If the
# matched picture is picked more often than half the time, something of the song has reached it.
#
# Five systems are compared: the full one, three with a part taken out ({ref}`sec-baselines`), and
# real photographs, picked from the collection by the valence and arousal predicted for the song, as
# a ceiling. The unconditional system
# is the negative control. It never heard the song, so its two pictures are interchangeable and it
# has to stay at one half. If it does not, the study is broken.

# %% [markdown]
# ## The design
#
# Everyone meets every system, so that people are compared with themselves. A Latin square deals the
# songs out: within a person each song occurs once in a block, and each system equally often; over
# persons each song meets each system equally often. No person sees a picture twice.

# %%
plan = study.design(participants, songs, seed)
choices = plan[plan["task"] == "choice"]

# %% mystnb={"figure": {"caption": "Which system's pictures the first ten participants choose between, for each song. Participants 6 to 10 repeat the first five with the sides of the matched picture exchanged; then the songs are dealt anew.", "name": "fig-study-design"}, "image": {"alt": "A grid of participants by songs filled with five colours and letters, one for each system. Every row and every column holds each of them equally often."}} tags=["hide-input"]
letters = dict(zip(study.SYSTEMS, "FANUP", strict=True))
square = choices.pivot(index="participant", columns="song", values="system").iloc[:10]
codes = square.apply(lambda column: column.map(list(study.SYSTEMS).index)).to_numpy(int)

fig, ax = plt.subplots(figsize=(7.2, 3.5))
ax.imshow(codes, cmap=ListedColormap(COLOURS[:5]), vmin=0, vmax=4, aspect="auto")
for (row, column), code in np.ndenumerate(codes):
    ink = "white" if code == 0 else "black"
    ax.text(column, row, "FANUP"[code], ha="center", va="center", color=ink, fontsize=8)
ax.set(xlabel="song", ylabel="participant")
ax.set_xticks(range(songs), square.columns, fontsize=8)
ax.set_yticks(range(len(square)), square.index, fontsize=8)
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
handles = [plt.Rectangle((0, 0), 1, 1, color=c) for c in COLOURS[:5]]
labels = [f"{letter}: {name}" for name, letter in letters.items()]
fig.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=8, handlelength=1)
plt.show()

# %% tags=["remove-cell"]
per_person = choices.value_counts(["participant", "system"])
per_song = choices.value_counts(["song", "system"])
foils = choices.assign(song=choices["foil"])
seen = pd.concat([plan[plan["system"].notna()], foils])[["participant", "song", "system"]]
sides = choices.groupby(["song", "system"])["matched_left"].mean()
keep("participants", f"{participants}")
keep("songs", f"{songs}")
keep("trials", f"{plan.value_counts('participant').iloc[0]}")
keep("per_person", " to ".join(sorted({f"{per_person.min()}", f"{per_person.max()}"})))
keep("per_song", " to ".join(sorted({f"{per_song.min()}", f"{per_song.max()}"})))
keep("left", percent(sides.min()) if sides.min() == sides.max() else "an unequal share")
keep("repeats", f"{seen.duplicated().sum()}")

# %% [markdown]
# {numref}`fig-study-design` shows the start of it. With {glue:text}`study_participants` participants
# and {glue:text}`study_songs` songs, a person answers {glue:text}`study_trials` trials. Counted in
# the plan itself: a person chooses {glue:text}`study_per_person` times for each system; each song
# meets each system {glue:text}`study_per_song` times; the matched picture is on the left in
# {glue:text}`study_left` of these; pictures that someone sees twice: {glue:text}`study_repeats`. The
# order of trials within a block is drawn anew for each person. One person's first choices:

# %% tags=["hide-input"]
first = choices[choices["participant"] == 1].head(5)
first.drop(columns=["participant", "task"]).style.hide(axis="index").set_caption(
    "Five trials of participant 1. The foil is the song for which the shuffled picture was made."
)

# %% [markdown]
# ## How many persons, how many songs
#
# Answers of one person resemble each other, and so do answers to one song: some listeners are
# attentive, some songs are easy. Only the parts that do *not* repeat add up as evidence. The power
# curves below draw whole studies in which persons and songs differ, and count how often the planned
# test rejects chance. Assumed is a correlation of {glue:text}`study_icc` between two choices of one
# person, and the same between two persons' choices for one song and system. What the correlations
# are among real listeners, a pilot would have to show.

# %% tags=["remove-cell"]
effects = study.Effects()
trials = songs // len(study.SYSTEMS)
persons = np.arange(10, 90, 10)
rates = (0.55, 0.6, 0.65, 0.7)
curves = pd.DataFrame(
    {
        rate: [study.power(n, trials, rate, songs=songs, draws=draws, seed=seed) for n in persons]
        for rate in rates
    },
    index=persons,
)
independent = study.power(85, 1, 0.65, icc=0, songs=85, song_icc=0, draws=draws, seed=seed)
enough = curves.index[curves[0.65] >= 0.8]
keep("icc", f"{effects.icc:g}")
keep("independent", percent(independent))
keep("enough", f"{enough[0]}" if len(enough) else f"more than {persons[-1]}")
keep("power_65", percent(curves.loc[40, 0.65]))
keep("power_60", percent(curves.loc[40, 0.6]))
keep("power_60_most", percent(curves[0.6].iloc[-1]))


# %% mystnb={"figure": {"caption": "Power of the main test by the number of participants, from simulated studies. Each curve assumes another rate at which the matched picture is picked; the dashed line is a power of 80 %.", "name": "fig-study-power"}, "image": {"alt": "Four rising curves of power against participants from 10 to 80. The higher the assumed rate, from 0.55 to 0.70, the earlier a curve crosses the line at 80 per cent; the lowest never reaches it."}} tags=["hide-input"]
def power_axes(ax):
    ax.axhline(0.8, color=figures.INK, ls="--", lw=1)
    ax.set(xlabel="participants", ylabel="power (simulated)", ylim=(0, 1.02))
    ax.grid(axis="y")


fig, ax = plt.subplots()
for rate, marker, colour in zip(rates, MARKERS, COLOURS, strict=False):
    ax.plot(curves.index, curves[rate], marker=marker, color=colour)
    ax.annotate(
        f"{rate:.2f}",
        (persons[-1], curves[rate].iloc[-1]),
        xytext=(8, 3 if rate == max(rates) else -3),
        textcoords="offset points",
        va="center",
        color=colour,
    )
ax.set_title("Rate at which the matched picture is picked: at the end of each curve", fontsize=9)
power_axes(ax)
plt.show()

# %% [markdown]
# For two matched pictures picked out of three, roughly (a rate of 0.65), a power of 80 % takes
# {glue:text}`study_enough` participants in steps of ten; {glue:text}`study_participants` are planned.
# At a rate of 0.60, 40 participants reach {glue:text}`study_power_60`, and 80 no more than
# {glue:text}`study_power_60_most`. As a check of the simulation, 85 answers that are all independent
# should give 80 % at 0.65 by the textbook formula; the simulation gives
# {glue:text}`study_independent`.
#
# The curves flatten. From some point on, more participants only tell more and more exactly how well
# *these* songs work. What is wanted is a statement about songs in general, and it needs songs.

# %% tags=["remove-cell"]
crowd = np.array([20, 40, 60, 80, 120, 160])
stimuli = pd.DataFrame(
    {
        count: [study.power(n, 2, 0.6, songs=count, draws=draws, seed=seed) for n in crowd]
        for count in (10, 20, 40)
    },
    index=crowd,
)
keep("few_songs", percent(stimuli.loc[160, 10]))
keep("more_songs", percent(stimuli.loc[80, 40]))

# %% mystnb={"figure": {"caption": "Power for a rate of 0.60 with 10, 20 or 40 songs, from simulated studies. Each person answers two trials of the system, so that the number of answers is the same on all curves.", "name": "fig-study-songs"}, "image": {"alt": "Three curves of power against participants from 20 to 160. The curve with 10 songs lies lowest and flattens first, that with 40 songs lies highest."}} tags=["hide-input"]
fig, ax = plt.subplots()
for count, marker, colour in zip(stimuli, MARKERS, COLOURS, strict=False):
    ax.plot(crowd, stimuli[count], marker=marker, color=colour)
    ax.annotate(
        f"{count} songs",
        (crowd[-1], stimuli[count].iloc[-1]),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=colour,
    )
power_axes(ax)
plt.show()

# %% [markdown]
# With 160 participants and 10 songs the power is {glue:text}`study_few_songs`. Half the participants
# and 40 songs, which is half the answers, give {glue:text}`study_more_songs`.

# %% [markdown]
# ## The analysis, on one simulated study
#
# We now assume effects, let simulated persons answer the plan, and analyse the answers as real ones
# would be. There is **one main test**: does the full system differ from chance in the choices?
# Everything else is described by intervals and not adjusted for their number.

# %%
answers = study.simulate(plan, effects, seed)
picked = study.analyse_choices(answers, seed=seed)
felt = study.analyse_ratings(answers, seed=seed)
truth = study.truth(effects)["truth"]


# %% mystnb={"figure": {"caption": "How often the matched picture was picked in one simulated study. Thick: 95 % interval for these songs, by resampling participants. Thin: 95 % interval for songs in general. Diamonds: the rates put into the simulation. Dashed: chance.", "name": "fig-study-choices"}, "image": {"alt": "Five rows, one for each system, each with a point, two intervals and a diamond near it. The real photographs lie furthest to the right of the dashed line at one half; the unconditional system lies on it."}} tags=["hide-input"]
def two_intervals(ax, result, known):
    """Estimates with both intervals and the truth, one row a system."""
    rows = np.arange(len(result))
    ax.hlines(rows, result["wide_low"], result["wide_high"], color=COLOURS[0], lw=1.2)
    ax.hlines(rows, result["low"], result["high"], color=COLOURS[0], lw=4, alpha=0.6)
    ax.plot(result["mean"], rows, "o", color=COLOURS[0], ms=7, label="estimate (simulated)")
    ax.plot(known, rows + 0.25, "D", color=COLOURS[1], mfc="none", ms=5, label="put in")
    ax.set_yticks(rows, result.index)
    ax.grid(axis="x")


fig, ax = plt.subplots(figsize=(7.2, 3))
two_intervals(ax, picked.loc["choice"], truth["choice"])
ax.axvline(0.5, color=figures.INK, ls="--", lw=1)
ax.invert_yaxis()
ax.set_xlabel("matched picture picked (simulated)")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# The thick interval answers a smaller question than the thin one. Both tests and thin intervals come
# from the variance of the answers clustered by persons and by songs at once, which lets either of
# them be a sample.

# %% mystnb={"figure": {"caption": "Distance between a person's rating of the picture and of its song in one simulated study; less is better. Intervals and diamonds as in the figure before.", "name": "fig-study-ratings"}, "image": {"alt": "Two panels, valence and arousal, with five rows each. Points with two intervals and a diamond near each; the unconditional system has the largest distance put in, the real photographs the smallest."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True, sharex=True)
for ax, dimension in zip(axes, study.DIMENSIONS, strict=True):
    two_intervals(ax, felt.loc[dimension], truth[dimension])
    ax.set_title(dimension)
    ax.set_xlabel("points of 1–9 (simulated)")
axes[0].invert_yaxis()
plt.show()

# %% tags=["remove-cell"]
floor = study.truth(study.Effects(error=dict.fromkeys(study.SYSTEMS, 0.0)))["truth"]
keep("floor", f"{floor['valence', 'full']:.2f}")
keep("best", f"{truth['valence', 'real photo']:.2f}")
keep("worst", f"{truth['valence', 'unconditional']:.2f}")

# %% [markdown]
# Ratings are a blunt tool here. Had a picture exactly the emotion of its song, two ratings by one
# person would still lie {glue:text}`study_floor` points apart, because nobody sets a slider twice
# alike; the values put in run from {glue:text}`study_best` to {glue:text}`study_worst`. The
# comparison between systems is what can be read, not the distance itself.

# %% tags=["hide-input"]
compared = pd.concat([picked, felt])
shown = compared[["difference", "difference_low", "difference_high", "difference_p"]].dropna()
shown = shown.rename(index=MEASURES, level="measure").rename_axis(["", ""])
shown.columns = ["difference", "low", "high", "p, unadjusted"]
shown.style.format("{:.2f}").format("{:.3f}", subset="p, unadjusted").set_caption(
    "Differences from the full system in one simulated study, with 95 % intervals for persons and "
    "songs in general. Choices are rates, ratings are points of 1–9."
)

# %% [markdown]
# ## Does the analysis find what is there?
#
# One simulated study may be lucky. So the same plan is answered and analysed many times, once with
# the assumed effects and once with none: every rate at one half, every system's pictures equally far
# from their songs.

# %%
nothing = study.Effects(
    rate=dict.fromkeys(study.SYSTEMS, study.CHANCE), error=dict.fromkeys(study.SYSTEMS, 1.5)
)
with_effects = study.recover(plan, effects, draws=studies, seed=seed)
without = study.recover(plan, nothing, draws=studies, seed=seed)

# %% mystnb={"figure": {"caption": "Share of simulated studies whose 95 % interval holds the value put in. Circles: intervals from resampling participants alone. Squares: intervals that take songs for a sample too. The band is what chance allows around 95 % with this number of simulated studies.", "name": "fig-study-coverage"}, "image": {"alt": "Three panels, choices, valence and arousal, with five systems each. Squares lie in or near the band around 95 per cent; most circles lie below it, far below for most of the ratings."}} tags=["hide-input"]
spread = 1.96 * np.sqrt(0.95 * 0.05 / studies)
fig, axes = plt.subplots(1, 3, figsize=(7.2, 3), sharey=True, sharex=True)
for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
    result = with_effects.loc[measure]
    rows = np.arange(len(result))
    ax.axvspan(95 - 100 * spread, 95 + 100 * spread, color=figures.INK, alpha=0.25, lw=0)
    ax.plot(100 * result["coverage"], rows, "o", mfc="none", label="participants alone")
    ax.plot(100 * result["wide_coverage"], rows, "s", label="and songs")
    ax.set_yticks(rows, result.index)
    ax.set_title(title)
    ax.grid(axis="x")
axes[0].invert_yaxis()
axes[0].set(xlim=(68, 101), xticks=[75, 85, 95])
axes[1].set_xlabel("intervals that hold the value put in (%, simulated)")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plt.show()

# %% tags=["remove-cell"]
keep("studies", f"{studies}")
keep("bias", f"{(with_effects['estimate'] - with_effects['truth']).abs().max():.2f}")
keep("narrow_choice", percent(with_effects.loc["choice", "coverage"].mean()))
keep("narrow_rating", percent(with_effects.loc[["valence", "arousal"], "coverage"].mean()))
keep("wide", percent(with_effects["wide_coverage"].mean()))
keep("false", percent(without.loc["choice", "found"].mean()))
keep("false_worst", percent(without.loc["choice", "found"].max()))
keep("false_difference", percent(without["difference_found"].mean()))
keep("found_full", percent(with_effects.loc[("choice", "full"), "found"]))
keep("found_photo", percent(with_effects.loc[("choice", "real photo"), "found"]))
keep("found_control", percent(with_effects.loc[("choice", "unconditional"), "found"]))
keep("found_afm", percent(with_effects.loc[("choice", "without AFM"), "difference_found"]))
keep("gap_afm", f"{effects.rate['full'] - effects.rate['without AFM']:.2f}")

# %% [markdown]
# Over {glue:text}`study_studies` simulated studies the mean estimate is nowhere more than
# {glue:text}`study_bias` from the value put in. Intervals that take the songs for a sample hold it in
# {glue:text}`study_wide` of cases, close to what they promise ({numref}`fig-study-coverage`).
# Intervals that resample participants alone hold it in {glue:text}`study_narrow_choice` for choices
# and {glue:text}`study_narrow_rating` for ratings: they are right about the songs in the study and
# too sure about any others. This is why the tests use the wider ones.

# %% tags=["hide-input"]
shares = pd.DataFrame(
    {
        (title, name): table.loc[measure, column]
        for title, table in (("effects", with_effects), ("no effect", without))
        for name, (measure, column) in {
            "choices against chance": ("choice", "found"),
            "choices against full": ("choice", "difference_found"),
            "valence against full": ("valence", "difference_found"),
            "arousal against full": ("arousal", "difference_found"),
        }.items()
    }
).rename_axis("")
(100 * shares).T.style.format("{:.0f}", na_rep="").set_caption(
    "Share of simulated studies, in per cent, in which a test at the 5 % level rejects. With "
    "effects this is power, except for the unconditional system against chance; with no effect "
    "it should be about 5."
)

# %% [markdown]
# With nothing to find, the tests against chance reject in {glue:text}`study_false` of simulated
# studies on average and at most {glue:text}`study_false_worst` for a system; differences between
# systems in {glue:text}`study_false_difference`. With the assumed effects, the full system is told
# from chance in {glue:text}`study_found_full` and real photographs in
# {glue:text}`study_found_photo`, while the unconditional control is mistaken in
# {glue:text}`study_found_control`.
#
# The table also shows what this study can *not* do. A difference of {glue:text}`study_gap_afm`
# between the full system and the one without affective feature matching would be found in only
# {glue:text}`study_found_afm` of cases. Whether a part of the method matters to people is better
# asked by showing its picture and the full system's side by side, and with more songs.

# %% [markdown]
# ## Summary
#
# - No participants have been asked; every answer here is simulated and none is evidence about the
#   system.
# - The main question is a choice between the picture made for a song and one made for another by the
#   same system. The unconditional system must stay at one half.
# - {glue:text}`study_enough` participants and {glue:text}`study_songs` songs give a power of 80 % if
#   the matched picture is picked 65 times in 100. Beyond that, songs buy more than participants.
# - The analysis recovers the effects put in; its intervals for songs in general hold them in
#   {glue:text}`study_wide` of simulated studies, and with no effect its tests reject in
#   {glue:text}`study_false`.
# - The plan is too small to tell versions of the system apart unless they differ widely.
