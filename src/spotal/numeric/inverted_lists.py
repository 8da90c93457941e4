"""The nearest of many centers for many points: in lists around a few middles, of which each point looks into two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.threads import shared, threads

__all__ = ["Centers"]

FLAT = 96
"""Up to this many centers each point is compared with all of them."""
LIST = 64
"""Centers in a list, at least."""
PROBES = 2
"""Lists that a point looks into: the nearest center is missed now and then, by one hardly farther away."""
ROUNDS = 3
"""Lloyd steps that place the middles."""
PIECE = 8192
"""Points that one thread takes at a time."""


class Centers:
    """k centers that are searched in O(sqrt(k)) comparisons a point.

    Up to 96 centers the answer is exact. Above, and on the CPU, each point looks into the two lists of 64 centers or
    sqrt(k) / 2, whichever is more, whose middles are nearest. On other devices all centers are compared, by matrix
    products.

    Parameters
    ----------
    points : float32 (k, WIDTH) array
    """

    def __init__(self, points: NDArray[np.float32]) -> None:
        self.points = np.ascontiguousarray(points, np.float32)
        count = 1 if len(points) <= FLAT else -(-len(points) // max(LIST, math.isqrt(len(points) // 4)))
        self._lay_middles(self.points[np.linspace(0, len(points) - 1, count).astype(np.int64)])
        for _ in range(ROUNDS if count > 1 else 0):
            self._lay_middles(_means(self._place(), self.points, self.middles))
        self._pack(self._place())

    def _lay_middles(self, middles: NDArray[np.float32]) -> None:
        self.middles, every = middles, np.arange(len(middles))
        self.coarse, self.coarse_half, _ = _groups(middles, every, every, _lanes(len(middles)))

    def _pack(self, place: NDArray[np.int64]) -> None:
        """Lay centers out list by list, in groups of LANES that are compared at once; lanes left over are far away."""
        from spotal.numeric.kernels import LANES

        size = np.bincount(place, minlength=len(self.middles))
        self.starts = np.concatenate([[0], np.cumsum(_lanes(size))])
        order = np.argsort(place, kind="stable")
        slot = self.starts[place[order]] * LANES + np.arange(len(order)) - (np.cumsum(size) - size)[place[order]]
        self.fine, self.fine_half, self.member = _groups(self.points, order, slot, int(self.starts[-1]))

    def _place(self) -> NDArray[np.int64]:
        """Number of the list whose middle is nearest to each center, int64 (k,)."""
        found = np.zeros((len(self.points), 1), np.int64)
        _in_pieces(lambda part: self._probe(self.points[part], found[part]), len(found))
        return found[:, 0]

    def _probe(self, y: NDArray[np.float32], lists: NDArray[np.int64]) -> None:
        from spotal.numeric.kernels import probe

        if len(self.middles) > 1:
            probe(y, self.coarse, self.coarse_half, lists)

    def nearest(self, y: NDArray[np.float32]) -> NDArray[np.int64]:
        """Number of the nearest center to each point y (n, WIDTH), int64 (n,). On the thread that calls."""
        from spotal.numeric.kernels import search

        lists = np.zeros((len(y), min(PROBES, len(self.middles))), np.int64)
        self._probe(y, lists)
        index = np.empty(len(y), np.int64)
        search(y, lists, self.starts, self.fine, self.fine_half, self.member, index)
        return index


def _in_pieces(work: Callable[[slice], None], n: int) -> None:
    """Do the work for every slice of range(n) on the threads that torch would use."""
    shared(work, [slice(at, at + PIECE) for at in range(0, n, PIECE)], threads())


def _means(index: NDArray[np.int64], y: NDArray[np.float32], empty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean (k, d) of each list's points y (n, d), summed in row order; ``empty`` (k, d) for one without."""
    count = np.bincount(index, minlength=len(empty))
    sums = np.stack([np.bincount(index, weights=column, minlength=len(empty)) for column in y.T], 1)
    return np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], empty).astype(np.float32)


def _groups(
    points: NDArray[np.float32], order: NDArray[np.int64], slot: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Points in slots of ``count`` groups: (count, WIDTH, LANES), half squared lengths (count, LANES), numbers."""
    from spotal.numeric.kernels import LANES, WIDTH

    laid = np.zeros((count * LANES, WIDTH), np.float32)
    half = np.full(count * LANES, np.inf, np.float32)
    member = np.full(count * LANES, len(points), np.int64)
    laid[slot], member[slot] = points[order], order
    half[slot] = (points[order].astype(np.float64) ** 2).sum(1) / 2
    packed = laid.reshape(count, LANES, WIDTH).transpose(0, 2, 1)
    return np.ascontiguousarray(packed), half.reshape(count, LANES), member.reshape(count, LANES)


def _lanes(count: Any) -> Any:
    """Groups that so many centers fill."""
    from spotal.numeric.kernels import LANES

    return -(-count // LANES)
