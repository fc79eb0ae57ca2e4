"""What can be made again, kept: by content, checked when read, made anew when broken.

The name of what is kept is the hash of all that it follows from, so that nothing stale is found.
It is written aside and moved into place: an interrupted process leaves nothing half, and of two
that make the same at once the one who is later finds it there or puts the same in its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import zlib
from pathlib import Path

import numpy as np

from m2l.doors import outputs
from m2l.errors import InputError

log = logging.getLogger(__name__)

_SEAL = ".checked.json"  # hidden, so that it is no file of the folder


def root():
    """Folder for what can be made again: $M2L_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get("M2L_CACHE") or user_cache_dir("m2l")).expanduser()


def key(*parts):
    """Hash of contents, 20 hexadecimal digits.

    Parameters
    ----------
    *parts : Path, whose file's bytes count; ndarray; bytes; None; or what its text tells.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with open(part, "rb") as file:
                inner = hashlib.file_digest(file, "sha256")
        elif isinstance(part, np.ndarray):
            inner = hashlib.sha256(f"{part.dtype} {part.shape}".encode())
            inner.update(np.ascontiguousarray(part).data)
        elif isinstance(part, bytes):
            inner = hashlib.sha256(part)
        else:
            inner = hashlib.sha256(str(part).encode("utf-8", "surrogateescape"))
        digest.update(inner.digest())
    return digest.hexdigest()[:20]


def arrays(path, make, key=""):
    """Arrays from their file, or made and kept there.

    Parameters
    ----------
    path : .npz
    make : callable () -> dict of name to ndarray
    key : of what they follow from, where the file's name does not tell; arrays of another key are
        made anew.

    Returns
    -------
    dict of name to ndarray
    """
    path = Path(path)
    with contextlib.suppress(FileNotFoundError):
        try:
            with np.load(path, allow_pickle=False) as kept:  # checks its sums
                found = dict(kept)
            if str(found.pop("key")) == key:
                return found
        except FileNotFoundError:
            raise
        except Exception as error:  # of zip, header and content, without a common base
            log.info("%s: broken (%s), made anew", path, error)
    made = {name: np.asarray(array) for name, array in make().items()}
    try:
        with outputs.writing(path) as aside:
            np.savez_compressed(aside, key=np.array(key), **made)
    except (OSError, InputError) as error:
        log.info("%s: not kept (%s)", path, error)
    return made


def folder(path, make, key=""):
    """A folder of files, or made and kept there.

    Parameters
    ----------
    path : of the folder
    make : callable (folder), which fills an empty one.
    key : as of `arrays`.

    Returns
    -------
    Path
    """
    path = Path(path)
    if _whole(path, key):
        return path
    aside = path.with_name(f".{secrets.token_hex(4)}")
    aside.mkdir(parents=True)
    try:
        make(aside)
        (aside / _SEAL).write_text(json.dumps({"key": key, "files": _sums(aside)}))
        if not _whole(path, key):  # where another process was faster, its folder is as good
            if path.exists():
                os.replace(path, aside / "broken")
            aside.rename(path)
            shutil.rmtree(path / "broken", ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return path


def _whole(path, key):
    try:
        told = json.loads((path / _SEAL).read_text())
        return told["key"] == key and told["files"].items() <= _sums(path).items()
    except (OSError, ValueError, KeyError):
        return False


def _sums(path):
    """Checksum of each file of a folder, at any depth."""
    out = {}
    for file in path.rglob("*"):
        if file.is_file() and file.name != _SEAL:
            sum_ = 0
            with open(file, "rb") as content:
                while block := content.read(1 << 22):
                    sum_ = zlib.crc32(block, sum_)
            out[str(file.relative_to(path))] = sum_
    return out
