"""SkorchLearner: a skorch classifier as a learner."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.errors import ModelError
from spotal.learner._plain import BATCH, forwarded, outputs, plain_rows
from spotal.learner.base import check_labels
from spotal.learner.training import seeded
from spotal.numeric.arrays import blocks

__all__ = ["SkorchLearner"]


class SkorchLearner:
    """A learner that wraps a ``skorch.NeuralNetClassifier`` and trains it with the classifier's own parameters.

    Parameters
    ----------
    net : NeuralNetClassifier; each fit trains a new clone
    n_classes : int, number of outputs of the net's module

    Attributes
    ----------
    net_ : the trained clone

    Notes
    -----
    The module gets float32 rows: features unchanged, images (n, channels, height, width) scaled to 0..1. Embeddings are
    the input of the last ``torch.nn.Linear`` that runs. The net's ``train_split`` is used only if every class has at
    least one label for each part of the split. torch's global seed is set for the training; the net's own generators
    are not seeded.
    """

    net_: Any

    def __init__(self, net: Any, n_classes: int) -> None:
        self.net, self.n_classes = net, int(n_classes)

    @staticmethod
    def outputs(net: Any, X: NDArray[Any]) -> int:
        """Return the number of scores that the net's module gives for each row. Raises ModelError."""
        from sklearn.base import clone

        with seeded(0, torch.device(net.device or "cpu")):
            return outputs(clone(net).set_params(verbose=0).initialize().module_, X)

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> Self:
        """Train a clone of the net on X (n, ...) and y (n,), classes 0 .. n_classes - 1. Raises InputError."""
        from sklearn.base import clone

        rows = plain_rows(X)
        labels = check_labels(y, len(rows), self.n_classes)
        net = clone(self.net)
        parts = getattr(net.train_split, "cv", None)
        counts = np.bincount(labels)
        if isinstance(parts, int) and counts[counts > 0].min() < parts:
            net.set_params(train_split=None)
        seed = int(np.random.SeedSequence(random_state).generate_state(1, np.uint32)[0])
        with seeded(seed, torch.device(net.device or "cpu")):
            self.net_ = net.fit(rows, labels)
        return self

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the net's ``predict_proba`` (n, n_classes), float32. Raises ModelError."""
        self._check_fitted()
        with seeded(0, torch.device(self.net_.device or "cpu")):  # a DataLoader draws from the global generator
            scores = np.concatenate([self.net_.predict_proba(plain_rows(X[part])) for part in blocks(len(X), BATCH)])
        if scores.shape != (len(X), self.n_classes):
            raise ModelError(f"net must give ({len(X)}, {self.n_classes}) probabilities, found {scores.shape}")
        return scores.astype(np.float32, copy=False)

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return embeddings (n, d), float32. Raises ModelError if the net is not fitted or no linear layer runs."""
        self._check_fitted()
        batches = forwarded(self.net_.module_, X, self.n_classes, self.net_.device or "cpu")
        return np.concatenate([embedding for _, embedding in batches])

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return probabilities and embeddings."""
        return self.probabilities(X), self.embeddings(X)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trained module's weights to a file."""
        self._check_fitted()
        self.net_.save_params(f_params=path)

    def _check_fitted(self) -> None:
        if not hasattr(self, "net_"):
            raise ModelError("the learner has not been fitted; call fit first")
