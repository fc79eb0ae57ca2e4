"""Does what is learnt of one corpus hold for another? Models across corpora, and songs over time.

Conventions
-----------
Three corpora: 4Q-TAFFC (clips, labels from mood tags), DEAM (1,802 songs rated, the sound of ten at
hand), PMEmo (767 rated, the sound of four). DEAM gives out its songs' openSMILE features; the same
are computed here from sound at 22,050 Hz, so that a model fitted to DEAM can hear other songs. Only
columns that come back from the ten songs' sound (r above .9) are used: no label has a say in it.
The package opensmile is an extra, `pip install '.[smile]'`: its licence is for research.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from m2l import corpora, results, stats
from m2l.corpora import deam
from m2l.doors import cache, songs
from m2l.experiments import emotion
from m2l.experiments.ear import INPUTS
from m2l.music import ear, features, forest, rivals, tagging
from m2l.va import DIMENSIONS

log = logging.getLogger(__name__)

ALIKE = 0.9
SETTINGS = {"kind": "extra trees", "max_features": 1 / 3, "min_samples_leaf": 4}
LEARNERS = {"ridge": rivals.ridge, "extra trees": rivals.extra_trees}


def smile(path):
    """openSMILE's ComParE descriptors of a song by mean and deviation, named as DEAM names them."""
    import opensmile

    reader = opensmile.Smile(
        opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.LowLevelDescriptors
    )
    table = reader.process_signal(songs.read(path), songs.SR)
    table.columns = table.columns.str.replace("mfcc_sma", "pcm_fftMag_mfcc_sma")
    both = {"amean": table.mean(), "stddev": table.std(ddof=0)}
    return pd.concat([one.add_suffix(f"_{how}") for how, one in both.items()])


def smiles(paths, folder):
    """`smile` of many songs, kept by content; DataFrame indexed by path."""

    def made(path):
        row = smile(path)
        return {"names": row.index.to_numpy(str), "values": row.to_numpy()}

    rows = {}
    for path in paths:
        kept = Path(folder) / f"{cache.key(Path(path), 'smile 1')}.npz"
        found = cache.arrays(kept, partial(made, path))
        rows[str(path)] = pd.Series(found["values"], found["names"])
    return pd.DataFrame(rows).T


# -- clips rated elsewhere -------------------------------------------------------------------


def rated(root=None):
    """The clips of DEAM and PMEmo whose sound is at hand; DataFrame with a column corpus."""
    parts = []
    for name in ("deam", "pmemo"):
        table = corpora.load(name, root).table.dropna(subset="path").copy()
        parts.append(table.assign(corpus=name).set_index("path"))
    return pd.concat(parts)


def elsewhere(clips, predicted, half=None, seed=0):
    """How predictions (N, 2) for clips rated elsewhere agree with their ratings.

    Returns
    -------
    dict of dimension to r and rank (Spearman) with intervals over clips, lowest and highest rating
    and prediction, and how many of the 90 % intervals held.
    """
    out = {}
    for i, d in enumerate(DIMENSIONS):
        y, told = clips[d].to_numpy(float), predicted[:, i]
        out[d] = stats.bootstrap(_order, y, told, draws=1000, seed=seed) | {
            "rated": [float(y.min()), float(y.max())],
            "heard": [float(told.min()), float(told.max())],
        }
        if half is not None:
            out[d]["held"] = int((np.abs(y - told) <= half[i]).sum())
    return out


def _order(y, told):
    from scipy.stats import rankdata

    ranks = stats.score(rankdata(y), rankdata(told))
    return {"r": stats.score(y, told)["r"], "rank": ranks["r"]}


def unknown(clips, table, labels, folder, trees=150, seed=0):
    """Models of 4Q-TAFFC on clips rated elsewhere, which the Million Song Dataset cannot hold.

    DEAM's music is royalty-free, PMEmo's songs are younger than that data set. The same forest is
    fitted to each input, so that what MSD's network adds shows where it knows no song.
    """
    names = (*features.EXTENDED, *tagging.NAMES)
    x, _ = features.extract_many(clips.index, cache=folder, names=names)
    clips = clips.loc[x.index]
    y = labels[list(DIMENSIONS)].to_numpy(float)
    out = {}
    for name in ("148", "222", "MTT", "MTT + MSD"):
        columns = list(INPUTS[name])
        model = rivals.forest_of(SETTINGS, seed, trees).fit(table[columns].to_numpy(float), y)
        out[name] = elsewhere(clips, model.predict(x[columns].to_numpy(float)))
    for name in ear.MODELS:
        model = ear.load(name)
        out[name] = elsewhere(clips, model.predict(x), model.halfwidth())
    return out


