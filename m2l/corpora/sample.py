"""The sample corpus: songs and landscapes made by code, so that everything runs without data.

Conventions
-----------
Emotions are spread evenly over the plane of valence and arousal (a Halton sequence, shifted by the
seed). Every three items in turn share a group: three moods of one place, or three pieces by one
"composer", made from one seed. Files are made once, into a folder of the cache whose name holds
kind, n, seed, size and a hash of the code that makes them, so that other code makes other files.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from PIL import Image
from scipy.stats import qmc
from tqdm import tqdm

from m2l.corpora._common import Card, build
from m2l.doors import cache
from m2l.errors import InputError
from m2l.sample import compose as synth
from m2l.sample import paint

CARD = Card(
    name="sample",
    title="Sample corpus",
    citation="Music composed by m2l.sample.compose and landscapes painted by m2l.sample.paint.",
    bibkey="",
    licence="MIT, as the code",
    where="made on demand by m2l.corpora.sample.load",
    layout="""\
<kind>-n<n>-seed<seed>-<hash>/
    <kind>-<number>.wav or .png""",
    counts={"music": 24, "landscapes": 240},
)

_GROUP = 3  # items that share a group
_SUFFIX = {"music": ".wav", "landscapes": ".png"}


def load(root=None, kind="music", n=None, seed=0, size=128):
    """Load the sample corpus, making the files that are not in the cache yet.

    Extras: quadrant (Q1 to Q4, counter-clockwise from high valence and high arousal), seed (of the
    generator), and for landscapes scene.

    Parameters
    ----------
    root : the cache folder; `m2l.doors.cache.root` by default.
    kind : "music", pieces of 12 s, WAV, 16 bit, mono, 22,050 Hz; or "landscapes", PNG, RGB.
    n : how many, from 1 to 10,000; 24 pieces or 240 landscapes by default.
    seed : int, not negative
    size : side of the landscapes in pixels, 16–1024.

    Raises
    ------
    InputError
        An option is out of its range, or the cache folder cannot be written.
    """
    if kind not in CARD.counts:
        raise InputError(f"kind {kind}: no such sample; choose music or landscapes")
    n = CARD.counts[kind] if n is None else n
    if not 1 <= n <= 10_000:
        raise InputError(f"n {n}: the sample has 1 to 10,000 items; choose such a number")
    if seed < 0:
        raise InputError(f"seed {seed}: negative; give a whole number from 0")
    table = _plan(kind, n, seed)
    code = b"".join(Path(f).read_bytes() for f in (__file__, synth.__file__, paint.__file__))
    parts = [kind, f"n{n}", f"seed{seed}", *([f"size{size}"] if kind == "landscapes" else [])]
    name = "-".join([*parts, hashlib.sha256(code).hexdigest()[:8]])
    folder = Path(root or cache.root()).expanduser() / name
    table["path"] = [str(folder / f"{i}{_SUFFIX[kind]}") for i in table["id"]]

    def make(scratch):
        for row in tqdm(table.itertuples(), f"making {kind}", n, disable=None):
            path = scratch / Path(row.path).name
            if kind == "music":
                sound = synth.compose(row.valence, row.arousal, row.seed)
                soundfile.write(path, sound, synth.SR, subtype="PCM_16")
            else:
                picture = paint.landscape(row.valence, row.arousal, row.seed, size)
                Image.fromarray(picture).save(path)

    try:
        cache.folder(folder, make)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); "
            "set M2L_CACHE to a folder that can"
        ) from error
    return build(CARD, table, folder)


def _plan(kind, n, seed):
    """What to make: ids, emotions, seeds and groups."""
    shift = np.random.default_rng(seed).random(2)
    points = 1 + 8 * ((qmc.Halton(2, scramble=False).random(n) + shift) % 1)
    v, a = np.round(points, 2).T
    block = np.arange(n) // _GROUP
    seeds = 10_000 * seed + block
    table = pd.DataFrame(
        {
            "id": [f"{kind}-{i:04d}" for i in range(n)],
            "valence": v,
            "arousal": a,
            "group": [f"{kind}-group-{b:04d}" for b in block],
            "label_source": "synthetic",
            "quadrant": np.where(a >= 5, np.where(v >= 5, "Q1", "Q2"), np.where(v < 5, "Q3", "Q4")),
            "seed": seeds,
        }
    )
    if kind == "landscapes":
        table["scene"] = [paint.scene(s) for s in seeds]
    return table
