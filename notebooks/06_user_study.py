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
# from effects that we chose. The answers say nothing about the system. They show what a study with
# people could find out, and whether its analysis can be trusted.
# :::
#
# Whether a person sees in the picture what they hear in the song can only be answered by a person. This
# chapter plans how to ask, works out how many people and songs it takes, and tries the whole analysis on
# answers whose effects are known. What is missing are an ethics board's approval, the right to show the
# photos and to play the songs, and the participants, who are not invented.

# %% tags=["parameters", "remove-cell"]
seed = 0

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import pandas as pd

from m2l import figures
from m2l import results as provenance
from m2l.people import analysis, simulation
from m2l.people import design as study
from m2l.results import text

figures.use_style()

# %% [markdown]
# ## What is asked, and why
#
# Each person goes through three blocks.
#
# 1. **Rate the pictures.** How pleasant, and how excited, does this landscape feel? Two scales of
#    nine steps, drawn as the manikins of {cite:t}`bradley1994sam`, which are also the scales of DEAM.
#    No music is played, so nothing suggests an answer.
# 2. **Rate the songs.** The same two scales, without a picture. A person's ratings of a picture and
#    of its song can then be compared.
# 3. **Choose.** A song plays, two pictures stand side by side: which one fits? In half of the choices
#    one was made for this song, the *matched* one, and the other by the same system for another song,
#    the *shuffled* one. In the other half both were made for this song, by two systems.
#
# Matched against shuffled carries the main question. Both pictures come from one system, so neither
# is prettier on average. If the matched picture is picked more often than half the time, something of the
# song has reached it.
#
# Five systems are compared: the full one, three with a part taken out ({ref}`sec-baselines`), and
# real photographs, picked from the collection by the emotion of the song, as a ceiling. The
# unconditional system is the negative control. It never heard the song, so its two pictures are
# interchangeable and it has to stay at one half.

# %% [markdown]
# ## The design
#
# Everyone meets every system, so that people are compared with themselves. The songs are dealt into
# decks, and persons take the decks in turn. Within a deck there are five pictures of each song, one
# of each system. A person rates one of them, sees one as the matched and one as the shuffled picture
# of a choice, and chooses between the last two. A Latin square exchanges the five parts from person to
# person. Here is whose picture of each song the first ten persons of one deck rate, a row a person and
# a letter a song: the full system (F), without affective matching (A), non-progressive (N),
# unconditional (U), photographs (P).

# %%
config = study.settings()
made = study.design(config)
trials = study.trials(made)
rated = trials[trials["kind"] == "rate_image"].sort_values("song")
letters = rated["system"].map(dict(zip(study.SYSTEMS, "FANUP")))
rows = letters.groupby(rated["participant"]).agg("".join)
decks = config["songs"] // config["songs_each"]
print(*(rows[person["code"]] for person in made["participants"][: 10 * decks : decks]), sep="\n")

# %% [markdown]
# The design is one file, made from a seed by `m2l study design`, and its balance can be counted in it.

# %%
choices = trials[trials["kind"] == "choose"]
matched = choices[choices["contrast"] == study.MATCHED]
left = (matched["left_song"] == matched["song"]).groupby(matched["participant"]).mean()
raters = rated["image"].value_counts()
print(f"{trials.groupby('participant').size().max()} trials a person")
print(f"{raters.min()} to {raters.max()} raters a picture")
print(f"matched one on the left: {left.min():.0%} to {left.max():.0%}")

# %% [markdown]
# {result}`study:config.songs` songs and {result}`study:config.participants` participants after exclusions
# are wanted, who hear {result}`study:config.songs_each` songs each. These counts differ by one at most
# for any number of persons who come. The order of the songs follows a Williams
# square {cite:p}`williams1949experimental`, in which each stands at each place and after each other equally
# often. A few of the trials check attention: a text says what to answer.
#
# (sec-instrument)=
# ## The instrument
#
# `m2l study serve` puts the design before participants: a page that leads from the consent to the
# debriefing, for phones and desktops, by touch or by keyboard. It is a timeline of jsPsych
# {cite:p}`deleeuw2023jspsych`. A song of {result}`study:config.seconds` seconds has to be heard before it
# can be rated. Answers are stored one by one as they come; participants are known by random codes only.
# `m2l study static` writes the same page as plain files for any web host, and `m2l study stimuli` prepares
# the songs and their pictures. A design made of stand-ins says so, and invites nobody.

# %% [markdown]
# (sec-power)=
# ## How many persons, how many songs
#
# Answers of one person resemble each other, and so do answers to one song: some listeners are
# attentive, some songs are easy {cite:p}`judd2012stimuli`. Only the parts that do *not* repeat add up
# as evidence.
#
# - **H1.** The full system's matched picture is chosen more often than by chance.
# - **H2.** Pictures of the full system are felt closer to their songs than those of the system
#   (a) without affective matching, (b) without progression, (c) without conditioning. What counts is the
#   distance in the plane between a person's ratings of the picture and of the song.
# - **H3.** When two systems are compared, the full one is chosen over these three.
#
# A network's judgement chooses the matched picture, one for a song, at a rate of
# {result}`study:measured` ({ref}`sec-nb-metrics`). The study is planned for
# {result}`study:config.assumed.matched.full`, which is less, since people are not that network. That is the
# released generator's rate; the four systems have yet to be trained alike, at its size: in the smaller ones of the
# {ref}`grids <sec-nb-gan-rated>` such a judge sees hardly any emotion. What else is
# assumed of people is a guess until a pilot has been run; all of it is written down with the rest of the
# settings ({ref}`sec-preregistration`).
#
# Power is the share of simulated studies that find what was put in. One study: simulate answers
# of persons, songs and pictures that differ; estimate; test with Holm's correction.

