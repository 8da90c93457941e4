"""Labeled embeddings in a .npz, .csv or .parquet file, or in a .npy file with labels.csv in the same folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets.base import Dataset
from spotal.datasets.splits import encode, from_parts, split
from spotal.errors import DataFileError, InputError
from spotal.numeric.arrays import check_matrix
from spotal.numeric.seeds import Seed
from spotal.tables import TABLES, listed, read_table
from spotal.tables.arrays import read_npy, read_npz

__all__ = ["load_table"]

LABELS = "labels.csv"
"""The file with the labels of a .npy file, in the same folder."""


def load_table(path: str | os.PathLike[str], *, random_state: Seed = None) -> Dataset:
    """Load labeled embeddings or images from one file.

    Features are an array (n, d), and images are uint8 (n, height, width, channels). Labels are integers or text.
    Without a test part, 20 % of each class becomes one.

    Parameters
    ----------
    path : path, one of
        - ``.npz`` with arrays ``X`` of features or images and ``y`` (n,), and optionally ``X_test`` and ``y_test``;
        - ``.csv`` or ``.parquet`` with a column ``label`` and features as in :func:`spotal.pool.files.read_pool`;
        - ``.npy`` of features or images, with ``labels.csv`` in the same folder. This table has a line for each row, in
          order, a column ``label`` or ``class``, and optionally a column ``split``, which is ``test`` in the test part.
    random_state : int, numpy generator or None, of the split; None means 0

    Returns
    -------
    Dataset, with float32 or float64 features as in the file; integers become float64

    Raises
    ------
    DataFileError
        The file is missing, empty, corrupt, pickled or of another kind, has no labels, has arrays that do not match, or
        has NaN or infinity.
    """
    source = Path(path)
    kind = source.suffix.lower()
    if kind == ".npz":
        return _from_npz(source, random_state)
    if kind == ".npy":
        return _from_npy(source, random_state)
    if kind not in TABLES:
        raise DataFileError(f"{source} is not a kind of file that holds labeled data; give .npz, .csv or .parquet")
    table = read_table(source)
    if "label" not in table.names:
        raise DataFileError(f"{source} has no column 'label', only {listed(table.names)}; add it")
    y, names = _coded(table.texts("label", "label"))
    return from_parts(source.stem, [_finite(table.features(), f"{source}")], [y], names, source, random_state)


def _coded(labels: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Encode labels of a table, as integers if all are integers."""
    integers = all(label.removeprefix("-").isdecimal() and str(int(label[:30])) == label for label in labels)
    (y,), names = encode([int(label) for label in labels] if integers else list(labels))
    return y, names


def _from_npy(path: Path, random_state: Seed) -> Dataset:
    beside = path.with_name(LABELS)
    if not beside.is_file():
        raise DataFileError(
            f"{path} has no labels; put {LABELS} beside it, with a column 'label' and a line for each row"
        )
    X = _rows(read_npy(path), f"{path}")
    table = read_table(beside)
    column = next((name for name in ("label", "class") if name in table.names), None)
    if column is None:
        raise DataFileError(f"{beside} has no column 'label' or 'class', only {listed(table.names)}; add it")
    y, names = _coded(table.texts(column, column))
    if len(y) != len(X):
        raise DataFileError(f"{path} has {len(X)} rows and {beside.name} has {len(y)}; match them")
    if "split" in table.names:
        is_test = np.asarray([part.strip().lower() == "test" for part in table.texts("split", "split")])
        pool, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
        if not len(pool) or not len(test):
            raise DataFileError(f"{beside}, column 'split', must name both parts, train and test; correct it")
    else:
        pool, test = split(y, path, random_state)
    return Dataset(path.stem, np.asarray(X[pool]), y[pool], np.asarray(X[test]), y[test], names)


def _from_npz(path: Path, random_state: Seed) -> Dataset:
    arrays = read_npz(path)
    wanted = ["X", "y", "X_test", "y_test"] if "X_test" in arrays or "y_test" in arrays else ["X", "y"]
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise DataFileError(f"{path} must hold {listed(wanted)}, found {listed([*arrays])}; save {listed(missing)} too")
    for x, y in zip(wanted[::2], wanted[1::2], strict=True):
        if arrays[y].ndim != 1 or arrays[y].dtype.kind not in "uiU" or len(arrays[y]) == 0:
            raise DataFileError(
                f"{path}, array {y!r}, must be a vector of integers or text, found {arrays[y].dtype} of shape "
                f"{arrays[y].shape}; save one label a row"
            )
        arrays[x] = _rows(arrays[x], f"{path}, array {x!r},")
        if len(arrays[x]) != len(arrays[y]):
            raise DataFileError(f"{path} has {len(arrays[x])} rows in {x!r} and {len(arrays[y])} in {y!r}; match them")
    if len(wanted) == 4 and arrays["X"].shape[1:] != arrays["X_test"].shape[1:]:
        raise DataFileError(
            f"{path} has rows of shape {arrays['X'].shape[1:]} in 'X' and {arrays['X_test'].shape[1:]} in 'X_test'; "
            "match them"
        )
    coded, names = encode(*(arrays[name].tolist() for name in wanted[1::2]))
    return from_parts(path.stem, [arrays[name] for name in wanted[::2]], coded, names, path, random_state)


def _rows(array: NDArray[Any], what: str) -> NDArray[Any]:
    if array.ndim == 4 and array.dtype == np.uint8 and array.shape[3] in (1, 3) and array.size:
        return array
    if array.ndim != 2:
        raise DataFileError(
            f"{what} must be features (n, d) or uint8 images (n, height, width, 1 or 3), found {array.dtype} of shape "
            f"{array.shape}; save it so"
        )
    return _finite(array, what)


def _finite(array: NDArray[Any], what: str) -> NDArray[Any]:
    try:
        checked: NDArray[Any] = check_matrix(array, what)
    except InputError as error:
        raise DataFileError(str(error)) from None
    return checked if checked.dtype.kind == "f" else checked.astype(np.float64)
