"""What labels say of the space they lie in: each labeled row as a regression on the others sees it."""

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
"""Fewer labels say nothing about how far a model is to be trusted; of more, these many say enough."""
SEEN = 2_000
"""Rows of the pool that labeled rows are held against."""
STEPS = 100
"""Of a regression; enough for this."""


@dataclass(frozen=True)
class HeldOut:
    """Labeled rows (m, D), labels (m,) of classes 0 .. c - 1, and each row's probabilities (m, c) by the others."""

    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def likeness(self, points: NDArray[np.float64]) -> float:
        """Doubt about held-out labeled rows over doubt about these rows (s, D), at most 1; three decimals.

        Doubt is the mean of one minus the greatest probability, of regressions that have not seen the rows. It is about
        as great for both, or greater for labeled rows that were chosen for being hard, in an embedding that does not
        know the labels: 1. A network that was trained on the labels has gathered them by class, each far from what is
        not labeled: near 0. A regression of O(m D c) a step, then O(s D c).
        """
        if len(np.unique(self.labels)) < 2:
            return 1.0
        shift, scale = self.points.mean(0), _scale(self.points)
        model = _regression((self.points - shift) / scale, self.labels)
        doubt = (1 - model.predict_proba((points - shift) / scale).max(1)).mean()
        own = (1 - self.probabilities.max(1)).mean()
        return float(np.round(min(own, doubt) / doubt, 3)) if doubt > 0 else 1.0


def hold_out(evidence: Evidence) -> HeldOut | None:
    """At most 1,000 labeled rows; None where fewer than 20 are, classes are not known, or rows may have several.

    The order of the labeled rows does not matter: folds go by what the rows are. Five regressions of O(m D c) a step.
    """
    labels, probabilities = evidence.labels, evidence.probabilities
    if evidence.multilabel or labels is None or probabilities is None or len(labels) < LEAST_LABELS:
        return None
    classes = probabilities.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        return None
    points = to_numpy(evidence.pool.rows(evidence.labeled).double())
    order = np.lexsort((labels, *points.T[::-1]))
    kept = order[np.linspace(0, len(order) - 1, min(len(order), MOST_LABELS)).astype(np.int64)]
    points, labels = points[kept], labels[kept]
    return HeldOut(points, labels, held_out_probabilities(points, labels, classes))


def likeness(evidence: Evidence) -> float:
    """How alike held-out labeled rows and a sample of the pool are (:meth:`HeldOut.likeness`); 1 where none are."""
    if evidence.held_out is None:
        return 1.0
    rows, _ = priority_sample(None, len(evidence.pool), SEEN, 0)
    return evidence.held_out.likeness(to_numpy(evidence.pool.rows(rows).double()))


def held_out_probabilities(points: NDArray[np.float64], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Probabilities (m, classes) of each labeled row by a logistic regression on the others' embeddings, in five folds.

    On frozen embeddings with a linear head that is the model itself. A network that was trained on these labels has
    arranged its embeddings by them, and looks better here than it is.
    """
    scaled = (points - points.mean(0)) / _scale(points)
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    found = np.full((len(labels), classes), 1e-6)
    for k in range(FOLDS):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        seen = np.unique(labels[rest])
        if len(seen) < 2 or len(held) == 0:
            found[np.ix_(held, seen)] = 1.0
            continue
        model = _regression(scaled[rest], labels[rest])
        found[np.ix_(held, model.classes_)] += model.predict_proba(scaled[held])
    return np.asarray(found / found.sum(1, keepdims=True))


def _scale(points: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(points - points.mean(0)).mean())) or 1.0


def _regression(points: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
    from sklearn.linear_model import LogisticRegression

    with one_thread(numpy=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(max_iter=STEPS).fit(points, labels)