# %%
effects = simulation.Effects.of(config)
found = simulation.power(config | {"seed": seed}, effects, draws=20)
print(f"20 studies: H1 {found['H1']:.0%}, H3c {found['H3c']:.0%}")

# %% [markdown]
# The same with {result}`study:config.power.draws` studies at each size is in {numref}`fig-study-power`.

# %% mystnb={"figure": {"caption": "Power by the number of participants and of songs, from simulated studies. H1 and H3c, against the unconditional system, are confirmatory, H3b and H2c two of the exploratory ones. Dashed: a power of 80 %; dotted: the planned number.", "name": "fig-study-power"}, "image": {"alt": "Two panels of rising curves of power, against participants and against songs. H3c is highest, then H1; H3b stays near one half, H2c below."}}
power = pd.DataFrame(provenance.load("study")["power"])
power = power[(power["agreement"] == config["assumed"]["agreement"]) & (power["factor"] == 1)]
figure, axes = plt.subplots(1, 2, figsize=(5.4, 3.2), sharey=True)
for ax, by, other in zip(axes, ("participants", "songs"), ("songs", "participants")):
    line = power[power[other] == config[other]].sort_values(by)
    for h, marker in zip(("H3c", "H1", "H3b", "H2c"), "osD^"):
        ax.plot(line[by], line[h], f"{marker}-", label=h)
    ax.axhline(0.8, color=figures.INK, ls="--", lw=1)
    ax.axvline(config[by], color=figures.INK, ls=":", lw=1)
    ax.set(xlabel=by, xlim=(0, None), ylim=(0, 1.03))
axes[0].set_ylabel("power (simulated)")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
plt.show()

# %% [markdown]
# With the planned numbers the power is {result}`study:power.participants=160&songs=60&factor=1.0&agreement=0.35.H1:.0%` for H1 and
# {result}`study:power.participants=160&songs=60&factor=1.0&agreement=0.35.H3c:.0%` for H3 (c), the choice of the full system over the one
# that never heard the song. These two are **confirmatory**; they share one Holm correction. With effects
# three quarters as large, H1 would be found in
# {result}`study:power.participants=160&songs=60&factor=0.75&agreement=0.35.H1:.0%` of studies. What is wanted is a statement about
# songs in general, and it needs songs: this is why they are dealt into decks.
#
# The rest is **exploratory**. Ratings are a blunt tool: a person does not rate twice alike, and a picture
# that misses its song by chance misses it for everyone; even H2 (c) is found in only
# {result}`study:power.participants=160&songs=60&factor=1.0&agreement=0.35.H2c:.0%` of studies. Where a difference between two systems
# matters, it is better asked by showing both pictures. {doc}`../preregistration` has the power of all seven,
# and what binds: hypotheses, exclusions, stopping rule, models and all texts that participants read. It is
# generated from the same settings as the design file.

# %% [markdown]
# ## The analysis, on one simulated study
#
# Now simulated persons with the assumed effects answer the design, some of them at random. `m2l study analyse` treats their answers as those of people:

# %%
answers = simulation.simulate(trials, effects, seed)
result = analysis.analyse(made, answers)
out = result["persons"]["excluded"]
careless = answers.groupby("participant")["careless"].first()[out.index]
print(
    f"{out.sum()} of {len(out)} left out, {(out & careless).sum()} of {careless.sum()} careless ones"
)

# %% [markdown]
# **Matched against shuffled** ({numref}`fig-study-choices`). The interval, and the test, cluster the
# variance by persons and by songs at once {cite:p}`cameron2011multiway`: they speak of songs in general, not
# of these songs alone.

# %% mystnb={"figure": {"caption": "How often the matched picture is chosen in one simulated study, with 95 % intervals for songs in general. Diamonds: the rates put in. Dashed: chance.", "name": "fig-study-choices"}, "image": {"alt": "Five rows, one for each system, each with a point, an interval and a diamond near it. The real photographs lie furthest to the right of the dashed line at one half."}}
analysis.draw("matched", result, simulation.truth(effects))
plt.show()

