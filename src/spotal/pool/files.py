"""Pools from files (arrays, tables and folders of images) with ids, masses and prices, and lists of labeled rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError
from spotal.images import fits, list_images
from spotal.numeric.arrays import check_matrix, check_weight
from spotal.pool import manifest
from spotal.pool.keys import key_column, no_columns, rows_of
from spotal.tables import PLAIN, TABLES, Dialect, listed, read_lines, read_table, reading
from spotal.tables.arrays import read_npy, read_npz
from spotal.tables.columns import ids_of, numbers
from spotal.tables.guesses import refuse_guesses

__all__ = ["LabeledRows", "PoolFile", "read_entries", "read_indices", "read_pool"]

POOLS = (".csv", ".tsv", ".parquet")
"""Endings of tables that can hold a pool."""


@dataclass(frozen=True)
class PoolFile:
    """Content of a pool's file.

    Attributes
    ----------
    features : (n, d) numbers, a ``np.memmap`` for .npy, or a :class:`~spotal.pool.Pool`; None for a folder of images
    ids : list of str or int64 (n,), all different; None if rows have only numbers
    mass, cost : float64 (n,), non-negative; None without ``mass_column`` or ``cost_column``
    kind : {"npy", "npz", "csv", "parquet", "shards", "images"}
    paths : list of Path, the image files of a folder in the order of their ids; else None
    groups : list (n,) of the values of ``group_column``; None without it
    """

    features: Any
    ids: list[str] | NDArray[np.int64] | None
    mass: NDArray[np.float64] | None
    kind: str
    paths: list[Path] | None = None
    cost: NDArray[np.float64] | None = None
    groups: list[Any] | None = None

    def __len__(self) -> int:
        rows: Any = self.paths if self.features is None else self.features
        return len(rows)


class LabeledRows(NamedTuple):
    """Row numbers of labeled rows, int64 (m,), in the order of the file, and the labels if the file has a ``label``
    column."""

    rows: NDArray[np.int64]
    labels: list[str] | None


def read_pool(
    path: str | os.PathLike[str],
    *,
    id_column: str | None = None,
    mass_column: str | None = None,
    cost_column: str | None = None,
    group_column: str | None = None,
    strict: bool = False,
    dialect: Dialect = PLAIN,
) -> PoolFile:
    """Read a pool of embeddings or a folder of images.

    Parameters
    ----------
    path : str or path
        - ``.npy``: a 2-D array, memory-mapped;
        - ``.npz``: the array ``X`` or ``embeddings``, or the only 2-D array;
        - ``.csv``, ``.tsv``, ``.parquet``: one column of lists called ``embedding``, ``embeddings`` or ``X``, or else
          all columns of numbers except ``id``, ``label``, ``mass`` and the columns of the other arguments. The first
          line of a CSV is a header unless it has only numbers;
        - a folder that ``spotal embed`` wrote: its shards with their ids;
        - another folder: the images in it and in its sub-folders, with their relative paths as ids.
    id_column : str or None
        Column, or array of a .npz, of the ids; None for ``id`` if there is one. Ids in a CSV are text.
    mass_column, cost_column, group_column : str or None
        Column, or array of a .npz, of the masses, the prices of labels, and the groups.
    strict : bool
        Check all content: features must be finite, and the header of every image must be readable.
    dialect : Dialect
        Encoding and delimiter of a CSV.

    Raises
    ------
    DataFileError
        The file is missing, not readable, empty, truncated, corrupt or pickled, has no matrix of numbers, has lists of
        different lengths, or has empty or repeated ids; with ``strict``, it has NaN or infinity, or an image cannot be
        opened.
    InputError
        The file does not have a named column, or a mass or price is negative or not finite.

    Notes
    -----
    A .npy file is not loaded into memory; other files are read whole. Files are never unpickled.
    """
    source = Path(path)
    kind = source.suffix.lower().removeprefix(".")
    named = {
        "id_column": id_column,
        "mass_column": mass_column,
        "cost_column": cost_column,
        "group_column": group_column,
    }
    if manifest.is_pool(source):
        pool = _sharded_pool(source, named)
    elif source.is_dir():
        no_columns(named, f"a folder of images ({source})")
        paths = list_images(source, strict=strict)
        pool = PoolFile(None, [path.relative_to(source).as_posix() for path in paths], None, "images", paths)
    elif kind == "npy":
        no_columns(named, f"a .npy file ({source})")
        pool = PoolFile(_matrix(read_npy(source), source), None, None, "npy")
    elif kind == "npz":
        pool = _npz_pool(source, named)
    elif source.suffix.lower() in POOLS:
        table = read_table(source, dialect)
        name = id_column or ("id" if "id" in table.names else None)
        ids = None if name is None else table.ids(name, "id_column")
        mass = None if mass_column is None else table.numbers(mass_column, "mass_column")
        cost = None if cost_column is None else table.numbers(cost_column, "cost_column")
        groups: list[Any] | None = None if group_column is None else list(table.texts(group_column, "group_column"))
        kind = "parquet" if kind == "parquet" else "csv"
        pool = PoolFile(table.features(tuple(named.values())), ids, mass, kind, cost=cost, groups=groups)
    else:
        with reading(source):
            source.stat()
        raise DataFileError(
            f"{source} is not a kind of file that holds a pool; give .npy, .npz, .csv, .parquet or a folder of images"
        )
    check_weight(pool.mass, len(pool), f"mass in {source}")
    check_weight(pool.cost, len(pool), f"cost in {source}")
    if strict:
        _check_content(pool, source)
    return pool


def _matrix(array: NDArray[Any], path: Path, name: str = "") -> NDArray[Any]:
    what = f"{path}, array {name!r}," if name else str(path)
    if array.dtype.kind not in "fuib":
        raise DataFileError(f"{what} must hold numbers, found dtype {array.dtype}; save numbers instead")
    if array.ndim != 2 or 0 in array.shape:
        raise DataFileError(f"{what} must have shape (rows, features), found {array.shape}; save a full 2-D array")
    return array


def _npz_pool(path: Path, named: dict[str, str | None]) -> PoolFile:
    arrays = read_npz(path)
    if named["id_column"] is None and "id" in arrays:
        named = named | {"id_column": "id"}
    columns = {argument: name for argument, name in named.items() if name is not None}
    for argument, name in columns.items():
        if name not in arrays:
            raise InputError(
                argument, must=f"name an array of {path}", found=repr(name), remedy=f"it has {listed([*arrays])}"
            )
    usual: list[str] = [name for name in ("X", "embeddings") if name in arrays]
    matrices = usual or [name for name, array in arrays.items() if array.ndim == 2]
    if not matrices or (len(matrices) > 1 and not usual):
        raise DataFileError(
            f"{path} must hold an array 'X' or 'embeddings' or only one 2-D array, found {listed([*arrays])}; "
            "rename the one to use to 'X'"
        )
    matrix = _matrix(arrays[matrices[0]], path, matrices[0])
    for name in columns.values():
        if arrays[name].shape != matrix.shape[:1]:
            raise DataFileError(
                f"{path}, array {name!r}, must have shape ({len(matrix)},), found {arrays[name].shape}; "
                "give one value for each row"
            )
    ids = ids_of(arrays[columns["id_column"]], f"ids in {path}") if "id_column" in columns else None
    mass, cost = (
        numbers(arrays[columns[key]], f"{path}, array {columns[key]!r},") if key in columns else None
        for key in ("mass_column", "cost_column")
    )
    groups = arrays[columns["group_column"]].tolist() if "group_column" in columns else None
    return PoolFile(matrix, ids, mass, "npz", cost=cost, groups=groups)


def _sharded_pool(folder: Path, named: dict[str, str | None]) -> PoolFile:
    no_columns(named, f"a folder of embeddings ({folder})")
    content = manifest.read_manifest(folder)
    if not content.rows:
        raise DataFileError(f"{folder} has no embeddings in it yet; run spotal embed to its end")
    arrays = manifest.read_shards(folder, content)
    matrix = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return PoolFile(matrix, manifest.read_ids(folder, content), None, "shards")


def _check_content(pool: PoolFile, path: Path) -> None:
    if pool.features is not None:
        try:
            check_matrix(pool.features, f"pool {path}")
        except InputError as error:
            raise DataFileError(str(error)) from None
        return
    for image in pool.paths or []:
        fits(image, image)


def read_indices(
    path: str | os.PathLike[str],
    n_rows: int,
    ids: Sequence[str] | NDArray[np.int64] | None = None,
    id_column: str | None = None,
    *,
    dialect: Dialect = PLAIN,
) -> LabeledRows:
    """Read the labeled rows of a pool, and their labels if the file has them.

    Entries are ids if the pool has ids. They are row numbers if the pool has none, or if their column is called
    ``row``. In a file without columns, or in a first column with an uncommon name, they are also row numbers if all
    entries are integers and no id of the pool is an integer.

    Parameters
    ----------
    path : str or path
        ``.npy`` of integers or text; ``.txt``, one entry per line; or a table with an optional column ``label``. The
        entries of a table are in ``id_column``, ``id``, ``row``, or else in the first column.
    n_rows : int, rows of the pool
    ids : sequence of str, int64 (n_rows,) or None, ids of the pool
    id_column : str or None, column of a table
    dialect : Dialect, of text files and CSV

    Raises DataFileError if the file is missing, empty, corrupt, of another kind, or has empty cells; InputError if an
    entry is not an id or row of the pool, if entries repeat, or if there is no column ``id_column``.
    """
    source = Path(path)
    kind = source.suffix.lower()
    labels: list[str] | None = None
    key: str | None = None
    if kind not in TABLES:
        no_columns({"id_column": id_column}, str(source))
    if kind == ".npy":
        array = read_npy(source)
        if array.ndim != 1 or array.dtype.kind not in "uiU":
            raise DataFileError(
                f"{source} must hold row numbers or ids (m,), found {array.dtype} of shape {array.shape}; save integers"
            )
        entries = [str(value) for value in array.tolist()]
    elif kind in TABLES:
        table = read_table(source, dialect)
        key = id_column or key_column(table, None, None)
        entries = table.texts(key or table.names[0], "id_column")
        if "label" in table.names and key != "label":
            refuse_guesses(table)
            labels = table.texts("label", "label", empty=True)
            if "" in labels:
                where = table.where(labels.index(""))
                raise DataFileError(f"{source} has no label in {where}; fill it in or drop the row")
    else:
        entries = read_entries(source, dialect)
    return LabeledRows(rows_of(entries, n_rows, ids, f"rows in {source}", column=key), labels)


def read_entries(path: Path, dialect: Dialect = PLAIN) -> list[str]:
    """Return the lines of a .txt file that are not empty. Raises DataFileError for a missing or another file."""
    if path.suffix.lower() != ".txt":
        with reading(path):
            path.stat()
        raise DataFileError(f"{path} must end in .npy, .txt or {', '.join(TABLES)}; convert it to one of these")
    return read_lines(path, dialect)
