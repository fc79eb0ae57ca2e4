"""One reader for tables of text: what is written in a cell is what is read.

Conventions
-----------
Every cell is text, as written but for spaces around it; an empty one is NaN. So "0012" is not
"12", and no title becomes a number. What should be numbers is made so value by value (`numbers`).
Encoding (UTF-8, UTF-16, else Windows') and separator (comma, semicolon, tab, bar) are found.
Columns without a name, such as an index or what a comma at the end of each line makes, are left
out and shift nothing.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from m2l.errors import InputError

SEPARATORS = ",;\t|"

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read(path, columns=(), missing="check the path", advice="name them so"):
    """Read a table.

    Parameters
    ----------
    path : str or Path
    columns : names that must be there.
    missing, advice : what to do where the file or a column is missing, for the message.

    Returns
    -------
    DataFrame of str and NaN, in the order of the file

    Raises
    ------
    InputError
        The file is missing, is no table, lacks a column, has one twice, or has a line with more
        fields than columns.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: not found; {missing}")
    text = _text(path)
    if told := re.match(r"sep=(.)\r?\n", text):  # a spreadsheet's note to itself
        text = text[told.end() :]
    separator = told[1] if told else _separator(text, columns)
    try:
        rows = _rows(text, separator)
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV ({error}); save it as one") from error
    lines = [(i, row) for i, row in enumerate(rows, 1) if any(map(str.strip, row))]
    if len(lines) < 2:
        raise InputError(f"{path}: empty, it has no rows; get it again")
    (_, header), *lines = lines
    header = [name.strip() for name in header]
    longer = all(len(row) == len(header) + 1 for _, row in lines)
    if longer and any(row[-1].strip() for _, row in lines):
        header = ["", *header]  # rows are numbered, and the numbers' column has no header
    for i, row in lines:
        if any(map(str.strip, row[len(header) :])):
            raise InputError(
                f"{path}: not a readable CSV (line {i} has {len(row)} fields for {len(header)} "
                f"columns); put what holds a '{separator}' in quotes"
            )
    if absent := [name for name in columns if name not in header]:
        found = separator.join(name for name in header if name)
        raise InputError(f"{path}: no column {', '.join(absent)}; columns found: {found}; {advice}")
    if twice := [name for name in columns if header.count(name) > 1]:
        raise InputError(f"{path}: two columns {twice[0]}; leave one")
    columns = zip(*(row + [""] * (len(header) - len(row)) for _, row in lines), strict=False)
    cells = {}
    for name, column in zip(header, columns, strict=False):
        if name and name not in cells:
            cells[name] = [cell.strip() or np.nan for cell in column]
    return pd.DataFrame(cells, dtype=object)


def numbers(cells):
    """Text to numbers, value by value; NaN for what is none. Decimal commas are understood.

    Parameters
    ----------
    cells : Series of text, or of numbers already.

    Returns
    -------
    Series of float
    """
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype(float)
    found = pd.to_numeric(cells, errors="coerce").astype(float)
    odd = found.isna() & cells.notna()
    if odd.any():
        text = cells[odd].astype(str).str.replace("−", "-")
        commas = text.str.replace(r"^([+-]?\d*),(\d+)$", r"\1.\2", regex=True)
        found[odd] = pd.to_numeric(commas, errors="coerce")
    return found


def first_file(*paths):
    """Return the first of the paths that is a file, as str, or None."""
    return next((str(path) for path in paths if os.path.isfile(path)), None)


def _rows(text, separator):
    options = {"delimiter": separator, "skipinitialspace": True}
    try:
        return list(csv.reader(io.StringIO(text, ""), strict=True, **options))
    except csv.Error as error:
        if "end of data" in str(error):  # a quote that nothing closes has swallowed the rest
            raise
        return list(csv.reader(io.StringIO(text, ""), **options))


def _text(path):
    raw = path.read_bytes()
    encoding = next((e for mark, e in _MARKS.items() if raw.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in raw:
        raise InputError(f"{path}: not a readable CSV (a spreadsheet?); save it as one")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise InputError(
                f"{path}: not a readable CSV (damaged {encoding}); save it in UTF-8"
            ) from None
        return raw.decode("cp1252", "replace")


def _separator(text, columns):
    """The separator by which the first line has most of the columns, or else most fields."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def found(separator):
        names = [n.strip() for n in next(csv.reader([first], delimiter=separator), [])]
        return sum(name in names for name in columns), len(names)

    return max(SEPARATORS, key=found)
