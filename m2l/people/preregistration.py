"""The preregistration: `preregistration.md`, with what the settings and the power analysis say."""

from __future__ import annotations

from pathlib import Path
from string import Template

import pandas as pd

from m2l import results
from m2l.doors import outputs
from m2l.errors import InputError
from m2l.people import design as study

TEMPLATE = Path(__file__).with_suffix(".md")


def page(out, power, config=None):
    """Write the preregistration: hypotheses, rules, models and power from one set of settings.

    Parameters
    ----------
    out : .md to write.
    power : what 'm2l study power' wrote.
    config : settings; by default params/study.yaml.
    """
    text = write(study.settings(config), results.read(power, "config", "power"))
    with outputs.writing(out) as aside:
        aside.write_text(text, encoding="utf-8")


def write(config, result):
    """The preregistration in Markdown, from the settings and what `m2l study power` wrote.

    Raises
    ------
    InputError
        If the power analysis was made from other settings.
    """
    if result["config"] | {"validation": None} != study.frame(config) | {"validation": None}:
        raise InputError("power analysis: made from other settings; run 'm2l study power' again")
    assumed, rules, each = config["assumed"], config["rules"], config["songs_each"]
    rows, checks = pd.DataFrame(result["power"]), sum(config["checks"].values())
    planned = {k: config[k] for k in ("participants", "songs")} | {"factor": 1.0}
    planned |= {"agreement": assumed["agreement"]}
    power = rows[(rows[list(planned)] == pd.Series(planned)).all(axis=1)].iloc[0]
    measured = result.get("measured")
    columns = {
        "matched": "Matched chosen",
        "error": "Error of the picture, sd in points",
        "strength": "Strength, log odds",
    }
    hypotheses = [
        [key, text, "yes" if key in config["confirmatory"] else "no", f"{100 * power[key]:.0f} %"]
        for key, text in study.HYPOTHESES.items()
    ]
    effects = [
        [name, *(f"{assumed[k][name]:.2f}".replace("-", "−") for k in columns)]
        for name in study.SYSTEMS
    ]
    texts = study.design(config | {"participants": 1, "reserve": 0})
    words = config | assumed | rules | {
        "approval": config["approval"] or "none yet",
        "rights": config["rights"] or "none yet",
        "confirmatory": " and ".join(config["confirmatory"]),
        "hypotheses": _table(
            "What is tested, and its power at the planned size under the assumed effects "
            "(simulated).",
            "tab-hypotheses",
            [["", "Hypothesis", "Confirmatory", "Power"], *hypotheses],
        ),
        "systems": ", ".join(study.SYSTEMS),
        "decks": config["songs"] // each,
        "choices": 2 * each,
        "images": 5 * each,
        "checks": checks,
        "trials": checks + 4 * each,
        "codes": config["participants"] + config["reserve"],
        "answered": f"{100 * rules['answered']:.0f}",
        "fast_share": f"{100 * rules['fast_share']:.0f}",
        **{f"fast_{kind}": f"{ms / 1000:g}" for kind, ms in rules["fast_ms"].items()},
        **{f"heard_{kind}": s for kind, s in rules["heard_s"].items()},
        "tolerance": f"{rules['tolerance']:g}",
        "draws": config["power"]["draws"],
        "measured": "{value:.3f} (95 % interval {low:.3f} to {high:.3f})".format(**measured)
        if measured
        else "not measured",
        "full_rate": assumed["matched"]["full"],
        "effects": _table(
            "Effects that the simulated answers assume, by system.",
            "tab-assumed",
            [["System", *columns.values()], *effects],
        ),
        **{k: _quoted(texts[k]) for k in ("consent", "debriefing")},
        **{f"before_{name}": _quoted([t]) for name, t in config["instructions"].items()},
    }  # fmt: skip
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(words)


def _table(caption, name, rows):
    """A table in MyST, from rows of texts, the head first."""
    lines = ["* - " + "\n  - ".join(row) for row in rows]
    opening = [f"```{{list-table}} {caption}", f":name: {name}", ":header-rows: 1", ""]
    return "\n".join([*opening, *lines, "```"])


def _quoted(paragraphs):
    return "\n>\n".join(f"> {' '.join(p.split())}" for p in paragraphs)
