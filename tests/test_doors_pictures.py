"""Pictures open as a viewer shows them, whatever their mode, and in one line if they do not."""

import struct

import numpy as np
import pytest
from PIL import Image

from m2l.doors import pictures
from m2l.errors import InputError


def noise(seed=0, height=24, width=32):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(path, **options):
    image = pictures.read(path, **options)
    assert image.mode == "RGB"
    return np.asarray(image)


TURNS = {  # orientation tag → how a viewer lays out the stored pixels
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize("tag", TURNS)
def test_the_orientation_tag_is_followed(tmp_path, tag, suffix):
    image, exif = Image.fromarray(noise()), Image.Exif()
    exif[0x0112] = tag
    options = {"lossless": True} if suffix == "webp" else {}
    image.save(tmp_path / f"x.{suffix}", exif=exif, **options)
    np.testing.assert_array_equal(pixels(tmp_path / f"x.{suffix}"), TURNS[tag](noise()))


@pytest.mark.parametrize("tag", [0, 9])
def test_a_broken_tag_turns_nothing(tmp_path, tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(noise()).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(pixels(tmp_path / "x.png"), noise())


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_sixteen_bits_are_brought_to_eight(tmp_path, suffix):
    grey = noise()[..., 0]
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    deep.save(tmp_path / f"x.{suffix}")
    shown = pixels(tmp_path / f"x.{suffix}")
    np.testing.assert_array_equal(shown, np.stack([grey] * 3, -1))


@pytest.mark.parametrize("full", [1, 255, 65535])
def test_floats_are_on_the_scale_that_holds_them(tmp_path, full):
    grey = noise()[..., 0]
    grey[0, 0] = 255
    Image.fromarray((grey / 255 * full).astype(np.float32)).save(tmp_path / "x.tiff")
    np.testing.assert_allclose(pixels(tmp_path / "x.tiff")[..., 0], grey, atol=1)


def test_floats_that_are_not_finite_are_refused(tmp_path):
    x = np.ones((8, 8), np.float32)
    x[3, 3] = np.nan
    Image.fromarray(x).save(tmp_path / "x.tiff")
    with pytest.raises(InputError, match=r"x\.tiff: not a picture.*not finite"):
        pictures.read(tmp_path / "x.tiff")


def test_what_is_transparent_lies_on_white(tmp_path):
    rgba = np.dstack([noise(), np.full((24, 32), 255, np.uint8)])
    rgba[:12, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    Image.fromarray(rgba[..., [0, 3]]).save(tmp_path / "la.png")
    colour = Image.new("RGB", (8, 8), (9, 9, 9))
    colour.save(tmp_path / "key.png", transparency=(9, 9, 9))
    palette = Image.fromarray(rgba).quantize(8)
    palette.save(tmp_path / "palette.png")
    for name in ("rgba", "la", "palette"):
        assert (pixels(tmp_path / f"{name}.png")[:12] == 255).all()
    np.testing.assert_array_equal(pixels(tmp_path / "rgba.png")[12:], noise()[12:])
    assert (pixels(tmp_path / "key.png") == 255).all()
    rgba[..., 3] = 128
    Image.fromarray(rgba).save(tmp_path / "half.png")
    half = (rgba[..., :3] * (128 / 255) + 255 * (127 / 255)).round()
    np.testing.assert_allclose(pixels(tmp_path / "half.png"), half, atol=1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_modes_become_colour(tmp_path, mode):
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    image.save(tmp_path / f"x.{suffix}")
    np.testing.assert_allclose(pixels(tmp_path / f"x.{suffix}"), 255, atol=2)


def test_the_first_frame_counts(tmp_path):
    first, second = (Image.new("RGB", (8, 8), c) for c in ("red", "blue"))
    for suffix in ("gif", "webp", "png", "tiff"):
        first.save(tmp_path / f"x.{suffix}", save_all=True, append_images=[second])
        assert np.allclose(pixels(tmp_path / f"x.{suffix}")[4, 4], (255, 0, 0), atol=8)


def test_a_large_jpeg_may_be_decoded_small(tmp_path):
    Image.fromarray(noise(height=512, width=1024)).save(tmp_path / "x.jpg")
    assert pictures.read(tmp_path / "x.jpg", least=128).size == (256, 128)


def test_bad_files_are_refused_in_one_line(tmp_path, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "good.jpg")
    Image.fromarray(noise()).save(tmp_path / "good.png")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    png = bytearray((tmp_path / "good.png").read_bytes())
    png[60:70] = bytes(10)
    (tmp_path / "broken.png").write_bytes(png)
    (tmp_path / "text.jpg").write_text("no photo")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "tiff.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + b"\xff" * 40)
    (tmp_path / "folder.png").mkdir()
    for name in ("cut.jpg", "broken.png", "text.jpg", "empty.jpg", "tiff.tif", "folder.png"):
        with pytest.raises(InputError, match=f"{name}: not a picture that decodes") as error:
            pictures.read(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"gone\.jpg: no such file"):
        pictures.read(tmp_path / "gone.jpg")
    for limit in (500, 100):  # Pillow only warns of less than twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(InputError, match=r"good\.jpg: more than .* million pixels"):
            pictures.read(tmp_path / "good.jpg")


def test_a_folder_of_pictures_is_known_by_opening(tmp_path):
    for name in ("b.png", "a", ".hidden.png"):
        Image.fromarray(noise()).save(tmp_path / name, "PNG")
    (tmp_path / "c.png").write_text("no photo")
    (tmp_path / "notes.txt").write_text("no photo")
    found, passed = pictures.find(tmp_path)
    assert [p.name for p in found] == ["a", "b.png", "c.png"] and passed == {"other": 1}
    with pytest.raises(InputError, match="no such folder"):
        pictures.find(tmp_path / "none")


def test_names_are_bytes(tmp_path):
    name = tmp_path / "caf\udce9.png"
    Image.fromarray(noise()).save(name, "PNG")
    np.testing.assert_array_equal(pixels(name), noise())


def test_square_crops_at_the_centre():
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 15:45] = 200  # wider than the crop, since resampling looks past its edge
    for picture in (wide, wide.swapaxes(0, 1)):
        np.testing.assert_array_equal(pictures.square(Image.fromarray(picture), 10), 200)
