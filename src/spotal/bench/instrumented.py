"""Wrappers of strategies and learners for a benchmark: measure a query, and draw probabilities of several models."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.memory import PeakMemory
from spotal.learner import Learner
from spotal.pool.base import PoolLike
from spotal.selection import Selection
from spotal.strategies import Strategy

__all__ = ["DrawingLearner", "InstrumentedStrategy"]

DRAWS = 10
"""Number of models whose probabilities a strategy that needs several draws gets."""


class InstrumentedStrategy:
    """A strategy whose last query is measured.

    ``seconds`` is the processor time of the query over all threads, ``memory`` its peak memory in bytes, and
    ``diagnostics`` come from its selection. ``forget`` clears all three.
    """

    def __init__(self, strategy: Strategy, label: str) -> None:
        self.strategy, self.name = strategy, label
        self.needs_draws = bool(getattr(strategy, "needs_draws", False))
        self.needs_probabilities = self.needs_draws or bool(getattr(strategy, "needs_probabilities", False))
        self.forget()

    def forget(self) -> None:
        """Clear the measurements of the last query."""
        self.seconds: float | None = None
        self.memory: int | None = None
        self.diagnostics: dict[str, float] = {}

    def query(self, pool: PoolLike, budget: int, **context: Any) -> Selection:
        """Query the strategy, and measure it."""
        start = time.process_time()
        with PeakMemory() as peak:
            selection: Selection = self.strategy.query(pool, budget, **context)
        self.seconds, self.memory, self.diagnostics = time.process_time() - start, peak.bytes, selection.diagnostics
        return selection


class DrawingLearner:
    """A learner whose ``infer`` returns probabilities of several models, (n, classes, draws).

    The models are logistic regressions on the learner's embeddings. Each is fitted to a bootstrap sample of the labels,
    which is cheap and works for any learner. ``probabilities`` returns the learner's own.
    """

    def __init__(self, learner: Learner, draws: int = DRAWS) -> None:
        self.learner, self.draws = learner, draws
        self.n_classes = learner.n_classes

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> DrawingLearner:
        """Train the learner, then the logistic regressions."""
        from sklearn.linear_model import LogisticRegression

        from spotal.learner import SklearnLearner

        self.learner.fit(X, y, random_state=random_state)
        points = self.learner.embeddings(X)
        self._mean, self._deviation = points.mean(0), max(float(points.std()), 1e-6)
        rng = np.random.default_rng(np.random.SeedSequence(random_state, spawn_key=(1,)))
        self._heads = []
        for _ in range(self.draws):
            rows = rng.integers(0, len(y), len(y))
            head = SklearnLearner(LogisticRegression(max_iter=500), self.n_classes)
            self._heads.append(head.fit(self._scaled(points[rows]), y[rows], random_state=0))
        return self

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return probabilities float32 (n, classes, draws) and embeddings (n, d)."""
        points = self.learner.embeddings(X)
        scaled = self._scaled(points)
        return np.stack([head.probabilities(scaled) for head in self._heads], 2), points

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the learner's own probabilities (n, classes)."""
        return self.learner.probabilities(X)

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the learner's own embeddings (n, d)."""
        return self.learner.embeddings(X)

    def _scaled(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled: NDArray[np.float32] = ((points - self._mean) / self._deviation).astype(np.float32)
        return scaled
