"""Mass by price: more for rows with cheap labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Power

__all__ = ["Price"]


class Price(Power):
    """(lowest price / price)^power; all ones without prices. O(N).

    Power 1/2 minimizes the variance of an estimated mean under a budget, if all rows have the same variance
    (W. Cochran, "Sampling Techniques", section 5.5).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, Price
    >>> from spotal.pool import as_pool
    >>> Price().weigh(Evidence(as_pool(np.eye(2)), np.empty(0, int), cost=np.array([1.0, 4.0]))).tolist()
    [1.0, 0.25]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass in (0, 1], float64 (N,)."""
        if evidence.cost is None:
            return np.ones(len(evidence.pool))
        return np.asarray((evidence.cost.min() / evidence.cost) ** self.power)
