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
# (sec-nb-metrics)=
# # FID and other measures
#
# A generated landscape can fail in three ways: it can look unlike a photograph, it can look like all
# the other generated ones, and it can ignore the emotion that was asked for. Each failure has its
# own measure ({ref}`sec-measures`). This chapter first tests the measures on pictures whose faults
# are known, then applies them to the released generator, and last to the whole way from a song to
# its picture.

# %% tags=["parameters", "remove-cell"]
seed = 0
paintings = 200

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from myst_nb import glue
from PIL import Image
from scipy.ndimage import gaussian_filter

from m2l import corpora, figures
from m2l import results as provenance
from m2l.doors import pictures as opener
from m2l.judge import metrics, scene
from m2l.music.forest import DIMENSIONS

figures.use_style()
torch.set_num_threads(2)

judged = provenance.load("scene")
study = provenance.load("metrics")
way = provenance.load("end_to_end")
side = study["resolution"]


def number(x, digits=2):
    return f"{x:.{digits}f}".replace("-", "−")


def span(x, digits=2):
    """A value with its interval, as text."""
    return "{} ({} to {})".format(*(number(x[k], digits) for k in ("value", "low", "high")))


# %% [markdown]
# ## A judge of its own
#
# Distances between pictures are taken in the features of a network. The usual one is Inception, whose
# official weights define FID {cite:p}`heusel2017ttur`. A second one comes with the package: a small
# scene network, trained on photographs that no generator has seen to name the scene and to read
# valence and arousal. It is weak beside Inception, but it knows landscapes, reads emotion, and is
# always at hand. In training it also saw photographs as they are at lower resolutions, so one network
# judges generators of any size.

# %%
judge = scene.load()
table = corpora.load("sample", kind="landscapes", n=paintings, seed=seed, size=64).table
pictures = np.stack([np.asarray(opener.read(path, 64)) for path in table["path"]])
features, scenes, seen = scene.look(judge, pictures)

# %% [markdown]
# ## Do the measures notice?
#
# A useful measure gets worse when one set of pictures is spoilt, and each notices other faults. Here
# half of the painted landscapes of the sample corpus are compared with the other half, blurred,
# noisy, or darkened; last, some of the pictures are replaced by copies of a single one.

# %%
half = len(pictures) // 2
rng = np.random.default_rng(seed)
spoil = {
    "blur": ([0, 0.5, 1, 1.5, 2], lambda x, s: gaussian_filter(x.astype(float), (0, s, s, 0))),
    "noise": ([0, 5, 10, 20, 40], lambda x, s: x + rng.normal(0, s, x.shape)),
    "darkness": ([0, 0.1, 0.2, 0.4, 0.6], lambda x, s: x * (1 - s)),
    "copies": (
        [0, 0.2, 0.4, 0.6, 0.8],
        lambda x, s: np.where(np.arange(len(x))[:, None, None, None] < s * len(x), x[:1], x),
    ),
}
measures = {
    "Fréchet distance": metrics.frechet,
    "density": lambda a, b: metrics.density_coverage(a, b)[0],
    "coverage": lambda a, b: metrics.density_coverage(a, b)[1],
}
found = {}
for fault, (strengths, damage) in spoil.items():
    spoilt = [
        scene.look(judge, np.clip(damage(pictures[half:], s), 0, 255).astype(np.uint8))[0]
        for s in strengths
    ]
    for name, measure in measures.items():
        found[name, fault] = [measure(features[:half], x) for x in spoilt]

# %% mystnb={"figure": {"caption": "Three measures between one half of the painted landscapes and the other half after damage (synthetic pictures), in the scene network's features. Leftmost in each panel: no damage.", "name": "fig-metrics-spoil"}, "image": {"alt": "A grid of line charts, three measures by four kinds of damage: the Fr\u00e9chet distance rises with each; density falls with blur, noise and darkness; coverage falls with all, with copies too."}} tags=["hide-input"]
figure, axes = plt.subplots(3, 4, figsize=(8, 5.2), sharey="row", layout="constrained")
for row, name in zip(axes, measures):
    for ax, (fault, (strengths, _)) in zip(row, spoil.items()):
        ax.plot(strengths, found[name, fault], "o-", ms=4)
        if name == "coverage":
            ax.set_xlabel(f"{fault}")
    row[0].set_ylabel(name)
    row[0].set_ylim(bottom=0)
