"""A linear classifier on the labeled rows, for strategies that change rows and compare predictions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy
from spotal.numeric.threads import one_thread
from spotal.strategies._content import ContentRandom
from spotal.strategies.base import Query

__all__ = ["Probe"]

STEPS = 500
"""Maximum number of steps of the regression."""


@dataclass(frozen=True)
class Probe:
    """A classifier with scores x @ weights.T + bias, for the c classes that have labels, in ascending order.

    Attributes
    ----------
    weights : float64 (c, D); bias : float64 (c,)
    means : float64 (c, D), the mean of each class's labeled rows
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    means: NDArray[np.float64]

    @classmethod
    def fit(cls, query: Query, chance: ContentRandom) -> Probe | None:
        """Fit a logistic regression to the labeled rows; return None with fewer than two classes.

        Rows are centered and divided by one scale. The order of the labeled rows has no effect. O(m c D) a step for
        m labels.
        """
        from sklearn.linear_model import LogisticRegression

        if query.labels is None or len(classes := np.unique(query.labels)) < 2:
            return None
        order = np.lexsort((query.labels, chance.keys[query.labeled]))
        labels = query.labels[order]
        points = to_numpy(query.pool.rows(query.labeled[order]).double())
        middle = points.mean(0)
        scale = float(np.abs(points - middle).max()) or 1.0
        scale *= float(np.sqrt(np.square((points - middle) / scale).mean())) or 1.0
        with one_thread(numpy=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # full convergence is not needed
            model: Any = LogisticRegression(max_iter=STEPS).fit((points - middle) / scale, labels)
        weights, bias = model.coef_, model.intercept_
        if len(classes) == 2:
            weights, bias = np.concatenate([0 * weights, weights]), np.concatenate([0 * bias, bias])
        weights = weights / scale
        means = np.stack([points[labels == label].mean(0) for label in classes])
        return cls(weights, bias - weights @ middle, means)

    def scores(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of rows (n, D), float64 (n, c)."""
        with one_thread(numpy=True):
            return np.asarray(points @ self.weights.T + self.bias)

    def classes(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the class of greatest score of rows (n, D), int64 (n,) in 0 .. c - 1; in a tie the first."""
        return np.asarray(self.scores(points).argmax(1))
