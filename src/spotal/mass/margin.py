"""Mass by uncertainty: one minus the margin between the two most probable classes, to a power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["Margin"]


class Margin(Mass):
    """(1 - margin)^power (Scheffer, Decomain and Wrobel 2001); all ones without probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, Margin
    >>> from spotal.pool import as_pool
    >>> p = np.array([[0.75, 0.25], [0.5, 0.5]])
    >>> Margin(2).weigh(Evidence(as_pool(np.eye(2)), np.empty(0, int), probabilities=p)).tolist()
    [0.25, 1.0]
    """

    def __init__(self, power: float = 2.0) -> None:
        self.power = power

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass in [0, 1], float64 (N,)."""
        if evidence.probabilities is None:
            return np.ones(len(evidence.pool))
        return np.asarray((1 - evidence.margins).clip(0, 1) ** self.power)
