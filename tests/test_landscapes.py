"""Landscapes: cleaning, near-duplicates, splits."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from m2l import corpora
from m2l.corpora import landscapes
from m2l.errors import InputError

GOOD = [f"sea_{i}.jpg" for i in range(18)]


def photo(seed):
    """Coloured blocks, (128, 128, 3), as unlike another seed's as two noise images can be."""
    blocks = np.random.default_rng(seed).integers(40, 200, (16, 16, 3), dtype=np.uint8)
    return blocks.repeat(8, axis=0).repeat(8, axis=1)


def write_table(root, rows, header="file,scene,valence,arousal"):
    (root / "images/landscapes128.csv").write_text("\n".join([header, *rows]))
    return root


@pytest.fixture
def root(tmp_path):
    """Eighteen good photos."""
    folder = tmp_path / "images/landscapes128"
    folder.mkdir(parents=True)
    for seed, name in enumerate(GOOD):
        Image.fromarray(photo(seed)).save(folder / name, quality=95)
    return write_table(tmp_path, [f"landscapes128/{name},sea,5,4" for name in GOOD])


def add(root, *rows):
    with (root / "images/landscapes128.csv").open("a") as file:
        file.write("".join(f"\n{row}" for row in rows))


def test_good_photos_are_kept(root):
    corpus = landscapes.load(root)
    assert corpus.table["id"].tolist() == [f"sea_{i}" for i in range(18)]
    assert corpus.table["group"].tolist() == corpus.table["id"].tolist()
    assert set(corpus.table["label_source"]) == {"predicted"}
    assert set(corpus.table["scene"]) == {"sea"}
    assert corpus.table["split"].value_counts().to_dict() == {"train": 13, "probe": 3, "test": 2}
    assert len(corpus.dropped) == 0


def test_defects_are_dropped_with_reason(root):
    folder = root / "images/landscapes128"
    whole = (folder / GOOD[0]).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no photo")
    shutil.copy(folder / GOOD[3], folder / "copy.jpg")
    Image.fromarray(photo(50)).convert("L").save(folder / "grey.jpg")
    defects = ("cut", "text", "copy", "grey", "gone")
    add(root, *(f"landscapes128/{name}.jpg,sea,5,4" for name in defects))
    add(root, "blank.jpg,sea,,4", "low.jpg,sea,5,0.5")
    corpus = landscapes.load(root)
    assert len(corpus.table) == 18
    assert dict(corpus.dropped.itertuples(index=False)) == {
        "blank": "label is missing",
        "low": "label outside 1–9",
        "cut": "photo does not decode",
        "text": "photo does not decode",
        "copy": "same pixels as a photo before",
        "grey": "photo is grey",
        "gone": "photo file is missing",
    }


@pytest.mark.parametrize(("tone", "kept"), [(0, False), (landscapes.GREY_LEVEL, False), (9, True)])
def test_grey_threshold(tone, kept, root):
    toned = np.asarray(Image.fromarray(photo(60)).convert("L").convert("RGB")).copy()
    toned[..., 2] += np.uint8(tone)
    Image.fromarray(toned).save(root / "images/landscapes128/toned.png")
    add(root, "toned.png,sea,5,4")
    assert ("toned" in landscapes.load(root).table["id"].tolist()) == kept


def test_near_duplicates_share_group_and_split(root):
    for seed, name in enumerate(GOOD):
        brighter = Image.fromarray(photo(seed) + np.uint8(9))
        brighter.save(root / "images/landscapes128" / f"again_{name}", quality=95)
    add(root, *(f"again_{name},sea,5,4" for name in GOOD))
    corpus = landscapes.load(root)
    assert len(corpus.table) == 36
    assert corpus.table.groupby("group").size().tolist() == [2] * 18
    assert (corpus.table.groupby("group")["split"].nunique() == 1).all()
    assert corpus.table["split"].value_counts().to_dict() == {"train": 26, "probe": 6, "test": 4}


def test_near_duplicates_are_counted_in_bits():
    bits = np.random.default_rng(0).integers(0, 2, 256).astype(bool)
    near, far = bits.copy(), bits.copy()
    near[: landscapes.NEAR_BITS] ^= True
    far[-landscapes.NEAR_BITS - 1 :] ^= True
    assert landscapes._near_duplicates(np.array([bits, far, near])).tolist() == [0, 1, 0]


def test_split_sizes_and_order():
    ids = [f"p{i}" for i in range(12_000)]
    names = np.array(landscapes.split(ids, ids))
    assert [(names == n).sum() for n in ("test", "probe", "train")] == [1000, 1500, 9500]
    assert landscapes.split(ids[::-1], ids[::-1]) == names[::-1].tolist()


