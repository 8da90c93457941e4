"""Files with one value for each row of a pool: masses, prices, groups and class probabilities."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError
from spotal.numeric.arrays import check_weight
from spotal.pool.files import read_entries, read_pool
from spotal.pool.keys import PoolIds, aligned, key_column, usual_key
from spotal.tables import PLAIN, TABLES, Dialect, Table, read_table
from spotal.tables.arrays import read_npy, read_npz
from spotal.tables.columns import ids_of, numbers

__all__ = ["read_names", "read_probabilities", "read_vector"]


def read_vector(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: PoolIds = None,
    name: str = "mass",
    *,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
) -> NDArray[np.float64]:
    """Read one non-negative number for each row of a pool, such as its mass or the price of its label.

    Parameters
    ----------
    path : str or path
        ``.npy`` (n,) or (n, 1); ``.txt``, one number per line; ``.npz`` with the array ``name``, or with only one array
        besides the ids; or a table with the column ``name``, or with only one column of numbers besides the ids and
        ``label``.
    n_rows : int, rows of the pool
    ids : sequence of str, int64 (n_rows,) or None, ids of the pool
    id_column : str or None
        Column of the ids; None for ``id`` or ``row``, or a column that has all ids of the pool. Values are joined to
        the pool by these. A file without such a column is in the order of the pool.
    dialect : Dialect, of text files and CSV

    Returns
    -------
    float64 (n_rows,)

    Raises
    ------
    DataFileError
        The file is missing, empty, corrupt, of another kind, or does not hold numbers.
    InputError
        There are not ``n_rows`` numbers; an id is unknown, repeats or is missing; or numbers are negative, not finite
        or all zero.
    """
    source = Path(path)
    values, key, entries = _read(source, ids, name, id_column, dialect, _numbers)
    if isinstance(values, list):
        try:
            values = np.asarray([float(line) for line in values])
        except ValueError as error:
            raise DataFileError(f"{source} must hold one number a line ({error}); repair it") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    values = _in_order(numbers(values, str(source)), key, entries, n_rows, ids, source, "numbers")
    weight = check_weight(values, n_rows, f"numbers in {source}")
    assert weight is not None
    return weight


def read_names(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: PoolIds = None,
    name: str = "group",
    *,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
) -> list[Any]:
    """Read one name for each row of a pool, such as its group: text, or an integer from an array.

    Parameters
    ----------
    path : str or path
        ``.npy`` (n,) of integers or text; ``.txt``, one name per line; ``.npz`` with the array ``name``, or with only
        one array besides the ids; or a table with the column ``name``, or with only one column besides the ids and
        ``label``.
    n_rows, ids, id_column, dialect : as in :func:`read_vector`, which raises the same errors

    Returns
    -------
    list of str or int (n_rows,)
    """
    source = Path(path)
    values, key, entries = _read(source, ids, name, id_column, dialect, _texts)
    names = values if isinstance(values, list) else values.tolist()
    return list(_in_order(names, key, entries, n_rows, ids, source, "names"))


def _read(
    source: Path,
    ids: PoolIds,
    name: str,
    id_column: str | None,
    dialect: Dialect,
    column: Callable[[Table, str, str | None], Any],
) -> tuple[Any, str | None, list[str]]:
    """Return the values, the name of the column of ids or None, and its entries."""
    kind = source.suffix.lower()
    if kind == ".npy":
        return read_npy(source), None, []
    if kind == ".npz":
        return _from_npz(source, name, id_column)
    if kind not in TABLES:
        return read_entries(source, dialect), None, []
    table = read_table(source, dialect)
    key = key_column(table, ids, id_column, name)
    return column(table, name, key), key, [] if key is None else table.texts(key, "id_column")


def _in_order(
    values: Any, key: str | None, entries: list[str], n_rows: int, ids: PoolIds, source: Path, what: str
) -> Any:
    """Return the values in the order of the pool, one for each row. Raises InputError."""
    is_array = isinstance(values, np.ndarray)
    if key is not None:
        rows = aligned(entries, n_rows, ids, f"ids in {source}", key, must=f"hold {what}", subject=str(source))
        values = values[rows] if is_array else [values[row] for row in rows]
    if (values.shape if is_array else (len(values),)) != (n_rows,):
        raise InputError(
            "path",
            must=f"hold {n_rows} {what}, one for each row of the pool",
            found=f"shape {values.shape}" if is_array else len(values),
            remedy="give one for each row",
            subject=str(source),
        )
    return values


def _numbers(table: Table, name: str, key: str | None) -> NDArray[Any]:
    if name in table.names:
        return table.numbers(name, name)
    matrix = table.features((key, "row", "rank"))
    if matrix.shape[1] != 1:
        raise DataFileError(
            f"{table.path} must have a column {name!r} or one column of numbers, found {matrix.shape[1]}; "
            f"call the one to use {name!r}"
        )
    return matrix


def _texts(table: Table, name: str, key: str | None) -> list[str]:
    others = [column for column in table.names if column not in (key, "id", "label", "")]
    if name not in others and len(others) != 1:
        raise DataFileError(
            f"{table.path} must have a column {name!r} or one column beside 'id', found {len(others)}; call the one to "
            f"use {name!r}"
        )
    return table.texts(name if name in others else others[0], name)


def _from_npz(path: Path, name: str, id_column: str | None) -> tuple[NDArray[Any], str | None, list[str]]:
    arrays = read_npz(path)
    key = usual_key(arrays, id_column)
    others = [other for other in arrays if other not in (key, "id", "label")]
    if name not in others and len(others) != 1:
        raise DataFileError(
            f"{path} must hold an array {name!r} or one array beside 'id', found {len(others)}; call the one to use "
            f"{name!r}"
        )
    array = arrays[name if name in others else others[0]]
    if array.ndim != 1:
        raise DataFileError(f"{path} must hold one value for each row, found shape {array.shape}; save a vector")
    entries = [] if key is None else [str(value) for value in ids_of(arrays[key], f"ids in {path}")]
    if key is not None and len(entries) != len(array):
        raise DataFileError(f"{path} has {len(entries)} ids for {len(array)} values; give one for each")
    return array, key, entries


def read_probabilities(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: PoolIds = None,
    *,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
) -> NDArray[Any]:
    """Read class probabilities (n_rows, classes) of the rows of a pool.

    Parameters
    ----------
    path : str or path
        A matrix in one of the forms of :func:`~spotal.pool.files.read_pool`. Its rows are joined to the pool by ids or
        by a column ``row``. A file without either is in the order of the pool.
    n_rows, ids, id_column, dialect : as in :func:`read_vector`, which raises the same errors
    """
    source = Path(path)
    kind = source.suffix.lower()
    key: str | None = None
    if kind in TABLES and not source.is_dir():
        key = key_column(read_table(source, dialect), ids, id_column)
    elif kind == ".npz":
        key = usual_key(read_npz(source), id_column)
    pool = read_pool(source, id_column=key, dialect=dialect)
    values, subject, must = pool.features, f"probabilities in {source}", f"have {n_rows} rows"
    size = "a folder" if values is None else f"{len(values)} rows"
    if values is not None and pool.ids is not None:
        entries = [str(name) for name in pool.ids]
        values = values[aligned(entries, n_rows, ids, f"ids in {source}", key or "id", must=must, subject=subject)]
    if values is None or len(values) != n_rows:
        raise InputError("path", must=f"{must}, one for each row of the pool", found=size, subject=subject)
    checked: NDArray[Any] = values
    return checked
