"""Labels of rows that may have several classes, and what a model says of them, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.classes import shape_of
from spotal.numeric.indicator import check_zero_one, indicator_of, is_sets

__all__ = ["ClassSets", "are_sets", "class_sets"]


class ClassSets:
    """What is known of rows that may have several classes, or none.

    labels : int64 (m, classes) of 0 and 1; probabilities : float (n, classes) in [0, 1], or None
    """

    def __init__(self, labels: Any, probabilities: Any, n: int) -> None:
        given = None if probabilities is None else as_array(probabilities, "probabilities")
        matrix = indicator_of(labels, given.shape[1] if given is not None and given.ndim > 1 else None, "labels")
        if matrix.shape[1] == 0:
            raise InputError("labels", must="have a column for each class", found=f"shape {matrix.shape}")
        self.labels = check_zero_one(matrix, "labels")
        self.probabilities = None if given is None else _check_probabilities(given, n, self.labels.shape[1])

    def check(self, strategy: str, able: bool, count: int) -> None:
        """Raise InputError unless the strategy can take them, and there is a row for each of ``count`` labeled rows."""
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
    """Return whether labels are those of rows with several classes: a matrix, dense or sparse, or a list of sets."""
    return labels is not None and (is_sets(labels) or len(shape_of(labels)) == 2)


def class_sets(labels: Any, probabilities: Any, n: int) -> ClassSets | None:
    """Return what is known of rows with several classes; None where labels are not a matrix, nor a list of sets."""
    return ClassSets(labels, probabilities, n) if are_sets(labels) else None


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
