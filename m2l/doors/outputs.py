"""Outputs: never an input, never another kind of file, written aside and moved into place."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from m2l.errors import InputError


def check(path, kinds=(), inputs=()):
    """Refuse a path that may not be written, before any work is done.

    Parameters
    ----------
    path : str or Path
    kinds : endings, one of which it has, such as ".csv"; any by default.
    inputs : paths that the work reads, files or folders, or that it writes too.

    Raises
    ------
    InputError
        The path is one of the inputs, has another ending, is a folder or lies in none.
    """
    path = Path(path)
    if any(_same(path, Path(other)) for other in inputs):
        raise InputError(f"{path}: is an input; name another file for the output")
    if kinds and path.suffix.lower() not in kinds:
        raise InputError(f"{path}: no {' or '.join(kinds)}; name another file for the output")
    if path.exists() and not path.is_file():
        kind = "folder" if path.is_dir() else "device"
        raise InputError(f"{path}: is a {kind}; name a file for the output")
    parent = next(p for p in path.absolute().parents if p.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise InputError(f"{path}: {parent} is no folder that can be written; name another file")


@contextlib.contextmanager
def writing(path, kinds=()):
    """Write a file beside its place, which it takes once it is whole.

    Yields
    ------
    Path of the same ending, to be written. If that fails, what lay there before stays.
    """
    check(path, kinds)
    place = Path(os.path.realpath(path))  # a link stays a link
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{secrets.token_hex(4)}{place.suffix}")
    try:
        yield aside
        os.replace(aside, place)
    finally:
        aside.unlink(missing_ok=True)


def readable(path):
    """A path as text that every file can hold: bytes that are no UTF-8 as \\xe9 and the like."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _same(path, other):
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them does not exist yet
        return os.path.realpath(path) == os.path.realpath(other)
