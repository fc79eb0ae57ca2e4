"""What the corpora hold: counts, cleaning, labels, their audit, their noise ceiling, the sound."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import pandas as pd

from m2l import corpora, stats
from m2l import results as provenance
from m2l.corpora import audit, deam
from m2l.doors import tables
from m2l.errors import InputError
from m2l.gan import photos
from m2l.va import DIMENSIONS

log = logging.getLogger(__name__)

BINS = np.linspace(1, 9, 33)
REPORTED = 0.609  # R² once reported on DEAM and PMEmo, pooled with PMEmo left on 0–1


def data(out, root=None, features=None):
    """Describe every corpus at hand.

    Writes `out` (.json), and beside it the corpora's (32, 32) histograms over the VA plane,
    indexed by valence, then arousal; the evidence for DEAM's exchange along its ids; and, given
    the 148 features of 4Q-TAFFC (.parquet indexed by path), their distributions.
    """
    started = time.monotonic()
    described, ceilings, published, corrected = {}, {}, {}, {}
    arrays, prints = {}, {}
    for name in corpora.names():
        if name == "sample":
            continue
        try:
            corpus, checked = corpora.load(name, root), audited(name, root)
        except InputError as error:
            log.warning("%s", error)
            continue
        table, published[name] = corpus.table, checked["table"]
        corrected[name], ceilings[name] = table, checked["ceiling"]
        described[name] = _described(corpus) | {
            "findings": checked["findings"].drop(columns="ids").to_dict("records")
        }
        if name == "deam":
            given = published[name]
            described[name]["audit"] = {
                "published": _records(audit.static_dynamic(given)),
                "corrected": _records(audit.static_dynamic(table)),
                "found": _records(checked["blocks"]),
            }
            # Every twentieth song shows the course and gives no song's labels away.
            evidence = np.stack([given["id"].astype(int), audit.running_evidence(given)], axis=1)
            arrays["deam_evidence"] = evidence[::20].astype(np.float32)
        arrays[name], _, _ = np.histogram2d(table["valence"], table["arousal"], bins=(BINS, BINS))
        prints[name] = photos.fingerprint(table)
    if not described:
        raise InputError("no corpus found; set M2L_DATA to the folder with music/ and images/")
    result = {"corpora": described, "ceiling": ceilings}
    if {"deam", "pmemo"} <= set(published):
        result["mixture"] = mixture(published["deam"], published["pmemo"])
        result["mixture_corrected"] = mixture(corrected["deam"], corrected["pmemo"])
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
    dict: table; findings (`audit.findings`); blocks (`audit.static_dynamic` of the blocks found)
    or None without dynamic labels; ceiling, as in the result of `data`.
    """
    dynamic = [f"dynamic_{d}" for d in DIMENSIONS]
    low, high = scale
    if not -np.inf < low < high < np.inf:
        raise InputError(f"scale {low:g} to {high:g}: no scale; give its lower end, then its upper")
    if Path(name).suffix.lower() in (".csv", ".tsv", ".txt"):
        table, ceiling = tables.read(name, ["id", *DIMENSIONS]), None
        for column in {*DIMENSIONS, *dynamic} & set(table):
            cells, table[column] = table[column], tables.numbers(table[column])
            if len(odd := cells[cells.notna() & table[column].isna()]):
                what = f"{column}: '{odd.iloc[0]}' is no number, taken for missing"
                log.warning("%s: %s (%d such cells)", name, what, len(odd))
    else:
        options = {"labels": "published"} if name == "deam" else {}
        table, scale = corpora.load(name, root, **options).table, (1, 9)
        ceiling = _ceiling(name, table, root)
    twice = set(dynamic) <= set(table)
    blocks = audit.static_dynamic(table, audit.find_blocks(table)) if twice else None
    findings = audit.findings(table, scale)
    return {"table": table, "findings": findings, "blocks": blocks, "ceiling": ceiling}


def _described(corpus):
    table = corpus.table
    both = {d: table[d] for d in DIMENSIONS}
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
                "mean": float(x.mean()),
                "sd": float(x.std()),
                "quantiles": x.quantile([0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist(),
            }
            for d, x in both.items()
        },
        "correlation": float(table["valence"].corr(table["arousal"])),
        "quadrants": quadrants(table),
        # "Extreme negative": unpleasant beyond one point below the middle of the scale.
        "below_4": {d: float((x < 4).mean()) for d, x in both.items()},
    }
    for column, key in (("scene", "scenes"), ("split", "splits")):
        if column in table:
            described[key] = table[column].value_counts().to_dict()
    return described


def quadrants(table):
    """Share of rows in each quadrant of the plane, cut at 5: Q1 is pleasant and excited."""
    v, a = table["valence"] >= 5, table["arousal"] >= 5
    rows = {"Q1": v & a, "Q2": ~v & a, "Q3": ~v & ~a, "Q4": v & ~a}
    return {name: float(inside.mean()) for name, inside in rows.items()}


