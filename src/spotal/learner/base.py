"""Learner: a model trained on labels that gives embeddings and class probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.shapes import ArrayOrTensor

__all__ = ["Learner", "TrainingReport", "check_labels", "is_multilabel"]


@runtime_checkable
class Learner(Protocol):
    """Interface of a model in the labeling loop.

    ``X`` is the learner's input: images (n, height, width, channels) uint8, or features (n, d). Class labels are
    integers 0 .. n_classes - 1; columns of ``probabilities`` are in this order, also for classes without labels.

    If ``multilabel`` is True, items may have several classes, or none. ``y`` is then an indicator matrix (n, n_classes)
    of 0 and 1, and each column of ``probabilities`` is the probability of one class, so rows need not sum to 1.

    Optional: a method ``infer(X) -> (probabilities, embeddings)``, which computes both in one pass over X; and an
    argument ``on_epoch`` of ``fit``, a function that is called with a :class:`TrainingReport` after each epoch.
    """

    n_classes: int

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> Learner:
        """Train a new model on X (n, ...) and y (n,)."""
        ...

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return class probabilities (n, n_classes); rows sum to 1, except with ``multilabel``."""
        ...

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return embeddings (n, d) of the current model."""
        ...


@dataclass(frozen=True)
class TrainingReport:
    """Progress of training.

    Attributes
    ----------
    epoch : int, from 1
    epochs : int, maximum number of epochs; training may stop earlier
    loss : float, mean training loss of this epoch
    held_out_loss : float or None, mean negative log-likelihood of held-out labels, if there are any

    Examples
    --------
    >>> from spotal.learner import TrainingReport
    >>> TrainingReport(epoch=1, epochs=20, loss=0.5, held_out_loss=None).epoch
    1
    """

    epoch: int
    epochs: int
    loss: float
    held_out_loss: float | None = None


def is_multilabel(learner: Learner) -> bool:
    """Return whether a learner takes items with several classes, as an indicator matrix."""
    return bool(getattr(learner, "multilabel", False))


def check_labels(y: ArrayOrTensor, n: int, n_classes: int, name: str = "y", of: str = "X") -> NDArray[np.int64]:
    """Return y as classes 0 .. n_classes - 1 of n >= 1 rows, int64 (n,). Raises InputError. O(n)."""
    labels = as_array(y, name)
    if labels.shape != (n,):
        raise InputError(name, must=f"have shape ({n},), one label for each row of {of}", found=f"shape {labels.shape}")
    if n == 0:
        raise InputError(name, must="hold at least one label", found="none", remedy="label a row first")
    if labels.dtype.kind not in "iu":
        raise InputError(
            name, must="hold integer classes", found=f"dtype {labels.dtype}", remedy="encode them as 0, 1, 2, ..."
        )
    outside = labels[(labels < 0) | (labels >= n_classes)]
    if outside.size:
        raise InputError(
            name,
            must=f"hold classes 0..{n_classes - 1}",
            found=outside[0],
            remedy="check the labels, or raise n_classes",
        )
    return labels.astype(np.int64)
