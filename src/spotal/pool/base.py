"""Pool: rows with numbers, read in batches or by number. What an algorithm sees of the data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["Batch", "Pool", "PoolLike"]


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a pool: ``start`` is the number of the first, ``points`` a float tensor (m, d)."""

    start: int
    points: torch.Tensor

    @property
    def rows(self) -> slice:
        """Where these rows lie in a per-row array of the whole pool."""
        return slice(self.start, self.start + len(self.points))


@runtime_checkable
class Pool(Protocol):
    """N rows of width dim."""

    @property
    def dim(self) -> int:
        """Width of a row."""
        ...

    def __len__(self) -> int: ...

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """All rows, or those from ``start`` to before ``stop``, in order, in batches of bounded size."""
        ...

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """The rows of these numbers, in this order, as a float tensor (k, d)."""
        ...

    def where(self, row: int) -> str:
        """What a row is called in an error: its number, or its file and its number there."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """What the pool was, in JSON types: its shape and a hash of its content or of a part of it."""
        ...


PoolLike: TypeAlias = "Pool | ArrayLike | torch.Tensor | str | os.PathLike[str] | Iterable[Any]"
"""What :func:`spotal.pool.as_pool` takes: a pool, embeddings (n, d), a sparse matrix, a DataFrame, a data set, a path,
glob or URI, or batches one by one."""
