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
# (sec-nb-gan-losses)=
# # Appendix: more of the training
#
# This appendix to chapter {ref}`sec-nb-gan` shows how a stage grows, what affective matching asks for, the stages and
# more seeds of the released generator, what became of a lead, how far from the middle it is asked, a stage for larger
# pictures, and the rest of the grids of chapter {ref}`sec-nb-baselines`.

# %% tags=["parameters", "remove-cell"]
seed = 0
photos = 240
milestone = "smoke"

# %% tags=["remove-cell"]
import json
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from PIL import Image

from m2l import corpora, figures, generate
from m2l import results as provenance
from m2l.experiments import ablation, landscapes
from m2l.gan import losses
from m2l.gan import photos as pyramids
from m2l.gan.pictures import to_tensor
from m2l.gan.presets import Preset
from m2l.gan.training import Run
from m2l.va import DIMENSIONS

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# ## A tiny run
#
# The milestone's training at 16×16 on painted landscapes of the sample corpus, as in the chapter, now
# to its end ({numref}`fig-gan-live-curve`).

# %%
sample = corpora.load("sample", kind="landscapes", n=photos, seed=seed, size=32)
paintings = pyramids.build(sample.table, top=16)
run = Run(Preset.load(milestone, seed=seed), paintings, tempfile.mkdtemp(), accelerator="cpu")
run.train(bar=False)
lines = pd.DataFrame(map(json.loads, (run.folder / "metrics.jsonl").read_text().splitlines()))

# %% mystnb={"figure": {"caption": "The tiny run on painted landscapes (synthetic data). What the critic tells apart, and the deviation of generated pictures as a share of that of the painted ones. Dashed: a new stage begins.", "name": "fig-gan-live-curve"}, "image": {"alt": "Two line charts over images shown: the critic's gap, and the ratio of deviations, which stays near or below one."}}
figures.training(lines)
plt.show()

# %% [markdown]
# A new stage is blended in: with α = 0 the picture is that of the stage before, enlarged, with
# α = 1 it is the new one ({numref}`fig-gan-fade`). So nothing learned is lost when the networks grow.

# %% mystnb={"figure": {"caption": "The tiny generator's last stage growing out of the one before. At \u03b1 = 0 the 16\u00d716 picture is the 8\u00d78 picture enlarged, pixel for pixel.", "name": "fig-gan-fade"}, "image": {"alt": "Five small pictures in a row: the first in coarse blocks, the last in finer ones."}}
rng = torch.Generator().manual_seed(seed)
z = torch.randn(1, run.preset.sizes.z, generator=rng)
u = torch.rand(1, 2, generator=rng) * 2 - 1
alphas = (0.0, 0.25, 0.5, 0.75, 1.0)
figures.pictures(
    np.concatenate([run.sample(z, u, 2, a) for a in alphas]),
    titles=[f"α = {a:g}" for a in alphas],
)
plt.show()

# %% [markdown]
# ## What affective matching asks for
#
# Affective feature matching wants the critic's gates to look the same for a generated as for a real
# picture of the same label. But the two show different scenes. How alike are the gates of two *real*
# pictures with nearly the same label? That is the least that can be asked for.

# %%
apart = torch.cdist(run.va, run.va) + 9 * torch.eye(len(run.va))
partner = apart.argmin(1)
painted, noise = to_tensor(paintings.array(16)), torch.randn(len(run.va), 16, generator=rng)
with torch.no_grad():
    own = run.critic(painted, run.va, 2)[1]
    other = run.critic(painted[partner], run.va[partner], 2)[1]
    made = run.critic(run.average(noise, run.va), run.va, 2)[1]

# %%
forms = {"spatial": "pixel by pixel (as published)", "channel": "channel means over a batch"}
figures.table(
    pd.DataFrame(
        {
            "compared": what,
            "generated with painted": losses.affective_matching(made, own, form).item(),
            "painted with painted": losses.affective_matching(other, own, form).item(),
        }
        for form, what in forms.items()
    ),
    "Affective difference of the tiny critic's gates.",
    decimals=3,
    name="tab-gan-afm",
)

# %% [markdown]
# Pixel by pixel, two painted pictures of like mood already differ ({numref}`tab-gan-afm`), since their
# hills lie elsewhere; the generator could fall below that only by painting an average scene. Channel
# means leave layout alone. Both generators of the chapter were taught in that form.

