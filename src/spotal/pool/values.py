"""One value for each row of a pool, from a file: masses, prices, groups, probabilities."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError
from spotal.numeric.arrays import check_weight
from spotal.pool.files import read_entries, read_pool
from spotal.pool.keys import aligned, key_column
from spotal.tables import PLAIN, TABLES, Dialect, Table, read_table
from spotal.tables.arrays import read_npy, read_npz
from spotal.tables.columns import ids_of, numbers

__all__ = ["read_names", "read_probabilities", "read_vector"]

Ids = Sequence[str] | NDArray[np.int64] | None


def read_vector(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: Ids = None,
    name: str = "mass",
    *,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
) -> NDArray[np.float64]:
    """Read one non-negative number for each row of a pool, such as its mass or its label's price.

    Parameters
    ----------
    path : str or path
        ``.npy`` (n,) or (n, 1); ``.txt``, one number a line; ``.npz``, whose array ``name``, or else only one beside
        ``id`` counts; or a table, whose column ``name``, or else only column of numbers beside the ids and ``label``
        counts.
    n_rows : int, rows of the pool
    ids : sequence of str, int64 (n_rows,) or None
        The pool's ids.
    id_column : str or None
        Column of the table's ids; None for ``id`` or ``row``, or a column that holds all the pool's ids. Each number
        goes to the row of its id or number; in the order of the rows only where a file has neither.
    dialect : Dialect, of text files and CSV

    Returns
    -------
    float64 (n_rows,)

    Raises
    ------
    DataFileError
        The file is missing, empty, corrupt, of another kind, or does not hold numbers.
    InputError
        There are not ``n_rows`` of them, an id is not the pool's, is there twice or lacking, or numbers are negative,
        not finite or all zero.
    """
    source = Path(path)
    kind = source.suffix.lower()
    key, entries = None, list[str]()
    if kind == ".npy":
        array = read_npy(source)
        values = numbers(array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array, str(source))
    elif kind == ".npz":
        array, key, entries = _from_npz(source, name, id_column)
        values = numbers(array, str(source))
    elif kind in TABLES:
        table = read_table(source, dialect)
        key = key_column(table, ids, id_column, name)
        values = _numbers(table, name, key)
        entries = [] if key is None else table.texts(key, "id_column")
    else:
        try:
            values = np.asarray([float(line) for line in read_entries(source, dialect)])
        except ValueError as error:
            if isinstance(error, DataFileError):
                raise
            raise DataFileError(f"{source} must hold one number a line ({error}); repair it") from None
    if key is not None:
        place = aligned(entries, n_rows, ids, f"ids in {source}", key, must="hold numbers", subject=str(source))
        values = values[place]
    if values.shape != (n_rows,):
        raise InputError(
            "path",
            must=f"hold {n_rows} numbers, one for each row of the pool",
            found=f"shape {values.shape}",
            remedy="give one for each row",
            subject=str(source),
        )
    weight = check_weight(values, n_rows, f"numbers in {source}")
    assert weight is not None
    return weight


def _numbers(table: Table, name: str, key: str | None) -> NDArray[np.float64]:
    if name in table.names:
        return table.numbers(name, name)
    matrix = table.features((key, "row", "rank"))
    if matrix.shape[1] != 1:
        raise DataFileError(
            f"{table.path} must have a column {name!r} or one column of numbers, found {matrix.shape[1]}; "
            f"call the one to use {name!r}"
        )
    values: NDArray[np.float64] = matrix[:, 0].astype(np.float64)
    return values


def read_names(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: Ids = None,
    name: str = "group",
    *,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
) -> list[Any]:
    """Read one name for each row of a pool, such as its group: text as it is written, or an integer of an array.

    Parameters
    ----------
    path : str or path
        ``.npy`` (n,) of integers or text; ``.txt``, one name a line; ``.npz``, whose array ``name``, or else only one
        beside ``id`` counts; or a table, whose column ``name``, or else only column beside the ids and ``label``
        counts.
    n_rows, ids, id_column, dialect : as for :func:`read_vector`

    Returns
    -------
    list of str or int (n_rows,)

    Raises
    ------
    DataFileError
        The file is missing, empty, corrupt, of another kind, has empty cells or no such column.
    InputError
        There are not ``n_rows`` of them, or an id is not the pool's, is there twice or lacking.
    """
    source = Path(path)
    kind = source.suffix.lower()
    key, entries = None, list[str]()
    if kind == ".npy":
        values: list[Any] = read_npy(source).tolist()
    elif kind == ".npz":
        array, key, entries = _from_npz(source, name, id_column)
        values = array.tolist()
    elif kind in TABLES:
        table = read_table(source, dialect)
        key = key_column(table, ids, id_column, name)
        others = [known for known in table.names if known not in (key, "id", "label", "")]
        if name not in others and len(others) != 1:
            raise DataFileError(
                f"{source} must have a column {name!r} or one column beside 'id', found {len(others)}; call the one to "
                f"use {name!r}"
            )
        values = table.texts(name if name in others else others[0], name)
        entries = [] if key is None else table.texts(key, "id_column")
    else:
        values = list(read_entries(source, dialect))
    if key is not None:
        place = aligned(entries, n_rows, ids, f"ids in {source}", key, must="hold names", subject=str(source))
        values = [values[row] for row in place]
    if len(values) != n_rows:
        raise InputError(
            "path",
            must=f"hold {n_rows} names, one for each row of the pool",
            found=len(values),
            remedy="give one for each",
            subject=str(source),
        )
    return values


def _from_npz(path: Path, name: str, id_column: str | None) -> tuple[NDArray[Any], str | None, list[str]]:
    """The array of values, and the name and entries of that of ids."""
    arrays = read_npz(path)
    key = next((known for known in (id_column, "id", "row") if known is not None and known in arrays), None)
    others = [known for known in arrays if known not in (key, "id", "label")]
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
    ids: Ids = None,
    *,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
) -> NDArray[Any]:
    """Read class probabilities (n_rows, classes) for each row of a pool.

    Parameters
    ----------
    path : str or path
        A matrix in one of the forms of :func:`~spotal.pool.files.read_pool`. Its rows go to the pool's by their ids, or
        by a column ``row``; in order only where it has neither.
    n_rows, ids, id_column, dialect : as for :func:`read_vector`

    Raises
    ------
    DataFileError
        The file cannot be read as a matrix.
    InputError
        There are not ``n_rows`` rows, or an id is not the pool's, is there twice or lacking.
    """
    source = Path(path)
    kind = source.suffix.lower()
    column = id_column
    if kind in TABLES and not source.is_dir():
        column = key_column(read_table(source, dialect), ids, id_column)
    elif kind == ".npz":
        names = read_npz(source)
        column = next((name for name in (id_column, "id", "row") if name is not None and name in names), None)
    else:
        column = None
    pool = read_pool(source, id_column=column, dialect=dialect)
    values = pool.features
    found = "a folder" if values is None else f"{len(values)} rows"
    if values is not None and pool.ids is not None:
        entries = [str(name) for name in pool.ids]
        values = values[
            aligned(
                entries,
                n_rows,
                ids,
                f"ids in {source}",
                column or "id",
                must=f"have {n_rows} rows",
                subject=f"probabilities in {source}",
            )
        ]
    if values is None or len(values) != n_rows:
        raise InputError(
            "path",
            must=f"have {n_rows} rows, one for each row of the pool",
            found=found,
            subject=f"probabilities in {source}",
        )
    checked: NDArray[Any] = values
    return checked
