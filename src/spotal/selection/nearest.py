"""Selection of rows as published: each design point takes its nearest free row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import blocks

__all__ = ["nearest_rows"]

NEIGHBORS = 8
MOST_NEIGHBORS = 512
BLOCK = 4096


def nearest_rows(
    carried: NDArray[np.floating],
    free: NDArray[np.int64],
    design: NDArray[np.float64],
    *,
    neighbors: int = NEIGHBORS,
    most_neighbors: int = MOST_NEIGHBORS,
    block: int = BLOCK,
) -> NDArray[np.int64]:
    """Return the rows nearest to the design points in the cube, without replacement.

    Design points take their rows in order. If the nearest row is taken, the point gets the nearest free row.

    Parameters
    ----------
    carried : float (N, d), the pool's rows in the cube
    free : int64 (m,), row numbers that may be chosen, m >= n
    design : (n, d)
    neighbors, most_neighbors : int, number of neighbors looked up first, and the maximum before the tree is rebuilt
        from the free rows
    block : int, design points looked up at once

    Returns
    -------
    int64 (n,), the row of each design point. Cost O((m + n) log m) in few dimensions, by a k-d tree. Where many points
    crowd around few rows, the tree is rebuilt, at most once for each 512 of them.

    References
    ----------
    J. Zhang, C. Meng, J. Yu, M. Zhang, W. Zhong, P. Ma, "An optimal transport approach for selecting a
    representative subsample with application in efficient kernel density estimation", JCGS 32, 2023, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.selection import nearest_rows
    >>> pool, design = np.array([[0.1], [0.5], [0.9]]), np.array([[0.45], [0.55]])
    >>> nearest_rows(pool, np.arange(3), design).tolist()
    [1, 2]
    """
    from scipy.spatial import cKDTree

    points = np.asarray(carried[free], dtype=np.float64)
    taken = np.zeros(len(free), dtype=bool)
    chosen = np.empty(len(design), np.int64)
    remaining = np.arange(len(free))
    tree = cKDTree(points)
    for part in blocks(len(design), block):
        near = remaining[_query(tree, design[part], neighbors)]
        for offset, candidates in enumerate(near):
            count = neighbors
            while taken[candidates].all():  # look farther, and later only at free rows
                count *= 4
                if count > most_neighbors:
                    remaining, count = np.flatnonzero(~taken), neighbors
                    tree = cKDTree(points[remaining])
                candidates = remaining[_query(tree, design[part][offset : offset + 1], count)[0]]
            position = candidates[~taken[candidates]][0]
            taken[position] = True
            chosen[part.start + offset] = free[position]
    return chosen


def _query(tree: Any, points: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return positions (n, k) of the k = min(count, size of the tree) nearest to each point, nearest first."""
    nearest: NDArray[np.intp] = tree.query(points, k=np.arange(1, min(count, tree.n) + 1))[1]
    return nearest
