"""Join the rows of other files to those of a pool: by id where there are ids, else by row number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import check_rows
from spotal.tables import Table
from spotal.tables.formulas import unescape_formula

__all__ = ["aligned", "key_column", "rows_of"]

PoolIds = Sequence[str] | NDArray[np.int64] | None


def key_column(table: Table, ids: PoolIds, id_column: str | None, value: str | None = None) -> str | None:
    """Return the column that says which rows of a pool a table is about.

    ``id_column`` where the table has it, else ``id``, else ``row``, else a column other than ``value`` that holds all
    the pool's ids; None where the rows can only be meant in their order.
    """
    usual = next((name for name in (id_column, "id", "row") if name is not None and name in table.names), None)
    if usual is not None or ids is None:
        return usual
    known = _names(ids)
    for name in table.names:
        if name != value and {str(cell) for cell in table.cells(name)} == set(known):
            return name
    return None


def rows_of(
    entries: list[str], n_rows: int, ids: PoolIds, what: str, *, column: str | None = None
) -> NDArray[np.int64]:
    """Return the rows of a pool that entries name, int64 (m,), in their order.

    Entries are ids where the pool has ids. They are row numbers where it has none, where ``column`` is "row", and where
    they stand in no column, are all integers, and no id of the pool is one.

    Raises
    ------
    InputError
        An entry is no id or row of the pool, or is there twice.
    """
    if ids is not None and column != "row":
        names = _names(ids)
        row_of = {name: row for row, name in enumerate(names)}
        entries = [entry if entry in row_of else unescape_formula(entry) for entry in entries]
        unknown = next((entry for entry in entries if entry not in row_of), None)
        if unknown is None:
            return check_rows(np.asarray([row_of[entry] for entry in entries], np.int64), n_rows, what)
        if column is not None or not _all_integers(entries) or any(_all_integers([name]) for name in names):
            raise InputError(
                "path",
                must="be ids of the pool",
                found=repr(unknown),
                remedy="check the ids, or say which column has them",
                subject=what,
            )
    if not _all_integers(entries):
        odd = next(entry for entry in entries if not _all_integers([entry]))
        raise InputError(
            "path",
            must="be row numbers, since the pool has no ids",
            found=repr(odd),
            remedy="give integers",
            subject=what,
        )
    return check_rows(np.asarray([int(entry) for entry in entries], np.int64), n_rows, what)


def aligned(
    entries: list[str], n_rows: int, ids: PoolIds, what: str, column: str, *, must: str, subject: str
) -> NDArray[np.int64]:
    """Return which entry each row of a pool has, int64 (n_rows,), so that ``values[aligned(...)]`` follow the pool.

    Raises InputError as :func:`rows_of`, and where a row has no entry; ``subject`` names the file and ``must``
    says what it must hold.
    """
    rows = rows_of(entries, n_rows, ids, what, column=column)
    if len(rows) < n_rows:
        lacking = int(np.setdiff1d(np.arange(n_rows), rows)[0])
        name = lacking if ids is None or column == "row" else _names(ids)[lacking]
        raise InputError(
            "path",
            must=f"{must}, one for each row of the pool",
            found=f"{len(rows):,} for {n_rows:,} rows and none for {column} {name!r}",
            remedy="add it",
            subject=subject,
        )
    return np.argsort(rows)


def _names(ids: Any) -> list[str]:
    return [str(name) for name in (ids.tolist() if isinstance(ids, np.ndarray) else ids)]


def _all_integers(entries: list[str]) -> bool:
    return all(entry.removeprefix("-").isdecimal() and len(entry) < 19 for entry in entries)
