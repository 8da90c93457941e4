"""Sets of classes as an indicator matrix: a row for each set, a column for each class, 1 where the set has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.checks import check_count

__all__ = ["indicator", "is_sets"]


def is_sets(labels: Any) -> bool:
    """Whether labels are a list or tuple of sets, such as ``[{0, 2}, set(), None]``; None is no label."""
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
    n_classes : int or None, columns; None for the largest class and those below it
    name : str, of the argument, for errors

    Raises
    ------
    InputError
        A class is no integer or outside.

    Examples
    --------
    >>> from spotal.numeric.indicator import indicator
    >>> indicator([{0, 2}, set(), {1}]).tolist()
    [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    """
    most = None if n_classes is None else n_classes - 1
    own = [None if one is None else [check_count(k, f"{name}'s classes", 0, most) for k in one] for one in sets]
    width = n_classes or 1 + max((max(one) for one in own if one), default=0)
    found = np.full((len(own), width), -1, np.int64)
    for row, one in enumerate(own):
        if one is not None:
            found[row] = 0
            found[row, one] = 1
    return found
