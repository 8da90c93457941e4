"""Oracle: row numbers in, class labels out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array

__all__ = ["SKIPPED", "Oracle", "VectorOracle"]

SKIPPED = -1
"""What an oracle answers for a row that it gives no label."""


@runtime_checkable
class Oracle(Protocol):
    """Whatever knows labels: a vector of known ones, a person at a page, a labeling tool."""

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Labels (n,) of the pool rows ``indices`` (n,), in the same order; -1 for a row that gets none."""
        ...


class VectorOracle:
    """An oracle that looks labels up.

    Parameters
    ----------
    y : int (N,)
        The label of each pool row, 0 or more; -1 for rows that it skips. Copied.

    Raises
    ------
    InputError
        y is not a vector of integers of at least -1.
    """

    def __init__(self, y: ArrayLike) -> None:
        labels = as_array(y, "y")
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise InputError(
                "y", must="be a 1-D array of integer classes", found=f"dtype {labels.dtype} and shape {labels.shape}"
            )
        if labels.size and labels.min() < SKIPPED:
            raise InputError(
                "y", must="hold classes from 0, or -1 for no label", found=labels.min(), remedy="encode it so"
            )
        self._y = labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self._y)

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Labels (n,) of the rows ``indices`` (n,); O(n). Raises InputError for a row outside 0 .. N - 1."""
        rows = np.asarray(indices, np.int64)
        outside = rows[(rows < 0) | (rows >= len(self._y))]
        if outside.size:
            raise InputError("indices", must=f"lie in 0..{len(self._y) - 1}, the rows of y", found=outside[0])
        return self._y[rows]
