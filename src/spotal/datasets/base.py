"""Dataset: images or features with integer labels, split into a pool and a test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset"]


@dataclass(frozen=True)
class Dataset:
    """Labeled data with a pool and a test part.

    Attributes
    ----------
    name : str
    X : images uint8 (n, height, width, channels), channels 1 or 3; or features float (n, d)
    y : int64 (n,), classes 0 .. len(class_names) - 1
    X_test, y_test : the same for the test part
    class_names : tuple of str

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.datasets import Dataset
    >>> X, y = np.eye(4), np.array([0, 1, 0, 1])
    >>> Dataset("tiny", X[:2], y[:2], X[2:], y[2:], ("cat", "dog")).n_classes
    2
    """

    name: str
    X: NDArray[Any]
    y: NDArray[np.int64]
    X_test: NDArray[Any]
    y_test: NDArray[np.int64]
    class_names: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def is_images(self) -> bool:
        """True if X has images (n, height, width, channels), False if it has features (n, d)."""
        return self.X.ndim == 4
