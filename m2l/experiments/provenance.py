"""Where the numbers of the report come from, as the tables of its page on that.

Conventions
-----------
Each function returns a DataFrame of text in Markdown, a row an item.
"""

from __future__ import annotations

import hashlib
import platform
import re
from importlib import metadata
from pathlib import Path

import pandas as pd

from m2l import corpora, results

WEIGHTS = Path(__file__).parents[1] / "weights"
PACKAGES = {
    "sound": ["librosa", "soundfile"],
    "learning": ["scikit-learn", "optuna", "torch", "torchvision", "lightning-fabric"],
    "numbers": ["numpy", "scipy", "pandas", "statsmodels", "pingouin"],
    "figures": ["matplotlib", "pillow"],
    "book": ["jupyter-book", "sphinx", "myst-nb", "papermill", "jupytext", "snakemake"],
}


def data():
    """Corpora: where each is to be had, its terms, what it holds, and its fingerprint here."""
    prints = results.blocks()["data"]["data"]
    described = results.load("data")["corpora"]

    def holds(key, card):
        counts = ", ".join(f"{n:,} {what}" for what, n in card.counts.items())
        used = f"; used: {described[key]['rows']:,}" if key in described else ""
        return counts + used + (f"; `{prints[key]}`" if key in prints else "")

    cards = {key: corpora.card(key) for key in corpora.names()}
    return pd.DataFrame(
        {
            "corpus, where": f"**{key}**, {linked(card.where)}",
            "terms": card.licence,
            "holds": holds(key, card),
        }
        for key, card in cards.items()
    )


def linked(text):
    """The addresses in a text as links."""
    return re.sub(r"(https?://(\S+?))(?=[:,]?(\s|$))", r"[\2](\1)", text)


def made(runs, pages):
    """Results: what each was made from, how, and which chapters and pages read it.

    Parameters
    ----------
    runs : as of `m2l.results.chapters`
    pages : folder of the book's other pages.
    """
    prose = {p.stem: results.quoted(p.read_text()) for p in sorted(Path(pages).glob("*.md"))}

    def readers(name):
        name = name.partition("/")[0]
        links = [f"[{int(run[:2])}]({run})" for run in runs if name in runs[run]["results"]]
        links += [f"[{page}](../{page})" for page, names in prose.items() if name in names]
        return ", ".join(links) or "none"

    return pd.DataFrame(
        {
            "result": f"`{name}`, {day(block['date'])}",
            "from": ", ".join(
                [f"commit `{block['commit']}`"]
                + [f"{what} `{mark}`" for what, mark in block["data"].items()]
            ),
            "by": f"{block['preset']}, seed {block['seed']}, "
            + results.text(block["seconds"], "duration"),
            "read in": readers(name),
        }
        for name, block in results.blocks().items()
    )


def day(date):
    """A date as 27 Nov 2026, which does not break."""
    return pd.Timestamp(date).strftime("%d\u00a0%b\u00a0%Y")


def machines():
    """Machines and versions, and the results that they made."""
    found = {}
    for name, block in results.blocks().items():
        versions = ", ".join(f"{library} {number}" for library, number in block["versions"].items())
        found.setdefault((block["hardware"], versions), []).append(name)
    return pd.DataFrame(
        {"machine": machine, "software": versions, "results": ", ".join(names)}
        for (machine, versions), names in found.items()
    )


def weights():
    """Files of weights that ship with the package."""
    return pd.DataFrame(
        {
            "file": f"`{path.name}`",
            "megabytes": path.stat().st_size / 1e6,
            "checksum": f"`{hashlib.sha256(path.read_bytes()).hexdigest():.16}`",
        }
        for path in sorted(WEIGHTS.glob("*.safetensors"))
    )


def ran(runs):
    """Chapters: when each ran, how long, and with which settings; last, all together and where."""
    rows = [
        {
            "chapter": f"[{run['title']}]({name})",
            "run on": day(run["date"]),
            "took": results.text(run["seconds"], "duration"),
            "settings": ", ".join(f"{key} {value}" for key, value in run["parameters"].items()),
        }
        for name, run in runs.items()
    ]
    everything = {
        "chapter": "all",
        "run on": "",
        "took": results.text(sum(run["seconds"] for run in runs.values()), "duration"),
        "settings": f"{results.hardware()}; Python {platform.python_version()}",
    }
    return pd.DataFrame([*rows, everything])


def packages():
    """The main packages of this environment, by what they are for."""
    return pd.DataFrame(
        {
            "for": purpose,
            "packages": ", ".join(f"{name} {metadata.version(name)}" for name in names),
        }
        for purpose, names in PACKAGES.items()
    )
