"""How much memory a selection by SPOT takes, and how it keeps to less: by reading fewer rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from spotal.errors import InputError
from spotal.numeric.arrays import BLOCK_BYTES, batches_of, block_rows
from spotal.numeric.sizes import rounded_up

__all__ = ["BatchReading", "SelectionScale", "kept", "within"]

BASE = 400 << 20
"""Bytes that Python, torch and numba themselves take."""
COVERED = 4_000_000
"""Most numbers of a pool that are held to measure how well picks cover it."""


@dataclass(frozen=True)
class BatchReading:
    """How a pool is read: bytes of a batch as float32, and threads that work on batches at the same time."""

    batch_bytes: int
    threads: int


@dataclass(frozen=True)
class SelectionScale:
    """What decides how much memory a selection takes, the pool in memory not counted.

    rows, dim, budget; sampled : rows that are worked on; neighbors : of each of these; whole : whether anything is kept
    of every row while picks are chosen (masses, labels, limits, draws); classes : of the rows' probabilities, 0 without
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
        """Of a selection from n rows, so many of them labeled, by a SPOT; None for one with its defaults.

        ``limited``: on cost or groups; ``known``: rows have masses or probabilities. Raises InputError for another
        strategy.
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
        """Bytes at most, if the pool is read in that way."""
        from spotal.selection.graph import BLOCK, CANDIDATES

        rows, dim = min(self.rows, block_rows(self.dim, target=reading.batch_bytes)), self.dim
        a_pass = (reading.threads + 2) * rows * (8 * dim + 160)
        compared = reading.threads * BLOCK * (CANDIDATES * 16 + self.neighbors * 40)
        compared += reading.threads * 2 * CANDIDATES * dim * 4 * (self.sampled > CANDIDATES)
        graph = self.sampled * (28 * dim + 32 * self.neighbors) + compared
        held = self.sampled * 200 + self.budget * (600 + 4 * dim)
        return BASE + max(a_pass, graph) + held + self.rows * (80 * self.whole + 16 * self.classes)

    def covering(self) -> int:
        """Bytes at most while coverage is measured: of COVERED numbers of the pool, and of blocks of distances.

        No batches are read then, so that they cannot be made smaller.
        """
        return BASE + min(self.rows * self.dim, COVERED) * 20 + (128 << 20) + self.rows * 56

    def reading(self, most: int | None) -> BatchReading:
        """The largest batches and most threads, as many as torch would use, that take no more than ``most`` bytes.

        Raises InputError where even 256 rows at a time take more.
        """
        from spotal.numeric.threads import threads

        sizes = [BLOCK_BYTES]
        while block_rows(self.dim, target=sizes[-1]) > block_rows(self.dim, target=0):
            sizes.append(sizes[-1] // 2)
        ways = [BatchReading(size, count) for count in dict.fromkeys((threads(), 1)) for size in sizes]
        found = next((way for way in ways if most is None or self.memory(way) <= most), None)
        if found is None:
            assert most is not None
            raise InputError(
                "max_memory",
                f"is too little to choose {self.budget:,} of {self.rows:,} rows of {self.dim:,} numbers, which takes "
                f"{rounded_up(self.memory(ways[-1]))} however few are read at a time",
                "allow that, or lower the budget",
                subject=f"memory of {most / 1e9:.3g} GB",
            )
        return found


@contextmanager
def kept(reading: BatchReading) -> Iterator[None]:
    """Read pools in that way while the block lasts."""
    from spotal.numeric.threads import one_thread

    with batches_of(reading.batch_bytes), one_thread() if reading.threads == 1 else nullcontext():
        yield


@contextmanager
def within(most: int | None, shape: tuple[int, int], budget: float, strategy: object, **of: Any) -> Iterator[None]:
    """Read a pool of that shape so that choosing takes ``most`` bytes at most; ``of`` as for ``SelectionScale.of``.

    Raises InputError, before anything is read, where that cannot be.
    """
    if most is None or not isinstance(budget, (int, np.integer)):  # which the strategy refuses
        yield
        return
    with kept(SelectionScale.of(*shape, int(budget), strategy, **of).reading(most)):
        yield
