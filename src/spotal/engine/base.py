"""Pass: one reading of a pool as three functions, which any engine can run."""

from __future__ import annotations

from typing import Protocol, TypeVar

from spotal.pool.base import Batch

__all__ = ["Pass"]

Partial = TypeVar("Partial")
Result = TypeVar("Result", covariant=True)


class Pass(Protocol[Partial, Result]):
    """One reading of a pool: map each batch, merge the partial results, finish. Subclass it and define the three
    methods.

    ``merge`` must be associative, and may change and return ``left``. An engine merges in the order of the batches, so
    sums are the same each time.

    Attributes
    ----------
    title : str, title of the pass for progress bars
    here : bool, whether the pass must run in this process, because the object stores results, or because its rounding
        depends on the grouping of batches

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
        """Return the partial result of one batch."""
        ...

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the partial result of two neighboring parts of the pool together."""
        ...

    def finish(self, partial: Partial) -> Result:
        """Return the result for the whole pool."""
        ...
