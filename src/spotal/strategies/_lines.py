"""Rows on a line, as DIRECT and GALAXY see them: sorted by how sure a model is of a class; and draws among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["drawn", "in_order"]


def in_order(p: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Rows sorted by p[k] - max p, falling; those predicted to be of class k by max p. int64 (N,)."""
    top = p.max(1)
    return np.lexsort((-top, top - p[:, k]))


def drawn(rows: NDArray[np.int64], mass: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows in random order, drawn without replacement in proportion to mass; rows of mass zero last."""
    wait = rng.exponential(size=len(rows))
    with np.errstate(divide="ignore", over="ignore"):
        return rows[np.argsort(wait / mass[rows], kind="stable")]
