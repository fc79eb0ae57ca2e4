"""The photo pyramid: box averages, decoded once, bad photos left out."""

import logging
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from m2l.errors import InputError
from m2l.gan import photos


def noise(seed, height=32, width=32):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("M2L_CACHE", str(folder))
    return folder


@pytest.fixture
def table(tmp_path):
    """Five photos of noise, 32×32."""
    rows = []
    for i in range(5):
        path = tmp_path / f"{i}.png"
        Image.fromarray(noise(i)).save(path)
        rows.append((str(i), str(path), 1.0 + i, 9.0 - i, "test" if i == 4 else "train"))
    return pd.DataFrame(rows, columns=["id", "path", "valence", "arousal", "split"])


def test_every_level_is_the_box_average_of_the_photo(table, cache):
    pyramid = photos.build(table, top=32)
    assert len(pyramid) == 5 and pyramid.top == 32
    for side in (4, 8, 16, 32):
        stored = pyramid.array(side)
        assert stored.shape == (5, side, side, 3) and stored.dtype == np.uint8
        k = 32 // side
        for i in range(5):
            average = noise(i).reshape(side, k, side, k, 3).mean((1, 3))
            # Pillow rounds after each of its two passes.
            np.testing.assert_allclose(stored[i], average, atol=1 if k > 1 else 0)

    np.testing.assert_array_equal(pyramid.va, table[["valence", "arousal"]])
    np.testing.assert_array_equal(pyramid.rows("train"), [0, 1, 2, 3])
    np.testing.assert_array_equal(pyramid.rows("test"), [4])
    np.testing.assert_array_equal(pyramid.rows(), range(5))


def test_photos_are_decoded_once(table, cache, monkeypatch):
    first = photos.build(table, top=8)

    def decoded_again(path):
        raise RuntimeError(path)

    monkeypatch.setattr(photos.pictures, "read", decoded_again)
    again = photos.build(table, top=8)
    np.testing.assert_array_equal(first.array(8), again.array(8))
    with pytest.raises(RuntimeError):
        photos.build(table, top=16)


def test_bad_photos_are_left_out_logged_and_counted(table, cache, tmp_path, caplog):
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.png").write_text("no photo")
    (tmp_path / "3.png").unlink()
    table.loc[4, "path"] = None
    with caplog.at_level(logging.WARNING):
        pyramid = photos.build(table, top=8)
    assert pyramid.table["id"].tolist() == ["0"]
    for side in (4, 8):
        assert pyramid.array(side).shape == (1, side, side, 3)
    for name in ("1.png", "2.png", "3.png", "None", "4 of 5 photos left out"):
        assert name in caplog.text


def test_photos_that_had_to_be_enlarged_are_counted(table, cache, caplog):
    Image.fromarray(noise(9, 64, 48)).save(table["path"][0])
    photos.build(table, top=32)
    assert not caplog.records
    photos.build(table.iloc[1:], top=64)
    assert "4 of 4 photos are smaller than 64×64" in caplog.text


def test_rows_after_a_bad_photo_keep_their_own_labels(table, cache, tmp_path):
    (tmp_path / "1.png").write_text("no photo")
    pyramid = photos.build(table, top=32)
    assert pyramid.table["id"].tolist() == ["0", "2", "3", "4"]
    np.testing.assert_array_equal(pyramid.array(32)[2], noise(3))
    np.testing.assert_array_equal(pyramid.va[2], [4, 6])  # photo 3's


@pytest.mark.parametrize("broken", ["all", "none there"])
def test_no_photo_at_all_is_an_error(table, cache, tmp_path, broken):
    for i in range(5):
        (tmp_path / f"{i}.png").write_text("no photo")
    with pytest.raises(InputError, match="no photo could be decoded"):
        photos.build(table if broken == "all" else table.iloc[:0], top=8)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("top", [0, 2, 12, 100])
def test_a_top_that_is_no_stage_is_refused(table, cache, top):
    with pytest.raises(InputError, match=f"resolution {top}"):
        photos.build(table, top=top)


@pytest.mark.parametrize(
    "column, value", [("valence", 2.5), ("arousal", 2.5), ("id", "x"), ("split", "test")]
)
def test_fingerprint_changes_with_the_table(table, column, value):
    before = photos.fingerprint(table)
    table.loc[0, column] = value
    assert photos.fingerprint(table) != before


def test_fingerprint_changes_with_a_file_but_not_with_its_place(table, tmp_path):
    before = photos.fingerprint(table)
    (tmp_path / "0.png").rename(tmp_path / "moved.png")
    table.loc[0, "path"] = str(tmp_path / "moved.png")
    assert photos.fingerprint(table) == before
    with (tmp_path / "moved.png").open("ab") as file:
        file.write(b"more")
    assert photos.fingerprint(table) != before


@pytest.mark.parametrize("given", [True, False])
def test_photos_that_change_are_decoded_anew(table, cache, tmp_path, given):
    """Even if size, time, name and label of the file are the same."""
    folder = cache / "p" if given else None
    for i in range(5):
        path = table.loc[i, "path"] = str(tmp_path / f"{i}.bmp")
        Image.fromarray(noise(i)).save(path)
    first = photos.build(table, top=32, folder=folder)
    key, before = first.key, os.stat(table["path"][0])
    Image.fromarray(255 - noise(0)).save(table["path"][0])
    os.utime(table["path"][0], ns=(before.st_atime_ns, before.st_mtime_ns))
    again = photos.build(table, top=32, folder=folder)
    assert again.key != key
    np.testing.assert_array_equal(again.array(32)[0], 255 - noise(0))
    np.testing.assert_array_equal(again.array(32)[1], noise(1))


def test_names_of_photos_are_bytes(table, cache, tmp_path):
    name = tmp_path / "caf\udce9.png"
    (tmp_path / "0.png").rename(name)
    table.loc[0, ["id", "path"]] = "caf", str(name)
    assert len(photos.build(table, top=8)) == 5
    assert photos.fingerprint(table)
