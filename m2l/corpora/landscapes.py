"""Photos of landscapes with valence and arousal, cleaned and split.

The corpus the method was published with is CGnA10766, rated by people. Where it cannot be had,
a stand-in of the same columns takes its place, whose valence and arousal are predicted by a model.

Conventions
-----------
Cleaning drops, in this order, a photo whose file is missing, which does not decode, which is grey
or whose pixels are those of a photo before it. Near-duplicates (the same scene cropped, scaled or
toned a little differently) are kept, but share a group, and a group is never split.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from m2l.corpora._common import Card, build, data_root, drop, first_file, read
from m2l.doors import pictures
from m2l.errors import InputError

CARD = Card(
    name="landscapes",
    title="CGnA10766 or its stand-in, 9,461 landscape photos",
    citation=(
        "Kim, H.-R., Kim, Y.-S., Kim, S. J., & Lee, I.-K. (2018). Building emotional machines: "
        "Recognizing image emotions through deep neural networks. IEEE Transactions on "
        "Multimedia, 20(11), 2980–2992. doi:10.1109/TMM.2018.2827782 (arXiv:1705.07543, 2017). "
        "The stand-in, folder landscapes128, is not CGnA10766: its 9,461 photos show mountains, "
        "glaciers, seas and forests, the scene is a human label, and valence and arousal are "
        "predicted by a model fitted to the ratings of OASIS, not rated"
    ),
    bibkey="kim2018building",
    licence="for research; the photos remain their owners'",
    where="CGnA10766: figshare record 5383105, given out by its authors",
    layout="""\
images/
    <folder>.csv (file or image, valence, arousal; scene if known)
    <folder>/*.jpg""",
    counts={"photos of CGnA10766": 10766, "photos of landscapes128": 9461},
)

PREDICTED = ("landscapes128", "scenes256")  # folders whose labels no person gave

# A photo is grey when no more than 1 % of its pixels have channels that differ by more than 8 of
# 255. Truly grey photos differ by 0; above, black-and-white prints with a faint tone end at 8,
# where the counts have a gap, and dull but coloured ones (overcast seas, misty woods) begin.
GREY_LEVEL = 8
GREY_SHARE = 0.01

# Two photos are near-duplicates when no more than 13 of the 256 bits of their difference hashes
# differ. All pairs up to 13 show the same scene; from 15 on, chance pairs (sunsets over a flat sea)
# outnumber the few shots of one burst.
NEAR_BITS = 13


def load(root=None, folder="landscapes128", clean=True):
    """Load the labels, and clean and split the photos; see `m2l.corpora.load`.

    Extras: scene; split ("train", "probe", on which the networks that judge generated images are
    trained, or "test"; see `split`), where cleaned.

    Parameters
    ----------
    root : the data root
    folder : name of the table and of the folder under ``images/``: "landscapes128", "scenes256"
        (800 outdoor photos of 256 × 256 pixels), "CGnA10766". Or the path of any folder of photos
        with a table in it or beside it, ``<folder>.csv``, of the same columns.
    clean : decode every photo (about a millisecond each) to drop those that cannot be used.
    """
    if Path(folder).is_dir():
        images, source = Path(folder), _table(Path(folder))
    elif Path(folder).name != folder:
        raise InputError(f"{folder}: no such folder; give one with photos and their table")
    else:
        images = data_root(root) / "images"
        source = images / f"{folder}.csv"
    table = read(source, CARD, ["valence", "arousal"])
    if "file" not in table and "image" not in table:
        raise InputError(
            f"{source}: no column file or image; columns found: {', '.join(table)}; "
            "name the photos in one of them"
        )
    files = table["file" if "file" in table else "image"].fillna("").str.replace("\\", "/")
    names = files.str.replace(r"^.*/|\.\w+$", "", regex=True)
    # Photos of one name in two folders, or of two types, are two photos.
    alone = files.groupby(names).transform("nunique") == 1
    folders = images, source.parent, images / folder
    paths = [first_file(*(place / file for place in folders)) for file in files]
    if not any(paths):
        raise InputError(
            f"{images / folder / files[0]}: no such file ({len(files)} of {len(files)} that "
            f"{source} names); put the photos there"
        )
    columns = ["id", "path", "valence", "arousal", "label_source", "scene"]
    known = {
        "label_source": "predicted" if folder in PREDICTED else "rated",
        "scene": "unknown",
        **table,
        "id": names.where(alone, files),
        "path": paths,
    }
    table = pd.DataFrame(known)[columns]
    table["scene"] = table["scene"].fillna("unknown")
    predicted = any(table["label_source"] != "rated")
    notes = ["labels predicted by a model, not rated"] if predicted else []
    corpus = build(CARD, table, source, notes=notes)
    return _clean(corpus, source) if clean else corpus


