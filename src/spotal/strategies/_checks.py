"""Checks of labels and class probabilities, for rows with one class and for rows with several."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array, check_rows
from spotal.numeric.classes import codes_of, read_labels, shape_of
from spotal.numeric.indicator import check_zero_one, indicator_of, is_sets

__all__ = ["are_sets", "check_labels", "check_probabilities", "check_sets"]


def check_labels(
    labeled: Any, labels: Any, n: int, classes: Any = None, columns: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Return the labeled rows, int64 (m,), and their class numbers, int64 (m,) or None; raise InputError.

    Arguments are those of :meth:`spotal.strategies.Strategy.query`. ``columns`` counts the columns of probabilities.
    """
    rows = check_rows(labeled, n, "labeled")
    if labels is None:
        return rows, None
    values, present = read_labels(labels, "labels", minus_one=labeled is None)
    if labeled is None:
        if len(values) not in (0, n):
            raise InputError(
                "labels",
                must=f"have shape ({n},), one for each row of the pool, since labeled is not given",
                found=f"shape {values.shape}",
                remedy="mark rows without a label by None or NaN, or pass in labeled the rows that have one",
            )
        rows = np.flatnonzero(present)
        values, present = values[rows], present[rows]
    elif len(values) == n != len(rows):
        values, present = values[rows], present[rows]
    if len(values) != len(rows):
        raise InputError(
            "labels", must=f"have shape ({len(rows)},), one for each labeled row", found=f"shape {values.shape}"
        )
    if not present.all():
        raise InputError(
            "labels",
            f"has no label for row {rows[np.flatnonzero(~present)[0]]}, which labeled names",
            "leave that row out of labeled",
        )
    if classes is not None:
        names, named = read_labels(classes, "classes", minus_one=False)
        if not named.all() or len(np.unique(names)) < len(names):
            raise InputError("classes", must="be different and none missing", found=names.tolist())
        if columns is not None and columns != len(names):
            raise InputError(
                "classes", must=f"name the {columns} columns of probabilities", found=f"{len(names)} names"
            )
        return rows, codes_of(values, names, "labels")
    if values.dtype.kind in "ib":
        outside = values[(values < 0) | (values >= columns)] if columns is not None else values[:0]
        if len(outside):
            raise InputError(
                "labels",
                must=f"be numbers of the {columns} columns of probabilities, from 0",
                found=outside[0],
                remedy="or pass classes=model.classes_, the class of each column",
            )
        return rows, values.astype(np.int64)
    names, codes = np.unique(values, return_inverse=True)
    if columns is not None and columns != len(names):
        raise InputError(
            "classes",
            must=f"be given, since probabilities have {columns} columns and the labels {len(names)} classes",
            remedy="pass classes=model.classes_, the class of each column",
        )
    return rows, codes.astype(np.int64)


def check_probabilities(probabilities: Any, n: int) -> NDArray[np.floating] | None:
    """Return class probabilities (n, classes) or (n, classes, draws) as float32 or float64; raise InputError."""
    if probabilities is None:
        return None
    array = as_array(probabilities, "probabilities")
    if array.ndim not in (2, 3) or array.shape[0] != n or 0 in array.shape:
        raise InputError(
            "probabilities",
            must=f"have shape ({n}, classes) or ({n}, classes, draws), one row for each pool row",
            found=array.shape,
        )
    if array.dtype.kind not in "fiub":
        raise InputError("probabilities", must="be numbers", found=f"dtype {array.dtype}")
    array = _as_float(array)
    sums = array.sum(1)
    bad = np.argwhere(~((array >= -1e-6).all(1) & (np.abs(sums - 1) < 1e-2)))
    if bad.size:
        row, *draw = bad[0]
        raise InputError(
            "probabilities",
            must="be non-negative with rows that sum to 1",
            found=f"{array[row].min():g} as least entry and {sums[row, *draw]:g} as sum in row {row}",
            remedy="apply softmax to scores first; for rows with several classes give labels as 0 and 1 (m, classes)",
        )
    return array


def _as_float(array: NDArray[Any]) -> NDArray[np.floating]:
    return array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)


def are_sets(labels: object) -> bool:
    """Return whether labels are a matrix (dense or sparse) or a list of sets, so that rows may have several classes."""
    return labels is not None and (is_sets(labels) or len(shape_of(labels)) == 2)


def check_sets(labels: Any, probabilities: Any, n: int) -> tuple[NDArray[np.int64], NDArray[np.floating] | None]:
    """Return labels of rows with several classes, int64 (m, classes) of 0 and 1, and probabilities (or None)."""
    p = None if probabilities is None else as_array(probabilities, "probabilities")
    matrix = indicator_of(labels, p.shape[1] if p is not None and p.ndim > 1 else None, "labels")
    width = matrix.shape[1]
    if width == 0:
        raise InputError("labels", must="have a column for each class", found=f"shape {matrix.shape}")
    matrix = check_zero_one(matrix, "labels")
    if p is None:
        return matrix, None
    if p.shape != (n, width) or p.dtype.kind not in "fiub":
        raise InputError(
            "probabilities",
            must=f"be numbers of shape ({n}, {width}), one column for each column of labels",
            found=f"dtype {p.dtype} and shape {p.shape}",
        )
    p = _as_float(p)
    if not ((p >= -1e-6) & (p <= 1 + 1e-6)).all():
        raise InputError(
            "probabilities",
            must="lie within 0 and 1",
            found=f"{p.min():g} to {p.max():g}",
            remedy="apply a sigmoid to scores first",
        )
    return matrix, p.clip(0, 1)
