"""CSV files: detection of the delimiter and header, and reading of all cells as text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError
from spotal.tables.opening import check_names
from spotal.tables.text import Dialect, note, utf8

__all__ = ["CsvCells", "is_number", "layout", "read_cells"]

MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""Delimiters that are tried, in this order."""
SAMPLE, RECORDS = 1 << 16, 200
"""Number of bytes and records at the start of a file that are used to detect the delimiter."""
BLOCK = 4096
SEPARATOR = re.compile(rb"sep=([^\r\n])\r?\n", re.IGNORECASE)
"""The line that specifies the delimiter for Excel."""


@dataclass(frozen=True)
class CsvLayout:
    """The delimiter, whether the first line has column names, and the number of bytes before that line."""

    delimiter: str
    has_header: bool
    skip: int


@dataclass(frozen=True)
class CsvCells:
    """The cells of a CSV: an arrow table of strings, the first line of each row, and the layout."""

    table: Any
    lines: list[int] | range
    layout: CsvLayout


def is_number(text: str, comma: bool = False) -> bool:
    """Return whether a text is a number. ``comma`` allows a decimal comma."""
    try:
        float(text.replace(",", ".") if comma else text)
    except ValueError:
        return False
    return True


def layout(path: Path, content: bytes, dialect: Dialect) -> CsvLayout:
    """Return the layout of a CSV in UTF-8. Raises DataFileError if two delimiters fit equally well."""
    separator = SEPARATOR.match(content)
    skip = separator.end() if separator else 0
    sample = content[skip : skip + SAMPLE].decode(errors="ignore")
    first = next(iter(sample.splitlines()), "")
    wanted = [separator[1].decode()] if separator else []
    wanted += [mark for mark in (dialect.delimiter, "\t" if path.suffix.lower() == ".tsv" else None) if mark]
    delimiter = next((mark for mark in wanted if mark in first), None)
    if delimiter is None:
        delimiter = _detect(path, sample, len(content) - skip > SAMPLE)
    header = next(_records(io.StringIO(sample, newline=""), delimiter, False), (1, []))[1]
    return CsvLayout(delimiter, not all(is_number(cell, delimiter == ";") for cell in header), skip)


def _detect(path: Path, sample: str, cut: bool) -> str:
    """Return the delimiter that the header contains and that gives all records the same number of cells."""
    trials: dict[str, list[list[str]]] = {}
    for mark in MARKS:
        records = [cells for _, cells in islice(_records(io.StringIO(sample, newline=""), mark, False), RECORDS)]
        if cut and 1 < len(records) < RECORDS:
            records.pop()
        if records and len(records[0]) > 1:
            trials[mark] = records
    even = {mark: rows for mark, rows in trials.items() if all(len(row) == len(rows[0]) for row in rows)}
    if not even:
        return max(trials, key=lambda mark: len(trials[mark][0]), default=",")
    if len(even) > 1:  # numbers with decimal commas, separated by semicolons
        plain = [mark for mark, rows in even.items() if all(is_number(cell, mark == ";") for cell in rows[0])]
        if len(plain) != 1:
            names = " and ".join(MARKS[mark] for mark in even)
            raise DataFileError(
                f"{path} has equally many {names} in each line, so either may separate columns; name one by --delimiter"
            )
        return plain[0]
    return next(iter(even))


def _records(file: Any, delimiter: str, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield non-empty records with their first lines. A csv.Error has the problem and the line."""
    reader = csv.reader(file, delimiter=delimiter, strict=strict)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(str(error), line) from None


def read_cells(path: Path, dialect: Dialect) -> CsvCells:
    """Read a CSV with every cell as text. Columns are named f0, f1, ... if the first line has only numbers.

    Raises
    ------
    DataFileError
        The file is not text in its encoding, a record and the header differ in length, a quote is not closed, or two
        columns have the same name.
    """
    content = utf8(path, dialect)
    if not content.strip():
        raise DataFileError(f"{path} is empty; its first line must name the columns, such as id,label")
    form = layout(path, content, dialect)
    if form.delimiter not in (",", dialect.delimiter) and not (
        path.suffix.lower() == ".tsv" and form.delimiter == "\t"
    ):
        note(f"{path} is read with {MARKS.get(form.delimiter, repr(form.delimiter))} between its columns")
    body = content[form.skip :] if form.skip else content
    before = 1 if form.skip else 0
    fast = _fast(body, form)
    if fast is not None:
        start = 1 + before + form.has_header
        return CsvCells(fast, range(start, start + fast.num_rows), form)
    return _slow(body, form, path, before)


def _fast(body: bytes, form: CsvLayout) -> Any:
    """Return the table read by pyarrow; None if there are quotes, empty lines, other line ends or any error."""
    import pyarrow as pa
    import pyarrow.csv

    body = body.rstrip(b"\r\n")
    if any(mark in body for mark in (b'"', b"\n\n", b"\n\r")) or body.startswith((b"\r", b"\n")):
        return None
    if body.count(b"\r") > body.count(b"\r\n"):
        return None
    first = body[: (body + b"\n").index(b"\n")].rstrip(b"\r").decode()
    names = first.split(form.delimiter)
    if not form.has_header:
        names = [f"f{k}" for k in range(len(names))]
    if len(set(names)) < len(names):
        return None
    options = {
        "read_options": pa.csv.ReadOptions(column_names=names, skip_rows=int(form.has_header), block_size=1 << 24),
        "parse_options": pa.csv.ParseOptions(delimiter=form.delimiter, quote_char=False, ignore_empty_lines=False),
        "convert_options": pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    }
    try:
        return pa.csv.read_csv(pa.BufferReader(body), **options)
    except pa.ArrowException:
        return None


def _slow(body: bytes, form: CsvLayout, path: Path, before: int) -> CsvCells:
    """Read the table record by record."""
    import pyarrow as pa

    lines: list[int] = []
    parts: list[list[Any]] = []
    names: list[str] | None = None
    width = 0
    file = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", newline="")
    records = _records(file, form.delimiter)
    try:
        while block := list(islice(records, BLOCK)):
            for number, cells in block:
                line = number + before
                width = width or len(cells)
                if len(cells) != width:
                    raise DataFileError(
                        f"{path} has more or fewer fields in line {line} than in its header, {len(cells)} for {width}; "
                        f"quote texts that hold {form.delimiter!r}, or name another --delimiter"
                    )
            if names is None:
                names = block.pop(0)[1] if form.has_header else [f"f{k}" for k in range(width)]
                check_names(names, path)
            lines += [number + before for number, _ in block]
            if block:
                parts.append([pa.array(cells, pa.string()) for cells in zip(*(c for _, c in block), strict=True)])
    except csv.Error as error:
        what, line = error.args
        raise DataFileError(
            f"{path} is no CSV from line {line + before} on ({what}); close every quote, and double those inside a text"
        ) from None
    columns = [pa.chunked_array([part[k] for part in parts], pa.string()) for k in range(width)]
    return CsvCells(pa.table(columns, names=names), lines, form)
