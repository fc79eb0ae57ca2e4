"""DEAM: 1,802 excerpts of royalty-free music, rated for valence and arousal.

Conventions
-----------
Static labels, one pair per song, are the mean over about ten raters on the 1–9 scale; their sd
is the population sd over those raters. Dynamic labels, two per second from 15 s on, run from −1
to 1 and are mapped to 1–9 by 5 + 4x.

In the static tables, averaged and single ratings alike, valence and arousal are exchanged for
the songs with ids up to 1000 (those of the older emoMusic corpus): there static valence follows
the song's own dynamic arousal and the other way round. `m2l.corpora.audit` shows it; `load` and
`ratings` exchange them back unless asked for the labels as published.
"""

from dataclasses import replace

import pandas as pd

from m2l.corpora._common import Card, build, data_root, first_file, numbers, read
from m2l.corpora.audit import static_dynamic
from m2l.errors import InputError

CARD = Card(
    name="deam",
    title="DEAM, the MediaEval database for emotional analysis in music",
    citation=(
        "Aljanaki, A., Yang, Y.-H., & Soleymani, M. (2017). Developing a benchmark for emotional "
        "analysis of music. PLoS ONE, 12(3), e0173392. doi:10.1371/journal.pone.0173392"
    ),
    bibkey="aljanaki2017deam",
    licence="annotations for research use; the songs under their Creative Commons licences",
    where="https://cvml.unige.ch/databases/DEAM/: DEAM_Annotations.zip and DEAM_audio.zip",
    layout="""\
music/DEAM/
    annotations/annotations averaged per song/song_level/*.csv
    annotations/annotations averaged per song/dynamic (per second annotations)/*.csv
    annotations/annotations per each rater/song_level/*.csv
    MEMD_audio/<id>.mp3
    deam_features_74.csv (optional)""",
    counts={"songs": 1802},
)

_FOLDER = "music/DEAM"
_AVERAGED = f"{_FOLDER}/annotations/annotations averaged per song"
_SINGLE = f"{_FOLDER}/annotations/annotations per each rater/song_level"
_BLOCKS = {"1-1000": 1000, "1001-2000": 2000, "2001-2058": 2058}  # block: its last id


def load(root=None, labels="corrected"):
    """Load the static labels; see `m2l.corpora.load`.

    Extras: block ("1-1000", "1001-2000" or "2001-2058"), dynamic_valence and dynamic_arousal (the
    mean over the song's own dynamic labels, mapped to 1–9).

    Parameters
    ----------
    root : the data root
    labels : {"corrected", "published"}
        Whether valence and arousal of the ids up to 1000 are exchanged back. A copy whose
        labels are in order is left as it is.
    """
    if labels not in ("corrected", "published"):
        raise InputError(f"labels={labels}: unknown; use corrected or published")
    root = data_root(root)
    names = {
        "song_id": "id",
        "valence_mean": "valence",
        "arousal_mean": "arousal",
        "valence_std": "valence_sd",
        "arousal_std": "arousal_sd",
    }
    static = root / _AVERAGED / "song_level"
    files = [f"static_annotations_averaged_songs_{ids}.csv" for ids in ("1_2000", "2000_2058")]
    table = pd.concat(
        (read(static / file, CARD, list(names))[list(names)] for file in files),
        ignore_index=True,
    ).rename(columns=names)
    for name in ("valence", "arousal"):
        table[f"dynamic_{name}"] = table["id"].map(5 + 4 * dynamic(name, root).mean(axis=1))
    folders = [root / _FOLDER / name for name in ("MEMD_audio", "audio")]
    block = pd.cut(numbers(table["id"]), [0, *_BLOCKS.values()], labels=list(_BLOCKS))
    table = table.assign(
        path=[first_file(*(folder / f"{i}.mp3" for folder in folders)) for i in table["id"]],
        label_source="rated",
        block=block.astype(object),
    )
    corpus = build(CARD, table, static)
    # The defect is known: too few songs to tell leave it standing.
    found = static_dynamic(corpus.table)["verdict"].get("1-1000", "in order")
    if labels == "published" or found == "in order":
        return corpus
    _exchange_back(corpus.table, corpus.table["block"] == "1-1000")
    return replace(corpus, notes=("valence and arousal exchanged back for the ids up to 1000",))


def dynamic(dimension, root=None):
    """Load the dynamic labels of valence or arousal as they are given out, on −1 to 1.

    Returns
    -------
    DataFrame, indexed by id (str), with a column each half second, "sample_15000ms" the first.
    """
    folder = data_root(root) / _AVERAGED / "dynamic (per second annotations)"
    table = read(folder / f"{dimension}.csv", CARD, ["song_id"]).set_index("song_id")
    return table.apply(numbers)


def ratings(root=None, labels="corrected"):
    """Load the single ratings behind the static labels; parameters as of `load`.

    They are what the published means were taken over, so they share the exchange. A few raters
    rated a song twice; both ratings are kept, as in the means.

    Returns
    -------
    DataFrame
        Columns id (str), rater (str), valence and arousal (1–9), one row per rating.
    """
    parts = []
    for ids, names in (
        ("1_2000", ["SongId", "workerID", "Valence", "Arousal"]),
        ("2000_2058", ["SongId", "WorkerId", "Valence_Average", "Arousal_Average"]),
    ):
        part = read(data_root(root) / _SINGLE / f"static_annotations_songs_{ids}.csv", CARD, names)
        parts.append(part[names].set_axis(["id", "rater", "valence", "arousal"], axis=1))
    table = pd.concat(parts, ignore_index=True)
    table[["valence", "arousal"]] = table[["valence", "arousal"]].apply(numbers)
    if load(root, labels).notes:
        _exchange_back(table, numbers(table["id"]) <= 1000)
    return table


def features_74(root=None):
    """Load per-song means and sds of the openSMILE features given out with DEAM.

    Returns
    -------
    DataFrame of 74 features, indexed by id (str)
    """
    path = data_root(root) / _FOLDER / "deam_features_74.csv"
    labels = ["valence_mean", "valence_std", "arousal_mean", "arousal_std"]
    table = read(path, CARD, ["track_id"]).set_index("track_id")
    return table.drop(columns=labels, errors="ignore").apply(numbers).rename_axis("id")


def _exchange_back(table, rows):
    for v, a in (("valence", "arousal"), ("valence_sd", "arousal_sd")):
        if v in table:
            table.loc[rows, [v, a]] = table.loc[rows, [a, v]].to_numpy()
