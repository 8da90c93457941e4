"""Optimal one-to-one assignment of design points to rows: the least total squared distance in the cube."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.errors import BudgetError

__all__ = ["assigned_rows"]

MOST = 4_000
CANDIDATES = 8


def assigned_rows(
    carried: NDArray[np.floating], free: NDArray[np.int64], design: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return distinct rows for the design points, with the least sum of squared distances.

    The assignment is solved among the 8 nearest free rows of each design point. The dual prices of the solution show
    which points might reach a lower sum with a row farther away. These points get twice as many candidates, and the
    assignment is solved again, until no point can gain.

    Parameters
    ----------
    carried : float (N, d), the pool's rows in the cube
    free : int64 (m,), row numbers that may be chosen, m >= n
    design : float64 (n, d), points in the cube, n at most 4,000

    Returns
    -------
    int64 (n,), the row of each design point

    Raises
    ------
    BudgetError
        More than 4,000 design points: the cost is O(n^3).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.selection import assigned_rows
    >>> pool, design = np.array([[0.1], [0.5], [0.9]]), np.array([[0.45], [0.55]])
    >>> sorted(assigned_rows(pool, np.arange(3), design).tolist())
    [0, 1]
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial import cKDTree
    from scipy.spatial.distance import cdist

    n = len(design)
    if n > MOST:
        raise BudgetError(
            "budget", must=f"be at most {MOST} for selection='assignment'", found=n, remedy="use selection='nearest'"
        )
    points = np.asarray(carried[free], dtype=np.float64)
    tree = cKDTree(points)
    count = np.full(n, min(CANDIDATES, len(free)))
    while True:
        reach = np.empty(n)
        neighbors = []
        for k in np.unique(count):
            distance, near = tree.query(design[count == k], k=np.arange(1, k + 1))
            reach[count == k] = distance[:, -1] ** 2
            neighbors.append(near.ravel())
        candidates = np.unique(np.concatenate(neighbors))
        if len(candidates) < n:
            count = np.minimum(2 * count, len(free))
            continue
        cost = cdist(design, points[candidates], "sqeuclidean")
        columns = linear_sum_assignment(cost)[1]
        open_ended = (_prices(cost[:, columns]) > reach + 1e-12) & (count < len(free))
        if not open_ended.any():
            rows: NDArray[np.int64] = free[candidates[columns]]
            return rows
        count[open_ended] = np.minimum(2 * count[open_ended], len(free))


def _prices(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each point's least dual price (n,) by Bellman-Ford, for costs (n, n) with its own row on the diagonal."""
    own = cost.diagonal()
    price = own.copy()
    for _ in range(len(own)):
        raised = np.maximum(price, (price[:, None] - cost).max(0) + own)
        if (raised <= price + 1e-12).all():
            break
        price = raised
    return price
