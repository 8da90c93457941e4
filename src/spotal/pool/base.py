"""Pool: the interface through which algorithms read rows, in batches or by row number."""

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
    """Consecutive rows of a pool: ``start`` is the first row number, ``points`` a float tensor (m, d).

    Examples
    --------
    >>> import torch
    >>> from spotal.pool import Batch
    >>> Batch(10, torch.zeros(3, 2)).rows
    slice(10, 13, None)
    """

    start: int
    points: torch.Tensor

    @property
    def rows(self) -> slice:
        """The place of these rows in an array with one entry for each row of the pool."""
        return slice(self.start, self.start + len(self.points))


@runtime_checkable
class Pool(Protocol):
    """Interface of a pool: n rows of width ``dim``."""

    @property
    def dim(self) -> int:
        """Width of a row."""

    def __len__(self) -> int: ...

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Yield the rows from ``start`` to before ``stop`` in order, in batches of bounded size."""

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """Return the given rows, in the given order, as a float tensor (k, d)."""

    def where(self, row: int) -> str:
        """Return the name of a row for error messages: its number, or its file and the number in the file."""

    def fingerprint(self) -> dict[str, Any]:
        """Return the shape and a hash of all or a part of the content, as JSON types."""


PoolLike: TypeAlias = "Pool | ArrayLike | torch.Tensor | str | os.PathLike[str] | Iterable[Any]"
"""An argument of :func:`spotal.pool.as_pool`: a pool, embeddings (n, d), a sparse matrix, a DataFrame, a data set, a
path, glob or URI, or an iterable of batches."""
