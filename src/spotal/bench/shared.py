"""The model of the first labels, which all strategies of a seed share: trained once, its outputs kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.cache import Cache
from spotal.bench.features import fingerprint
from spotal.bench.origin import source
from spotal.learner import Learner, TrainingReport
from spotal.learner.calls import infer

__all__ = ["SharedLearner"]


class SharedLearner:
    """A learner that trains on the first labels only where no run has done so before.

    What it gives for the pool and for the test part is kept by the hash of all that it depends on: the code, the
    learner, the labels with their rows, the seed and the data. Training on more than the first labels is as without.

    Parameters
    ----------
    learner : Learner, whose outputs depend on its training alone
    recipe : what the learner is, JSON types
    first : int, number of the first labels
    data : the arrays whose outputs are kept
    """

    def __init__(
        self, learner: Learner, cache: Cache, recipe: dict[str, Any], *, first: int, data: tuple[NDArray[Any], ...]
    ) -> None:
        self.learner, self.n_classes = learner, learner.n_classes
        self._cache, self._recipe, self._first, self._data = cache, recipe, first, data
        self._known: dict[str, Any] | None = None  # of the training that is put off
        self._put_off: tuple[NDArray[Any], NDArray[np.int64], dict[str, Any]] | None = None

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.int64],
        *,
        random_state: int | None = None,
        on_epoch: Callable[[TrainingReport], object] | None = None,
    ) -> SharedLearner:
        """Train, or put it off until an output is asked for that is not known. Training calls ``on_epoch``."""
        told: dict[str, Any] = {} if on_epoch is None else {"on_epoch": on_epoch}
        self._known, self._put_off = None, (X, y, {"random_state": random_state, **told})
        if len(y) > self._first:
            self._train()
            return self
        trained_on = {"rows": fingerprint(X), "labels": y.tolist(), "random_state": random_state, "source": source()}
        self._known = {"kind": "first", "learner": self._recipe, **trained_on}
        for array in self._data:
            self._outputs(array)
        return self

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Class probabilities (n, n_classes)."""
        if self._is_kept(X):
            return self._outputs(X)[0]
        return self._train().probabilities(X)

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Embeddings (n, d)."""
        return self._outputs(X)[1] if self._is_kept(X) else self._train().embeddings(X)

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Both."""
        return self._outputs(X) if self._is_kept(X) else infer(self._train(), X)

    def _is_kept(self, X: NDArray[Any]) -> bool:
        return self._known is not None and any(X is array for array in self._data)

    def _outputs(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert self._known is not None

        def make() -> dict[str, NDArray[Any]]:
            probabilities, embeddings = infer(self._train(), X)
            return {"probabilities": probabilities, "embeddings": embeddings}

        found = self._cache.get({**self._known, "of": fingerprint(X)}, make)
        return found["probabilities"], found["embeddings"]

    def _train(self) -> Learner:
        """The learner, trained by now."""
        if self._put_off is not None:
            X, y, options = self._put_off
            self.learner.fit(X, y, **options)
            self._put_off = None
        return self.learner
