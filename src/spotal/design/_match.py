"""One-to-one matching of given points to the points of a design."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXACT_PAIRS = 4_000_000
"""Number of pairs (given, design) up to which the matching is optimal."""

GREEDY_PAIRS = 1 << 20
"""Number of pairs in one round of the greedy matching."""


def unmatched(
    design: NDArray[np.float64],
    given: NDArray[np.float64],
    exact_pairs: int = EXACT_PAIRS,
    greedy_pairs: int = GREEDY_PAIRS,
) -> NDArray[np.intp]:
    """Return the ordered indices of the design points (k, d) that match none of the given points (m, d), m <= k.

    The matching has the least sum of squared distances (an optimal transport) up to m k = ``exact_pairs``, and is
    greedy by distance above that. Cost O(m^2 k) and O(m k d), or greedy about O(k log k).
    """
    exact = len(design) * len(given) <= exact_pairs
    taken = _optimal(design, given) if exact else _greedy(design, given, greedy_pairs)
    free = np.ones(len(design), dtype=bool)
    free[taken] = False
    return np.flatnonzero(free)


def _optimal(design: NDArray[np.float64], given: NDArray[np.float64]) -> NDArray[np.intp]:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    matched: NDArray[np.intp] = linear_sum_assignment(cdist(given, design, "sqeuclidean"))[1]
    return matched


def _greedy(design: NDArray[np.float64], given: NDArray[np.float64], pairs: int) -> NDArray[np.intp]:
    """Match the closest pair first. k neighbors serve at least k given points, so the number of rounds is bounded."""
    from scipy.spatial import cKDTree

    free = np.ones(len(design), dtype=bool)
    waiting, k = np.arange(len(given)), 8
    while len(waiting):
        ids = np.flatnonzero(free)
        k = min(k, len(ids))
        batch = waiting[: max(1, pairs // k)]
        distance, near = cKDTree(design[ids]).query(given[batch], k=np.arange(1, k + 1))
        served = np.zeros(len(batch), dtype=bool)
        order = np.argsort(distance, axis=None, kind="stable")
        for row, point in zip((order // k).tolist(), ids[near.ravel()[order]].tolist(), strict=True):
            if free[point] and not served[row]:
                free[point], served[row] = False, True
        waiting = np.concatenate([batch[~served], waiting[len(batch) :]])
        if 2 * served.sum() < len(batch):
            k *= 2
    return np.flatnonzero(~free)
