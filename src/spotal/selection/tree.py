"""Cells of equal mass, one for each point of a design: cloud and design halved together, axis by axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CutTree"]

LEAF = -1


@dataclass(frozen=True)
class CutTree:
    """A k-d tree over a design whose cuts halve the mass of a cloud, so that each leaf holds one point and its share.

    Where the cloud is uniform the cells are boxes of equal volume around the design's points. A point is placed by
    O(log n) comparisons, whereas its nearest design point costs O(n d), and those cells differ in mass by a third even
    where everything is uniform.

    axis : int64 (2n - 1,), the axis of each cut, -1 at a leaf; threshold : float32; beyond : int64, where the upper
    part goes on (the lower part follows at once), at a leaf the number of its design point
    """

    axis: NDArray[np.int64]
    threshold: NDArray[np.float32]
    beyond: NDArray[np.int64]

    @classmethod
    def fit(cls, cloud: NDArray[np.float32], weight: NDArray[np.float64], design: NDArray[np.float64]) -> CutTree:
        """Cut a cloud (s, d) in the cube with weights (s,) by a design (n, d), n >= 1. O((s + n) log n d)."""
        from spotal._kernels import halve

        nodes = 2 * len(design) - 1
        axis, threshold = np.full(nodes, LEAF, np.int64), np.zeros(nodes, np.float32)
        beyond = np.zeros(nodes, np.int64)
        halve(np.ascontiguousarray(cloud, np.float32), weight, np.asarray(design, float), axis, threshold, beyond)
        return cls(axis, threshold, beyond)

    def place(self, cloud: NDArray[np.float32]) -> NDArray[np.int64]:
        """Number of the design point of each point (m, d) of the cube, int64 (m,). O(m log n)."""
        from spotal._kernels import descend

        index = np.empty(len(cloud), np.int64)
        descend(np.ascontiguousarray(cloud, np.float32), self.axis, self.threshold, self.beyond, index)
        return index
