"""Estimates from the audit sample: predictions of one model for it, and shares of the pool with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.numeric.intervals import share_interval
from spotal.project.class_sets import parted
from spotal.project.predictions import LIKELY, Predictions
from spotal.project.records import AuditLabel

__all__ = ["LEAST_AUDIT", "Audited", "ShareEstimate", "audited", "estimate"]

LEAST_AUDIT = 10
"""Minimum number of audit labels for a forecast and for the classes' shares of the pool."""


@dataclass(frozen=True)
class ShareEstimate:
    """A share with its 95 % interval, estimated from n items."""

    value: float
    low: float
    high: float
    n: int


def estimate(hit: ArrayLike, weight: ArrayLike) -> ShareEstimate:
    """Estimate the share of the pool's items that have a property, for example that a model is right.

    Parameters
    ----------
    hit : bool (n,), n >= 1, whether each item of the sample has the property
    weight : (n,), positive, number of the pool's items that each item of the sample represents

    Notes
    -----
    Hajek's ratio estimate with Korn and Graubard's interval: :func:`~spotal.numeric.intervals.share_interval` for the
    effective sample size (sum of weights)^2 / (sum of their squares). It keeps its level in small samples.
    """
    true, w = np.asarray(hit, float), np.asarray(weight, float)
    value = float(np.average(true, weights=w))
    low, high = share_interval(value, float(w.sum() ** 2 / (w**2).sum()))
    return ShareEstimate(value, low, high, len(true))


@dataclass(frozen=True, eq=False)
class Audited:
    """A model's predictions for the m answered audit items that it has seen.

    classes : tuple of str (C,)
    labels : int64 (m,), positions in ``classes``, -1 for "none of these" and for classes that the model does not have;
        with several classes per item (``many``), 0 and 1 (m, C)
    probabilities : float64 (m, C); weight : float64 (m,), number of the pool's items that each item represents
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weight: NDArray[np.float64]
    many: bool = False

    @property
    def right(self) -> NDArray[np.bool_]:
        """Mask of the items whose most likely class is the label; with ``many``, whose sets of classes are equal."""
        if self.many:
            return np.asarray(((self.probabilities >= LIKELY) == self.labels.astype(bool)).all(1))
        return np.asarray(self.probabilities.argmax(1) == self.labels)


def audited(predictions: Predictions, audit: list[AuditLabel]) -> tuple[NDArray[np.bool_], Audited]:
    """Select the audit items that a model has seen: return the mask, bool (len(audit),), and their predictions."""
    probabilities = predictions.of(np.asarray([label.number for label in audit], np.int64))
    unchanged = [label.changed is None or label.changed < predictions.model.at for label in audit]
    seen = ~np.isnan(probabilities[:, 0]) & np.asarray(unchanged, bool)
    labels = _labels(predictions, audit)
    weight = np.asarray([label.weight for label in audit], np.float64)
    rows = probabilities[seen].astype(np.float64)
    return seen, Audited(predictions.classes, labels[seen], rows, weight[seen], predictions.many)


def _labels(predictions: Predictions, audit: list[AuditLabel]) -> NDArray[np.int64]:
    if predictions.many:
        own = [parted(label.label, True) for label in audit]
        marks = [[int(name in names) for name in predictions.classes] for names in own]
        return np.asarray(marks, np.int64).reshape(len(audit), len(predictions.classes))
    position = {name: k for k, name in enumerate(predictions.classes)}
    return np.asarray([position.get(label.label or "", -1) for label in audit], np.int64)