def test_split_keeps_groups_whole():
    ids = [f"p{i}" for i in range(999)]
    groups = [f"g{i // 7}" for i in range(999)]
    found = {}
    for group, name in zip(groups, landscapes.split(ids, groups), strict=True):
        found.setdefault(group, set()).add(name)
    assert {len(names) for names in found.values()} == {1}
    assert set.union(*found.values()) == {"test", "probe", "train"}


def test_table_of_cgna(root):
    images = root / "images"
    (images / "landscapes128").rename(images / "CGnA10766")
    rows = "\n".join(f"{name},5,4" for name in GOOD)
    (images / "CGnA10766.csv").write_text(f"image,valence,arousal\n{rows}")
    table = landscapes.load(root, folder="CGnA10766").table
    assert len(table) == 18
    assert set(table["label_source"]) == {"rated"} and set(table["scene"]) == {"unknown"}


def test_a_folder_of_ones_own(root, monkeypatch):
    images = root / "images"
    (images / "landscapes128").rename(images / "my.photos")
    rows = "\n".join(f"{name},5,4" for name in GOOD)
    (images / "my.photos.csv").write_text(f"image,valence,arousal\n{rows}")
    assert len(landscapes.load(folder=images / "my.photos").table) == 18
    monkeypatch.chdir(images / "my.photos")
    with pytest.raises(InputError, match="one table of file, valence"):
        landscapes.load(folder=".")
    shutil.move("../my.photos.csv", "photos.csv")
    assert len(landscapes.load(folder=".").table) == 18
    rows = [f"my.photos/{name},5,4,of mine,x" for name in [*GOOD, "a" * 300]]
    (images / "my.photos.csv").write_text("\n".join(["file,valence,arousal,id,path", *rows]))
    os.remove("photos.csv")
    corpus = landscapes.load(folder=images / "my.photos")
    assert corpus.table["id"].tolist() == [f"sea_{i}" for i in range(18)]
    assert corpus.reasons == {"photo file is missing": 1}
    for wrong in ("./gone", "photos.csv/x"):
        with pytest.raises(InputError, match="no such folder"):
            landscapes.load(folder=wrong)


def test_no_photo_at_all(root):
    shutil.rmtree(root / "images/landscapes128")
    with pytest.raises(InputError, match=r"landscapes128/sea_0\.jpg: no such file \(18 of 18"):
        landscapes.load(root)
    for name in GOOD:
        (root / "images/landscapes128").mkdir(exist_ok=True)
        Image.new("L", (9, 9)).save(root / "images/landscapes128" / name)
    with pytest.raises(InputError, match=r"128\.csv: no photo can be used; 18 of 18 photos left"):
        landscapes.load(root)


def test_photos_of_one_name_in_two_folders_are_two(root):
    images = root / "images/landscapes128"
    for i, folder in enumerate(("a", "b")):
        (images / folder).mkdir()
        Image.fromarray(photo(70 + i)).save(images / folder / "sea_0.jpg", quality=95)
    Image.fromarray(photo(72)).save(images / "sea_1.png")
    again = f"landscapes128/{GOOD[2]},sea,5,4"
    add(root, "a\\sea_0.jpg,sea,5,4", "b/sea_0.jpg,sea,5,4", "sea_1.png,sea,5,4", again)
    corpus = landscapes.load(root)
    assert len(corpus.table) == 21 and corpus.reasons == {"id listed before": 1}
    ids = set(corpus.table["id"])
    assert {"a/sea_0.jpg", "b/sea_0.jpg", "sea_1.png", "sea_2", "sea_17"} <= ids


def test_what_is_left_out_is_told(root, caplog):
    (root / "images/landscapes128" / GOOD[0]).unlink()
    corpora.load("landscapes", root)
    told = "landscapes: 1 of 18 photos left out: photo file is missing"
    assert [record.message for record in caplog.records] == [told]


@pytest.mark.data
def test_real_scenes():
    corpus = landscapes.load(folder="scenes256")
    assert len(corpus.table) + len(corpus.dropped) == 800
    assert corpus.table.groupby("group")["split"].nunique().max() == 1


@pytest.mark.data
def test_real_landscapes_table():
    table = landscapes.load(clean=False).table
    assert len(table) == landscapes.CARD.counts["photos of landscapes128"]
    assert set(table["scene"]) == {"mountain", "glacier", "sea", "forest"}
