"""Rows divided by their norm."""

from __future__ import annotations

import torch

from spotal.pool.base import Pool
from spotal.pool.view import View

__all__ = ["on_sphere", "unit"]


def on_sphere(pool: Pool) -> Pool:
    """Return a view of the pool with rows of unit length, float64. Rows of zeros stay zero."""
    return View(pool, unit)


def unit(points: torch.Tensor) -> torch.Tensor:
    """Scale rows (n, D) to unit length, float64."""
    points = points.double()
    points = points / points.abs().amax(1, keepdim=True).clamp_min(1e-300)  # so that squares stay finite and positive
    return points / points.square().sum(1, keepdim=True).sqrt().clamp_min(1e-300)
