"""Equal mass for all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["Uniform"]


class Uniform(Mass):
    """Every row weighs the same.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, Uniform
    >>> from spotal.pool import as_pool
    >>> Uniform().weigh(Evidence(as_pool([[0.0], [1.0]]), np.empty(0, int))).tolist()
    [1.0, 1.0]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return ones, float64 (N,)."""
        return np.ones(len(evidence.pool))
