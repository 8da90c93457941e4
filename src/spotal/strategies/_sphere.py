"""A pool seen on the unit sphere: every row divided by its norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.pool.base import Batch, Pool

__all__ = ["Sphere"]


class Sphere:
    """Rows of unit length, float64; rows of zeros stay as they are. Read in blocks, as the pool itself is."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @property
    def dim(self) -> int:
        """Width of a row."""
        return self.pool.dim

    def __len__(self) -> int:
        return len(self.pool)

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Rows in order."""
        for batch in self.pool.batches(start, stop):
            yield Batch(batch.start, _unit(batch.points))

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """The rows of these numbers, float64 (k, d)."""
        return _unit(self.pool.rows(numbers))

    def where(self, row: int) -> str:
        """What a row is called."""
        return self.pool.where(row)

    def fingerprint(self) -> dict[str, Any]:
        """That of the pool as it is."""
        return self.pool.fingerprint()


def _unit(points: torch.Tensor) -> torch.Tensor:
    points = points.double()
    points = points / points.abs().amax(1, keepdim=True).clamp_min(1e-300)  # squares neither vanish nor overflow
    return points / points.square().sum(1, keepdim=True).sqrt().clamp_min(1e-300)
