"""A pool whose rows are mapped by a function when they are read."""

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
    """The rows of another pool, mapped by a function one batch at a time without caching.

    pool : the other pool, whose row names and fingerprint are used
    through : function from rows (k, D) to rows (k, dim) that maps each row independently
    width : dim; None if it is D
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
        """Yield rows in order."""
        for batch in self.pool.batches(start, stop):
            yield Batch(batch.start, self.through(batch.points))

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """Return the given rows, a tensor (k, dim)."""
        return self.through(self.pool.rows(numbers))

    def where(self, row: int) -> str:
        """Return the name of a row in the other pool."""
        return self.pool.where(row)

    def ids(self) -> Any:
        """Return the names of all rows; None if they have only numbers."""
        ids = getattr(self.pool, "ids", None)
        return None if ids is None else ids()

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the other pool."""
        return self.pool.fingerprint()