# %% [markdown]
# ## The released generator, further
#
# {numref}`fig-gan-curve` is its training, {numref}`fig-gan-stages` follows some fixed seeds through the stages of the
# run before it ({ref}`sec-nb-gan-reading`), {numref}`fig-gan-seeds` paints seeds 0 to 5, as they come, in each corner of
# the plane.

# %% mystnb={"figure": {"caption": "The released run. A collapse would show as a gap that runs away or as a deviation that falls towards zero. Dashed: a new stage begins.", "name": "fig-gan-curve"}, "image": {"alt": "Two line charts over images shown for the run on photographs, with the starts of the stages marked."}}
curve = pd.DataFrame(provenance.load("gan")["arrays"])
smooth = curve.rolling(8, min_periods=1).mean()
smooth[["images", "resolution"]] = curve[["images", "resolution"]]
figures.training(smooth)
plt.show()

# %% mystnb={"figure": {"caption": "Six of the fixed seeds at the end of each stage of the run before the released one, 16\u00d716 to 128\u00d7128.", "name": "fig-gan-stages"}, "image": {"alt": "Four rows of six pictures that become sharper from row to row: colour patches, then horizons, then landscapes."}}
folder = provenance.results_dir() / "gan_reading1"
rows = []
for path in sorted(folder.glob("*-seeds.png")):
    with Image.open(path) as grid:
        side = grid.width // 7
        rows += [np.asarray(grid)[:side, i * side : (i + 1) * side] for i in range(6)]
figures.pictures(rows, columns=6)
plt.show()

# %% mystnb={"figure": {"caption": "Seeds 0 to 5 of the released generator in each corner of the plane, unselected. V and A: the emotion asked for, on the landscapes' scale.", "name": "fig-gan-seeds"}, "image": {"alt": "Four rows of six generated landscapes, one row for each combination of low and high valence and arousal."}}
released = generate.load()
corners = {
    "tense": (-0.9, 0.9), "cheerful": (0.9, 0.9), "gloomy": (-0.9, -0.9), "serene": (0.9, -0.9)
}  # fmt: skip
figures.Gallery(
    {
        mood: (
            generate.paint(np.array(corner), np.arange(6), released),
            figures.felt([released.va_map.inverse(np.array(corner))] * 6),
        )
        for mood, corner in corners.items()
    }
)

# %% [markdown]
# (sec-nb-gan-choice)=
# ## Which state is released
#
# Longer is not always better. Of the {result}`choice:images:len` states that were kept of the released run, each painted the
# emotions of {result}`choice:n` photographs that no generator learns from, and {numref}`tab-gan-choice` has the distance to
# these. The nearest in the features of the judge of ratings, through which no critic looks, is released.

# %%
choice = provenance.load("choice")
figures.table(
    pd.DataFrame(
        {
            "pictures shown": f"**{images:,}**" if i == choice["kept"] else f"{images:,}",
            "Fréchet, ratings": provenance.text(state["ratings"]["frechet"], ".1f"),
            "Fréchet, scene": provenance.text(state["scene"]["frechet"]),
            "coverage, ratings": provenance.text(state["ratings"]["coverage"]),
        }
        for i, (images, state) in enumerate(zip(choice["images"], choice["states"]))
    ),
    "States of the released run, as trained, against photographs, with 95 % intervals. In bold what is released.",
    name="tab-gan-choice",
)

# %% [markdown]
# (sec-nb-gan-reading)=
# ## A lead that came to nothing
#
# At 32×32 generators obeyed better where the critic's reading of the labels weighed four times as much
# ({ref}`sec-nb-baselines`). So the released run has that weight. A run with the weight 1, from the same seed, on the same
# kind of card and as long, went before it. {numref}`tab-gan-reading` has the state of either that
# {numref}`tab-gan-choice` would choose, as trained. In obedience all intervals overlap, and where the scene network's figures
# differ most, the weight 1 has the higher one. By the judge of ratings the pictures of the new run cover more of the
# photographs; whether the weight did that, two runs cannot tell.