def _table(folder):
    """The table in a folder of photos, or beside it."""
    beside = Path(f"{folder}.csv")
    tables = [*folder.glob("*.csv"), *([beside] if beside.is_file() else [])]
    if len(tables) != 1:
        found = ", ".join(t.name for t in tables) or "none"
        raise InputError(
            f"{folder}: one table of file, valence and arousal is wanted in it or beside it, found "
            f"{found}; 'm2l label {folder} -o {folder}/photos.csv' makes one"
        )
    return tables[0]


def split(ids, groups):
    """Assign photos to "test", "probe" and "train", by their ids alone.

    Groups are ordered by the smallest SHA-256 of their ids, and fill test, then probe, then
    train. So no seed is needed, and a photo more or less moves few others.

    Parameters
    ----------
    ids, groups : sequences of str, (N,); groups are never split.

    Returns
    -------
    list of str, (N,)
        At most min(1000, N // 9) "test", then at most min(1500, N // 6) "probe", then "train".
    """
    key = pd.Series([hashlib.sha256(i.encode()).hexdigest() for i in ids])
    groups = pd.Series(list(groups))
    ends = groups.value_counts()[groups[key.argsort()].drop_duplicates()].cumsum()
    test, probe = min(1000, len(key) // 9), min(1500, len(key) // 6)
    names = np.select([ends <= test, ends <= test + probe], ["test", "probe"], "train")
    return groups.map(pd.Series(names, ends.index)).tolist()


def _clean(corpus, source):
    seen, reasons, hashes = set(), [], []
    for path in corpus.table["path"]:
        reason, pixels, bits = _inspect(path)
        if pixels in seen:
            reason = "same pixels as a photo before"
        reasons.append(reason)
        if reason is None:
            seen.add(pixels)
            hashes.append(bits)
    corpus = drop(corpus, reasons)
    if not hashes:
        raise InputError(f"{source}: no photo can be used; {'; '.join(corpus.told())}")
    table = corpus.table
    table["group"] = table["id"].to_numpy()[_near_duplicates(np.array(hashes))]
    table["split"] = split(table["id"], table["group"])
    return corpus


def _inspect(path):
    """Return why a photo is dropped (or None), the hash of its pixels and its difference hash."""
    if path is None:
        return "photo file is missing", None, None
    try:
        image = pictures.read(path, least=128)
    except InputError:
        return "photo does not decode", None, None
    rgb = np.asarray(image)
    r, g, b = np.moveaxis(rgb, 2, 0)  # by channel: eight times as fast as max(axis=2)
    chroma = np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)
    if (chroma > GREY_LEVEL).mean() <= GREY_SHARE:
        return "photo is grey", None, None
    light = np.asarray(image.convert("L").resize((17, 16), Image.Resampling.BOX))
    return None, hashlib.sha256(rgb.tobytes()).digest(), (light[:, 1:] > light[:, :-1]).ravel()


def _near_duplicates(bits):
    """Index, for each row of (N, 256) bits, of the first row that it is linked to."""
    # The squared distance of two rows of bits is the number of bits that differ.
    neighbours = NearestNeighbors(radius=np.sqrt(NEAR_BITS + 0.5), algorithm="brute")
    linked = neighbours.fit(bits.astype(np.float32)).radius_neighbors_graph()
    _, component = connected_components(linked, directed=False)
    _, first = np.unique(component, return_index=True)
    return first[component]