plt.show()

# %% tags=["remove-cell"]
read = (
    judged["resolutions"][str(side)]
    if str(side) in judged["resolutions"]
    else judged["resolutions"]["64"]
)
glue("metrics_probe", f"{judged['photos']:,}", display=False)
glue("metrics_tested", f"{judged['tested']:,}", display=False)
glue("metrics_scenes", f"{len(judged['scenes'])}", display=False)
glue("metrics_accuracy", span(read["accuracy"]), display=False)
glue("metrics_people_photos", f"{judged['people']['photos']:,}", display=False)
glue("metrics_judge_mb", f"{judged['bytes'] / 1e6:.1f}", display=False)
for d in DIMENSIONS:
    glue(f"metrics_people_{d}", span(judged["people"][d]["r"]), display=False)

# %% [markdown]
# ## The judge, judged
#
# Before it reads generated pictures, it reads real ones. Trained on {glue:text}`metrics_probe`
# photographs and tested on {glue:text}`metrics_tested` others, it names the right one of
# {glue:text}`metrics_scenes` scenes at a rate of {glue:text}`metrics_accuracy` at the generator's
# resolution; its file has {glue:text}`metrics_judge_mb` MB.

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame(
        {"photographs at": f"{r}×{r}", "scene named": span(told["accuracy"])}
        | {
            f"{name}, {d}": span(told[d][key])
            for d in DIMENSIONS
            for key, name in (("r2", "R²"), ("ccc", "CCC"))
        }
        for r, told in judged["resolutions"].items()
    ),
    "The judge on photographs left out, brought to several resolutions; 95 % bootstrap intervals.",
)

# %% [markdown]
# The labels it was trained on are themselves predicted ({ref}`sec-stand-ins`): what it measures is
# whether the generator learned the labels it was given, not what people feel. With what people felt
# at {glue:text}`metrics_people_photos` rated photographs of scenery {cite:p}`kurdi2017oasis`, its
# answers correlate by {glue:text}`metrics_people_valence` for valence and
# {glue:text}`metrics_people_arousal` for arousal.

# %% tags=["remove-cell"]
space = study["likeness"]["scene"]
frechet = space["frechet"]
fid = {
    name: figure
    for told in study["likeness"].values()
    for name, figure in told.items()
    if name.startswith("fid_")
}
glue("metrics_n", f"{study['n']:,}", display=False)
glue("metrics_each", f"{space['n']:,}", display=False)
glue("metrics_side", f"{side}×{side}", display=False)
glue("metrics_frechet", span(frechet["generated"]), display=False)
glue("metrics_frechet_photos", span(frechet["photos"]), display=False)
glue("metrics_coverage", span(space["coverage"]["generated"]), display=False)
glue("metrics_coverage_photos", span(space["coverage"]["photos"]), display=False)
glue("metrics_kid_subset", f"{space['kid']['generated']['subset']}", display=False)
glue(
    "metrics_fid",
    ", ".join(f"{k} = {span(v['generated'])}" for k, v in fid.items())
    or "not reported, since the official Inception weights were not at hand where these results "
    "were made",
    display=False,
)

# %% [markdown]
# ## Like photographs?
#
# {glue:text}`metrics_each` generated pictures are compared with as many photographs at
# {glue:text}`metrics_side`, and for the floor as many other photographs with the same ones. KID
# {cite:p}`binkowski2018kid` is an unbiased relative of the Fréchet distance. Density says how many
# pictures lie where photographs are, coverage how many photographs have a picture near them
# {cite:p}`naeem2020density`.