# %%
weights = {
    "1": (provenance.load("choice_reading1"), provenance.load("emphasis_reading1")),
    "4": (provenance.load("choice"), provenance.load("emphasis")),
}
columns = {}
for weight, (chosen, trained) in weights.items():
    best, plain = chosen["states"][chosen["kept"]], trained["curve"][0]
    columns[f"weight {weight}"] = {
        "pictures shown": f"{chosen['images'][chosen['kept']]:,}",
        "Fréchet, ratings": provenance.text(best["ratings"]["frechet"], ".1f"),
        "coverage, ratings": provenance.text(best["ratings"]["coverage"]),
        "coverage, scene": provenance.text(best["scene"]["coverage"]),
    } | {
        f"{name}, {d}, {judge}": provenance.text(plain[judge][d][key])
        for judge in ("ratings", "scene")
        for name, key in {"r": "r", "within a kind": "within"}.items()
        for d in DIMENSIONS
    }
figures.table(
    pd.DataFrame(columns).rename_axis("by judge").reset_index(),
    "Two runs that differ in the weight of reading, without emphasis, with 95 % intervals: likeness to {:,} photographs "
    "that no generator learns from, and the emotion asked for and seen in {:,} pictures.".format(
        chosen["n"], trained["n"]
    ),
    name="tab-gan-reading",
)

# %% [markdown]
# (sec-nb-gan-emphasis)=
# ## How far from the middle to ask
#
# What is asked of the released generator is multiplied, by {result}`emphasis:emphasis.valence:.2f` in valence and
# {result}`emphasis:emphasis.arousal:.2f` in arousal ({ref}`sec-bridge`). The factors were found with the emotions of
# photographs that no generator has seen and tried out with those of others and with other seeds. {numref}`fig-gan-emphasis` has
# what they bring, {numref}`tab-gan-emphasis` what they cost: further out a picture obeys better still and is less
# like a photograph. `m2l metrics emphasis` finds the factors of another generator.

# %% mystnb={"figure": {"caption": "Correlation of the emotion asked for and seen, by the factors of valence and of arousal, with 95 % intervals. The third row is the released generator; the first has no emphasis, the last the most.", "name": "fig-gan-emphasis"}, "image": {"alt": "Points with intervals for five pairs of factors and two judges: for valence and for arousal, correlation rises from row to row, less and less."}}
louder = provenance.load("emphasis")
rows = {"{:.2f}, {:.2f}".format(*step["factors"]): step for step in louder["curve"]}
judges = {"judge of ratings": "ratings", "scene network": "scene"}
figures.by_dimension(
    {
        name: {row: {d: step[key][d]["r"] for d in DIMENSIONS} for row, step in rows.items()}
        for name, key in judges.items()
    },
    "correlation",
)
plt.show()

# %%
figures.table(
    pd.DataFrame(
        {
            "by, factors": f"{name}, {row}",
            "Fréchet distance": provenance.text(step[key]["frechet"], digits),
            "coverage": provenance.text(step[key]["coverage"], ".2f"),
        }
        for (name, key), digits in zip(judges.items(), (".1f", ".2f"))
        for row, step in rows.items()
    ),
    "{:,} pictures against as many photographs, in the features of either judge, with 95 % "
    "intervals; of more, as in chapter 5, the Fréchet distances are smaller.".format(louder["n"]),
    name="tab-gan-emphasis",
)

# %% [markdown]
# {numref}`fig-gan-obedience` has the obedience of both generators beside that of photographs and their labels, by
# either judge: overall, within one kind of scene, and without what brightness and saturation tell. The milestone's is
# asked without emphasis.

# %% mystnb={"figure": {"caption": "Correlation of the emotion asked for and seen, with 95 % intervals; for photographs, of their label and the emotion seen.", "name": "fig-gan-obedience"}, "image": {"alt": "Points with intervals, for valence and for arousal, in nine rows: three ways to correlate for the released generator, the milestone's and photographs, by two judges."}}
released_va = provenance.load("metrics")["va"]
milestone_va = provenance.load("metrics_milestone")["va"]
measured = {
    "released": (released_va, "random"),
    "milestone's critic": (milestone_va, "random"),
    "photographs": (released_va, "photos"),
}
ways = {"": "r", ", within a kind": "within", ", without colour": "left"}
figures.by_dimension(
    {
        name: {
            f"{who}{way}": {d: va[key][asked][d][figure] for d in DIMENSIONS}
            for way, figure in ways.items()
            for who, (va, asked) in measured.items()
        }
        for name, key in judges.items()
    },
    "correlation",
)
plt.show()

