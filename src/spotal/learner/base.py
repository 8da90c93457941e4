"""Learner: labels in, a model out that gives embeddings and class probabilities."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Learner"]


@runtime_checkable
class Learner(Protocol):
    """What the labeling loop needs from a model.

    ``X`` is whatever the learner was made for: images (n, height, width, channels) uint8, or features (n, d).
    Class labels are integers 0 .. n_classes - 1; columns of ``probabilities`` are in that order, also for classes
    that have no label yet.
    """

    n_classes: int

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> Learner:
        """Train from nothing on X (n, ...) and y (n,)."""
        ...

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Class probabilities (n, n_classes), rows sum to 1."""
        ...

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Embeddings (n, d) under the current model."""
        ...