# %% tags=["hide-input"]
names = {
    "frechet": "Fréchet distance ↓",
    "kid": "KID ↓",
    "density": "density ↑",
    "coverage": "coverage ↑",
}
rows = []
for features_of, told in study["likeness"].items():
    for key, figure in told.items():
        if key in names or key.startswith("fid_"):
            digits = 3 if key == "kid" else 2
            rows.append(
                {
                    "measure": names.get(key, key),
                    "features": {"scene": "scene network", "inception": "Inception"}[features_of],
                    "generated": span(figure["generated"], digits),
                    "photographs (floor)": span(figure["photos"], digits),
                }
            )
            if key == "kid":
                rows[-1]["generated"] += f", sd {figure['generated']['sd']:.3f}"
figures.table(pd.DataFrame(rows), "Generated pictures against photographs, with 95 % intervals.")

# %% [markdown]
# The deviation (sd) of KID is over subsets of {glue:text}`metrics_kid_subset` pictures. FID:
# {glue:text}`metrics_fid`. No other number here is called FID.

# %% tags=["remove-cell"]
nearest = space["nearest"]
glue("metrics_closer", f"{100 * nearest['closer']['value']:.1f}", display=False)
glue(
    "metrics_closer_span",
    f"{100 * nearest['closer']['low']:.1f} to {100 * nearest['closer']['high']:.1f} %",
    display=False,
)
glue("metrics_nearest", span(nearest["generated"]), display=False)
glue("metrics_nearest_photos", span(nearest["photos"]), display=False)

# %% [markdown]
# ## Copies of the training photographs?
#
# The distance from a picture to the nearest training photograph is {glue:text}`metrics_nearest` in
# the median, and {glue:text}`metrics_nearest_photos` for photographs that the generator has not seen.
# A generator that copies would come nearer than new photographs do. One in a hundred new photographs
# is nearer than a certain mark; of the generated pictures {glue:text}`metrics_closer` % are
# ({glue:text}`metrics_closer_span`).