# %% [markdown]
# What does without a generator ({ref}`sec-nb-metrics`) is scored by both judges in {numref}`tab-gan-baselines`. Of
# several pictures for one request one judge chooses and the other scores the choice. {numref}`tab-gan-seeds-judges` has
# the figures of {numref}`tab-gan-seeds`, and those within a kind of scene, by both.

# %%
answers = provenance.load("baselines")["answers"]
figures.table(
    pd.DataFrame(
        {"by, answer": f"{name}, {answer}"}
        | {f"r, {d}": provenance.text(told[key][d]) for d in DIMENSIONS}
        for name, key in judges.items()
        for answer, told in answers.items()
        if key in told
    ),
    "Correlation of the emotion asked for and seen, with 95 % intervals over requests.",
    name="tab-gan-baselines",
)

# %%
seeds_of = provenance.load("seeds")["figures"]
results = [provenance.load(name) for name in ("metrics_milestone", "metrics")]
figures.table(
    pd.DataFrame(
        {
            "by, figure": f"{judge}, {figure}",
            "milestone's critic": provenance.text(before[figure]["value"]),
            "three seeds": provenance.text(found),
            "released": provenance.text(after[figure]["value"]),
        }
        for judge, key in judges.items()
        for before, after in [[landscapes.headline(one, key) for one in results]]
        for figure, found in seeds_of[key].items()
    ),
    "The runs of chapter 3: mean and 95 % interval of Student's t over seeds.",
    name="tab-gan-seeds-judges",
)

# %% [markdown]
# (sec-nb-gan-256)=
# ## A stage for 256×256
#
# {result}`gan256:photos` photographs of another collection are that large. One more resolution was taught on top of
# the end of the released run, which itself stayed as it was, with {result}`gan256:images` pictures in
# {result}`gan256:training_seconds:duration` of the same card, and joined to the state that is released. The critic saw
# windows of half the side. The new layers may add detail alone: halved, a picture differs from that of 128×128 by
# {result}`detail:moved:*100 .1f` % of the range on average. So what judges say of the smaller pictures holds for the larger
# ones. {numref}`fig-gan-256` has some beside pictures enlarged.

# %% mystnb={"figure": {"caption": "The middle of seeds 0 to 5 at emotions over the plane, unselected. Left of each pair a picture of 128\u00d7128 enlarged, right the same with the stage for 256\u00d7256.", "name": "fig-gan-256"}, "image": {"alt": "Six pairs of landscapes; the right one of each has sharper edges and finer texture."}}
z = generate.noise(range(6), released.z).numpy()
u = 0.6 * np.array([*corners.values(), (0, 1), (0, -1)])
small = generate.resized(generate.render(z, u, released), released.finest)
large = generate.render(z, u, released, side=released.finest)
middle = slice(56, 200)
pairs = np.concatenate([x[:, middle, middle] for x in (small, large)], axis=2)
figures.Gallery({"": (pairs, figures.felt(released.va_map.inverse(u)))}, width=19)

# %% [markdown]
# A judge agrees. {numref}`tab-gan-256` compares both with {result}`detail:unseen` photographs that the stage was not
# trained on. Enlarging costs photographs a distance of {result}`detail:kid.loss`; to generated pictures the stage
# gives back {result}`detail:kid.gain`. Covers, films and all pictures of more than 128 pixels are painted with the stage.

# %%
brought = provenance.load("detail")
names = {
    "enlarged": "128×128, enlarged",
    "finest": "with the stage for 256×256",
    "photos": "photographs",
    "photos enlarged": "photographs, halved and enlarged",
}
figures.table(
    pd.DataFrame(
        {
            "pictures": name,
            "KID": provenance.text(brought["kid"][key]),
            "fine contrast": provenance.text(brought["detail"][key], ".3f"),
        }
        | {
            f"r, {d}": provenance.text(brought["r"][key][d]) if key in brought["r"] else ""
            for d in DIMENSIONS
        }
        for key, name in names.items()
    ),
    "{:,} pictures against photographs of 256×256 by the judge of ratings, with 95 % intervals. Fine contrast: the mean "
    "step from a point to the next, as a share of the range; r: the emotion asked for and seen.".format(
        brought["n"]
    ),
    name="tab-gan-256",
)

