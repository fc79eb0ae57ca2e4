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
# # Appendix: fourteen settings of a short run
#
# Before a generator was trained at length with the milestone's critic, minutes at 16×16 told which
# settings might be worth it. The grid `losses` changes one setting of a small run at a time. It is
# shown as it was made: **on the photographs' former labels**, by another network than the labels of
# today, and before the projected critic, whose settings it did not choose. The correlations in it are
# therefore with labels that are no longer used; distances and variety do not depend on labels.

# %% tags=["parameters", "remove-cell"]
seed = 0

# %% tags=["remove-cell"]
import numpy as np
import pandas as pd
from PIL import Image

from m2l import figures
from m2l import results as provenance
from m2l.experiments import ablation

figures.use_style()

# %% [markdown]
# Each run is one file of `results/ablation`; a summary is the mean over its seeds, here one.

# %%
folder = provenance.results_dir() / "ablation"
runs = ablation.load(folder)
short = runs[runs["grid"] == "losses"]
means = {name: ablation.summary(short, path) for name, (path, _) in ablation.MEASURES.items()}
seeds = ablation.table(short, "training.images").notna().sum(axis=1)
minutes = ablation.table(short, "training.cpu_seconds").loc["full"].mean() / 60
images = ablation.table(short, "training.images").loc["full"].max()
f"{images:,.0f} pictures and {minutes:.0f} minutes of one core a run"

# %% tags=["hide-input", "full-width"]
told = {
    "full": "WGAN-GP, penalty each 4th step, AFM 100 by channel",
    "without AFM": "AFM 0",
    "AFM spatial": "AFM pixel by pixel, as published",
    "hinge": "hinge loss, R1 and R2 penalties",
    "relativistic": "relativistic loss, R1 and R2 penalties",
    "2 critic steps": "two steps of the critic to one of the generator",
    "half the learning rates": "both learning rates halved",
    "DiffAugment": "translation and cutout",
    "DiffAugment with colour": "translation, cutout and colour",
    "noise inputs": "the generator gets noise at each pixel too",
}
chosen = ("Fréchet distance", "variety", "r, valence", "r, arousal")
arrow = {1: "↑", -1: "↓"}
order = [v for v in ablation.LOSSES if v in seeds.index]
rows = [
    {"setting": told.get(name, name)}
    | {
        f"{m} {arrow[ablation.MEASURES[m][1]]}": float(means[m]["value"].get(name, np.nan))
        for m in chosen
    }
    for name in order
]
figures.table(
    pd.DataFrame(rows),
    "Short runs at 16×16, means over seeds. Variety: mean distance of two pictures of one emotion, as "
    "a share of the photographs'. r: between the emotion asked and the one seen.",
    name="tab-losses",
)

# %% mystnb={"figure": {"caption": "The short runs, training seed 0, on the same noise: in each block three seeds from low to high valence, below them the same three from low to high arousal.", "name": "fig-gan-losses"}, "image": {"alt": "Blocks of very small generated landscapes, one block for each setting, in six rows of seven."}} tags=["hide-input", "full-width"]
pictured = [v for v in order if (folder / f"{ablation.stem('losses', v, 0)}.png").is_file()]
blocks = [Image.open(folder / f"{ablation.stem('losses', v, 0)}.png") for v in pictured]
figures.Gallery({"": ([np.asarray(block.convert("RGB")) for block in blocks], pictured)}, width=9)


# %% [markdown]
# ## Summary
#
# With one seed each, small differences in {numref}`tab-losses` mean little; seeds of one setting lie
# further apart than most of them ({ref}`sec-nb-baselines`). What stands out, and can be seen in
# {numref}`fig-gan-losses`:
#
# - Affective matching keeps pictures of one emotion apart: without it their variety is less than half
#   of the photographs', and it rises with the weight. Pixel by pixel, at the published weight, it is
#   lower than by channel. The emotion seen follows the request no better for it.
# - How often the gradient penalty is taken, and which objective is held by it, changes little.
# - Changes of colour in what the critic sees came nearest to photographs. The projected critic is
#   given them too.
