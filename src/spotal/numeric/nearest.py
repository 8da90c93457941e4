"""The nearest of k centers to each of many points, in blocks: the one kernel that cells, coverage and mass share."""

from __future__ import annotations

import torch

__all__ = ["nearest"]

BLOCK_ENTRIES = 1 << 23
"""Most distances held at once."""


def nearest(points: torch.Tensor, centers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Index (n,) int64 of the nearest center to each point, and the squared distance (n,) float64, at least 0.

    Parameters
    ----------
    points : float tensor (n, d)
    centers : tensor (k, d), k >= 1; ties go to the first

    Notes
    -----
    O(n k d) time by matrix products, 64 MB at most for float64 distances. Distances are found from coordinates
    centered on the centers' mean, which keeps rounding small, and for the winner anew by difference in float64: float32
    and float64 points of the same values get the same answer, but for ties.
    """
    exact = centers.to(points.device, torch.float64)
    centers = centers.to(points)
    middle = centers.mean(0)
    c = centers - middle
    half_square = (c * c).sum(1) / 2
    index = torch.empty(len(points), dtype=torch.int64, device=points.device)
    squared = torch.empty(len(points), dtype=torch.float64, device=points.device)
    for start in range(0, len(points), max(1, BLOCK_ENTRIES // len(c))):
        part = slice(start, start + max(1, BLOCK_ENTRIES // len(c)))
        x = points[part] - middle
        index[part] = torch.addmm(half_square, x, c.T, alpha=-1).argmin(1)
        squared[part] = (points[part].double() - exact[index[part]]).square().sum(1)
    return index, squared
