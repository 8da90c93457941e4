"""How many dimensions to carry: from the spectrum of the pool and the size of the design."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["choose_dimension"]

MOST = 12


def choose_dimension(variances: ArrayLike, budget: int) -> int:
    """Dimensions of the hypercube for a design of ``budget`` points.

    The participation ratio (sum v)^2 / sum v^2 of the principal variances says how many dimensions the pool has;
    n points can halve at most log2(n) of them. The lesser of the two, at least 2 and at most 12.

    Parameters
    ----------
    variances : (k,) principal variances, non-negative
    budget : int, points of the design
    """
    v = np.asarray(variances, dtype=np.float64)
    if not v.any():
        return 1
    v = v / v.max()
    occupied = int(np.ceil(v.sum() ** 2 / (v**2).sum()))
    resolved = int(np.log2(max(2, budget)))
    rank = int((v > 1e-10).sum())
    return min(rank, MOST, max(2, min(occupied, resolved)))