# %% mystnb={"figure": {"caption": "The twelve of the generated pictures that come nearest to a training photograph, with the distance in the scene network's features. The photographs themselves cannot be shown here.", "name": "fig-metrics-nearest"}, "image": {"alt": "Twelve generated landscapes, each with a number for its distance to the nearest training photograph."}} tags=["hide-input"]
sheet = np.asarray(Image.open(provenance.results_dir() / "metrics" / "nearest.png"))
tiles = sheet.reshape(2, side, -1, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
figures.pictures(tiles, columns=6, titles=[f"{x['distance']:.2f}" for x in study["nearest"]])
plt.show()

# %% tags=["remove-cell"]
diversity = study["diversity"]
for key in ("overall", "cell"):
    glue(f"metrics_{key}", span(diversity[key]["ratio"]), display=False)
glue("metrics_ratio", number(diversity["overall"]["ratio"]["value"]), display=False)
same = diversity["same"]
glue("metrics_same_scene", span(same["other request"]), display=False)
glue("metrics_same_request", span(same["other scene"]), display=False)

# %% [markdown]
# ## Varied?
#
# Variety is the mean distance between two pictures. Over all of them it is
# {glue:text}`metrics_overall` of the photographs'; among pictures from the same ninth of the
# emotional plane, where differences of emotion do not help, {glue:text}`metrics_cell`. For one
# request and many seeds it is {glue:text}`metrics_same_request`; for one seed and 7×7 requests all
# over the plane, {glue:text}`metrics_same_scene`.

# %% [markdown]
# ## Obedient to the emotion?
#
# The generator is asked for the emotions of real photographs left out (random requests) and for 7×7
# points of the plane, twenty scenes at each; the judge says what it sees. A perfect generator would
# still not reach a correlation of one, because the judge does not on photographs: that is the last
# but one of each four rows. Shuffled requests are the control.

# %% tags=["hide-input", "full-width"]
sources = {
    "random": "generated, random requests",
    "grid": "generated, 7×7 grid",
    "photos": "photographs (the judge's own error)",
    "shuffled": "control: requests shuffled",
}
rows = [
    {"": d, "pictures": label}
    | {
        name: span(study["va"][key][d][k])
        for k, name in (
            ("r", "r"),
            ("spearman", "Spearman"),
            ("ccc", "CCC"),
            ("mae", "MAE"),
            ("slope", "slope"),
        )
    }
    for d in DIMENSIONS
    for key, label in sources.items()
]
figures.table(
    pd.DataFrame(rows), "Emotion asked for and emotion seen, with 95 % bootstrap intervals."
)

# %% mystnb={"figure": {"caption": "Emotion asked for and emotion seen by the judge over 7\u00d77 points of the plane, twenty scenes at each point. Thin lines: a row or column of the grid; points: their mean.", "name": "fig-metrics-grid"}, "image": {"alt": "Two charts; the emotion seen against the emotion asked, for valence and for arousal."}} tags=["hide-input"]
answered = np.array(study["grid"]["answered"])  # (arousal, valence, dimension)
asked = np.array(study["grid"]["asked"])
figure, axes = plt.subplots(1, 2, figsize=(7.6, 3))
for i, (ax, d) in enumerate(zip(axes, DIMENSIONS)):
    lines = answered[..., i] if d == "valence" else answered[..., i].T
    ax.plot(asked, lines.T, color=figures.INK, lw=0.8, alpha=0.6)
    ax.plot(asked, lines.mean(0), "o-")
    ax.set(xlabel=f"{d} asked (quantile)", ylabel=f"{d} seen (1–9)", title=d)
plt.show()

# %% tags=["remove-cell"]
for d in DIMENSIONS:
    glue(f"metrics_r_{d}", span(study["va"]["random"][d]["r"]), display=False)
    glue(f"metrics_slope_{d}", span(study["va"]["grid"][d]["slope"]), display=False)
    for key in ("r", "left", "probe"):
        glue(
            f"metrics_{key}_{d}_colour",
            number(study["colour"][d]["generated"][key]["value"]),
            display=False,
        )

# %% [markdown]
# ## More than brightness?
#
# Bright pictures tend to be pleasant ones. How much of the agreement is left
# among pictures of equal brightness and saturation? The partial correlation answers that. The probe
# asks the other way round: how well the request can be read from brightness and saturation alone, by
# a line that was fitted to real photographs.

# %% tags=["hide-input"]
rows = [
    {"": d, "pictures": {"generated": "generated", "photos": "photographs"}[source]}
    | {
        name: span(study["colour"][d][source][key])
        for key, name in (
            ("r", "r, asked and seen"),
            ("left", "r left without both"),
            ("probe", "r of the probe"),
        )
    }
    for d in DIMENSIONS
    for source in ("generated", "photos")
]
figures.table(pd.DataFrame(rows), "How much of the agreement is brightness and saturation.")

# %% mystnb={"figure": {"caption": "What changes in the picture from the lowest to the highest valence and arousal asked for, beside what changes among photographs. Points: generated; squares: photographs; bars: 95 % bootstrap intervals.", "name": "fig-metrics-looks"}, "image": {"alt": "Two panels, for valence and arousal, with a point and a square for each of brightness, saturation, warmth, contrast and detail."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7.8, 2.9), sharey=True, layout="constrained")
for ax, d in zip(axes, DIMENSIONS):
    for source, marker, shift in (("generated", "o", -0.14), ("photos", "s", 0.14)):
        told = [study["looks"][source][look][d] for look in metrics.LOOKS]
        value = 2 * np.array([x["value"] for x in told])  # from −1 to 1
        ends = 2 * np.array([[x["low"], x["high"]] for x in told]).T
        rows = np.arange(len(told)) + shift
        ax.errorbar(
            value,
            rows,
            xerr=np.abs(ends - value),
            fmt=marker,
            ms=5,
            capsize=2,
            lw=1.2,
            label=source,
        )
    ax.axvline(0, color=figures.INK, lw=0.8)
    ax.set_yticks(range(len(metrics.LOOKS)), metrics.LOOKS)
    ax.set(title=d, xlabel="change over the whole range")
    ax.grid(axis="x")
axes[0].invert_yaxis()
axes[1].legend(fontsize=8)
plt.show()

# %% tags=["remove-cell"]
for look, d in (("brightness", "valence"), ("warmth", "valence"), ("detail", "arousal")):
    whole = {k: 2 * study["looks"]["generated"][look][d][k] for k in ("value", "low", "high")}
    glue(f"metrics_{look}_{d}", span(whole, 3), display=False)

# %% [markdown]
# Of what the first report saw, more valence should be brighter and warmer, and less arousal calmer.
# From the lowest to the highest valence, brightness changes by
# {glue:text}`metrics_brightness_valence` and warmth by {glue:text}`metrics_warmth_valence`; from the
# lowest to the highest arousal, detail changes by {glue:text}`metrics_detail_arousal`, all in shares
# of the range. The photographs beside them show what there was to learn.

# %% tags=["remove-cell"]
glue("way_songs", f"{way['songs']:,}", display=False)
glue("way_artists", f"{way['artists']:,}", display=False)
glue("way_pictures", f"{way['pictures']}", display=False)
for key in ("one picture", "mean of pictures", "shuffled"):
    value = way["matched"][key]
    glue(
        f"way_matched_{key.replace(' ', '_')}",
        f"{100 * value['value']:.0f} % ({100 * value['low']:.0f} to {100 * value['high']:.0f})",
        display=False,
    )
for d in DIMENSIONS:
    for key in ("forest", "generator", "whole"):
        glue(f"way_{key}_{d}", span(way[key][d]["r"]), display=False)
    glue(
        f"way_shuffled_{d}",
        "{} to {}".format(*(number(way["shuffled"][d][k]) for k in ("low", "high"))),
        display=False,
    )
    glue(f"way_share_{d}", f"{100 * way['uncertainty'][d]['share']['value']:.0f}", display=False)

# %% [markdown]
# ## From the song to the picture
#
# The whole way is measured on {glue:text}`way_songs` clips by {glue:text}`way_artists` artists. Each
# is heard by a forest that was trained on other artists' songs; the generator paints what the forest
# heard; the judge says what emotion the picture has. All emotions are quantiles here, the song's
# among songs and the picture's among photographs, because that is how they are carried over
# ({ref}`sec-bridge`). The songs' own labels come from mood tags, not from listeners
# ({ref}`sec-provenance`).

# %% mystnb={"figure": {"caption": "Correlation along the way, with 95 % intervals over artists: the song's label and what the forest hears; what is asked of the generator and what the judge sees; the whole way, with one picture for a song and with the mean of several. Grey: the middle 95 % with pictures of other songs.", "name": "fig-metrics-way"}, "image": {"alt": "Points with intervals for four links, for valence and for arousal; the whole way lies below each of its parts, and a grey band around zero shows chance."}} tags=["hide-input"]
links = {
    "forest": "song → forest",
    "generator": "request → picture",
    "whole": "song → picture",
    "whole, mean of pictures": f"song → {way['pictures']} pictures",
}
figure, axes = plt.subplots(1, 2, figsize=(7.8, 2.6), sharey=True, layout="constrained")
for ax, d in zip(axes, DIMENSIONS):
    told = [way[key][d]["r"] for key in links]
    ends = [[x[k] for x in told] for k in ("low", "value", "high")]
    ax.axvspan(
        way["shuffled"][d]["low"], way["shuffled"][d]["high"], color=figures.INK, alpha=0.25, lw=0
    )
    figures.intervals(ax, np.arange(len(links)), *ends, list(links.values()))
    ax.axvline(0, color=figures.INK, lw=0.8)
    ax.set(title=d, xlabel="correlation")
axes[1].invert_yaxis()
plt.show()

# %% [markdown]
# Given a song, its own picture is nearer to it in the plane than the picture of another song in
# {glue:text}`way_matched_one_picture` of the choices, and the mean of {glue:text}`way_pictures`
# pictures in {glue:text}`way_matched_mean_of_pictures`; with pictures dealt out at random it is
# {glue:text}`way_matched_shuffled`.

# %% [markdown]
# ### What the forest does not know
#
# The forest's answer is a guess with an interval. Pictures drawn over that interval show what the
# guess is worth: if one song's pictures differ as much as those of different songs, the picture says
# little about the song.

# %% mystnb={"figure": {"caption": "Three songs, of those tried the one the forest is least uncertain about, a middling one, and the one it is most uncertain about (top to bottom). Leftmost: the picture of its prediction. Others: the same scene for emotions drawn over the forest's uncertainty, in order of their valence.", "name": "fig-metrics-uncertainty"}, "image": {"alt": "Three rows of generated landscapes of one scene each; along a row the light changes."}} tags=["hide-input"]
strip = Image.open(provenance.results_dir() / "end_to_end" / "uncertainty.png")
figure, ax = plt.subplots(figsize=(8, 8 * strip.height / strip.width))
ax.imshow(strip.resize((strip.width * 4, strip.height * 4), Image.Resampling.BICUBIC))
ax.axis("off")
plt.show()

# %% tags=["hide-input"]
uncertainty = way["uncertainty"]
figures.table(
    pd.DataFrame(
        {
            "": d,
            "spread asked, one song": number(uncertainty[d]["asked_sd"]),
            "spread seen, one song": span(uncertainty[d]["sd"]),
            "share of all variance": span(uncertainty[d]["share"]),
            "r, doubt and spread": span(uncertainty[d]["r"]),
        }
        for d in DIMENSIONS
    ),
    f"How the forest's uncertainty shows in {uncertainty['draws']} pictures for each of "
    f"{uncertainty['songs']} songs (standard deviations of quantiles, −1 to 1).",
)

# %% [markdown]
# Of the variance of the emotion seen, {glue:text}`way_share_valence` % for valence and
# {glue:text}`way_share_arousal` % for arousal arise within one song, from what the forest does not
# know about it.

# %% [markdown]
# ### How long it takes

# %% tags=["hide-input"]
parts = {
    "features": "148 features from the file",
    "forest": "emotion",
    "picture": "one landscape",
    "png": "PNG",
}
seconds = way["seconds"]
rows = [
    {"part": name, "CPU ms": 1e3 * seconds[key]["cpu"], "share": seconds[key]["cpu"]}
    for key, name in parts.items()
]
total = sum(r["share"] for r in rows)
for r in rows:
    r["share"] = f"{100 * r['share'] / total:.0f} %"
rows.append({"part": "all", "CPU ms": 1e3 * total, "share": "100 %"})
figures.table(
    pd.DataFrame(rows),
    f"Time for a song on one core, the median of {seconds['songs']} clips of 30 s.",
    0,
)

# %% tags=["remove-cell"]
glue("way_seconds", f"{total:.2f}", display=False)

# %% [markdown]
# ## Summary
#
# - Against real photographs the released generator is {glue:text}`metrics_frechet` away in the scene
#   network's features, where photographs are {glue:text}`metrics_frechet_photos` from each other; it
#   covers {glue:text}`metrics_coverage` of them, other photographs
#   {glue:text}`metrics_coverage_photos`.
# - Its variety is {glue:text}`metrics_overall` of the photographs'; {glue:text}`metrics_closer` % of
#   its pictures are nearer to a training photograph than 99 % of new photographs are.
# - Valence asked and seen correlate by {glue:text}`metrics_r_valence`, arousal by
#   {glue:text}`metrics_r_arousal`; without brightness and saturation
#   {glue:text}`metrics_left_valence_colour` and {glue:text}`metrics_left_arousal_colour` are left.
# - From the song to the picture, the correlation is {glue:text}`way_whole_valence` for valence and
#   {glue:text}`way_whole_arousal` for arousal; a song takes {glue:text}`way_seconds` s.
# - FID: {glue:text}`metrics_fid`.
