"""One opener for pictures, which gives what a viewer shows.

Conventions
-----------
A picture is Pillow's, RGB of 8 bits, the way up that its orientation tag says. Sixteen bits and
floats are brought to eight, what is transparent lies on white, of an animation the first frame
counts. A picture is known by opening, not by its name.
"""

from __future__ import annotations

import mimetypes
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from m2l.errors import InputError


def read(path, side=None, least=None):
    """Open a picture as RGB.

    Parameters
    ----------
    path : str or Path
    side : crop it at the centre and resize it to side × side, see `square`.
    least : a JPEG may be decoded at a fraction of its size, of at least so many pixels a side.

    Returns
    -------
    PIL.Image.Image, mode RGB

    Raises
    ------
    InputError
        There is no such file, it is no picture, it is damaged, or it has more pixels than
        `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd tags
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with open(path, "rb") as file, Image.open(file) as image:
                if least:
                    image.draft("RGB", (least, least))
                image.load()
                image = _rgb(_upright(image))
                return image if side is None else square(image, side)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(
            f"{path}: more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels; make it smaller"
        ) from None
    except UnidentifiedImageError:
        raise InputError(
            f"{path}: not a picture that decodes (no known kind); replace it"
        ) from None
    except Exception as error:  # Pillow's readers raise whatever comes
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: not a picture that decodes ({reason}); replace it") from error


def is_one(path):
    """Whether a file is a picture, by its first bytes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open(path, "rb") as file, Image.open(file):
                return True
    except Image.DecompressionBombError:
        return True
    except Exception:  # as above
        return False


def find(folder):
    """List the pictures in a folder, not below it.

    A file that is named like a picture and does not open is listed too, for the reader to judge.

    Returns
    -------
    pictures : list of Path, sorted
    passed : Counter of "other": the number of other files, hidden ones left out.

    Raises
    ------
    InputError
        There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with pictures")
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    named = [(mimetypes.guess_type(p.name)[0] or "").startswith("image/") for p in files]
    pictures = [p for p, picture in zip(files, named, strict=True) if picture or is_one(p)]
    return pictures, +Counter(other=len(files) - len(pictures))


def square(image, side, resample=None):
    """An image cropped at the centre and resized to side × side.

    By default smoothly: by Lanczos' filter where it shrinks, else bicubic.
    """
    short = min(image.size)
    left, upper = (image.width - short) // 2, (image.height - short) // 2
    if resample is None:
        resample = Image.Resampling.LANCZOS if short > side else Image.Resampling.BICUBIC
    return image.resize((side, side), resample, box=(left, upper, left + short, upper + short))


def _upright(image):
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken tag turns nothing
        return image


def _rgb(image):
    if image.mode[0] in "IF":
        image = Image.fromarray(_eight_bits(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image):
    """Pixels of more than eight bits as uint8: of 16 bits by their mode, else by their maximum."""
    pixels = np.asarray(image, dtype=float)
    if not np.isfinite(pixels).all():
        raise ValueError("values that are not finite")
    most = pixels.max(initial=0)
    if image.mode.startswith("I;16") or image.format in ("PPM", "PNG"):
        full = 65535
    else:
        scales = (1, 255, 65535, 2**31) if image.mode == "F" else (255, 65535, 2**31)
        full = next((s for s in scales if most <= s), most)
    return np.round(pixels.clip(0) / full * 255).clip(0, 255).astype(np.uint8)
