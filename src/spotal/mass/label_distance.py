"""Mass by distance to the labeled rows, to a power, so that picks avoid regions with labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Power

__all__ = ["LabelDistance"]


class LabelDistance(Power):
    """(distance to the nearest labeled row / its median)^power; all ones without labels. O(N m d).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, LabelDistance
    >>> from spotal.pool import as_pool
    >>> pool = as_pool([[0.0], [1.0], [2.0]])
    >>> LabelDistance().weigh(Evidence(pool, labeled=np.array([0]), labels=np.array([0]))).tolist()
    [0.0, 1.0, 2.0]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass, float64 (N,), 0 for labeled rows and their copies."""
        n = len(evidence.pool)
        if len(evidence.labeled) == 0:
            return np.ones(n)
        squared = evidence.squared_to_labels()
        squared[evidence.labeled] = 0
        scale = float(np.median(squared)) or float(squared.max()) or 1.0
        return np.asarray((squared / scale) ** (self.power / 2))