# %% [markdown]
# (sec-nb-gan-more)=
# ## Other weights, fewer photographs, equal seconds
#
# Chapter {ref}`sec-nb-baselines` takes parts away. The same grids also change some, in the same correction for the
# number of comparisons ({numref}`tab-gan-more`, {numref}`tab-gan-more-projected`): the
# weight of affective matching, the number of photographs, and the length of runs whose steps are cheaper
# without ERUs, so that they take as long as a full one (*longer*). Each has
# {result}`ablation:grids.ablation.variants.photos 500.seeds` seeds.

# %%
told = provenance.load("ablation")["grids"]
more = ("full", "AFM 1", "AFM 10", "photos 500", "unconditional, longer", "label input, longer")
figures.table(
    ablation.worth(told["ablation"], more),
    "The milestone's critic at 32×32; the full model has AFM 100 and all photographs. Means over seeds with "
    "95 % intervals, in the last row other photographs, as in chapter 4.",
    name="tab-gan-more",
)

# %%
figures.table(
    ablation.worth(told["ablation-projected"], ("full", "AFM 100", "photos 500")),
    "The projected critic at 32×32; the full model has AFM 10 and all photographs.",
    name="tab-gan-more-projected",
)

# %% [markdown]
# With the projected critic label input needs no longer runs: it takes about the seconds of one core that a full run
# takes.

# %%
runs = ablation.load(provenance.results_dir() / "ablation")
seconds = ablation.table(runs[runs["grid"] == "ablation-projected"], "training.cpu_seconds")
seconds.loc[["full", "label input"]].mean(axis=1).round()

# %% [markdown]
# (sec-nb-gan-64)=
# ## The grid at 64×64
#
# Twice the side and about the same time: such runs see fewer pictures of each size. {numref}`tab-gan-64` and
# {numref}`tab-gan-64-projected` have them. Of {result}`ablation:grids.ablation64.comparisons.number` comparisons with the
# full model {result}`ablation:grids.ablation64.comparisons.survive` survive the correction with the milestone's
# critic, of {result}`ablation:grids.ablation64-projected.comparisons.number` with the projected one
# {result}`ablation:grids.ablation64-projected.comparisons.survive` ({numref}`tab-gan-64-survive`). Affective matching
# by channel keeps variety; pixel by pixel, variety and arousal are about what they are without it, and the judge of
# ratings is not shown to see more ({numref}`tab-gan-rated`).

# %%
figures.table(
    ablation.worth(told["ablation64"]), "The milestone's critic at 64×64.", name="tab-gan-64"
)

# %%
figures.table(
    ablation.worth(told["ablation64-projected"]),
    "The projected critic at 64×64.",
    name="tab-gan-64-projected",
)

# %%
critics = {"milestone's": told["ablation64"], "projected": told["ablation64-projected"]}
figures.table(
    ablation.survivors(critics),
    "The differences at 64×64 that survive the correction.",
    name="tab-gan-64-survive",
)

# %% [markdown]
# (sec-nb-gan-rated)=
# ## The other judge
#
# The scene network learned from labels of the same making as those that the generators learned from. What the
# judge of ratings sees in the same pictures is in {numref}`tab-gan-rated`, and beside it what the scene network sees
# within one kind of scene.

# %%
names = {
    "ablation": "milestone's critic, 32×32",
    "ablation-projected": "projected critic, 32×32",
    "ablation64": "milestone's critic, 64×64",
    "ablation64-projected": "projected critic, 64×64",
}
figures.table(
    pd.concat(
        part
        for grid, name in names.items()
        for part in (pd.DataFrame({"variant": [f"**{name}**"]}), ablation.obeyed(told[grid]))
    ).fillna(""),
    "Emotion asked and seen, in valence and in arousal: r by the judge of ratings, and r within one kind of scene by "
    "the scene network. Means over seeds with 95 % intervals.",
    name="tab-gan-rated",
)

# %% [markdown]
# ## Summary
#
# - Affective matching pixel by pixel asks more of generated pictures than real ones give each other.
# - What is asked can be exaggerated until a picture is read as easily as a photograph, at a cost in likeness.
# - At 64×64 and with the milestone's critic, affective matching keeps pictures apart.
# - What short runs learn of an emotion, the scene network sees better than the judge of ratings does.
# - A weight that helped at 32×32 did not at 128×128.
# - A stage for 256×256 adds detail that a judge prefers to pictures enlarged.
