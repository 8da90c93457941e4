"""Equal mass for all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["Uniform"]


class Uniform(Mass):
    """Every row weighs the same."""

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return ones, float64 (N,)."""
        return np.ones(len(evidence.pool))
