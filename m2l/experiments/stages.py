"""The stages of the study: each reads the data, does its work and writes a result.

A stage is what one rule of the Snakefile runs through one command. What it writes to `results/`
is small and anonymous: scores, histograms, pairs of true and predicted values, generated
pictures; never a photo, a song, or a table of labels.
"""

from __future__ import annotations

import logging
import time

import numpy as np
import pandas as pd

from m2l import corpora
from m2l import results as provenance
from m2l.errors import InputError
from m2l.gan import photos
from m2l.music import forest

log = logging.getLogger(__name__)

BINS = np.linspace(1, 9, 33)
REPORTED = 0.609  # R² once reported on DEAM and PMEmo, pooled with PMEmo left on 0–1


def data(out, root=None, features=None):
    """Describe every corpus at hand: counts, cleaning, labels, their audit and noise ceiling.

    Writes `out` (.json), and beside it the corpora's (32, 32) histograms over the VA plane,
    indexed by valence, then arousal; the evidence for DEAM's exchange along its ids; and, given
    the 148 features of 4Q-TAFFC (.parquet indexed by path), their distributions.
    """
    from m2l.corpora import audit

    started = time.monotonic()
    described, ceilings, published, arrays, prints = {}, {}, {}, {}, {}
    for name in corpora.names():
        if name == "sample":
            continue
        try:
            corpus = corpora.load(name, root)
            checked = audited(name, root)
        except InputError as error:
            log.warning("%s", error)
            continue
        table, published[name] = corpus.table, checked["table"]
        described[name] = _described(corpus) | {
            "findings": checked["findings"].drop(columns="ids").to_dict("records")
        }
        ceilings[name] = checked["ceiling"]
        if name == "deam":
            described[name]["audit"] = {
                "published": _blocks(published[name], "block"),
                "corrected": _blocks(table, "block"),
                "found": _blocks(published[name], audit.find_blocks(published[name])),
            }
            # Every twentieth song shows the course and gives no song's labels away.
            evidence = audit.running_evidence(published[name])
            ids = published[name]["id"].astype(int)
            arrays["deam_evidence"] = np.stack([ids, evidence], axis=1)[::20].astype(np.float32)
        arrays[name], _, _ = np.histogram2d(table["valence"], table["arousal"], bins=(BINS, BINS))
        prints[name] = photos.fingerprint(table)
    if not described:
        raise InputError("no corpus found; set M2L_DATA to the folder with music/ and images/")
    result = {"corpora": described, "ceiling": ceilings}
    if {"deam", "pmemo"} <= set(published):
        tables = {name: published[name] for name in ("deam", "pmemo")}
        result["mixture"] = audit.mixture(tables, left="pmemo", reported=REPORTED)
    if features:
        arrays |= _distributions(features, root)
    provenance.save(out, result, started=started, data=prints, seed=0, preset="all", arrays=arrays)


def audited(name, root=None, scale=(1, 9)):
    """Audit the labels of a corpus as published, or of a table of one's own.

    Parameters
    ----------
    name : one of `corpora.names()`, or a .csv with the columns of `m2l.corpora.audit`.
    root : the data root.
    scale : ends of the scale of a .csv.

    Returns
    -------
    dict: table; findings (`audit.findings`); blocks (`audit.static_dynamic` of the blocks given
    or found) or None without dynamic labels; ceiling, as in the result of `data`.
    """
    from m2l.corpora import audit, deam

    ratings, ceiling, blocks = None, None, None
    if name.endswith(".csv"):
        try:
            table = pd.read_csv(name, skipinitialspace=True)
        except ValueError as error:  # pandas' parser and decoding errors are all ValueErrors
            raise InputError(f"{name}: not a readable CSV; save it as one, in UTF-8") from error
    else:
        table = corpora.load(
            name, root, **({"labels": "published"} if name == "deam" else {})
        ).table
        ceiling, scale = _ceiling(name, table, root), (1, 9)
        if name == "deam" and ceiling["computable"]:
            ratings = deam.ratings(root, "published")
    given = "block" if name.endswith(".csv") and "block" in table else None
    findings = audit.findings(table, scale, given, ratings)
    if {"dynamic_valence", "dynamic_arousal"} <= set(table):
        blocks = audit.static_dynamic(table, given or audit.find_blocks(table))
    return {"table": table, "findings": findings, "blocks": blocks, "ceiling": ceiling}


