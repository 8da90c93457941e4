"""Labels with several classes a row, as an indicator matrix: a column for each class, 1 where the row has the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.checks import check_count
from spotal.numeric.shapes import ArrayOrTensor

__all__ = ["check_indicator", "check_zero_one", "indicator", "indicator_of", "is_sets"]


def is_sets(labels: object) -> bool:
    """Return whether labels are a list or tuple of sets, such as ``[{0, 2}, set(), None]``; None is no label."""
    if not isinstance(labels, (list, tuple)) or not any(isinstance(one, set | frozenset) for one in labels):
        return False
    return all(one is None or isinstance(one, set | frozenset) for one in labels)


def indicator(
    sets: Sequence[set[int] | frozenset[int] | None], n_classes: int | None = None, name: str = "y"
) -> NDArray[np.int64]:
    """Return the indicator matrix of sets of classes, int64 (n, n_classes) of 0 and 1; a row of -1 for None.

    Parameters
    ----------
    sets : sequence of n sets of integers 0 .. n_classes - 1
    n_classes : int or None, number of columns; None for 1 + the largest class
    name : str, of the argument, for errors

    Raises
    ------
    InputError
        A class is not an integer in this range.

    Examples
    --------
    >>> from spotal.numeric.indicator import indicator
    >>> indicator([{0, 2}, set(), {1}]).tolist()
    [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    """
    most = None if n_classes is None else n_classes - 1
    own = [None if one is None else [check_count(k, f"{name}'s classes", 0, most) for k in one] for one in sets]
    width = n_classes or 1 + max((max(one) for one in own if one), default=0)
    matrix = np.full((len(own), width), -1, np.int64)
    for row, one in enumerate(own):
        if one is not None:
            matrix[row] = 0
            matrix[row, one] = 1
    return matrix


def indicator_of(labels: Any, n_classes: int | None = None, name: str = "y") -> NDArray[Any]:
    """Return labels, a dense or scipy sparse matrix or a list of sets, as an array, with rows of -1 for None."""
    if hasattr(labels, "toarray"):
        labels = labels.toarray()
    return indicator(labels, n_classes, name) if is_sets(labels) else as_array(labels, name)


def check_zero_one(labels: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Return labels as int64. Raises InputError unless they are integers or booleans, each 0 or 1."""
    if labels.size and (labels.dtype.kind not in "iub" or not np.isin(labels, (0, 1)).all()):
        raise InputError(
            name, must="contain only 0 and 1", found=f"dtype {labels.dtype}", remedy="write 1 for each class of a row"
        )
    return labels.astype(np.int64)


def check_indicator(y: ArrayOrTensor, n: int, n_classes: int, name: str = "y", of: str = "X") -> NDArray[np.int64]:
    """Return y as an indicator matrix, int64 (n, n_classes) of 0 and 1, n >= 1. Raises InputError. O(n n_classes)."""
    labels = as_array(y, name)
    if labels.shape != (n, n_classes):
        raise InputError(
            name,
            must=f"have shape ({n}, {n_classes}), a row of 0 and 1 for each row of {of}",
            found=f"shape {labels.shape}",
        )
    if n == 0:
        raise InputError(name, must="hold at least one label", found="none", remedy="label a row first")
    return check_zero_one(labels, name)
