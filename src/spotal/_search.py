"""The nearest of many centers for many points: in lists around a few middles, of which each point looks into two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from spotal._nearest import nearest

__all__ = ["Centers", "means", "one_thread", "threads"]

FLAT = 96
"""Up to this many centers each point is compared with all of them."""
LIST = 64
"""Centers in a list."""
PROBES = 2
"""Lists that a point looks into: the nearest center is missed now and then, by one hardly farther away."""
ROUNDS = 3
"""Lloyd steps that place the middles."""
PIECE = 8192
"""Points that one thread takes at a time."""


def threads() -> int:
    """Threads to use: what torch would."""
    return int(torch.get_num_threads())


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products by one thread: their sums then round alike on every number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Centers:
    """k centers that are searched in O(k / 64 + 128) comparisons a point.

    Up to 96 centers the answer is exact. Above, and on the CPU, each point looks into the two lists of about 64 centers
    whose middles are nearest. On other devices all centers are compared, by matrix products.

    Parameters
    ----------
    points : float32 (k, WIDTH) array
    """

    def __init__(self, points: NDArray[np.float32]) -> None:
        self.points = np.ascontiguousarray(points, np.float32)
        count = 1 if len(points) <= FLAT else -(-len(points) // LIST)
        # the middles begin at evenly spaced centers: those of a design are spread well in any stretch
        middles = self.points[np.linspace(0, len(points) - 1, count).astype(np.int64)]
        place = np.zeros(len(points), np.int64)
        for _ in range(ROUNDS if count > 1 else 0):
            self._pack(middles, np.zeros(count, np.int64), middles[:1])
            place = self.search(self.points)
            middles = means(place, np.ones(len(place)), self.points, middles)
        self._pack(self.points, place, middles)

    def _pack(self, points: NDArray[np.float32], place: NDArray[np.int64], middles: NDArray[np.float32]) -> None:
        """Lay points out list by list, in groups of LANES that are compared at once; lanes left over are far away."""
        from spotal._kernels import LANES

        size = np.bincount(place, minlength=len(middles))
        self.starts = np.concatenate([[0], np.cumsum(-(-size // LANES))])
        order = np.argsort(place, kind="stable")
        slot = self.starts[place[order]] * LANES + np.arange(len(order)) - (np.cumsum(size) - size)[place[order]]
        self.fine, self.fine_half, self.member = _groups(points, order, slot, int(self.starts[-1]))
        every = np.arange(len(middles))
        self.coarse, self.coarse_half, _ = _groups(middles, every, every, -(-len(middles) // LANES))

    def search(self, y: NDArray[np.float32]) -> NDArray[np.int64]:
        """Number of the nearest center to each point y (n, WIDTH), int64 (n,), on the threads that torch would use."""
        pieces = [y[at : at + PIECE] for at in range(0, len(y), PIECE)]
        if len(pieces) < 2 or threads() < 2:
            return self.nearest(y)[0]
        with ThreadPoolExecutor(threads()) as pool:
            return np.concatenate([index for index, _ in pool.map(self.nearest, pieces)])

    def nearest(self, y: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As ``search``, and the squared distances (n,), on the thread that calls."""
        from spotal._kernels import search

        index, squared = np.zeros(len(y), np.int64), np.empty(len(y), np.float32)
        lists = self.coarse, self.coarse_half, self.starts, self.fine, self.fine_half, self.member
        search(y, self.points, *lists, PROBES, index, squared)
        return index, squared

    def exact(self, y: torch.Tensor) -> torch.Tensor:
        """The nearest of all centers to each point y (n, WIDTH), by matrix products on the device of y; O(n k)."""
        return nearest(y, torch.from_numpy(self.points))[0]


def means(
    index: NDArray[np.int64], weight: NDArray[np.float64], y: NDArray[np.float32], empty: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Weighted mean (k, d) of each cell's points y (n, d), summed in row order; ``empty`` (k, d) for one without."""
    from spotal._kernels import accumulate

    mass, sums = np.zeros(len(empty)), np.zeros(empty.shape)
    accumulate(index, weight, y, mass, sums)
    filled = mass > 0
    sums[filled] /= mass[filled, None]
    return np.where(filled[:, None], sums, empty).astype(np.float32)


def _groups(
    points: NDArray[np.float32], order: NDArray[np.int64], slot: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Points in slots of ``count`` groups: (count, WIDTH, LANES), half squared lengths (count, LANES), numbers."""
    from spotal._kernels import LANES, WIDTH

    laid = np.zeros((count * LANES, WIDTH), np.float32)
    half = np.full(count * LANES, np.inf, np.float32)
    member = np.full(count * LANES, len(points), np.int64)
    laid[slot], member[slot] = points[order], order
    half[slot] = (points[order].astype(np.float64) ** 2).sum(1) / 2
    packed = laid.reshape(count, LANES, WIDTH).transpose(0, 2, 1)
    return np.ascontiguousarray(packed), half.reshape(count, LANES), member.reshape(count, LANES)
