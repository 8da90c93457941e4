"""The number of dimensions to keep, from the spectrum of the pool and the size of the design."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["choose_dimension"]

MOST = 12


def choose_dimension(variances: ArrayLike, budget: int) -> int:
    """Return the dimension of the unit cube for a design of ``budget`` points, at most 12.

    The result is the smaller of two numbers, but at least 2 unless the pool has rank 1. The first is the participation
    ratio (sum v)^2 / sum v^2 of the principal variances, the effective dimension of the pool. The second is
    log2(budget), because ``budget`` points can halve at most log2(budget) dimensions.

    Parameters
    ----------
    variances : (k,) principal variances, non-negative
    budget : int, points of the design

    Examples
    --------
    >>> from spotal.reduce import choose_dimension
    >>> choose_dimension([8.0, 1.0, 0.5, 0.1], 1000)
    2
    """
    v = np.asarray(variances, dtype=np.float64)
    if not v.any():
        return 1
    v = v / v.max()
    occupied = int(np.ceil(v.sum() ** 2 / (v**2).sum()))
    resolved = int(np.log2(max(2, budget)))
    rank = int((v > 1e-10).sum())
    return min(rank, MOST, max(2, min(occupied, resolved)))
