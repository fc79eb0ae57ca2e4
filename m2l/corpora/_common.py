"""What the corpora share: the card, the loaded corpus, the reading and the checks of labels."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from m2l.doors import tables
from m2l.doors.tables import first_file, numbers
from m2l.errors import InputError

LABELS = ["valence", "arousal"]
SDS = ["valence_sd", "arousal_sd"]
__all__ = ["Card", "Corpus", "build", "data_root", "drop", "first_file", "numbers", "read"]

COLUMNS = ["id", "path", *LABELS, *SDS, "group", "label_source"]


@dataclass(frozen=True)
class Card:
    """What a corpus is, where it comes from and under which terms.

    Attributes
    ----------
    name : in the registry
    title, citation : full name; the publication to cite, with its DOI where it has one.
    bibkey : key of the citation in the bibliography
    licence, where : terms of use; how to get the corpus.
    layout : the files expected under the data root
    counts : dict of str to int, official counts, by what is counted.
    """

    name: str
    title: str
    citation: str
    bibkey: str
    licence: str
    where: str
    layout: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Corpus:
    """A loaded corpus: its rows, and all that was done to get them.

    Attributes
    ----------
    card : Card
    table : DataFrame
        One row per song or photo. Always id (str), path (str, or None where the file is not at
        hand), valence and arousal (1–9), valence_sd and arousal_sd (same scale, NaN where
        unknown), group (what must not be split between training and test: the artist, the
        theme, the near-duplicates; the id where unknown) and label_source ("rated", "derived",
        "predicted" or "synthetic"); then what the corpus has beyond that.
    dropped : DataFrame
        Columns id and reason, one row per row that was left out.
    notes : tuple of str
        What was changed on loading.
    """

    card: Card
    table: pd.DataFrame
    dropped: pd.DataFrame
    notes: tuple[str, ...] = ()

    def told(self):
        """What was left out and why, a line for each reason; list of str."""
        what = {"landscapes": "photos", "oasis": "photos"}.get(self.card.name, "songs")
        total = len(self.table) + len(self.dropped)
        return [f"{n} of {total} {what} left out: {why}" for why, n in self.reasons.items()]

    @property
    def reasons(self):
        """How many rows were dropped for each reason, dict of str to int."""
        return self.dropped["reason"].value_counts().to_dict()


def data_root(root=None):
    """Find the folder that holds the corpora: the one given, or $M2L_DATA; a Path.

    Raises
    ------
    InputError
        Neither is given, or there is no such folder.
    """
    root = root or os.environ.get("M2L_DATA")
    if not root:
        raise InputError(
            "M2L_DATA: not set; set it to the folder that holds music/ and images/, "
            "or use the sample corpus, which needs no data"
        )
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; set M2L_DATA to the one with music/ and images/")
    return root


def read(path, card, columns):
    """Read a table of a corpus; see `m2l.doors.tables.read`."""
    missing = f"get {card.title} ({card.where}) and put it there"
    return tables.read(path, columns, missing, f"use the file as {card.title} gives it out")


def drop(corpus, reasons):
    """Move rows of a corpus to its dropped rows.

    Parameters
    ----------
    corpus : Corpus
    reasons : sequence of (str or None), one per row of the table; None keeps it.

    Returns
    -------
    Corpus
    """
    table = corpus.table
    reasons = pd.Series(reasons, table.index, dtype=object)
    out = reasons.notna()
    gone = pd.DataFrame({"id": table["id"][out], "reason": reasons[out]})
    dropped = pd.concat([corpus.dropped, gone], ignore_index=True)
    return replace(corpus, table=table[~out].reset_index(drop=True), dropped=dropped)


def build(card, table, source, scale=(1, 9), notes=()):
    """Check the labels, map them to 1–9 and put the table in its common form.

    Rows whose labels are missing or outside the scale, and ids listed before, are dropped with
    the reason.

    Parameters
    ----------
    card : Card
    table : DataFrame
        Columns id, path, valence, arousal and label_source; valence_sd, arousal_sd and group
        where known; extras.
    source : Path, where the labels come from, for the error.
    scale : (float, float), ends of the scale that the labels are on.
    notes : iterable of str

    Returns
    -------
    Corpus

    Raises
    ------
    InputError
        More than a quarter of the labels lie outside the scale: they must be on another one.
    """
    low, high = scale
    blank, labels = table[LABELS].isna().any(axis=1), table[LABELS].apply(numbers)
    outside = ((labels < low) | (labels > high)).any(axis=1)
    if outside.mean() > 0.25:
        runs = " and ".join(f"{x} from {labels[x].min():g} to {labels[x].max():g}" for x in LABELS)
        raise InputError(
            f"{source}: {outside.sum()} of {len(table)} labels are not on the scale {low:g} to "
            f"{high:g} ({runs}); use the labels as the authors give them"
        )
    stretch = 8 / (high - low)
    mapped = [] if tuple(scale) == (1, 9) else [f"labels mapped from {low:g}–{high:g} to 1–9"]
    ids = table["id"].fillna("").astype(str)
    table = table.assign(
        id=ids,
        path=table["path"].astype(object).where(table["path"].notna(), None),
        group=table.get("group", ids).fillna(ids),
        **(1 + stretch * (labels - low)),
        **(stretch * table.reindex(columns=SDS).apply(numbers)),
    )
    table = table[[*COLUMNS, *(name for name in table if name not in COLUMNS)]]
    conditions = {
        "id listed before": ids.duplicated(),
        "label is missing": blank,
        "label is no number": labels.isna().any(axis=1),
        f"label outside {low:g}–{high:g}": outside,
    }
    reasons = np.select(list(conditions.values()), list(conditions), default=None)
    nothing = pd.DataFrame({"id": [], "reason": []}, dtype=object)
    return drop(Corpus(card, table, nothing, (*notes, *mapped)), reasons)
