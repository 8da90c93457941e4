"""A pool seen on the unit sphere: every row divided by its norm."""

from __future__ import annotations

import torch

from spotal.pool.base import Pool
from spotal.pool.view import View

__all__ = ["on_sphere", "unit"]


def on_sphere(pool: Pool) -> Pool:
    """The pool's rows at unit length, float64; rows of zeros stay as they are. Read as the pool itself is."""
    return View(pool, unit)


def unit(points: torch.Tensor) -> torch.Tensor:
    """Rows (n, D) at unit length, float64."""
    points = points.double()
    points = points / points.abs().amax(1, keepdim=True).clamp_min(1e-300)  # squares neither vanish nor overflow
    return points / points.square().sum(1, keepdim=True).sqrt().clamp_min(1e-300)
