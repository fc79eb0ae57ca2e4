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
# (sec-nb-provenance)=
# # Where the numbers come from
#
# A number in this book leads back to a cell, a result, a commit and a corpus. This page is made
# after all chapters, from what they and the study wrote down while they ran.

# %% tags=["parameters", "remove-cell"]
chapters = "book/executed"

# %% tags=["remove-cell"]
import hashlib
import platform
import re
from importlib import metadata
from pathlib import Path

import pandas as pd
from myst_nb import glue

import m2l
from m2l import corpora, figures
from m2l import results as provenance

results = provenance.blocks()
runs = provenance.chapters(chapters)
names = {
    "deam": "DEAM", "pmemo": "PMEmo", "taffc": "4Q-TAFFC", "landscapes": "landscapes",
    "oasis": "OASIS", "sample": "sample",
}  # fmt: skip


def keep(key, text):
    """Keep a text for the prose under provenance_<key>."""
    glue(f"provenance_{key}", text, display=False)


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def span(seconds):
    """A length of time as people say it."""
    if seconds < 99.5:
        return f"{seconds:.0f}\u00a0s"
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 5400 else f"{seconds / 3600:.1f}\u00a0h"


def day(date):
    return pd.Timestamp(date).strftime("%d\u00a0%b\u00a0%Y")


# %% [markdown]
# (sec-nb-provenance-data)=
# ## Corpora
#
# None of the corpora is part of this project or fetched by it. Each has a card that says what it is
# and where its authors give it out; `m2l data` lists them, and a loader that finds other files than
# the card describes says which. The fingerprint is a hash of the items' names, labels and file
# sizes as loaded for [chapter 1](01_data): whoever has the same fingerprint has the same data.

# %% tags=["hide-input"]
prints = results["data"]["data"]
described = provenance.load("data")["corpora"]


def linked(text):
    """The addresses in a text as links."""
    return re.sub(r"(https?://(\S+?))(?=[:,]?(\s|$))", r"[\2](\1)", text)


cards = {key: corpora.card(key) for key in corpora.names()}
figures.table(
    pd.DataFrame(
        {
            "corpus": names.get(key, key),
            "where": linked(card.where),
            "terms": card.licence,
            "holds": ", ".join(f"{n:,} {what}" for what, n in card.counts.items()),
            "used": f"{described[key]['rows']:,}" if key in described else "–",
            "fingerprint": f"`{prints[key]}`" if key in prints else "–",
        }
        for key, card in cards.items()
    ),
    "Data availability.",
    name="tab-provenance-data",
)

# %% [markdown]
# **What may be shared** is what this project contains: trained weights, scores, histograms,
# pictures by the generator, and pairs of a label and a prediction without the item's name. No song,
# no photo and no table of labels is in it, not even as a thumbnail; what sounds and what is shown as
# an example was composed and painted by `m2l` itself.

# %% [markdown]
# (sec-nb-provenance-results)=
# ## Results
#
# A heavy stage of the study is a command that writes one file to `results/` with a note of what it
# ran on. A plus behind a commit means that the package had changes that were not committed yet.

# %% tags=["hide-input"]
read_by = {
    name: ", ".join(f"[{int(run[:2])}]({run})" for run in runs if name in runs[run]["results"])
    for name in results
}
figures.table(
    pd.DataFrame(
        {
            "result": f"`{name}`",
            "made on": day(block["date"]),
            "commit": f"`{block['commit']}`",
            "data": ", ".join(f"{what} `{mark}`" for what, mark in block["data"].items()),
            "preset": block["preset"],
            "seed": str(block["seed"]),
            "took": span(block["seconds"]),
            "read by chapter": read_by[name] or "–",
        }
        for name, block in results.items()
    ),
    "The results of the study: what each was made from, and which chapter reads it.",
    name="tab-provenance-results",
)

# %% tags=["hide-input"]
machines = {}
for name, block in results.items():
    versions = ", ".join(f"{library} {number}" for library, number in block["versions"].items())
    machines.setdefault((block["hardware"], versions), []).append(name)
figures.table(
    pd.DataFrame(
        {"machine": machine, "software": versions, "results": ", ".join(made)}
        for (machine, versions), made in machines.items()
    ),
    "Machines and versions that made the results.",
    name="tab-provenance-machines",
)

