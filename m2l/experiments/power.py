"""How many people and songs the user study needs, and whether its analysis can be trusted.

Both results are made of simulated answers alone, and say so.
"""

from __future__ import annotations

import itertools
import logging
import time

import pandas as pd
from tqdm import tqdm

from m2l import results
from m2l.errors import InputError
from m2l.people import design as study
from m2l.people import simulation

log = logging.getLogger(__name__)


def power(out, config=None, draws: int | None = None):
    """Simulate studies of many sizes, and count how often each hypothesis is supported.

    Parameters
    ----------
    out : .json to write.
    config : settings; by default params/study.yaml.
    draws : simulated studies a point, in place of the settings'.
    """
    started, config = time.monotonic(), study.settings(config)
    asked = config["power"] = config["power"] | ({"draws": draws} if draws else {})
    planned = simulation.Effects.of(config)
    people, songs = config["participants"], config["songs"]
    sizes = itertools.product(asked["participants"], [songs], asked["factors"])
    points = [(*size, planned.agreement) for size in sizes]
    points += [(people, n, 1.0, planned.agreement) for n in asked["songs"]]
    points += [(people, songs, 1.0, a) for a in asked["agreement"]]
    rows = []
    for n, of, factor, agreement in tqdm(dict.fromkeys(points), "power", disable=None):
        effects = simulation.Effects.of(config, agreement=agreement).scaled(factor)
        rows.append(
            {"participants": n, "songs": of, "factor": factor, "agreement": agreement}
            | simulation.power(config, effects, n, of)
        )
    result = {"simulated": True, "config": study.frame(config), "power": rows}
    try:
        matched = results.load("end_to_end")["judges"]["ratings"]["matched"]
        result["measured"] = matched["one picture"]
    except InputError:
        log.warning("no results/end_to_end.json: the assumed rate stands without the measured one")
    results.save(out, result, started=started, data={}, seed=config["seed"], preset="study")


def validation(out, config=None, studies: int | None = None):
    """Analyse many simulated studies, with the assumed effects and with none.

    Takes some minutes. Ctrl-C ends it early and keeps the studies that are done.

    Parameters
    ----------
    out : .json to write.
    config : settings; by default params/study.yaml.
    studies : simulated, in place of the settings' number.
    """
    started, config = time.monotonic(), study.settings(config)
    size = config["validation"] = config["validation"] | ({"studies": studies} if studies else {})
    songs = {"songs": size["songs"], "songs_each": min(size["songs"], config["songs_each"])}
    made = study.design(config | songs | {"participants": size["participants"], "reserve": 0})
    assumed, numbers = simulation.Effects.of(config), range(size["studies"])
    # Both take turns, so that an early end leaves as many of the one as of the other.
    runs = [
        simulation.recover(made, assumed.scaled(f), numbers, config["seed"], size["every"])
        for f in (1.0, 0.0)
    ]
    found = []
    try:
        for pair in tqdm(zip(*runs, strict=True), "studies", len(numbers), disable=None):
            found.append(pair)
    except KeyboardInterrupt:
        if not found:
            raise
        log.warning("interrupted; %d studies are kept", len(found))
    result = {"simulated": True, "config": study.frame(config)}
    for name, studies in zip(("effects", "none"), zip(*found, strict=True), strict=True):
        result[name] = summarise(studies, config["confirmatory"])
    results.save(out, result, started=started, data={}, seed=config["seed"], preset="study")


def summarise(studies, confirmatory):
    """Means over simulated studies.

    Parameters
    ----------
    studies : list of what `m2l.people.simulation.recover` yields.
    confirmatory : names of hypotheses.

    Returns
    -------
    dict: studies; table, records of measure, system, studies, truth, estimate, covered, rejected
    and supported (means, None where one has no meaning); any, the share of studies with a
    rejection among the confirmatory hypotheses, and among the exploratory ones; agree, the share
    of the verdicts on H2 that are the same by the mixed model and by means; models, how many
    studies each model of the distances stands for.
    """
    tables, models = zip(*studies, strict=True)
    rows = pd.concat(tables, keys=range(len(tables)), names=["study"])
    groups = rows.groupby(level=["measure", "system"], sort=False)
    table = groups.mean().assign(studies=groups.size()).reset_index().astype(object)
    verdicts = rows["rejected"].xs("hypothesis", level="measure").unstack()
    second = [h for h in study.HYPOTHESES if h.startswith("H2")]
    mixed = rows["rejected"].xs("hypothesis, mixed", level="measure").unstack()[second]
    return {
        "studies": len(tables),
        "table": table.where(table.notna(), None).to_dict("records"),
        "any": {
            "confirmatory": float(verdicts[confirmatory].any(axis=1).mean()),
            "exploratory": float(verdicts.drop(columns=confirmatory).any(axis=1).mean()),
        },
        "agree": float((mixed == verdicts.loc[mixed.index, second]).to_numpy().mean()),
        "models": pd.Series(models).value_counts().to_dict(),
    }
