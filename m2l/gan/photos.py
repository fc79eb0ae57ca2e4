"""Photos as a memory-mapped pyramid, so that a training step never waits for a JPEG.

Every photo is decoded once and stored at each resolution from 4×4 to the top as uint8. Lower
resolutions are box averages, which is also what the networks' 2×2 pooling computes.

Conventions
-----------
Stored arrays are (N, R, R, 3) uint8; batches are float32 tensors (n, 3, R, R) in [-1, 1].
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from m2l.doors import cache, outputs, pictures
from m2l.errors import InputError

log = logging.getLogger(__name__)


def fingerprint(table):
    """Short hash of a corpus table: its ids, labels, splits and the sizes of its files.

    It does not depend on where the files lie.
    """
    sizes = [
        os.path.getsize(p) if isinstance(p, str) and os.path.isfile(p) else -1
        for p in table["path"]
    ]
    columns = [c for c in ("id", "valence", "arousal", "split") if c in table]
    text = table[columns].assign(size=sizes).to_csv(index=False)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


class Pyramid:
    """Photos at every resolution with their labels.

    Attributes
    ----------
    table : DataFrame, one row a photo, in the order of the arrays.
    va : ndarray (N, 2) float64, 1–9.
    top : the highest resolution stored.
    key : what it was made from, see `m2l.doors.cache`.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.table = pd.read_parquet(self.folder / "table.parquet")
        told = json.loads((self.folder / "pyramid.json").read_text())
        self.top, self.key = told["top"], told["key"]
        self.va = self.table[["valence", "arousal"]].to_numpy(float)
        self._arrays = {}

    def __len__(self):
        return len(self.table)

    def array(self, resolution):
        """The (N, R, R, 3) uint8 memory map of one resolution; what is written stays in memory."""
        if resolution not in self._arrays:
            self._arrays[resolution] = np.load(self.folder / f"{resolution}.npy", mmap_mode="c")
        return self._arrays[resolution]

    def rows(self, split=None):
        """Positions of the photos of a split (all without one)."""
        if split is None:
            return np.arange(len(self))
        return np.flatnonzero(self.table["split"].to_numpy() == split)


def build(table, top=128, folder=None):
    """Decode the photos of a corpus table into a pyramid, once.

    Parameters
    ----------
    table : DataFrame with id, path, valence, arousal (see `m2l.corpora`).
    top : highest resolution, 4, 8, 16, …; photos are cropped square and resized to it.
    folder : where to keep it, taken as it is if it holds a pyramid; the cache by default, under
        the contents of table and files.

    Returns
    -------
    Pyramid
        Photos that do not decode are left out with a warning each, and counted in one more.

    Raises
    ------
    InputError
        If no photo decodes, or `top` is not 4 times a power of two.
    """
    sides = [4 << i for i in range(12) if 4 << i <= top]
    if top not in sides:
        raise InputError(f"resolution {top}: not 4 times a power of two; give 64, 128 or 256")
    files = [Path(p) if isinstance(p, str) and os.path.isfile(p) else None for p in table["path"]]
    key = cache.key(table.drop(columns="path").to_csv(index=False), top, *files)

    def make(scratch):
        arrays = {
            s: np.lib.format.open_memmap(
                scratch / f"{s}.npy", mode="w+", dtype=np.uint8, shape=(len(table), s, s, 3)
            )
            for s in sides
        }
        kept = _decode(table, top, arrays)
        for s, array in arrays.items():
            array.flush()
            if len(kept) < len(table):
                np.save(scratch / f"{s}.npy", np.array(array[: len(kept)]))
        rows = table.iloc[kept].reset_index(drop=True)
        rows["path"] = rows["path"].map(outputs.readable)
        rows.to_parquet(scratch / "table.parquet")
        (scratch / "pyramid.json").write_text(json.dumps({"top": top, "key": key}))

    return Pyramid(cache.folder(folder or cache.root() / f"photos-{key}", make, key))


def _decode(table, top, arrays):
    """Fill the arrays with the photos that decode; their positions in the table."""
    kept, small = [], 0
    for position, path in enumerate(tqdm(table["path"], "photos", disable=None, leave=False)):
        try:
            photo = pictures.read(path)
        except InputError as error:
            log.warning("%s", error)
            continue
        small += min(photo.size) < top
        photo = pictures.square(photo, top)
        for s, array in arrays.items():
            array[len(kept)] = photo.resize((s, s), Image.Resampling.BOX)
        kept.append(position)
    if not kept:
        raise InputError("no photo could be decoded; check the corpus with 'm2l data'")
    if len(kept) < len(table):
        log.warning("%d of %d photos left out", len(table) - len(kept), len(table))
    if small:
        log.warning("%d of %d photos are smaller than %d×%d: enlarged", small, len(kept), top, top)
    return kept