# %% tags=["remove-cell"]
# For the pages of prose: what was asked of the generator, and what of it was reached.
gan = provenance.load("gan")
asked = gan["settings"]
reached = [one for one in asked["stages"] if one["resolution"] <= gan["resolution"]]
side = "{0}×{0}".format
counted = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"]
keep("side", side(gan["resolution"]))
keep("photos", f"{gan['photos']:,}")
keep("spent", span(gan["training_seconds"]))
epochs = gan["images"] / gan["photos"]
short = (
    ", short of the 128×128 that the method was published with" if gan["resolution"] < 128 else ""
)
keep("pace", f"The released generator paints {side(gan['resolution'])} pixels{short}.")
keep("epochs", f"{epochs:,.0f}")
keep("gan_machine", gan["provenance"]["hardware"])
keep("z", f"{asked['sizes']['z']} numbers")
keep("stages", f"{counted[len(reached)]}, from 4×4 to {side(gan['resolution'])}")
growth = " and ".join(
    dict.fromkeys(
        f"a set number of {unit}"
        for one in reached
        for unit in ("epochs", "images", "minutes")
        if one[unit] is not None
    )
)
keep("growth", f"one stage more after {growth}")
falls = asked.get("anneal")
falls = f"; both fall to a tenth over the last {falls:.0%} of the last stage" if falls else ""
keep("rate", f"Adam, learning rate {asked['lr']:g}, the critic's {asked['lr_critic']:g}{falls}")
keep("batch", ", ".join(dict.fromkeys(str(one["batch"]) for one in reached)) + " images")
keep("length", f"{epochs:,.0f} epochs ({gan['images']:,} images)")
every = f", at one step in {asked['gp_interval']}" if asked["gp_interval"] > 1 else ""
keep("gp", f"{asked['gp_weight']:g}{every}")
keep("afm", f"{asked['afm_weight']:g}, {asked['afm_form']} form")
keep("augment", asked.get("augment", "").replace(",", ", ") or "none but mirroring")

# %% [markdown]
# (sec-nb-provenance-weights)=
# ## Released weights
#
# The networks and the forest that ship with the package, by their SHA-256.

# %% tags=["hide-input"]
weights = sorted(p for p in (Path(m2l.__file__).parent / "weights").iterdir() if p.is_file())
figures.table(
    pd.DataFrame(
        {
            "file": f"`{path.name}`",
            "megabytes": path.stat().st_size / 1e6,
            "checksum, first 16 of 64 digits": f"`{checksum(path):.16}`",
        }
        for path in weights
    ),
    "Weights in the package.",
    name="tab-provenance-weights",
)

# %% [markdown]
# (sec-nb-provenance-chapters)=
# ## Chapters
#
# The chapters were run for these very pages, on {glue:text}`provenance_machine`, in
# {glue:text}`provenance_total` all together, by Python {glue:text}`provenance_python`. Their settings
# lie in `params/`; a seed stands among them.

# %% tags=["hide-input"]
figures.table(
    pd.DataFrame(
        {
            "chapter": f"[{run['title']}]({name})",
            "run on": day(run["date"]),
            "took": span(run["seconds"]),
            "settings": ", ".join(f"{key} {value}" for key, value in run["parameters"].items()),
        }
        for name, run in runs.items()
    ),
    "Run time and settings of the chapters.",
    name="tab-provenance-chapters",
)

# %% tags=["remove-cell"]
keep("machine", provenance.hardware())
keep("total", span(sum(run["seconds"] for run in runs.values())))
keep("python", platform.python_version())

# %% [markdown]
# ## Environment
#
# `requirements.lock` pins every package, these among them; `environment.yml` installs the same.

# %% tags=["hide-input"]
packages = {
    "sound": ["librosa", "soundfile"],
    "learning": ["scikit-learn", "skops", "optuna", "torch", "torchvision", "lightning-fabric"],
    "numbers": ["numpy", "scipy", "pandas", "statsmodels", "pingouin"],
    "figures": ["matplotlib", "seaborn", "pillow"],
    "book": ["jupyter-book", "sphinx", "myst-nb", "papermill", "jupytext", "snakemake"],
}
figures.table(
    pd.DataFrame(
        {
            "for": purpose,
            "packages": ", ".join(f"{name} {metadata.version(name)}" for name in members),
        }
        for purpose, members in packages.items()
    ),
    "The main packages of this build.",
    name="tab-provenance-packages",
)
