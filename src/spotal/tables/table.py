"""Tables: CSV, JSON Lines, Parquet and Arrow files, whose ids and texts are read as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError
from spotal.tables.arrow import ArrowFile, arrow_faults
from spotal.tables.columns import Ids, features, ids_of, is_integer, numbers, texts_of
from spotal.tables.delimited import layout, read_cells
from spotal.tables.json_lines import read_objects
from spotal.tables.numeric import parsed
from spotal.tables.opening import check_names, listed, reading
from spotal.tables.text import PLAIN, Dialect, note, utf8
from spotal.tables.unpacked import read_parquet

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ARROW", "CSV", "JSON", "TABLES", "Table", "found_dialect", "read_table"]

CSV = (".csv", ".tsv")
ARROW = (".arrow", ".feather", ".ipc")
JSON = (".jsonl", ".ndjson", ".json")
TABLES = (*CSV, ".parquet", *ARROW, ".jsonl", ".ndjson")
"""Endings of the files that hold tables."""


class Table:
    """A table held in memory.

    Attributes
    ----------
    path : Path
    names : list of str, its columns, all different
    arrow : pyarrow table; of a CSV all columns are strings, as written; None of JSON Lines
    """

    def __init__(
        self,
        path: Path,
        arrow: Any,
        *,
        lines: Sequence[int] | None = None,
        delimiter: str | None = None,
        objects: list[dict[str, Any]] | None = None,
    ) -> None:
        self.path, self.arrow = path, arrow
        self._lines, self._delimiter, self._objects = lines, delimiter, objects
        if objects is not None:
            self.names: list[str] = list(dict.fromkeys(name for record in objects for name in record))
        else:
            self.names = list(arrow.column_names)
        check_names(self.names, path)

    def __len__(self) -> int:
        return len(self._objects) if self._objects is not None else int(self.arrow.num_rows)

    def where(self, row: int) -> str:
        """Return the place of a row in the file, for a person: its line where it has one."""
        return f"row {row}" if self._lines is None else f"line {self._lines[row]}"

    def check(self, name: str, argument: str) -> None:
        """Raise InputError, in the words of ``argument``, unless there is a column of that name."""
        if name not in self.names:
            raise InputError(
                argument,
                must=f"name a column of {self.path}",
                found=repr(name),
                remedy=f"its columns are {listed(self.names)}",
            )

    def cells(self, name: str) -> list[Any]:
        """Return a column as Python objects; an empty cell is None, of a CSV an empty text."""
        if self._objects is not None:
            return [record.get(name) for record in self._objects]
        found: list[Any] = self.arrow[name].to_pylist()
        return found

    def texts(self, name: str, argument: str, *, empty: bool = False) -> list[str]:
        """Return a column as texts, as they are written; integers become decimal text.

        Parameters
        ----------
        argument : str, what asks for the column, for messages
        empty : bool, whether a text may be empty; a missing one never

        Raises
        ------
        InputError
            There is no such column.
        DataFileError
            A cell is missing, or holds no text; the sentence names its row.
        """
        self.check(name, argument)
        values = self.cells(name) if self._objects is not None else self.arrow[name]
        found = texts_of(values, f"column {name!r}", self.path, self.where)
        if not empty and "" in found:
            raise DataFileError(
                f"{self.path} has an empty cell in column {name!r}, {self.where(found.index(''))}; fill it in or drop "
                "the row"
            )
        return found

    def ids(self, name: str, argument: str) -> Ids:
        """Return a column of ids, all different: texts as written, or integers of a column of numbers.

        Raises as :meth:`texts`, and DataFileError where an id is there twice.
        """
        self.check(name, argument)
        what = f"ids in {self.path}"
        if self._objects is None and self._delimiter is None and is_integer(self.arrow[name].type):
            self._full(name)
            return ids_of(self.arrow[name], what)
        return ids_of(self.texts(name, argument), what)

    def numbers(self, name: str, argument: str) -> NDArray[np.float64]:
        """Return a column of numbers, float64 (n,). Raises as :meth:`texts`, also where there are other things."""
        self.check(name, argument)
        if self.typed[name].null_count < len(self):
            self._full(name, self.typed[name])
        return numbers(self.typed[name], f"{self.path}, column {name!r},")

    def _full(self, name: str, values: Any = None) -> None:
        values = self.arrow[name] if values is None else values
        if values.null_count:
            row = values.is_null().to_pylist().index(True)
            raise DataFileError(
                f"{self.path} has an empty cell in column {name!r}, {self.where(row)}; fill it in or drop the row"
            )

    def features(self, without: tuple[str | None, ...] = ()) -> NDArray[Any]:
        """Return the columns of numbers as a matrix: see :func:`spotal.tables.columns.features`."""
        return features(self.typed, self.path, without, self.where)

    @cached_property
    def typed(self) -> pa.Table:
        """The table with columns of numbers in place of texts that all are numbers; a CSV's and JSON's alone."""
        import pyarrow as pa

        if self._delimiter is None and self._objects is None:
            return self.arrow
        columns, marks = {}, dict[str, str]()
        for name in self.names:
            try:
                texts = self.arrow[name] if self._objects is None else pa.chunked_array([self.cells(name)], pa.string())
            except (pa.ArrowException, TypeError, UnicodeError):  # lists and objects are no numbers
                columns[name] = pa.nulls(len(self))
                continue
            found, mark = parsed(texts, self._delimiter == ";")
            columns[name] = texts if found is None else found
            marks.setdefault(mark, name)
        if "," in marks and "." in marks:
            raise DataFileError(
                f"{self.path} has decimal commas in column {marks[',']!r} and points in column {marks['.']!r}; write "
                "all numbers in one way"
            )
        if "," in marks:
            note(f"{self.path} is read with decimal commas")
        return pa.table(columns)


def read_table(path: Path, dialect: Dialect = PLAIN, *, empty: bool = False, kind: str | None = None) -> Table:
    """Read a table whole.

    The first line of a CSV holds column names, unless every one of its fields is a number: then columns are called
    f0, f1, ... How a CSV was read is said (:class:`~spotal.errors.FormatNote`) where that is not the plain case.

    Parameters
    ----------
    path : Path, .csv, .tsv, .jsonl, .ndjson, .parquet, .arrow, .feather or .ipc
    dialect : Dialect, of the encoding and delimiter
    empty : bool, whether it may have no rows
    kind : str or None, one of these endings; None for that of the path

    Raises
    ------
    DataFileError
        The file is missing, of another kind, damaged, not text in its encoding, has no rows, or has two columns of one
        name.
    """
    table = _read(path, dialect, path.suffix.lower() if kind is None else kind)
    if not len(table) and not empty:
        raise DataFileError(f"{path} has no rows; write it again with at least one")
    return table


def _read(path: Path, dialect: Dialect, kind: str) -> Table:
    with reading(path):
        if not path.stat().st_size and not path.is_dir():
            raise DataFileError(f"{path} is empty; write it again")
    if kind in CSV:
        cells = read_cells(path, dialect)
        return Table(path, cells.table, lines=cells.lines, delimiter=cells.layout.delimiter)
    if kind in JSON:
        objects, lines = read_objects(path, dialect)
        return Table(path, None, lines=lines, objects=objects)
    if kind != ".parquet" and kind not in ARROW:
        raise DataFileError(f"{path} must be a table, {', '.join(TABLES)}; convert it to one of these")
    if kind in ARROW:
        return Table(path, ArrowFile(path).read_all())
    import pyarrow.parquet as pq

    with arrow_faults(path):
        table = read_parquet(pq.ParquetFile(path), path)  # one file, whatever the names of the folders above it
        table.validate()
    return Table(path, table)


def found_dialect(path: Path, dialect: Dialect = PLAIN) -> Dialect:
    """Return how a file is written, the delimiter of a CSV as found: reading it so again gives the same."""
    if path.suffix.lower() not in CSV:
        return dialect
    delimiter = layout(path, utf8(path, dialect), dialect).delimiter
    return Dialect(dialect.encoding, None if delimiter == "," and dialect.delimiter is None else delimiter)
