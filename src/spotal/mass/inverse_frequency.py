"""Mass by class: more where the model expects classes that are rare in the pool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["InverseFrequency"]

FLOOR = 0.1
"""Added to a class's share, in shares of a class of even size, so that a class that is hardly seen has finite mass."""


class InverseFrequency(Mass):
    """The mean over a row's class probabilities of (share of the class in the pool)^-power.

    At power 1 the mass of the pool is carried to one in which all classes, as far as the model tells them apart, are
    equally common: error weighed by it is the balanced error, the mean over classes of a class's error. Shares are the
    mean of the model's probabilities, plus a tenth of an even share. All ones while there are no probabilities. Of rows
    that may have several classes, the probabilities over their sum are taken: shares are those of labels.
    """

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Positive mass; float64 (N,), 1 everywhere where the model expects equally many of each class. O(N c)."""
        if evidence.probabilities is None:
            return np.ones(len(evidence.pool))
        probabilities = evidence.shares().clip(0)
        classes = probabilities.shape[1]
        even = (evidence.class_shares * classes + FLOOR) / (1 + FLOOR)
        return np.asarray(probabilities @ even**-self.power)
