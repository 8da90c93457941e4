"""Mass by class: more for rows whose expected classes have few labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["ClassBalance"]


class ClassBalance(Mass):
    """Class weights ((labels + 1) / mean over classes)^-power, averaged by a row's class probabilities.

    Adding one gives classes without labels a finite weight. If all classes have equally many labels, all rows weigh the
    same. All ones without labels or probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import ClassBalance, Evidence
    >>> from spotal.pool import as_pool
    >>> p = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> evidence = Evidence(as_pool(np.eye(3)), np.array([0]), np.array([0]), p)
    >>> ClassBalance().weigh(evidence).round(3).tolist()
    [0.866, 1.225, 0.866]
    """

    def __init__(self, power: float = 0.5) -> None:
        self.power = power

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return positive mass, float64 (N,). O(N c)."""
        if evidence.probabilities is None or evidence.labels is None or len(evidence.labels) == 0:
            return np.ones(len(evidence.pool))
        classes = evidence.probabilities.shape[1]
        if evidence.multilabel:
            count = evidence.labels.sum(0) + 1.0
        else:
            labels = evidence.labels[(evidence.labels >= 0) & (evidence.labels < classes)]
            count = np.bincount(labels, minlength=classes) + 1.0
        return np.asarray(evidence.shares() @ (count / count.mean()) ** -self.power)
