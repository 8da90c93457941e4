"""Tables from CSV, JSON Lines, Parquet and Arrow files. Ids and texts are read exactly as written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.tables.arrow import ArrowFile, arrow_faults
from spotal.tables.columns import Ids, check_column, features, ids_of, is_integer, numbers, texts_of
from spotal.tables.delimited import layout, read_cells
from spotal.tables.json_lines import read_objects
from spotal.tables.numeric import parsed
from spotal.tables.opening import check_names, reading
from spotal.tables.text import PLAIN, Dialect, note, utf8
from spotal.tables.unpacked import read_parquet

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ARROW", "CSV", "JSON", "TABLES", "Table", "found_dialect", "read_table"]

CSV = (".csv", ".tsv")
ARROW = (".arrow", ".feather", ".ipc")
JSON = (".jsonl", ".ndjson", ".json")
TABLES = (*CSV, ".parquet", *ARROW, ".jsonl", ".ndjson")
"""Endings of table files."""


class Table:
    """A table held in memory.

    Attributes
    ----------
    path : Path
    names : list of str, unique names of the columns
    arrow : pyarrow table, with string columns for a CSV; None for JSON Lines
    """

    def __init__(
        self,
        path: Path,
        arrow: pa.Table | None,
        *,
        lines: Sequence[int] | None = None,
        delimiter: str | None = None,
        objects: list[dict[str, Any]] | None = None,
    ) -> None:
        self.path = path
        self.arrow: Any = arrow
        self._lines, self._delimiter, self._objects = lines, delimiter, objects
        if objects is not None:
            self.names: list[str] = list(dict.fromkeys(name for record in objects for name in record))
        else:
            assert arrow is not None
            self.names = list(arrow.column_names)
        check_names(self.names, path)

    def __len__(self) -> int:
        return len(self._objects) if self._objects is not None else int(self.arrow.num_rows)

    def where(self, row: int) -> str:
        """Return the place of a row in the file for messages: its line if known, else its row."""
        return f"row {row}" if self._lines is None else f"line {self._lines[row]}"

    def check(self, name: str, argument: str) -> None:
        """Raise InputError about ``argument`` if there is no column with this name."""
        check_column(name, self.names, argument, self.path)

    def cells(self, name: str) -> list[Any]:
        """Return a column as Python objects. An empty cell is None, or an empty text in a CSV."""
        if self._objects is not None:
            return [record.get(name) for record in self._objects]
        cells: list[Any] = self.arrow[name].to_pylist()
        return cells

    def texts(self, name: str, argument: str, *, empty: bool = False) -> list[str]:
        """Return a column as texts, exactly as written. Integers become decimal text.

        Parameters
        ----------
        argument : str, name of the argument in errors
        empty : bool, whether a text may be empty; it may never be missing

        Raises
        ------
        InputError
            There is no such column.
        DataFileError
            A cell is missing or does not hold text; the error names its row.
        """
        self.check(name, argument)
        values = self.cells(name) if self._objects is not None else self.arrow[name]
        texts = texts_of(values, f"column {name!r}", self.path, self.where)
        if not empty and "" in texts:
            self._refuse_empty(name, texts.index(""))
        return texts

    def ids(self, name: str, argument: str) -> Ids:
        """Return a column of unique ids: texts as written, or the integers of an integer column.

        Raises as :meth:`texts`, and DataFileError if an id repeats.
        """
        self.check(name, argument)
        what = f"ids in {self.path}"
        if self._objects is None and self._delimiter is None and is_integer(self.arrow[name].type):
            self._full(name)
            return ids_of(self.arrow[name], what)
        return ids_of(self.texts(name, argument), what)

    def numbers(self, name: str, argument: str) -> NDArray[np.float64]:
        """Return a column of numbers, float64 (n,). Raises as :meth:`texts`, also for other content."""
        self.check(name, argument)
        if self.typed[name].null_count < len(self):
            self._full(name, self.typed[name])
        return numbers(self.typed[name], f"{self.path}, column {name!r},")

    def _full(self, name: str, values: Any = None) -> None:
        values = self.arrow[name] if values is None else values
        if values.null_count:
            self._refuse_empty(name, values.is_null().to_pylist().index(True))

    def _refuse_empty(self, name: str, row: int) -> NoReturn:
        raise DataFileError(
            f"{self.path} has an empty cell in column {name!r}, {self.where(row)}; fill it in or drop the row"
        )

    def features(self, without: tuple[str | None, ...] = ()) -> NDArray[Any]:
        """Return the feature matrix; see :func:`spotal.tables.columns.features`."""
        return features(self.typed, self.path, without, self.where)

    @cached_property
    def typed(self) -> pa.Table:
        """The table, in which text columns of a CSV or JSON file are numeric if all their cells are numbers."""
        import pyarrow as pa

        if self._delimiter is None and self._objects is None:
            return self.arrow
        columns, marks = {}, dict[str, str]()
        for name in self.names:
            try:
                texts = self.arrow[name] if self._objects is None else pa.chunked_array([self.cells(name)], pa.string())
            except (pa.ArrowException, TypeError, UnicodeError):  # lists and objects are not numbers
                columns[name] = pa.nulls(len(self))
                continue
            values, mark = parsed(texts, self._delimiter == ";")
            columns[name] = texts if values is None else values
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
    """Read a whole table.

    The first line of a CSV holds column names, unless all its fields are numbers; columns are then named f0, f1, ...
    If the format of a CSV is special, the warning :class:`~spotal.errors.FormatNote` describes how the file was read.

    Parameters
    ----------
    path : Path, .csv, .tsv, .jsonl, .ndjson, .parquet, .arrow, .feather or .ipc
    dialect : Dialect, of the encoding and delimiter
    empty : bool, whether it may have no rows
    kind : str or None, one of these endings; None for the ending of the path

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
        table = read_parquet(pq.ParquetFile(path), path)  # one file: names of parent folders must not become columns
        table.validate()
    return Table(path, table)


def found_dialect(path: Path, dialect: Dialect = PLAIN) -> Dialect:
    """Return the dialect of a file with the detected delimiter, so that reading it again gives the same table."""
    if path.suffix.lower() not in CSV:
        return dialect
    delimiter = layout(path, utf8(path, dialect), dialect).delimiter
    return Dialect(dialect.encoding, None if delimiter == "," and dialect.delimiter is None else delimiter)
