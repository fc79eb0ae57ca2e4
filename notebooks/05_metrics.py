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
# are known, then applies them to the released generator.

# %% tags=["parameters", "remove-cell"]
seed = 0
paintings = 200

# %% tags=["remove-cell"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from myst_nb import glue
from scipy.ndimage import gaussian_filter

from m2l import corpora, figures, metrics, photos, provenance, scene
from m2l.forest import DIMENSIONS

figures.use_style()
torch.set_num_threads(2)

# %% [markdown]
# ## A judge of its own
#
# Distances between pictures are taken in the features of a network. The usual one is Inception, whose
# official weights define FID {cite:p}`heusel2017ttur`. A second one comes with the package: a small
# scene network, trained on photographs that the generator has never seen to name the scene and to
# read valence and arousal. It is weak beside Inception, but it knows landscapes, reads emotion, and
# is always at hand.

# %%
judge = scene.load()
table = corpora.load("sample", kind="landscapes", n=paintings, seed=seed, size=64).table
side = provenance.load("metrics")["resolution"]  # the judge was trained at the generator's
pictures = np.stack([np.asarray(photos.load(path, side)) for path in table["path"]])
features, scenes, seen = scene.look(judge, pictures)

# %% [markdown]
# ## Does the distance notice?
#
# The Fréchet distance compares two sets of pictures by the means and covariances of their features.
# A useful distance grows when one set is spoilt. Here half of the painted landscapes of the sample
# corpus are compared with the other half, blurred, noisy, or darkened.

# %%
half = len(pictures) // 2
rng = np.random.default_rng(seed)
spoil = {
    "blur": (
        [0, 0.5, 1, 1.5, 2],
        lambda x, s: gaussian_filter(x.astype(float), (0, s, s, 0)),
    ),
    "noise": (
        [0, 5, 10, 20, 40],
        lambda x, s: x + rng.normal(0, s, x.shape),
    ),
    "darkness": ([0, 0.1, 0.2, 0.4, 0.6], lambda x, s: x * (1 - s)),
}
distance = {
    fault: [
        metrics.frechet(
            features[:half],
            scene.look(judge, np.clip(damage(pictures[half:], s), 0, 255).astype(np.uint8))[0],
        )
        for s in strengths
    ]
    for fault, (strengths, damage) in spoil.items()
}

# %% mystnb={"figure": {"caption": "Fr\u00e9chet distance, in the scene network's features, from one half of the painted landscapes to the other half after damage (synthetic pictures). Leftmost: no damage, the floor set by the number of pictures.", "name": "fig-metrics-spoil"}, "image": {"alt": "Three line charts in which the distance rises with the strength of blur, noise and darkness."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 3, figsize=(8, 2.6))
for ax, (fault, values) in zip(axes, distance.items()):
    ax.plot(spoil[fault][0], values, "o-")
    ax.set(title=fault, xlabel="strength")
axes[0].set_ylabel("Fréchet distance")
plt.show()

# %% tags=["remove-cell"]
study = provenance.load("metrics")
reader, frechet = study["reader"], study["frechet"]


def span(x, digits=2):
    """A value with its interval, as text."""
    return f"{x['value']:.{digits}f} ({x['low']:.{digits}f} to {x['high']:.{digits}f})"


glue("metrics_probe", f"{reader['photos']:,}", display=False)
glue("metrics_people_photos", f"{reader['people']['photos']:,}", display=False)
glue("metrics_tested", f"{reader['tested']:,}", display=False)
glue("metrics_accuracy", span(reader["accuracy"]), display=False)
glue("metrics_n", f"{study['n']:,}", display=False)
glue("metrics_side", f"{study['resolution']}×{study['resolution']}", display=False)
glue("metrics_frechet", f"{frechet['generated']:.3g}", display=False)
glue("metrics_frechet_photos", f"{frechet['photos']:.3g}", display=False)
glue("metrics_frechet_n", f"{frechet['n']:,}", display=False)
glue("metrics_ratio", f"{study['diversity']['ratio']:.2f}", display=False)
glue("metrics_div_generated", span(study["diversity"]["generated"]), display=False)
glue("metrics_div_photos", span(study["diversity"]["photos"]), display=False)
for d in DIMENSIONS:
    glue(f"metrics_reader_{d}", f"{reader['va'][d]['r']:.2f}", display=False)
    glue(f"metrics_people_{d}", f"{reader['people'][d]['r']:.2f}", display=False)
    glue(f"metrics_r_{d}", span(study["va_r"][d]), display=False)
    glue(f"metrics_slope_{d}", f"{study['va'][d]['slope']:.2f}", display=False)

