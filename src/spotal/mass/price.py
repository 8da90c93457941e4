"""Mass by price: what a label is worth for each unit of what it costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["Price"]


class Price(Mass):
    """(least price / price)^power; all ones while labels have no price. O(N).

    Power 1/2 is the allocation of least variance for a mean under a budget, where rows vary alike (W. Cochran,
    "Sampling Techniques", section 5.5).
    """

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Mass in (0, 1]; float64 (N,)."""
        if evidence.cost is None:
            return np.ones(len(evidence.pool))
        return np.asarray((evidence.cost.min() / evidence.cost) ** self.power)