# -- songs over time -------------------------------------------------------------------------


def within(clips, root=None):
    """How emotion over time follows DEAM's annotations over time, within a song.

    Returns
    -------
    dict of dimension to r (mean over songs, with its interval), songs (r of each) and moves (the
    annotation's deviation in each, on 1–9).
    """
    out = {d: {"songs": [], "moves": []} for d in DIMENSIONS}
    for clip in clips[clips["corpus"] == "deam"].itertuples():
        told = ear.over_time(clip.Index)
        for d in DIMENSIONS:
            line = dynamic(d, clip.id, root).loc[: told["time"].iloc[-1]]
            heard = np.interp(line.index, told["time"], told[d])
            out[d]["songs"].append(stats.score(line.to_numpy(), heard)["r"])
            out[d]["moves"].append(float(line.std()))
    for told in out.values():
        told["r"] = stats.bootstrap(np.mean, np.array(told["songs"]), draws=1000)
    return out


def dynamic(dimension, song, root=None):
    """DEAM's annotation of a song over time; Series on 1–9, indexed by seconds."""
    row = deam.dynamic(dimension, root).loc[song].dropna()
    seconds = row.index.str.extract(r"(\d+)ms")[0].astype(float) / 1000
    return pd.Series(5 + 4 * row.to_numpy(float), seconds.to_numpy())


# -- across corpora --------------------------------------------------------------------------


def across(clips, labels, folder, root=None, seed=0):
    """Models fitted to one corpus, untouched, on another, by openSMILE's columns.

    Returns
    -------
    dict: columns (how many come back from sound, of how many) and rows, list of dict of learnt,
    tested, model, songs and each dimension's scores; within a corpus cross-validated.
    """
    given = deam.features_74(root)
    corpus = corpora.load("deam", root).table.set_index("id").join(given, how="inner")
    own = clips[clips["corpus"] == "deam"]
    made = smiles(own.index, folder)
    known = [c for c in given if c in made]
    there = given.loc[own["id"], known].to_numpy(float)
    alike = [c for i, c in enumerate(known) if np.corrcoef(there[:, i], made[c])[0, 1] > ALIKE]

    def data(x, table):
        y = table[list(DIMENSIONS)].to_numpy(float)
        return x[alike].to_numpy(float), y, table["group"].to_numpy()

    parts = {
        "deam": data(corpus, corpus),
        "taffc": data(smiles(labels["path"], folder), labels),
    }
    rows = []
    for learnt, tested, name in product(parts, parts, LEARNERS):
        (x, y, groups), (other, truth, apart) = parts[learnt], parts[tested]
        make = partial(LEARNERS[name], seed)
        if learnt == tested:
            predicted = forest.cross_validate(make, x, y, groups, seed=seed)
        else:
            predicted = make().fit(x, y).predict(other)[None]
        row = {"learnt": learnt, "tested": tested, "model": name, "songs": len(y)}
        rows.append(row | stats.evaluate(truth, predicted, apart, 500, seed))
    # The clips rated elsewhere, of which ten are among DEAM's songs.
    rest = ~corpus.index.isin(own["id"])
    x, y, _ = (part[rest] for part in parts["deam"])
    heard = smiles(clips.index, folder)[alike].to_numpy(float)
    fourteen = {
        name: elsewhere(clips, learner(seed).fit(x, y).predict(heard))
        for name, learner in LEARNERS.items()
    }
    return {"columns": [len(alike), given.shape[1]], "rows": rows, "clips": fourteen}


def study(features, out, root=None, folder="runs/abroad", seed=0):
    """Test models on music that they do not know.

    Parameters
    ----------
    features : .parquet of the features and the embeddings of 4Q-TAFFC, indexed by path.
    out : .json to write.
    folder : keeps what is finished.
    seed : of everything.
    """
    started = time.monotonic()
    table, labels = emotion.taffc(features, root)
    clips = rated(root)
    result = {
        "clips": clips["corpus"].value_counts().to_dict(),
        "unknown": unknown(clips, table, labels, folder, seed=seed),
        "over_time": within(clips, root),
    }
    try:
        result["across"] = across(clips, labels, folder, root, seed)
    except ModuleNotFoundError:
        log.warning("needs opensmile for corpora across: pip install '.[smile]'; left out")
    task = emotion.Task("", table, labels[list(DIMENSIONS)].to_numpy(float), labels["group"], ())
    results.save(out, result, started=started, data={"taffc": task.fingerprint()}, seed=seed)
