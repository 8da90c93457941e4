"""Pass: one reading of a pool, as three functions that say nothing of where they run."""

from __future__ import annotations

from typing import Protocol, TypeVar

from spotal.pool.base import Batch

__all__ = ["Pass"]

Partial = TypeVar("Partial")
Result = TypeVar("Result", covariant=True)


class Pass(Protocol[Partial, Result]):
    """map every batch, merge the partial results, finish. Subclass it: ``title`` and ``here`` then have defaults.

    ``merge`` is associative; an engine keeps the order of the batches, so sums come out the same each time. It may
    change and return ``left``.

    Attributes
    ----------
    title : str, what the pass does, for progress bars
    here : bool, whether the pass must run in this process, since it keeps results in itself or rounds its sums in the
        order of the batches

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.engine import Pass, run
    >>> from spotal.pool import as_pool
    >>> class Count(Pass[int, int]):
    ...     title = "counting rows"
    ...     def map(self, batch):
    ...         return len(batch.points)
    ...     def merge(self, left, right):
    ...         return left + right
    ...     def finish(self, partial):
    ...         return partial
    >>> run(Count(), as_pool(np.zeros((10, 2))))
    10
    """

    title: str = "reading the pool"
    here: bool = False

    def map(self, batch: Batch) -> Partial:
        """Return what one batch contributes."""
        ...

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return what two neighboring stretches of the pool contribute together."""
        ...

    def finish(self, partial: Partial) -> Result:
        """Return the result for the whole pool."""
        ...
