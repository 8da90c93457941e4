"""Mass by class: more where the model expects classes that have few labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["ClassBalance"]


class ClassBalance(Mass):
    """The mean over a row's class probabilities of (labels of that class + 1, over their mean)^-power.

    With as many labels of each class all rows weigh the same. Classes are counted among the labels; one is added to
    each count, so that a class without labels has a finite weight. All ones while there are no labels or no
    probabilities.
    """

    def __init__(self, power: float = 0.5) -> None:
        self.power = power

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Positive mass; float64 (N,). O(N c)."""
        if evidence.probabilities is None or evidence.labels is None or len(evidence.labels) == 0:
            return np.ones(len(evidence.pool))
        classes = evidence.probabilities.shape[1]
        if evidence.multilabel:
            count = evidence.labels.sum(0) + 1.0
        else:
            known = evidence.labels[(evidence.labels >= 0) & (evidence.labels < classes)]
            count = np.bincount(known, minlength=classes) + 1.0
        return np.asarray(evidence.shares() @ (count / count.mean()) ** -self.power)
