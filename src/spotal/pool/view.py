"""A pool seen through a function of its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.pool.base import Batch, Pool

if TYPE_CHECKING:
    import torch

__all__ = ["View"]


@dataclass(frozen=True)
class View:
    """Another pool, whose rows go through a function a batch at a time; nothing is kept.

    pool : the pool as it is, whose names of rows and fingerprint stay
    through : takes rows (k, D), gives rows (k, dim), each by itself
    width : dim, where it is not D
    """

    pool: Pool
    through: Callable[[torch.Tensor], torch.Tensor]
    width: int | None = None

    @property
    def dim(self) -> int:
        """Width of a row."""
        return self.width or self.pool.dim

    def __len__(self) -> int:
        return len(self.pool)

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Rows in order."""
        for batch in self.pool.batches(start, stop):
            yield Batch(batch.start, self.through(batch.points))

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """The rows of these numbers, a tensor (k, dim)."""
        return self.through(self.pool.rows(numbers))

    def where(self, row: int) -> str:
        """What a row is called."""
        return self.pool.where(row)

    def ids(self) -> Any:
        """The names of all rows of the pool as it is; None where there are none."""
        found = getattr(self.pool, "ids", None)
        return None if found is None else found()

    def fingerprint(self) -> dict[str, Any]:
        """That of the pool as it is."""
        return self.pool.fingerprint()
