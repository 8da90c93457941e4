"""From design to rows, the published way: each design point takes the nearest row that is still free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nearest_rows"]


def nearest_rows(
    carried: NDArray[np.floating], free: NDArray[np.int64], design: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Rows nearest to the design points in the cube, without replacement.

    Design points choose in their order; a row that is taken passes the choice to the next nearest.

    Parameters
    ----------
    carried : (N, d) pool in the cube
    free : (m,) row numbers that may be chosen, m >= n
    design : (n, d)

    Returns
    -------
    int64 (n,), the row of each design point. Cost O((m + n) log m) in few dimensions, by a k-d tree.

    References
    ----------
    J. Zhang, C. Meng, J. Yu, M. Zhang, W. Zhong, P. Ma, "An optimal transport approach for selecting a
    representative subsample with application in efficient kernel density estimation", JCGS 32, 2023, algorithm 1.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(np.asarray(carried[free], dtype=np.float64))
    taken = np.zeros(len(free), dtype=bool)
    chosen = np.full(len(design), -1, np.int64)
    waiting = np.arange(len(design))
    count = min(8, len(free))
    while len(waiting):
        near = tree.query(design[waiting], k=count)[1].reshape(len(waiting), count)
        unserved = []
        for point, candidates in zip(waiting, near, strict=True):
            open_ones = candidates[~taken[candidates]]
            if len(open_ones):
                taken[open_ones[0]] = True
                chosen[point] = free[open_ones[0]]
            else:
                unserved.append(point)
        waiting = np.array(unserved, dtype=np.int64)
        count = min(4 * count, len(free))
    return chosen
