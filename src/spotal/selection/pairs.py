"""Squared distances of all pairs of rows, for samples of a few thousand rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.threads import one_thread, shared, threads
from spotal.selection.graph import BLOCK, REPAID, NeighborGraph, least

__all__ = ["Pairs"]


@dataclass(frozen=True)
class Pairs:
    """The squared distances of s rows, without the part that is the same for all pairs of a row.

    ``away[x, c]`` is half the squared length of row c minus the product of rows x and c. With ``half[x]`` added, it is
    half the squared distance. 4 bytes a pair.

    Attributes
    ----------
    away : float32 (s, s); half : float32 (s,), half the squared length of each row
    """

    away: NDArray[np.float32]
    half: NDArray[np.float32]

    @classmethod
    def fit(cls, points: torch.Tensor) -> Pairs:
        """Compare all rows of points (s, D), float32 on the CPU. O(s^2 D), the same bits on any number of threads."""
        size = len(points)
        half = points.square().sum(1) / 2
        away = np.empty((size, size), np.float32)

        def compare(part: slice) -> None:
            torch.addmm(half, points[part], points.T, alpha=-1, out=torch.from_numpy(away[part]))

        count = threads()
        with one_thread():
            shared(compare, _blocks(size), count if size * size > REPAID else 1)
        return cls(away, half.numpy())

    def __len__(self) -> int:
        return len(self.half)

    @property
    def nbytes(self) -> int:
        """Bytes of the two arrays."""
        return int(self.away.nbytes + self.half.nbytes)

    def squared(self, rows: slice, others: int | slice) -> NDArray[np.float32]:
        """Return the squared distances of ``rows`` from ``others``, at least 0; the first axis is ``rows``."""
        away = self.away[rows, others]
        half = self.half[rows].reshape(-1, *(1,) * (away.ndim - 1))
        return np.asarray(np.maximum((away + half) * np.float32(2), 0))

    def nearest(self, k: int, rows: NDArray[np.int64] | None = None) -> NeighborGraph:
        """Return the k nearest rows of ``rows``, or of all rows, as :meth:`NeighborGraph.fit` does. O(s^2 + s k log k).

        1 <= k <= s; the same bits as with ``fit`` on one of the samples for which it is exact.
        """
        every = np.arange(len(self))
        count = len(self) if rows is None else len(rows)
        near, squared = np.empty((count, k), np.int32), np.empty((count, k), np.float32)

        def find(part: slice) -> None:
            at = part if rows is None else rows[part]
            near[part], squared[part] = least(self.away[at], k, self.half[at], every)

        shared(find, _blocks(count, BLOCK // 4), threads() if count * len(self) > REPAID else 1)
        return NeighborGraph(near, squared)

    def farthest(self) -> NDArray[np.int64]:
        """Return the farthest row of each row, int64 (s,), the last one of several: the end of its sorted neighbors."""
        found = np.empty(len(self), np.int64)
        for part in _blocks(len(self), BLOCK // 8):
            bits = self.away[part].view(np.int32)
            order = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # integers that sort as the numbers do
            found[part] = len(self) - 1 - order[:, ::-1].argmax(1)
        return found


def _blocks(size: int, rows: int = BLOCK) -> list[slice]:
    return [slice(at, min(at + rows, size)) for at in range(0, size, rows)]
