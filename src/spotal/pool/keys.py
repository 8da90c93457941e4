"""Joins of other files to the rows of a pool, by id or by row number."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import check_rows
from spotal.tables import Table
from spotal.tables.formulas import unescape_formula

__all__ = ["PoolIds", "aligned", "key_column", "no_columns", "rows_of", "usual_key"]

PoolIds = Sequence[str] | NDArray[np.int64] | None


def no_columns(named: dict[str, str | None], what: str) -> None:
    """Raise InputError if one of the arguments names a column of ``what``, which has no columns."""
    for argument, name in named.items():
        if name is not None:
            raise InputError(argument, f"{name!r} cannot be read from {what}, which has no columns", "leave it out")


def usual_key(names: Container[str], id_column: str | None) -> str | None:
    """Return the first of ``id_column``, "id" and "row" that is among the names, or None."""
    return next((name for name in (id_column, "id", "row") if name is not None and name in names), None)


def key_column(table: Table, ids: PoolIds, id_column: str | None, value: str | None = None) -> str | None:
    """Return the column of a table that names the rows of a pool.

    This is the first that the table has of ``id_column``, ``id``, ``row``, and a column other than ``value`` whose
    cells are the same set as the pool's ids. None means that the table is in the order of the pool.
    """
    usual = usual_key(table.names, id_column)
    if usual is not None or ids is None:
        return usual
    names = set(_names(ids))
    return next((name for name in table.names if name != value and {str(x) for x in table.cells(name)} == names), None)


def rows_of(
    entries: list[str], n_rows: int, ids: PoolIds, what: str, *, column: str | None = None
) -> NDArray[np.int64]:
    """Return the row of a pool for each entry, int64 (m,).

    Entries are ids if the pool has ids. They are row numbers if the pool has none, if ``column`` is "row", and if
    ``column`` is None, all entries are integers and no id of the pool is an integer. Raises InputError if an entry is
    not an id or row of the pool, or repeats.
    """
    if ids is not None and column != "row":
        names = _names(ids)
        row_of = {name: row for row, name in enumerate(names)}
        entries = [entry if entry in row_of else unescape_formula(entry) for entry in entries]
        unknown = next((entry for entry in entries if entry not in row_of), None)
        if unknown is None:
            return check_rows(np.asarray([row_of[entry] for entry in entries], np.int64), n_rows, what)
        if column is not None or not _all_integers(entries) or any(_all_integers([name]) for name in names):
            remedy = "check the ids, or say which column has them"
            raise InputError("path", must="be ids of the pool", found=repr(unknown), remedy=remedy, subject=what)
    if not _all_integers(entries):
        odd = next(entry for entry in entries if not _all_integers([entry]))
        must = "be row numbers, since the pool has no ids"
        raise InputError("path", must=must, found=repr(odd), remedy="give integers", subject=what)
    return check_rows(np.asarray([int(entry) for entry in entries], np.int64), n_rows, what)


def aligned(
    entries: list[str], n_rows: int, ids: PoolIds, what: str, column: str, *, must: str, subject: str
) -> NDArray[np.int64]:
    """Return the number of the entry of each row of a pool, int64 (n_rows,), to sort values into the pool's order.

    Raises the errors of :func:`rows_of`, and InputError if a row has no entry; ``subject`` and ``must`` are parts of
    its sentence.
    """
    rows = rows_of(entries, n_rows, ids, what, column=column)
    if len(rows) < n_rows:
        lacking = int(np.setdiff1d(np.arange(n_rows), rows)[0])
        name = lacking if ids is None or column == "row" else _names(ids)[lacking]
        must, counts = f"{must}, one for each row of the pool", f"{len(rows):,} for {n_rows:,} rows and none for"
        raise InputError("path", must=must, found=f"{counts} {column} {name!r}", remedy="add it", subject=subject)
    return np.argsort(rows)


def _names(ids: Any) -> list[str]:
    return [str(name) for name in (ids.tolist() if isinstance(ids, np.ndarray) else ids)]


def _all_integers(entries: list[str]) -> bool:
    return all(entry.removeprefix("-").isdecimal() and len(entry) < 19 for entry in entries)
