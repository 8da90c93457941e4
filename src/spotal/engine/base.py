"""Pass: one reading of a pool, as three functions that say nothing of where they run."""

from __future__ import annotations

from typing import Protocol, TypeVar

from spotal.pool.base import Batch

__all__ = ["Pass"]

Partial = TypeVar("Partial")
Result = TypeVar("Result", covariant=True)


class Pass(Protocol[Partial, Result]):
    """map every batch, merge the partial results, finish.

    ``merge`` is associative; an engine keeps the order of the batches, so sums come out the same each time. It may
    change and give back ``left``. A pass that keeps what it finds in itself, or whose sums are rounded in the order of
    the batches, says so by ``here = True`` and runs in this process.
    """

    def map(self, batch: Batch) -> Partial:
        """What one batch contributes."""
        ...

    def merge(self, left: Partial, right: Partial) -> Partial:
        """What two neighboring stretches of the pool contribute together."""
        ...

    def finish(self, partial: Partial) -> Result:
        """The result for the whole pool."""
        ...
