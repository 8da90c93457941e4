"""A pool whose batches are handed out on a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.pool.base import Batch, Pool

if TYPE_CHECKING:
    import torch

__all__ = ["DEVICES", "on_device"]

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class _Moved:
    """Another pool, its batches and rows moved to a device one at a time."""

    pool: Pool
    device: str

    @property
    def dim(self) -> int:
        return self.pool.dim

    def __len__(self) -> int:
        return len(self.pool)

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        for batch in self.pool.batches(start, stop):
            yield Batch(batch.start, batch.points.to(self.device))

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        return self.pool.rows(numbers).to(self.device)

    def where(self, row: int) -> str:
        return self.pool.where(row)

    def fingerprint(self) -> dict[str, Any]:
        return self.pool.fingerprint()


def on_device(pool: Pool, device: str) -> Pool:
    """The pool, its batches on ``device``: "cpu", "cuda", or "auto", which is "cuda" where there is one.

    Raises InputError for another name, and for "cuda" where there is none.
    """
    import torch

    if device not in DEVICES:
        raise InputError(f"device must be one of {', '.join(DEVICES)}, found {device!r}")
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise InputError("device 'cuda' is asked for, but torch finds no CUDA device; use 'cpu' or 'auto'")
    return _Moved(pool, "cuda") if there and device != "cpu" else pool