# %% [markdown]
# ## The judge, judged
#
# Before it reads generated pictures, it reads real ones. Trained on {glue:text}`metrics_probe`
# photographs and tested on {glue:text}`metrics_tested` others, it names the right one of four scenes
# at a rate of {glue:text}`metrics_accuracy`, and its valence and arousal correlate with the labels
# by {glue:text}`metrics_reader_valence` and {glue:text}`metrics_reader_arousal`. The labels it was
# trained on are themselves predicted ({ref}`sec-stand-ins`): what it measures is whether the
# generator learned the labels it was given, not what people feel. With what people felt at
# {glue:text}`metrics_people_photos` rated photographs of scenery {cite:p}`kurdi2017oasis`, its
# answers correlate by {glue:text}`metrics_people_valence` for valence and
# {glue:text}`metrics_people_arousal` for arousal.

# %% [markdown]
# ## Like photographs?

# %% tags=["hide-input"]
fid = {k: v for k, v in study.items() if k.startswith("fid_")}
rows = [
    {
        "measure": "Fréchet distance, scene network",
        "generated": f"{frechet['generated']:.3g}",
        "photographs": f"{frechet['photos']:.3g}",
    },
    {
        "measure": "mean distance between two pictures",
        "generated": span(study["diversity"]["generated"]),
        "photographs": span(study["diversity"]["photos"]),
    },
    *(
        {"measure": name, "generated": f"{value:.1f}", "photographs": ""}
        for name, value in fid.items()
    ),
]
figures.table(pd.DataFrame(rows), "Generated pictures against photographs.")

# %% tags=["remove-cell"]
glue(
    "metrics_fid",
    ", ".join(f"{k} = {v:.1f}" for k, v in fid.items())
    or "not reported, since the official Inception weights were not at hand where these results "
    "were made",
    display=False,
)

# %% [markdown]
# Both sides of the first row compare {glue:text}`metrics_frechet_n` pictures with as many
# photographs of the test split; the right one is the floor, photographs against other photographs.
# The second row is variety: over {glue:text}`metrics_n` pictures at {glue:text}`metrics_side`, the
# generator reaches {glue:text}`metrics_ratio` of the photographs'. FID: {glue:text}`metrics_fid`.
# No other number here is called FID.

# %% [markdown]
# ## Obedient to the emotion?
#
# The generator is asked for the emotions of real test photographs, and the judge says what it sees.
# A perfect generator would still not reach a correlation of one, because the judge does not on
# photographs; that is the ceiling in the table. Shuffled requests are the control.

# %% tags=["hide-input"]
rows = [
    {
        "": d,
        "r, asked and seen": span(study["va_r"][d]),
        "ceiling: r on photographs": f"{reader['va'][d]['r']:.2f}",
        "control: shuffled": f"{study['va'][d]['shuffled_r']:+.2f}",
        "Spearman": f"{study['va'][d]['spearman']:.2f}",
        "CCC": f"{study['va'][d]['ccc']:.2f}",
        "MAE": f"{study['va'][d]['mae']:.2f}",
        "slope": f"{study['va'][d]['slope']:.2f}",
    }
    for d in DIMENSIONS
]
figures.table(pd.DataFrame(rows), "Emotion asked for and emotion seen.")

# %% mystnb={"figure": {"caption": "Emotion asked for and emotion seen by the judge over 7\u00d77 points of the plane, twenty scenes at each point. Lines: the mean of each row or column of the grid.", "name": "fig-metrics-grid"}, "image": {"alt": "Two charts; the valence seen rises with the valence asked, the arousal seen with the arousal asked, both over a smaller range."}} tags=["hide-input"]
answered = np.array(study["grid"]["answered"])  # (arousal, valence, dimension)
asked = np.array(study["grid"]["asked"])
figure, axes = plt.subplots(1, 2, figsize=(7.6, 3))
for i, (ax, d) in enumerate(zip(axes, DIMENSIONS)):
    lines = answered[..., i] if d == "valence" else answered[..., i].T
    ax.plot(asked, lines.T, color=figures.INK, lw=0.8, alpha=0.6)
    ax.plot(asked, lines.mean(0), "o-")
    ax.set(xlabel=f"{d} asked (quantile)", ylabel=f"{d} seen (1–9)", title=d)
plt.show()

# %% [markdown]
# ## Summary
#
# - Against real photographs the released generator is {glue:text}`metrics_frechet` away in the scene
#   network's features, where photographs are {glue:text}`metrics_frechet_photos` from each other.
# - Its variety is {glue:text}`metrics_ratio` of the photographs'.
# - Valence asked and seen correlate by {glue:text}`metrics_r_valence`, arousal by
#   {glue:text}`metrics_r_arousal`.
# - FID: {glue:text}`metrics_fid`.