# %% [markdown]
# **Distance between picture and song** is compared by a linear mixed model with the systems as fixed
# effects and crossed random intercepts of person, song and picture, fitted by Powell's method, since
# variances at zero are common and gradients vanish there. **System against system**: Bradley–Terry
# strengths {cite:p}`bradley1952rank`. How far people agree is told by intraclass correlations
# {cite:p}`shrout1979icc` and Krippendorff's α {cite:p}`hayes2007answering`. {numref}`tab-study-verdicts` has
# the verdicts.

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame(
        {
            "hypothesis": f"**{name}**" if row["confirmatory"] else name,
            "estimate": text({"value": row["estimate"], "low": row["low"], "high": row["high"]}),
            "adjusted p": text(row["adjusted"], ".3f") if row["adjusted"] >= 0.001 else "< 0.001",
            "supported": "yes" if row["supported"] else "no",
        }
        for name, row in result["hypotheses"].iterrows()
    ),
    "The hypotheses in one simulated study: a rate (H1), points (H2) and log odds (H3), with 95 % intervals "
    "for songs in general, and p-values after Holm's procedure, within the confirmatory ones, in bold, and "
    "within the others.",
    name="tab-study-verdicts",
)

# %% [markdown]
# (sec-validation)=
# ## Does the analysis find what is there?
#
# One simulated study may be lucky. So {result}`study_validation:effects.studies` are answered and analysed
# with the assumed effects and as many with none: every rate at one half, all systems equally far from their
# songs and equally strong. Persons who answer at random, a bias to the left picture and the ends of the scale
# stay in. The studies are smaller than the planned one, which makes it harder for the intervals
# ({numref}`tab-study-coverage`).

# %% tags=["hide-input"]
validated = provenance.load("study_validation")
table = pd.DataFrame(validated["effects"]["table"]).set_index(["measure", "system"])["covered"]
measures = {"matched": "matched", "strength": "strength", "distance, means": "distance"}
held = table[list(measures)].astype(float).unstack("measure").reindex(study.SYSTEMS)
figures.table(
    (100 * held[list(measures)]).rename(columns=measures).reset_index(names="system"),
    "Simulated studies, in per cent, whose 95 % interval for songs in general holds the value put in. The full "
    "system is what strengths and distances are measured from.",
    decimals=0,
    name="tab-study-coverage",
)

# %% [markdown]
# The mixed model takes long and was computed in {result}`study_validation:effects.table.measure=distance&system=unconditional.studies`
# studies of each kind; its verdicts on H2 were those of the clustered means, which the power analysis uses, in
# {result}`study_validation:effects.agree:.0%`. The rules excluded
# {result}`study_validation:effects.table.measure=excluded&system=careless.estimate:.0%` of those who answered at
# random and {result}`study_validation:effects.table.measure=excluded&system=attentive.estimate:.0%` of the
# others. {numref}`tab-study-rejected` has what the tests say where there is nothing to find.
#
# ```{list-table} Share of simulated studies in which a test at the 5 % level rejects, after Holm's procedure. With no effect it should be about 5 % at most for each family, and about 5 % for the control in both columns.
# :name: tab-study-rejected
# :header-rows: 1
#
# * - Test
#   - No effect
#   - Assumed effects
# * - H1, against chance
#   - {result}`study_validation:none.table.measure=hypothesis&system=H1.rejected:.1%`
#   - {result}`study_validation:effects.table.measure=hypothesis&system=H1.rejected:.1%`
# * - H3 (c), against the unconditional system
#   - {result}`study_validation:none.table.measure=hypothesis&system=H3c.rejected:.1%`
#   - {result}`study_validation:effects.table.measure=hypothesis&system=H3c.rejected:.1%`
# * - either of these two, which are confirmatory
#   - {result}`study_validation:none.any.confirmatory:.1%`
#   - {result}`study_validation:effects.any.confirmatory:.1%`
# * - any of the five exploratory ones
#   - {result}`study_validation:none.any.exploratory:.1%`
#   - {result}`study_validation:effects.any.exploratory:.1%`
# * - control: matched of the unconditional system
#   - {result}`study_validation:none.table.measure=matched&system=unconditional.rejected:.1%`
#   - {result}`study_validation:effects.table.measure=matched&system=unconditional.rejected:.1%`
# ```
#
# With so many studies, two points above or below 5 % are chance.

# %% [markdown]
# ## Limits
#
# - The assumed effects, correlations and agreement are guesses. A pilot of a dozen persons would show
#   the agreement and the correlations.
# - Simulated persons follow the models' own form: probit choices, normal emotions. People may not.
# - H2 is weak by design. A difference that is not found there is not shown to be absent.

# %% [markdown]
# ## Summary
#
# - No participants have been asked; every answer here is simulated.
# - The main question is a choice between the picture made for a song and one made for another by the
#   same system. The unconditional system must stay at one half.
# - {result}`study:config.participants` participants and {result}`study:config.songs` songs,
#   {result}`study:config.songs_each` for each person, give a power of
#   {result}`study:power.participants=160&songs=60&factor=1.0&agreement=0.35.H1:.0%` for it, and of
#   {result}`study:power.participants=160&songs=60&factor=1.0&agreement=0.35.H3c:.0%` for the choice between the full and the
#   unconditional system. All other comparisons are exploratory.
# - With no effect a confirmatory test rejects in
#   {result}`study_validation:none.any.confirmatory:.1%` of studies.
# - The hypotheses, rules and models are fixed in the {doc}`../preregistration`.
