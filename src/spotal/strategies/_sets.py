"""Checks of labels and probabilities for rows that may have several classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.classes import shape_of
from spotal.numeric.indicator import indicator, is_sets
from spotal.pool.sparse import is_sparse

__all__ = ["ClassSets", "are_sets", "class_sets"]


class ClassSets:
    """Labels, int64 (m, classes) of 0 and 1, and probabilities, float (n, classes) in [0, 1] or None."""

    def __init__(self, labels: Any, probabilities: Any, n: int) -> None:
        given = None if probabilities is None else as_array(probabilities, "probabilities")
        if is_sets(labels):
            width = given.shape[1] if given is not None and given.ndim > 1 else None
            labels = indicator(labels, width, "labels")
        self.labels = _check_labels(as_array(labels, "labels"))
        self.probabilities = None if given is None else _check_probabilities(given, n, self.labels.shape[1])

    def check(self, strategy: str, able: bool, count: int) -> None:
        """Raise InputError if the strategy is not ``able``, or labels do not have ``count`` rows."""
        shape = self.labels.shape
        if not able:
            raise InputError(
                "labels",
                must=f"be one class a row for strategy {strategy!r}, which cannot take rows with several classes",
                found=f"shape {shape}",
                remedy="use 'spot', 'margin', 'entropy' or 'least-confidence'",
            )
        if len(self.labels) != count:
            raise InputError(
                "labels", must=f"have shape ({count}, classes), a row for each labeled row", found=f"shape {shape}"
            )


def are_sets(labels: Any) -> bool:
    """Return whether labels are a matrix (dense or sparse) or a list of sets, so that rows may have several classes."""
    return labels is not None and (is_sets(labels) or len(shape_of(labels)) == 2)


def class_sets(labels: Any, probabilities: Any, n: int) -> ClassSets | None:
    """Return the checked labels and probabilities of rows with several classes; None for one class a row."""
    if not are_sets(labels):
        return None
    if is_sparse(labels):
        labels = labels.toarray()
    return ClassSets(labels, probabilities, n)


def _check_labels(array: NDArray[Any]) -> NDArray[np.int64]:
    if array.shape[1] == 0:
        raise InputError("labels", must="have a column for each class", found=f"shape {array.shape}")
    if array.size and (array.dtype.kind not in "iub" or not np.isin(array, (0, 1)).all()):
        raise InputError(
            "labels",
            must="contain only 0 and 1 when they are a matrix",
            found=f"dtype {array.dtype}",
            remedy="write 1 for each class of a row",
        )
    return array.astype(np.int64)


def _check_probabilities(array: NDArray[Any], n: int, width: int) -> NDArray[np.floating]:
    if array.shape != (n, width) or array.dtype.kind not in "fiub":
        raise InputError(
            "probabilities",
            must=f"be numbers of shape ({n}, {width}), one column for each column of labels",
            found=f"dtype {array.dtype} and shape {array.shape}",
        )
    array = array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)
    if not ((array >= -1e-6) & (array <= 1 + 1e-6)).all():
        raise InputError(
            "probabilities",
            must="lie within 0 and 1",
            found=f"{array.min():g} to {array.max():g}",
            remedy="apply a sigmoid to scores first",
        )
    return array.clip(0, 1)
