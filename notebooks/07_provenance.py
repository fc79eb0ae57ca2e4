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
# A number in this book leads back to a result, and a result to a commit, a corpus and a machine. In
# the source of a page a number stands as the path to it in `results/`, so that a search finds it;
# below each figure and table stands which result it was made from, or that the page made it itself.
# This page is made after all chapters, from what they and the study wrote down while they ran.

# %% tags=["parameters", "remove-cell"]
chapters = "book/executed"

# %% tags=["remove-cell"]
import hashlib
import platform
import re
from importlib import metadata
from pathlib import Path

import pandas as pd

import m2l
from m2l import corpora, figures
from m2l import results as provenance

results = provenance.blocks()
runs = provenance.chapters(chapters)


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


def held(key, card):
    counts = ", ".join(f"{n:,} {what}" for what, n in card.counts.items())
    return counts + (f"; used: {described[key]['rows']:,}" if key in described else "")


figures.table(
    pd.DataFrame(
        {
            "corpus, where": f"**{key}**, {linked(card.where)}",
            "terms": card.licence,
            "holds": held(key, card) + (f"; `{prints[key]}`" if key in prints else ""),
        }
        for key, card in ((key, corpora.card(key)) for key in corpora.names())
    ),
    "Data availability; last, the fingerprint.",
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
# A heavy stage of the study is a command that writes one file to `results/`, or one a run into a
# folder there, with a note of what it ran on. A plus behind a commit means that the package had
# changes that were not committed yet ({numref}`tab-provenance-results`). The machines they ran on are in
# {numref}`tab-provenance-machines`.

# %% tags=["hide-input"]
pages = {p.stem: provenance.quoted(p.read_text()) for p in sorted(Path("book").glob("*.md"))}


def readers(name):
    """Links to the chapters and pages that read a result."""
    name = name.partition("/")[0]
    links = [f"[{int(run[:2])}]({run})" for run in runs if name in runs[run]["results"]]
    links += [f"[{page}](../{page})" for page, names in pages.items() if name in names]
    return ", ".join(links) or "none"


figures.table(
    pd.DataFrame(
        {
            "result": f"`{name}`, {day(block['date'])}",
            "from": ", ".join(
                [f"commit `{block['commit']}`"]
                + [f"{what} `{mark}`" for what, mark in block["data"].items()]
            ),
            "by": f"{block['preset']}, seed {block['seed']}, "
            + provenance.text(block["seconds"], "duration"),
            "read in": readers(name),
        }
        for name, block in results.items()
    ),
    "The results of the study: what each was made from, how, and who reads it.",
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

# %% [markdown]
# (sec-nb-provenance-weights)=
# ## Released weights
#
# The networks and the forest that ship with the package, by their SHA-256 ({numref}`tab-provenance-weights`).

# %% tags=["hide-input"]
weights = sorted(p for p in (Path(m2l.__file__).parent / "weights").iterdir() if p.is_file())
figures.table(
    pd.DataFrame(
        {
            "file": f"`{path.name}`",
            "megabytes": path.stat().st_size / 1e6,
            "checksum": f"`{hashlib.sha256(path.read_bytes()).hexdigest():.16}`",
        }
        for path in weights
        if path.suffix == ".safetensors"
    ),
    "Weights in the package; of the checksum, the first 16 of 64 digits.",
    name="tab-provenance-weights",
)

# %% [markdown]
# (sec-nb-provenance-chapters)=
# ## Chapters
#
# The chapters were run for these very pages, by the machine and the Python of the last row. Their
# settings lie in `params/`; a seed stands among them.

# %% tags=["hide-input"]
rows = [
    {
        "chapter": f"[{run['title']}]({name})",
        "run on": day(run["date"]),
        "took": provenance.text(run["seconds"], "duration"),
        "settings": ", ".join(f"{key} {value}" for key, value in run["parameters"].items()),
    }
    for name, run in runs.items()
]
total = sum(run["seconds"] for run in runs.values())
here = f"{provenance.hardware()}; Python {platform.python_version()}"
rows.append(
    {"chapter": "all", "run on": "", "took": provenance.text(total, "duration"), "settings": here}
)
figures.table(
    pd.DataFrame(rows), "Run time and settings of the chapters.", name="tab-provenance-chapters"
)

# %% [markdown]
# ## Environment
#
# `requirements.lock` pins every package, these among them; `environment.yml` installs the same.

# %% tags=["hide-input"]
packages = {
    "sound": ["librosa", "soundfile"],
    "learning": ["scikit-learn", "optuna", "torch", "torchvision", "lightning-fabric"],
    "numbers": ["numpy", "scipy", "pandas", "statsmodels", "pingouin"],
    "figures": ["matplotlib", "pillow"],
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
