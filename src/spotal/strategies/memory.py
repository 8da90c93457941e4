"""Estimate SPOT's peak memory, and shrink batches to fit a limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from spotal.errors import InputError
from spotal.numeric.arrays import BLOCK_BYTES, batches_of, block_rows
from spotal.numeric.sizes import rounded_up

__all__ = ["BatchReading", "SelectionScale", "read_by", "within"]

BASE = 400 << 20
"""Bytes of the loaded libraries: Python, torch and numba."""
COVERED = 4_000_000
"""Maximum number of numbers of a pool that are in memory while coverage is measured."""


@dataclass(frozen=True)
class BatchReading:
    """Bytes of a batch as float32, and the number of threads that process batches at the same time."""

    batch_bytes: int
    threads: int


@dataclass(frozen=True)
class SelectionScale:
    """Sizes that determine the memory of a selection. A pool in memory is not counted.

    sampled : rows of the sample; neighbors : neighbors of each sampled row; whole : whether there is an array over all
    rows (masses, labels, limits, draws); classes : columns of the probabilities, or 0
    """

    rows: int
    dim: int
    budget: int
    sampled: int
    neighbors: int
    whole: bool = False
    classes: int = 0

    @classmethod
    def of(
        cls,
        n: int,
        dim: int,
        budget: int,
        strategy: object = None,
        *,
        labeled: int = 0,
        limited: bool = False,
        known: bool = False,
        classes: int = 0,
    ) -> SelectionScale:
        """Build the scale of a SPOT selection; ``strategy=None`` means ``SPOT()``, other strategies raise InputError.

        ``limited``: there are costs or groups; ``known``: rows have masses or probabilities.
        """
        from spotal.selection.coverage import neighbors_needed
        from spotal.strategies import SPOT
        from spotal.strategies._sample import rows_needed

        spot = SPOT() if strategy is None else strategy
        if not isinstance(spot, SPOT):
            raise InputError(
                "max_memory",
                f"are for strategy 'spot', which reads in batches, found {getattr(spot, 'name', spot)!r}",
                "leave them out",
                subject="plans and max_memory",
            )
        sampled = rows_needed(n, labeled, budget, spot.sample_size)
        near = neighbors_needed(sampled, spot.most_reach / max(1, labeled + budget))
        drawn = spot.representative == "random"
        return cls(n, dim, budget, sampled, near, labeled > 0 or limited or known or drawn, classes)

    def memory(self, reading: BatchReading) -> int:
        """Return the maximum number of bytes for this way of reading."""
        from spotal.selection.graph import BLOCK, CANDIDATES
        from spotal.strategies._kept_graph import most_kept_bytes

        rows, dim = min(self.rows, block_rows(self.dim, target=reading.batch_bytes)), self.dim
        a_pass = (reading.threads + 2) * rows * (8 * dim + 160)
        compared = reading.threads * BLOCK * (CANDIDATES * 16 + self.neighbors * 40)
        compared += reading.threads * 2 * CANDIDATES * dim * 4 * (self.sampled > CANDIDATES)
        graph = self.sampled * (28 * dim + 32 * self.neighbors) + compared
        graph += most_kept_bytes(self.sampled, dim) * (self.sampled == self.rows)
        sample = self.sampled * 200 + self.budget * (600 + 4 * dim)
        return BASE + max(a_pass, graph) + sample + self.rows * (80 * self.whole + 16 * self.classes)

    def covering(self) -> int:
        """Return the maximum number of bytes while coverage is measured, which does not depend on batches."""
        return BASE + min(self.rows * self.dim, COVERED) * 20 + (128 << 20) + self.rows * 56

    def reading(self, most: int | None) -> BatchReading:
        """Return the largest batches and most threads within ``most`` bytes; raise InputError if 256 rows take more."""
        from spotal.numeric.threads import threads

        sizes = [BLOCK_BYTES]
        while block_rows(self.dim, target=sizes[-1]) > block_rows(self.dim, target=0):
            sizes.append(sizes[-1] // 2)
        ways = [BatchReading(size, count) for count in dict.fromkeys((threads(), 1)) for size in sizes]
        for way in ways:
            if most is None or self.memory(way) <= most:
                return way
        raise InputError(
            "max_memory",
            f"is too little to choose {self.budget:,} of {self.rows:,} rows of {self.dim:,} numbers, which takes "
            f"{rounded_up(self.memory(ways[-1]))} however few are read at a time",
            "allow that, or lower the budget",
            subject=f"memory of {(most or 0) / 1e9:.3g} GB",
        )


@contextmanager
def read_by(reading: BatchReading) -> Iterator[None]:
    """Read pools with these batches and threads while the block runs."""
    from spotal.numeric.threads import one_thread

    with batches_of(reading.batch_bytes), one_thread() if reading.threads == 1 else nullcontext():
        yield


@contextmanager
def within(most: int | None, shape: tuple[int, int], budget: float, strategy: object, **scale: Any) -> Iterator[None]:
    """Limit a selection from a pool of this shape to ``most`` bytes; raise InputError if that is impossible.

    ``scale`` has the keyword arguments of :meth:`SelectionScale.of`.
    """
    if most is None or not isinstance(budget, (int, np.integer)):  # the strategy refuses such a budget
        yield
        return
    with read_by(SelectionScale.of(*shape, int(budget), strategy, **scale).reading(most)):
        yield
