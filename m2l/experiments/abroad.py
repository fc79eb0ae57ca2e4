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
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from m2l import corpora, stats
from m2l.doors import cache, songs
from m2l.errors import InputError
from m2l.experiments import emotion
from m2l.music import ear, features, forest, rivals, tagging
from m2l.va import DIMENSIONS

log = logging.getLogger(__name__)

ALIKE = 0.9
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
    rows = {}
    for path in paths:

        def made(path=path):
            row = smile(path)
            return {"names": row.index.to_numpy(str), "values": row.to_numpy()}

        found = cache.arrays(Path(folder) / f"{cache.key(Path(path), 'smile 1')}.npz", made)
        rows[str(path)] = pd.Series(found["values"], found["names"])
    return pd.DataFrame(rows).T
