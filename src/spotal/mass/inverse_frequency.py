"""Mass by class: more for rows whose expected classes are rare in the pool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Power

__all__ = ["InverseFrequency"]

FLOOR = 0.1
"""Added to each class's share, as a fraction of an even share, so that very rare classes have a finite mass."""


class InverseFrequency(Power):
    """Class weights (share of the pool)^-power, averaged by a row's class probabilities.

    With power 1 all classes have the same mass, as far as the model can distinguish them. The error weighted by this
    mass is the balanced error, the mean over classes of the error in a class. Shares are the means of the model's
    probabilities, plus a tenth of an even share. If rows may have several classes, their probabilities are scaled to a
    sum of 1. All ones without probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, InverseFrequency
    >>> from spotal.pool import as_pool
    >>> p = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> InverseFrequency().weigh(Evidence(as_pool(np.eye(4)), np.empty(0, int), probabilities=p)).round(3).tolist()
    [0.688, 0.688, 0.688, 1.833]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return positive mass, float64 (N,); all ones if the expected classes are equally common. O(N c)."""
        if evidence.probabilities is None:
            return np.ones(len(evidence.pool))
        probabilities = evidence.shares().clip(0)
        classes = probabilities.shape[1]
        even = (evidence.class_shares * classes + FLOOR) / (1 + FLOOR)
        return np.asarray(probabilities @ even**-self.power)
