"""Sorting rows by the confidence in a class, and weighted draws, for DIRECT and GALAXY."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["drawn", "in_order"]


def in_order(p: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Sort rows by p[k] - max p, then by max p, both descending; int64 (N,)."""
    top = p.max(1)
    return np.lexsort((-top, top - p[:, k]))


def drawn(rows: NDArray[np.int64], mass: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw all rows without replacement in proportion to mass; rows of mass zero come last."""
    wait = rng.exponential(size=len(rows))
    with np.errstate(divide="ignore", over="ignore"):
        return rows[np.argsort(wait / mass[rows], kind="stable")]
