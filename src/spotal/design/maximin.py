"""Maximin: points as far as possible from each other and from given points."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from spotal.design._nearest import nearest
from spotal.design.base import Design
from spotal.design.sobol import cloud
from spotal.numeric.checks import check_count

__all__ = ["Maximin"]

MAX_CLOUD = 1 << 16
POWER = 8


@final
class Maximin(Design):
    """The maximin-distance design: the minimum distance between two points is made as large as possible.

    First, points are chosen greedily from a cloud of scrambled Sobol' points, each as far as possible from the earlier
    ones. Then near neighbors push each other apart in small steps. The best state is returned, so its minimum distance
    is at least the minimum distance of the greedy design. Given points (``existing``) push other points but do not
    move. As in every maximin design, points gather on the faces of the cube: in more than one dimension the discrepancy
    can be higher than for random points. Use it for large distances between points. Use a net (Sobol) or a lattice for
    even mass.

    Parameters
    ----------
    candidates : int, cloud points for each point of the design; the cloud has at most 2^16 points, or n if greater
    max_iter : int, steps of repulsion; 0 returns the greedy design

    Notes
    -----
    Cost with a cloud of N: O(N n d) for the greedy part, O(max_iter n log(n) d) in few dimensions and
    O(max_iter n^2 d) in many for the repulsion; O((N + n d) d) memory.

    References
    ----------
    Johnson, Moore and Ylvisaker (1990), Minimax and maximin distance designs, J. Stat. Plan. Inference 26.
    Gonzalez (1985), Clustering to minimize the maximum intercluster distance, Theor. Comput. Sci. 38 (greedy, within
    a factor of 2 of the best over the cloud). Pronzato and Mueller (2012), Design of computer experiments: space
    filling and beyond, Stat. Comput. 22 (the repulsion as a smooth form of the criterion).

    Examples
    --------
    >>> from spotal.design import Maximin, separation
    >>> u = Maximin().points(4, 2, random_state=0)
    >>> bool(separation(u) > 0.6)
    True
    """

    def __init__(self, candidates: int = 64, max_iter: int = 100) -> None:
        self.candidates = candidates
        self.max_iter = max_iter

    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return self._conditional(n, np.empty((0, dim)), rng)

    def _conditional(self, n: int, existing: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        candidates = check_count(self.candidates, "candidates", 1)
        max_iter = check_count(self.max_iter, "max_iter")
        choice = cloud(max(n, min(candidates * n, MAX_CLOUD)), existing.shape[1], rng)
        return _repel(_farthest(n, choice, existing), existing, max_iter)


def _farthest(n: int, choice: NDArray[np.float64], existing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Choose n points of the cloud greedily, each farthest from earlier ones; without any, start with the first."""
    from scipy.spatial.distance import cdist

    gap = nearest(choice, existing)[0] ** 2 if len(existing) else np.full(len(choice), np.inf)
    picks = np.empty(n, dtype=np.intp)
    for i in range(n):
        picks[i] = gap.argmax()
        np.minimum(gap, cdist(choice, choice[picks[i], None], "sqeuclidean")[:, 0], out=gap)
        gap[picks[i]] = -1.0
    return choice[picks]


def _repel(free: NDArray[np.float64], fixed: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Push free points from near neighbors in shrinking steps; return the state of largest least distance."""
    from scipy.spatial import cKDTree

    n, dim = free.shape
    k = min(2 * dim + 1, n + len(fixed) - 1)
    if k == 0:
        return free
    best, most = free, -1.0
    for step in np.linspace(0.3, 0.01, steps + 1):
        every = np.concatenate([free, fixed])
        distance, index = cKDTree(every).query(free, k=np.arange(2, k + 2))
        least = float(distance.min())
        if least > most:
            best, most = free, least
        distance = np.maximum(distance, 1e-12)[:, :, None]
        # a unit vector from each neighbor, weighted so that only the nearest count
        push = (free[:, None] - every[index]) / distance * (max(least, 1e-12) / distance) ** POWER
        free = np.clip(free + step * least * push.sum(axis=1), 0.0, 1.0)
    return best
