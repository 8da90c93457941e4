"""Search for the nearest of many centers: centers lie in lists around centroids, and each point searches two lists."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.threads import shared, threads

__all__ = ["Centers"]

FLAT = 96
"""Number of centers up to which each point is compared with all of them."""
LIST = 64
"""Least number of centers in a list."""
PROBES = 2
"""Lists that a point searches. Sometimes a slightly farther center is returned instead of the nearest."""
ROUNDS = 3
"""Lloyd steps that place the centroids."""
PIECE = 8192
"""Points that one thread takes at a time."""


class Centers:
    """Search among k centers, with O(sqrt(k)) comparisons a point.

    Up to 96 centers the result is exact. Above, each point searches the two lists with the nearest centroids; a list
    has the greater of 64 and sqrt(k) / 2 centers.

    Parameters
    ----------
    points : float32 (k, WIDTH) array
    """

    def __init__(self, points: NDArray[np.float32]) -> None:
        self.points = np.ascontiguousarray(points, np.float32)
        count = 1 if len(points) <= FLAT else -(-len(points) // max(LIST, math.isqrt(len(points) // 4)))
        self._set_centroids(self.points[np.linspace(0, len(points) - 1, count).astype(np.int64)])
        for _ in range(ROUNDS if count > 1 else 0):
            self._set_centroids(_means(self._place(), self.points, self.centroids))
        self._pack(self._place())

    def _set_centroids(self, centroids: NDArray[np.float32]) -> None:
        self.centroids, every = centroids, np.arange(len(centroids))
        self.coarse, self.coarse_half, _ = _groups(centroids, every, every, _lanes(len(centroids)))

    def _pack(self, place: NDArray[np.int64]) -> None:
        """Store centers list by list, in groups of LANES that are compared at once; unused lanes are infinitely far."""
        from spotal.numeric.kernels import LANES

        size = np.bincount(place, minlength=len(self.centroids))
        self.starts = np.concatenate([[0], np.cumsum(_lanes(size))])
        order = np.argsort(place, kind="stable")
        slot = self.starts[place[order]] * LANES + np.arange(len(order)) - (np.cumsum(size) - size)[place[order]]
        self.fine, self.fine_half, self.member = _groups(self.points, order, slot, int(self.starts[-1]))

    def _place(self) -> NDArray[np.int64]:
        """Return the list whose centroid is nearest to each center, int64 (k,)."""
        lists = np.zeros((len(self.points), 1), np.int64)
        parts = [slice(at, at + PIECE) for at in range(0, len(lists), PIECE)]
        shared(lambda part: self._probe(self.points[part], lists[part]), parts, threads())
        return lists[:, 0]

    def _probe(self, y: NDArray[np.float32], lists: NDArray[np.int64]) -> None:
        from spotal.numeric.kernels import probe

        if len(self.centroids) > 1:
            probe(y, self.coarse, self.coarse_half, lists)

    def nearest(self, y: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the number of the nearest center to each point y (n, WIDTH), int64 (n,), on the calling thread."""
        from spotal.numeric.kernels import search

        lists = np.zeros((len(y), min(PROBES, len(self.centroids))), np.int64)
        self._probe(y, lists)
        index = np.empty(len(y), np.int64)
        search(y, lists, self.starts, self.fine, self.fine_half, self.member, index)
        return index


def _means(index: NDArray[np.int64], y: NDArray[np.float32], empty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean (k, d) of each list's points y (n, d), summed in row order; ``empty`` (k, d) for empty lists."""
    count = np.bincount(index, minlength=len(empty))
    sums = np.stack([np.bincount(index, weights=column, minlength=len(empty)) for column in y.T], 1)
    return np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], empty).astype(np.float32)


def _groups(
    points: NDArray[np.float32], order: NDArray[np.int64], slot: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return points in ``count`` groups (count, WIDTH, LANES), half their squared lengths, and their numbers."""
    from spotal.numeric.kernels import LANES, WIDTH

    slots = np.zeros((count * LANES, WIDTH), np.float32)
    half = np.full(count * LANES, np.inf, np.float32)
    member = np.full(count * LANES, len(points), np.int64)
    slots[slot], member[slot] = points[order], order
    half[slot] = (points[order].astype(np.float64) ** 2).sum(1) / 2
    packed = slots.reshape(count, LANES, WIDTH).transpose(0, 2, 1)
    return np.ascontiguousarray(packed), half.reshape(count, LANES), member.reshape(count, LANES)


def _lanes(count: Any) -> Any:
    """Return the number of groups that ``count`` centers fill."""
    from spotal.numeric.kernels import LANES

    return -(-count // LANES)
