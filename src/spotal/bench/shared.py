"""The model of the first labels, shared by all strategies of a seed: trained once, its outputs cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.cache import Cache, fingerprint
from spotal.bench.origin import source
from spotal.learner import Learner, TrainingReport
from spotal.learner.calls import infer

__all__ = ["SharedLearner"]


class SharedLearner:
    """A learner that takes its outputs from a cache when it is trained on the first labels.

    The key of the outputs is a hash of the code, the learner, the labels with their rows, the seed and the data.
    Training on more labels does not use the cache.

    Parameters
    ----------
    learner : Learner, whose outputs depend on its training alone
    recipe : description of the learner, JSON types
    first : int, number of the first labels
    data : arrays whose outputs are cached: the pool and the test part
    """

    def __init__(
        self, learner: Learner, cache: Cache, recipe: dict[str, Any], *, first: int, data: tuple[NDArray[Any], ...]
    ) -> None:
        self.learner, self.n_classes = learner, learner.n_classes
        self._cache, self._recipe, self._first, self._data = cache, recipe, first, data
        self._key: dict[str, Any] | None = None  # cache key of the deferred training
        self._deferred: tuple[NDArray[Any], NDArray[np.int64], dict[str, Any]] | None = None

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.int64],
        *,
        random_state: int | None = None,
        on_epoch: Callable[[TrainingReport], object] | None = None,
    ) -> SharedLearner:
        """Train, or defer training until an output is needed that is not cached. Training calls ``on_epoch``."""
        options: dict[str, Any] = {} if on_epoch is None else {"on_epoch": on_epoch}
        self._key, self._deferred = None, (X, y, {"random_state": random_state, **options})
        if len(y) > self._first:
            self._train()
            return self
        trained_on = {"rows": fingerprint(X), "labels": y.tolist(), "random_state": random_state, "source": source()}
        self._key = {"kind": "first", "learner": self._recipe, **trained_on}
        for array in self._data:
            self._outputs(array)
        return self

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return class probabilities (n, n_classes)."""
        return self._outputs(X)[0] if self._is_cached(X) else self._train().probabilities(X)

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return embeddings (n, d)."""
        return self._outputs(X)[1] if self._is_cached(X) else self._train().embeddings(X)

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class probabilities and embeddings."""
        return self._outputs(X) if self._is_cached(X) else infer(self._train(), X)

    def _is_cached(self, X: NDArray[Any]) -> bool:
        return self._key is not None and any(X is array for array in self._data)

    def _outputs(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert self._key is not None

        def make() -> dict[str, NDArray[Any]]:
            probabilities, embeddings = infer(self._train(), X)
            return {"probabilities": probabilities, "embeddings": embeddings}

        arrays = self._cache.get({**self._key, "of": fingerprint(X)}, make)
        return arrays["probabilities"], arrays["embeddings"]

    def _train(self) -> Learner:
        """The learner, after any deferred training."""
        if self._deferred is not None:
            X, y, options = self._deferred
            self.learner.fit(X, y, **options)
            self._deferred = None
        return self.learner
