"""Held-out probabilities: each labeled row is predicted by a regression on the others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy
from spotal.numeric.threads import one_thread
from spotal.pool.sample import priority_sample

if TYPE_CHECKING:
    from spotal.mass.base import Evidence

__all__ = ["HeldOut", "held_out_probabilities", "hold_out", "likeness"]

FOLDS = 5
LEAST_LABELS, MOST_LABELS = 20, 1_000
"""Calibration needs at least 20 labels and uses at most 1,000."""
SEEN = 2_000
"""Number of pool rows that labeled rows are compared with."""
STEPS = 100
"""Maximum number of steps of a regression."""


@dataclass(frozen=True)
class HeldOut:
    """Labeled rows (m, D), labels (m,) of classes 0 .. c - 1, and held-out probabilities (m, c)."""

    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def likeness(self, points: NDArray[np.float64]) -> float:
        """Return the doubt about held-out labeled rows divided by the doubt about ``points`` (s, D), in [0, 1].

        Doubt is the mean of one minus the greatest probability, from regressions that were not trained on the rows. In
        an embedding that was not trained on the labels, it is similar for both, or greater for labeled rows that were
        picked because they are hard: the result is 1. A network trained on the labels moves labeled rows close to their
        class: the result is near 0. Rounded to three decimals. O(m D c) per step of the regression, then O(s D c).
        """
        if len(np.unique(self.labels)) < 2:
            return 1.0
        shift, scale = self.points.mean(0), _scale(self.points)
        model = _regression((self.points - shift) / scale, self.labels)
        doubt = (1 - model.predict_proba((points - shift) / scale).max(1)).mean()
        own = (1 - self.probabilities.max(1)).mean()
        return float(np.round(min(own, doubt) / doubt, 3)) if doubt > 0 else 1.0


def hold_out(evidence: Evidence) -> HeldOut | None:
    """Return held-out probabilities of at most 1,000 labeled rows.

    The result is None with fewer than 20 labels, without class numbers, or if rows may have several classes. Folds
    depend on row content, so the order of the labeled rows has no effect. Five regressions of O(m D c) per step.
    """
    labels, probabilities = evidence.labels, evidence.probabilities
    if evidence.multilabel or labels is None or probabilities is None or len(labels) < LEAST_LABELS:
        return None
    classes = probabilities.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        return None
    points = to_numpy(evidence.pool.rows(evidence.labeled).double())
    order = np.lexsort((labels, *points.T[::-1]))
    rows = order[np.linspace(0, len(order) - 1, min(len(order), MOST_LABELS)).astype(np.int64)]
    points, labels = points[rows], labels[rows]
    return HeldOut(points, labels, held_out_probabilities(points, labels, classes))


def likeness(evidence: Evidence) -> float:
    """Return the likeness of held-out labeled rows and a sample of the pool, or 1 without held-out rows."""
    if evidence.held_out is None:
        return 1.0
    rows, _ = priority_sample(None, len(evidence.pool), SEEN, 0)
    return evidence.held_out.likeness(to_numpy(evidence.pool.rows(rows).double()))


def held_out_probabilities(points: NDArray[np.float64], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Predict labeled rows in five folds by logistic regressions on the other folds; float64 (m, classes).

    For frozen embeddings with a linear head, this is the model itself. Embeddings of a network that was trained on
    these labels look better here than they are.
    """
    scaled = (points - points.mean(0)) / _scale(points)
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    result = np.full((len(labels), classes), 1e-6)
    for k in range(FOLDS):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        seen = np.unique(labels[rest])
        if len(seen) < 2 or len(held) == 0:
            result[np.ix_(held, seen)] = 1.0
            continue
        model = _regression(scaled[rest], labels[rest])
        result[np.ix_(held, model.classes_)] += model.predict_proba(scaled[held])
    return np.asarray(result / result.sum(1, keepdims=True))


def _scale(points: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(points - points.mean(0)).mean())) or 1.0


def _regression(points: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
    from sklearn.linear_model import LogisticRegression

    with one_thread(numpy=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(max_iter=STEPS).fit(points, labels)