def _ceiling(name, table, root):
    """What the noise of its labels leaves to a model of a corpus, or why that is not known."""
    columns = [f"{d}_{what}" for d in DIMENSIONS for what in ("sd", "n")]
    if name == "deam":
        try:
            ratings = deam.ratings(root)
        except InputError as error:
            log.warning("%s", error)
            return {"computable": False, "reason": "the single ratings are not at hand"}
        blocks = ratings.groupby(ratings["id"].map(table.set_index("id")["block"]))
        return {
            "computable": True,
            "source": "single ratings",
            "ratings": len(ratings),
            "raters": int(ratings["rater"].nunique()),
            **_limits({d: audit.moments(ratings, d) for d in DIMENSIONS}),
            "blocks": {
                key: {"items": part["id"].nunique()}
                | {d: audit.ceiling(*audit.moments(part, d)) for d in DIMENSIONS}
                for key, part in blocks
                if part["id"].nunique() > 9
            },
        }
    if set(columns) <= set(table) and table[columns].notna().all(axis=None):
        known = {d: table[[d, f"{d}_sd", f"{d}_n"]].to_numpy(float).T for d in DIMENSIONS}
        source = "mean, sd and number of ratings of each item"
        return {"computable": True, "source": source} | _limits(known)
    reasons = {
        "rated": "mean ratings only, without the single ratings or their sd and number",
        "derived": "the labels come from mood tags; nobody rated the items",
        "predicted": "the labels are a model's predictions; nobody rated the items",
        "synthetic": "the labels are known by construction",
    }
    return {"computable": False, "reason": reasons[table["label_source"].iloc[0]]}


def _limits(moments):
    """Ceilings from the moments of each dimension, and how many rated an item."""
    numbers = moments["valence"][2]
    per_item = {"mean": numbers.mean(), "min": int(numbers.min()), "max": int(numbers.max())}
    return {"items": len(numbers), "per_item": per_item} | {
        d: {"ceiling": audit.ceiling(*m), "icc1": audit.icc(*m)} for d, m in moments.items()
    }


def _records(table):
    """Rows as dicts for JSON, which has no NaN, a correlation of too few songs: None instead."""
    table = table.reset_index().astype(object)
    return table.where(table.notna(), None).to_dict("records")


def mixture(deam, pmemo, folds=10, seed=0):
    """Show what R² on pooled corpora is worth when one was left on another scale.

    Nothing is used to predict a label but which corpus it belongs to: the mean of the corpus over
    the other folds, songs at random.

    Parameters
    ----------
    deam, pmemo : DataFrame, both on 1–9; the second is put back on 0–1.

    Returns
    -------
    dict
        left and rescaled: R² of corpus identity, before and after PMEmo is mapped to 1–9, for
        valence, arousal and their mean; within: R² of the same predictions inside each corpus;
        reported, and implied_within: the R² inside the corpora that the reported one amounts to,
        1 − (1 − reported) / (1 − identity).
    """
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold, cross_val_predict

    tables = {"deam": deam, "pmemo": pmemo}
    y = pd.concat(tables)[list(DIMENSIONS)].to_numpy(float)
    corpus = np.repeat(list(tables), [len(t) for t in tables.values()])
    which = pd.get_dummies(corpus, dtype=float).to_numpy()
    cv = KFold(folds, shuffle=True, random_state=seed)

    def r2(true, predicted):
        v, a = (stats.score(*one)["r2"] for one in zip(true.T, predicted.T, strict=True))
        return {"valence": v, "arousal": a, "mean": (v + a) / 2}

    out = {"songs": {name: len(t) for name, t in tables.items()}, "left_on_0_1": "pmemo"}
    unscaled = np.where((corpus == "pmemo")[:, None], (y - 1) / 8, y)
    for key, labels in (("left", unscaled), ("rescaled", y)):
        guess = cross_val_predict(LinearRegression(fit_intercept=False), which, labels, cv=cv)
        out[key] = stats.bootstrap(r2, labels, guess)
    out["within"] = {name: r2(y[corpus == name], guess[corpus == name]) for name in tables}
    out["implied_within"] = {
        k: 1 - (1 - REPORTED) / (1 - v["value"]) for k, v in out["left"].items()
    }
    return out | {"folds": folds, "reported": REPORTED}


def _distributions(features, root):
    """Arrays on the features of 4Q-TAFFC, in the order of `m2l.music.features.NAMES`."""
    from m2l.experiments.emotion import taffc
    from m2l.music.features import NAMES

    table, songs = taffc(features, root)
    if len(songs) < 3:
        raise InputError(f"{features}: {len(songs)} songs with labels; extract those of 4Q-TAFFC")
    x, points = table[list(NAMES)], [0.05, 0.25, 0.5, 0.75, 0.95]
    in_each = [x[songs["quadrant"] == q].quantile(points) for q in ("Q1", "Q2", "Q3", "Q4")]
    with_labels = [x.corrwith(songs[d], method="spearman") for d in DIMENSIONS]
    return {
        "features_songs": np.array(len(songs)),
        "features_mean": x.mean().to_numpy(np.float32),
        "features_sd": x.std().to_numpy(np.float32),
        "features_quantiles": x.quantile(points).to_numpy(np.float32),  # (5, 148)
        "features_quadrants": np.stack(in_each).astype(np.float32),
        "features_correlation": x.corr().to_numpy(np.float16),
        "features_labels": np.stack(with_labels).astype(np.float32),  # Spearman, (2, 148)
    }
