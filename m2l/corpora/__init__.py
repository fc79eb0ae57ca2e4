"""Corpora of music and of photos with valence and arousal.

A corpus is loaded from files laid out as its authors give them out, never fetched. Loading
checks every label, brings all scales to one and leaves out what cannot be used, with the reason.

Conventions
-----------
Valence and arousal are on the 1–9 scale. A label is "rated" by people, "derived" from tags,
"predicted" by a model or "synthetic"; the column ``label_source`` says which. All corpora lie
under one data root, the argument ``root`` or else the environment variable ``M2L_DATA``.
"""

import importlib
import logging

import pandas as pd

from m2l.corpora._common import Card, Corpus, data_root
from m2l.errors import InputError

__all__ = ["Card", "Corpus", "card", "data_root", "load", "names", "summary"]

log = logging.getLogger(__name__)

_NAMES = ("deam", "pmemo", "taffc", "landscapes", "oasis", "sample")


def names():
    """List the names of all corpora, list of str."""
    return list(_NAMES)


def _module(name):
    if name not in _NAMES:
        raise InputError(f"{name}: no such corpus; choose one of {', '.join(_NAMES)}")
    return importlib.import_module(f"m2l.corpora.{name}")


def card(name):
    """Return the Card of a corpus, one of `names`, which needs no data."""
    return _module(name).CARD


def load(name, root=None, **options):
    """Load a corpus, and log what is left out of it and why.

    Parameters
    ----------
    name : one of `names`
    root : path, optional
        The data root; see `data_root`. The sample corpus has none and ignores it.
    **options
        Those of the corpus' own ``load``.

    Returns
    -------
    Corpus

    Raises
    ------
    InputError
        There is no such corpus, its files are missing or they are not what they should be.
    """
    where = {} if name == "sample" else {"root": root}
    corpus = _module(name).load(**where, **options)
    for line in corpus.told():
        log.warning("%s: %s", name, line)
    return corpus


def summary(root=None, clean=True):
    """Say of every corpus whether it is at hand and what loading it gives.

    A corpus that is missing or broken has a row with the reason in its notes. The sample corpus
    is made on demand and is not made for the summary.

    Parameters
    ----------
    root : path, optional
    clean : decode every photo of the landscapes to count what is dropped, which takes some seconds.

    Returns
    -------
    DataFrame
        Columns name, present (bool), n (rows kept), files (rows whose file is at hand), dropped
        (rows left out), reasons (dict of str to int), label_source and notes (str).
    """
    rows = []
    for name in _NAMES:
        row = {"name": name, "present": False, "n": 0, "files": 0, "dropped": 0, "reasons": {}}
        row |= {"label_source": "", "notes": ""}
        rows.append(row)
        if name == "sample":
            row |= {"present": True, "label_source": "synthetic", "notes": "made on demand"}
            continue
        try:
            options = {"clean": clean} if name == "landscapes" else {}
            corpus = _module(name).load(root, **options)
        except InputError as error:
            row["notes"] = str(error)
        except Exception as error:  # one corpus, however broken, must not hide the others
            log.warning("%s: %r; skipped", name, error)
            row["notes"] = repr(error)
        else:
            row |= {
                "present": True,
                "n": len(corpus.table),
                "files": int(corpus.table["path"].notna().sum()),
                "dropped": len(corpus.dropped),
                "reasons": corpus.reasons,
                "label_source": ", ".join(corpus.table["label_source"].unique()),
                "notes": "; ".join(corpus.notes),
            }
    return pd.DataFrame(rows)
