"""Search for the nearest of k centers to each of many points, in blocks. Cells, coverage and mass share it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from spotal.numeric.arrays import blocks

__all__ = ["nearest", "nearest_index"]

BLOCK_ENTRIES = 1 << 23
"""Most distances held at once."""


def nearest(
    points: torch.Tensor, centers: torch.Tensor, entries: int = BLOCK_ENTRIES
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the index (n,) int64 of the nearest center to each point, and the squared distance (n,) float64.

    Parameters
    ----------
    points : float tensor (n, d)
    centers : tensor (k, d), k >= 1; ties go to the first
    entries : most distances held at once

    Notes
    -----
    O(n k d) time by matrix products, 64 MB at most for float64 distances. Coordinates are centered on the
    centers' mean, which keeps rounding small. The returned distance is computed by difference in float64, so float32
    and float64 points of the same values get the same result, except for ties.
    """
    index = nearest_index(points, centers, entries)
    exact = centers.to(points.device, torch.float64)
    squared = torch.empty(len(points), dtype=torch.float64, device=points.device)
    for part in _blocks(points, centers, entries):
        squared[part] = (points[part].double() - exact[index[part]]).square().sum(1)
    return index, squared


def nearest_index(points: torch.Tensor, centers: torch.Tensor, entries: int = BLOCK_ENTRIES) -> torch.Tensor:
    """Find the nearest center to each point, as :func:`nearest` does, without the distance; int64 (n,)."""
    centers = centers.to(points)
    middle = centers.mean(0)
    c = centers - middle
    half_square = (c * c).sum(1) / 2
    index = torch.empty(len(points), dtype=torch.int64, device=points.device)
    for part in _blocks(points, c, entries):
        index[part] = torch.addmm(half_square, points[part] - middle, c.T, alpha=-1).argmin(1)
    return index


def _blocks(points: torch.Tensor, centers: torch.Tensor, entries: int) -> Iterator[slice]:
    return blocks(len(points), max(1, entries // len(centers)))
