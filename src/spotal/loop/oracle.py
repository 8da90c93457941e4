"""Oracle: a source of class labels for row numbers."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.numeric.classes import read_labels

__all__ = ["SKIPPED", "Oracle", "VectorOracle"]

SKIPPED = -1
"""Answer of an oracle for a row without a label."""


@runtime_checkable
class Oracle(Protocol):
    """Interface of a source of labels, such as a vector of labels, a person or a labeling tool.

    Examples
    --------
    >>> from spotal.loop import Oracle
    >>> def ask(indices):
    ...     return [f"class of row {row}" for row in indices]
    >>> isinstance(ask, Oracle)
    True
    """

    def __call__(self, indices: NDArray[np.int64]) -> Any:
        """Return labels (n,) of the pool rows ``indices`` (n,), in the same order; -1 or None for no label."""
        ...


class VectorOracle:
    """An oracle that looks labels up in a vector.

    Parameters
    ----------
    y : (N,)
        The label of each pool row: integers, texts, booleans, floats that are classes or a categorical. Rows with None,
        NaN, pandas.NA or the integer -1 have no label. ``y`` is copied.
    name : str, name of y in errors
    minus_one : bool, whether the integer -1 means no label; False if it is a class

    Raises
    ------
    InputError
        y is not one-dimensional, or has values that are not classes, or integers below -1.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal import VectorOracle
    >>> VectorOracle(["gull", "tern", None])(np.array([1, 2])).tolist()
    ['tern', None]
    """

    def __init__(self, y: ArrayLike, name: str = "y", *, minus_one: bool = True) -> None:
        values, present = read_labels(y, name, minus_one=minus_one)
        if minus_one and values.dtype.kind == "i" and values.min(initial=0) < SKIPPED:
            raise InputError(
                name, must="hold classes from 0, or -1 for no label", found=values.min(), remedy="encode it so"
            )
        missing: Any = SKIPPED if values.dtype.kind == "i" and minus_one else None
        self._y = (
            values
            if present.all()
            else np.where(present, values if missing == SKIPPED else values.astype(object), missing)
        )

    def __len__(self) -> int:
        return len(self._y)

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return labels (n,) of the rows ``indices`` (n,); O(n). Raises InputError for a row outside 0 .. N - 1."""
        rows = np.asarray(indices, np.int64)
        outside = rows[(rows < 0) | (rows >= len(self._y))]
        if outside.size:
            raise InputError("indices", must=f"lie in 0..{len(self._y) - 1}, the rows of y", found=outside[0])
        labels: NDArray[Any] = self._y[rows]
        return labels
