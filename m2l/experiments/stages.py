"""The stages of the study that have no module of their own yet."""

from __future__ import annotations

import logging
import time

from m2l import results as provenance
from m2l.experiments.data import _records
from m2l.experiments.landscapes import pyramid as landscapes

__all__ = ["landscapes", "study_power", "study_validation"]
log = logging.getLogger(__name__)


def study_power(out, config):
    """Power of the user study: simulated studies of many sizes, effects and agreements.

    Parameters
    ----------
    out : .json to write.
    config : dict, from `m2l.people.design.settings`.
    """
    from m2l.people import design as study
    from m2l.people import simulation

    started = time.monotonic()
    asked, planned = config["power"], simulation.Effects.of(config)
    sizes = [(n, config["songs"], f) for n in asked["participants"] for f in asked["factors"]]
    sizes += [(config["participants"], n, 1.0) for n in asked["songs"] if n != config["songs"]]
    rows = [
        {"participants": n, "songs": songs, "factor": factor, "agreement": planned.agreement}
        | simulation.power(config, planned.scaled(factor), n, songs)
        for n, songs, factor in _shown(sizes, "power")
    ]
    for agreement in _shown(asked["agreement"], "agreement"):
        if agreement != planned.agreement:
            effects = simulation.Effects.of(config, agreement=agreement)
            rows.append(
                {"participants": config["participants"], "songs": config["songs"], "factor": 1.0}
                | {"agreement": agreement}
                | simulation.power(config, effects)
            )
    result = {"simulated": True, "config": study.frame(config), "power": rows}
    provenance.save(out, result, started=started, data={}, seed=config["seed"], preset="study")


def study_validation(out, config):
    """Analyse many simulated studies, with the assumed effects and with none.

    Ctrl-C ends it early with the studies that are done.
    """
    from m2l.people import design as study
    from m2l.people import simulation

    started, size = time.monotonic(), config["validation"]
    songs = {"songs": size["songs"], "songs_each": min(size["songs"], config["songs_each"])}
    made = study.design(config | songs | {"participants": size["participants"], "reserve": 0})
    assumed = simulation.Effects.of(config)
    numbers = list(range(size["studies"]))
    # Both take turns, so that an early end leaves as many of the one as of the other.
    runs = {
        name: simulation.recover(
            made, assumed.scaled(factor), numbers, config["seed"], size["every"]
        )
        for name, factor in (("effects", 1.0), ("none", 0.0))
    }
    found = {name: [] for name in runs}
    try:
        for _ in _shown(numbers, "studies"):
            done = {name: next(run) for name, run in runs.items()}
            for name, one in done.items():
                found[name].append(one)
    except KeyboardInterrupt:
        if not found["none"]:
            raise
        log.warning("interrupted; %d studies are kept", len(found["none"]))
    result = {"simulated": True, "config": study.frame(config)}
    for name, studies in found.items():
        table, rest = simulation.summarise(studies, config["alpha"], assumed.agreement)
        # NaN stands for what has no known truth or no interval.
        result[name] = rest | {"table": _records(table.reset_index())}
    provenance.save(out, result, started=started, data={}, seed=config["seed"], preset="study")


def _shown(items, name):
    from tqdm import tqdm

    return tqdm(items, desc=name, disable=None)
