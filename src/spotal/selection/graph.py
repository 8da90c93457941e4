"""Nearest-neighbor graph: each row's nearest rows, exact while rows are few, searched in inverted lists beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.threads import one_thread, shared, threads
from spotal.selection._loops import loops_for

__all__ = ["BLOCK", "CANDIDATES", "REPAID", "NeighborGraph", "least"]

CANDIDATES = 4096
"""Least number of rows that each row is compared with; up to this many rows the graph is exact."""
LIST = 1024
"""Approximate number of rows in an inverted list."""
STEPS = 3
"""Lloyd steps that place the centroids of the lists."""
BLOCK = 512
"""Rows whose distances a thread computes at once."""
REPAID = 1 << 21
"""Distances above which threads share them: about 20 ms on one thread."""


@dataclass(frozen=True)
class NeighborGraph:
    """The nearest rows of each of s rows, itself included.

    Attributes
    ----------
    near : int32 (s, k), row numbers, nearest first
    squared : float32 (s, k), their squared distances, at least 0
    """

    near: NDArray[np.int32]
    squared: NDArray[np.float32]

    @classmethod
    def fit(cls, points: torch.Tensor, k: int) -> NeighborGraph:
        """Find the k nearest rows of each row of points (s, D), float32; 1 <= k <= s.

        Notes
        -----
        O(s min(s, 4096 + k) D) by matrix products, on the threads that torch would use; memory O(s k). Up to 4,096 rows
        the graph is exact. Above that, rows lie in lists of about 1,024 around centroids. The rows of a list are
        compared with the lists of the nearest centroids, at least 4,096 rows in all. The graph is the same for any
        number of threads: each block of rows is computed by one thread.
        """
        size = len(points)
        near, squared = np.empty((size, k), np.int32), np.empty((size, k), np.float32)
        half = points.square().sum(1) / 2

        def compare(rows: torch.Tensor, others: torch.Tensor) -> None:
            x, y, offset = points[rows], points[others], half[others]
            for at in range(0, len(rows), BLOCK):
                part = slice(at, at + BLOCK)
                away, own = torch.addmm(offset, x[part], y.T, alpha=-1), half[rows[part]]
                numbers = rows[part].cpu().numpy()
                if away.device.type == "cpu":
                    near[numbers], squared[numbers] = least(away.numpy(), k, own.numpy(), others.numpy())
                else:
                    top = away.topk(k, dim=1, largest=False)
                    near[numbers] = others[top.indices].cpu().numpy()
                    squared[numbers] = (top.values + own[:, None]).mul_(2).clamp_min_(0).cpu().numpy()

        count = threads()
        with one_thread():
            if size <= max(CANDIDATES, k):
                every = torch.arange(size, device=points.device)
                parts = [(every[at : at + BLOCK], every) for at in range(0, size, BLOCK)]
            else:
                parts = _lists(points, k)
            shared(lambda part: compare(*part), parts, count if size * min(size, CANDIDATES) > REPAID else 1)
        return cls(near, squared)


def least(
    values: NDArray[np.float32], k: int, half: NDArray[np.float32], others: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the others with the k least values of each row (m, n), ascending, and their squared distances (m, k).

    Ties go by position.
    """
    m, n = values.shape
    keys, count = np.empty((m, min(n, 3 * k + 128)), np.int64), np.empty(m, np.int64)
    rank = k // 8 + k // 32 + 8  # among every eighth value: above the k least of all by a margin
    bound = np.partition(values[:, ::8], rank, axis=1)[:, rank] if 8 * rank < n - 8 else np.full(m, np.inf, np.float32)
    loops = loops_for(values.size // 8)
    loops.keys_below(values.view(np.int32), bound.view(np.int32), keys, count)
    keys[:, : max(k, int(count.max()))].sort(axis=1)
    best = keys[:, :k]
    wrong = np.flatnonzero((count < k) | (count > keys.shape[1]))  # too few or too many below the bound
    if len(wrong):
        keys = np.empty((len(wrong), n), np.int64)
        loops.keys_below(
            values[wrong].view(np.int32), np.full(len(wrong), np.inf, np.float32).view(np.int32), keys, count
        )
        keys.sort(axis=1)
        best[wrong] = keys[:, :k]
    near, squared = np.empty((m, k), np.int32), np.empty((m, k), np.float32)
    loops.unpack(best, half, others, near, squared)
    return near, squared


def _lists(points: torch.Tensor, k: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return, for each inverted list, its rows and the rows of the nearest lists."""
    size = len(points)
    count = -(-size // LIST)
    centroids = points[torch.linspace(0, size - 1, count, dtype=torch.float64).long().to(points.device)]
    for _ in range(STEPS):
        place = _nearest(points, centroids)
        order = place.argsort(stable=True)  # sums in row order, the same each time
        sizes = torch.bincount(place, minlength=count)
        sums = torch.segment_reduce(points[order].double(), "sum", lengths=sizes)
        means = (sums / sizes.clamp_min(1)[:, None]).float()
        centroids = torch.where(sizes[:, None] > 0, means, centroids)
    place = _nearest(points, centroids)
    members = [torch.nonzero(place == number).flatten() for number in range(count)]
    apart = torch.cdist(centroids, centroids, compute_mode="donot_use_mm_for_euclid_dist")
    parts = []
    for number, rows in enumerate(members):
        if not len(rows):
            continue
        others: list[torch.Tensor] = []
        total = 0
        for other in apart[number].argsort(stable=True).tolist():
            others.append(members[other])
            total += len(members[other])
            if total >= max(CANDIDATES, k):
                break
        parts.append((rows, torch.cat(others)))
    return parts


def _nearest(points: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    offset = centroids.square().sum(1) / 2
    parts = [
        torch.addmm(offset, points[at : at + 8192], centroids.T, alpha=-1).argmin(1)
        for at in range(0, len(points), 8192)
    ]
    return torch.cat(parts)
