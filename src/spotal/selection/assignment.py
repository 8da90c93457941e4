"""From design to rows by optimal one-to-one assignment: the least total squared distance in the cube."""

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
    """Distinct rows for the design points that make the sum of squared distances least, among near candidates.

    Candidates are the 8 nearest free rows of every design point (more where that leaves too few): within their union
    the assignment is optimal.

    Parameters
    ----------
    carried : (N, d) pool in the cube
    free : (m,) row numbers that may be chosen, m >= n
    design : (n, d), n at most 4,000

    Returns
    -------
    int64 (n,), the row of each design point

    Raises
    ------
    BudgetError
        More than 4,000 design points: the cost is O(n^3).
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial import cKDTree
    from scipy.spatial.distance import cdist

    n = len(design)
    if n > MOST:
        raise BudgetError(
            f"budget must be at most {MOST} for selection='assignment', found {n}; use selection='nearest' or 'cells'"
        )
    points = np.asarray(carried[free], dtype=np.float64)
    tree = cKDTree(points)
    count = min(CANDIDATES, len(free))
    while True:
        candidates = np.unique(tree.query(design, k=count)[1])
        if len(candidates) >= n:
            break
        count = min(2 * count, len(free))
    columns = linear_sum_assignment(cdist(design, points[candidates], "sqeuclidean"))[1]
    rows: NDArray[np.int64] = free[candidates[columns]]
    return rows
