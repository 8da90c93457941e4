"""One value for each row of a pool, from a file: masses, prices, groups; and what was found out about picks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import check_weight
from spotal.errors import DataFileError, InputError
from spotal.pool._tables import column, features, numbers, read_npy, read_table
from spotal.pool.files import read_indices, read_lines

__all__ = ["read_names", "read_vector"]


def read_vector(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: Sequence[str] | NDArray[np.int64] | None = None,
    name: str = "mass",
) -> NDArray[np.float64]:
    """Read one non-negative number for each row of a pool, such as its mass or its label's price.

    Parameters
    ----------
    path : str or path
        ``.npy`` (n,) or (n, 1); ``.txt``, one number a line; or ``.csv``, whose column ``name``, or else only column
        of numbers beside ``id`` and ``label`` counts.
    n_rows : int, rows of the pool
    ids : sequence of str, int64 (n_rows,) or None
        The pool's ids. Where there are some and a .csv has a column ``id``, each number goes to the row of its id;
        else numbers are in the order of the rows.

    Returns
    -------
    float64 (n_rows,)

    Raises
    ------
    DataFileError
        The file is missing, empty, corrupt, of another kind, or does not hold numbers.
    InputError
        There are not ``n_rows`` of them, an id is not the pool's or is there twice, or numbers are negative, not finite
        or all zero.
    """
    source = Path(path)
    kind = source.suffix.lower()
    if kind == ".npy":
        array = read_npy(source)
        values = numbers(array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array, str(source))
    elif kind == ".csv":
        table = read_table(source)
        if name in table.column_names:
            values = numbers(column(table, name, name, source), f"{source}, column {name!r},")
        else:
            matrix = features(table, source)
            if matrix.shape[1] != 1:
                raise DataFileError(
                    f"{source} must have a column {name!r} or one column of numbers, found {matrix.shape[1]}; "
                    f"call the one to use {name!r}"
                )
            values = matrix[:, 0].astype(np.float64)
        if ids is not None and "id" in table.column_names and len(values) == n_rows:
            values = values[np.argsort(read_indices(source, n_rows, ids, "id").rows)]
    else:
        try:
            values = np.asarray([float(line) for line in read_lines(source)])
        except ValueError as error:
            if isinstance(error, DataFileError):
                raise
            raise DataFileError(f"{source} must hold one number a line ({error}); repair it") from None
    if values.shape != (n_rows,):
        raise InputError(
            f"{source} must hold {n_rows} numbers, one for each row of the pool, found shape {values.shape}; "
            "give one for each row"
        )
    weight = check_weight(values, n_rows, f"numbers in {source}")
    assert weight is not None
    return weight


def read_names(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: Sequence[str] | NDArray[np.int64] | None = None,
    name: str = "group",
) -> list[Any]:
    """Read one name, text or an integer, for each row of a pool, such as its group.

    Parameters
    ----------
    path : str or path
        ``.npy`` (n,) of integers or text; ``.txt``, one name a line; or ``.csv``, whose column ``name``, or else only
        column beside ``id`` and ``label`` counts.
    n_rows, ids : as for :func:`read_vector`

    Returns
    -------
    list of str or int (n_rows,)

    Raises
    ------
    DataFileError
        The file is missing, empty, corrupt, of another kind, has empty cells or no such column.
    InputError
        There are not ``n_rows`` of them, or an id is not the pool's or is there twice.
    """
    source = Path(path)
    kind = source.suffix.lower()
    order = None
    if kind == ".npy":
        values: list[Any] = read_npy(source).tolist()
    elif kind == ".csv":
        table = read_table(source)
        others = [known for known in table.column_names if known not in ("id", "label", "")]
        if name not in others and len(others) != 1:
            raise DataFileError(
                f"{source} must have a column {name!r} or one column beside 'id', found {len(others)}; call the one to "
                f"use {name!r}"
            )
        values = column(table, name if name in others else others[0], name, source).to_pylist()
        if ids is not None and "id" in table.column_names and len(values) == n_rows:
            order = np.argsort(read_indices(source, n_rows, ids, "id").rows)
    else:
        values = read_lines(source)
    if len(values) != n_rows:
        raise InputError(
            f"{source} must hold {n_rows} names, one for each row of the pool, found {len(values)}; give one for each"
        )
    return values if order is None else [values[place] for place in order]