def _described(corpus):
    table = corpus.table
    described = {
        "title": corpus.card.title,
        "rows": len(table),
        "files": int(table["path"].notna().sum()),
        "label_source": str(table["label_source"].iloc[0]),
        "dropped": corpus.reasons,
        "notes": list(corpus.notes),
        "groups": int(table["group"].nunique()),
        "labels": {
            d: {
                "mean": float(table[d].mean()),
                "sd": float(table[d].std()),
                "quantiles": table[d].quantile([0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist(),
            }
            for d in forest.DIMENSIONS
        },
        # How far a single rater is from the mean of all.
        "rater_sd": {
            d: None if table[f"{d}_sd"].isna().all() else float(table[f"{d}_sd"].mean())
            for d in forest.DIMENSIONS
        },
        "correlation": float(table["valence"].corr(table["arousal"])),
        "quadrants": quadrants(table),
        # "Extreme negative": unpleasant beyond one point below the middle of the scale.
        "below_4": {d: float((table[d] < 4).mean()) for d in forest.DIMENSIONS},
        "beyond": {
            d: {
                **{f"below {x}": int((table[d] < x).sum()) for x in (3, 4)},
                **{f"above {x}": int((table[d] > x).sum()) for x in (6, 7)},
            }
            for d in forest.DIMENSIONS
        },
    }
    for column, key in (("scene", "scenes"), ("split", "splits")):
        if column in table:
            described[key] = table[column].value_counts().to_dict()
    return described


def _ceiling(name, table, root):
    """What the noise of its labels leaves to a model of a corpus, or why that is not known."""
    from m2l.corpora import audit, deam

    if name == "deam":
        try:
            ratings = deam.ratings(root)
            block = ratings["id"].map(table.set_index("id")["block"])
            parts = {key: part for key, part in ratings.groupby(block) if part["id"].nunique() > 9}
            return {
                "computable": True,
                "source": "single ratings",
                **audit.rater_report(ratings),
                "blocks": {
                    key: {"items": part["id"].nunique()}
                    | {d: audit.ceiling(*audit.moments(part, d)) for d in forest.DIMENSIONS}
                    for key, part in parts.items()
                },
            }
        except InputError as error:
            log.warning("%s", error)
            return {"computable": False, "reason": "the single ratings are not at hand"}
    columns = [f"{d}_{what}" for d in forest.DIMENSIONS for what in ("sd", "n")]
    if set(columns) <= set(table) and table[columns].notna().all(axis=None):
        out = {
            "computable": True,
            "source": "mean, sd and number of ratings of each item",
            "items": len(table),
            "per_item": audit.spread(table["valence_n"]),
        }
        for d in forest.DIMENSIONS:
            moments = [table[column].to_numpy(float) for column in (d, f"{d}_sd", f"{d}_n")]
            out[d] = {"ceiling": audit.ceiling(*moments), "icc1": audit.icc(*moments)}
        return out
    reasons = {
        "rated": "mean ratings only, without the single ratings or their sd and number",
        "derived": "the labels come from mood tags; nobody rated the items",
        "predicted": "the labels are a model's predictions; nobody rated the items",
        "synthetic": "the labels are known by construction",
    }
    return {"computable": False, "reason": reasons[table["label_source"].iloc[0]]}


def _blocks(table, blocks):
    from m2l.corpora import audit

    # NaN stands for a correlation of too few songs.
    return _records(audit.static_dynamic(table, blocks).reset_index())


def _records(table):
    """Rows as dicts for JSON, which has no NaN: None in its place."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _distributions(features, root):
    """Arrays on the features of 4Q-TAFFC, in the order of `m2l.music.features.NAMES`."""
    from m2l.experiments.emotion import taffc
    from m2l.music.features import NAMES

    table, songs = taffc(features, root)
    if len(songs) < 3:
        raise InputError(f"{features}: {len(songs)} songs with labels; extract those of 4Q-TAFFC")
    x, points = table[list(NAMES)], [0.05, 0.25, 0.5, 0.75, 0.95]
    quadrants = [x[songs["quadrant"] == q] for q in ("Q1", "Q2", "Q3", "Q4")]
    with_labels = [x.corrwith(songs[d], method="spearman") for d in forest.DIMENSIONS]
    return {
        "features_songs": np.array(len(songs)),
        "features_mean": x.mean().to_numpy(np.float32),
        "features_sd": x.std().to_numpy(np.float32),
        "features_quantiles": x.quantile(points).to_numpy(np.float32),  # (5, 148)
        "features_quadrants": np.stack([q.quantile(points) for q in quadrants]).astype(np.float32),
        "features_correlation": x.corr().to_numpy(np.float16),
        "features_labels": np.stack(with_labels).astype(np.float32),  # Spearman, (2, 148)
    }


def quadrants(table):
    """Share of rows in each quadrant of the plane, cut at 5: Q1 is pleasant and excited."""
    high_v, high_a = table["valence"] >= 5, table["arousal"] >= 5
    shares = {
        "Q1": high_v & high_a,
        "Q2": ~high_v & high_a,
        "Q3": ~high_v & ~high_a,
        "Q4": high_v & ~high_a,
    }
    return {name: float(rows.mean()) for name, rows in shares.items()}


def landscapes(root=None, limit=None, folder="landscapes128", top=128):
    """The photos' pyramid, cleaned and split.

    Parameters
    ----------
    limit : keep so many of each split, at random.
    folder : of the photos, see `m2l.corpora.landscapes.load`; "sample" is the painted sample
        corpus, which needs no data.
    top : highest resolution.
    """
    from m2l.corpora.landscapes import split

    if folder == "sample":
        table = corpora.load("sample", kind="landscapes", size=max(top, 16)).table
        table["split"] = split(table["id"], table["group"])
    else:
        table = corpora.load("landscapes", root, folder=folder).table
    if limit:
        # Shuffled first: corpora lie scene by scene.
        some = table.sample(frac=1, random_state=0).groupby("split").head(limit)
        table = some.sort_index().reset_index(drop=True)
    return photos.build(table, top=top)


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
