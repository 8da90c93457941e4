"""Forecast the passes, bytes, seconds and memory of a selection by SPOT."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spotal.engine import local
from spotal.errors import BudgetError
from spotal.numeric.sizes import rounded_up, size_of
from spotal.numeric.threads import threads
from spotal.pool import ArrayPool, Pool, check_finite
from spotal.selection.graph import CANDIDATES
from spotal.strategies.memory import BatchReading, SelectionScale, read_by

if TYPE_CHECKING:
    from spotal.strategies.base import Strategy

__all__ = ["Plan", "plan"]

TRIAL = 16_384
"""Number of rows on which speeds are measured."""
FEW = 2048
"""Number of rows of the graph whose speed is measured."""


@dataclass(frozen=True)
class Plan:
    """Forecast of a selection.

    path : "exact" if SPOT works on all rows, "sampled" if it works on a sample
    passes : number of passes over the pool; bytes_read : bytes read in these passes
    memory : maximum number of bytes, not counting a pool in memory; includes ``threads`` batches of ``batch_bytes``
    seconds : total time; steps : dict of the seconds of each step
    """

    rows: int
    dim: int
    budget: int
    path: str
    passes: int
    bytes_read: int
    memory: int
    batch_bytes: int
    threads: int
    seconds: float
    steps: dict[str, float]

    def __str__(self) -> str:
        steps = ", ".join(f"{name} {seconds:.2g}" for name, seconds in self.steps.items())
        return (
            f"{self.budget:,} of {self.rows:,} rows of {self.dim:,} numbers, {self.path}: {self.passes} passes, "
            f"{self.bytes_read / 1e9:.3g} GB read, at most {rounded_up(self.memory)} of memory in batches of "
            f"{self.batch_bytes / 1e6:.2g} MB, about {self.seconds:.2g} s "
            f"({steps})"
        )


def plan(
    n: int,
    dim: int,
    budget: int,
    *,
    itemsize: int = 4,
    sequential: bool = False,
    read_rate: float = 0.0,
    max_memory: int | str | None = None,
    strategy: Strategy | None = None,
    labeled: int = 0,
    limited: bool = False,
    known: bool = False,
    classes: int = 0,
    covered: bool = False,
) -> Plan:
    """Forecast time, memory and reading of a selection of ``budget`` rows by SPOT, on this machine's CPU.

    Speeds are measured on about 16,000 random rows with torch's number of threads. That takes two or three seconds if
    the compiled loops are cached. The forecast is for the second selection in a process, because the first one also
    loads libraries.

    Parameters
    ----------
    n : int, rows of the pool; dim : int, numbers in a row; budget : int, rows to select
    itemsize : int, bytes of a number on disk; sequential : bool, whether rows can only be read in order (tables)
    read_rate : float, bytes per second that the disk delivers; 0 for a pool in memory
    max_memory : int, bytes, or str such as "800MB"; smaller batches and fewer threads are used to stay below it
    strategy : SPOT, or None for ``SPOT()``
    labeled : int, number of labeled rows; limited : bool, whether rows have costs or groups
    covered : bool, whether the picks' coverage of the pool is measured, as ``spotal select`` does
    known : bool, whether rows have masses or probabilities; classes : int, columns of the probabilities

    Raises
    ------
    BudgetError
        budget is not in 1 .. n - labeled.
    InputError
        max_memory is too small even for the smallest batches.

    Examples
    --------
    >>> import spotal
    >>> forecast = spotal.plan(10_000, 64, 100)
    >>> forecast.path, forecast.passes
    ('sampled', 2)
    """
    if not 1 <= budget <= n - labeled:
        raise BudgetError("budget", must=f"lie in 1..{n - labeled}, the pool's rows without a label", found=budget)
    scale = SelectionScale.of(n, dim, budget, strategy, labeled=labeled, limited=limited, known=known, classes=classes)
    reading = scale.reading(None if max_memory is None else size_of(max_memory))
    with read_by(reading):
        result = _planned(scale, reading, itemsize, sequential, read_rate, limited)
    fits = covered and (max_memory is None or scale.covering() <= size_of(max_memory))
    return replace(result, memory=max(result.memory, scale.covering())) if fits else result


def _planned(
    scale: SelectionScale, reading: BatchReading, itemsize: int, sequential: bool, read_rate: float, limited: bool
) -> Plan:
    """Forecast the selection for this way of reading."""
    n, dim, budget, sampled = scale.rows, scale.dim, scale.budget, scale.sampled
    trial, steps = _trial_rows(dim), {}
    if sampled < n:
        passes = 1 + limited
        steps["sample"] = passes * n * _drawing(trial)
    else:
        passes = 1  # checks the values
        steps["sample"] = n * _timed(lambda: check_finite(trial)) / len(trial)
    near = min(sampled, CANDIDATES) / FEW
    steps["graph"] = sampled / FEW * near * _linking(dim, min(scale.neighbors, FEW))
    passes += 1  # assigns rows to picks
    steps["assign"] = n * _comparing(trial, budget, n)
    bytes_read = ((passes + sequential) * n + (0 if sequential else sampled)) * dim * itemsize
    if read_rate:
        steps["read"] = max(0.0, bytes_read / read_rate - steps["sample"] - steps["assign"])
    path = "sampled" if sampled < n else "exact"
    seconds, memory = sum(steps.values()), scale.memory(reading)
    passes += sequential
    return Plan(n, dim, budget, path, passes, bytes_read, memory, reading.batch_bytes, reading.threads, seconds, steps)


def _timed(function: Callable[[], Any]) -> float:
    """Return the least seconds of two calls; a call before them compiles and touches new memory."""
    function()
    least = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        function()
        least = min(least, time.perf_counter() - start)
    return least


def _trial_rows(dim: int) -> Pool:
    """Return enough random rows to keep all threads busy."""
    import torch

    count = max(TRIAL, 2 * threads() * (32 << 20) // (4 * dim))
    return ArrayPool(torch.randn(count, dim, generator=torch.Generator().manual_seed(0)))


def _drawing(pool: Pool) -> float:
    """Return seconds a row to draw the sample."""
    from spotal.strategies._sample import Draw
    from spotal.strategies.base import Query

    draw = Draw(Query(pool, 1, np.empty(0, np.int64), None, None, None, 0), FEW)
    return _timed(lambda: local.run(draw, pool, threads=threads())) / len(pool)


def _linking(dim: int, neighbors: int) -> float:
    """Return seconds to build the graph of FEW rows."""
    import torch

    from spotal.selection.graph import NeighborGraph

    x = torch.randn(FEW, dim, generator=torch.Generator().manual_seed(0))
    return _timed(lambda: NeighborGraph.fit(x, neighbors))


def _comparing(pool: Pool, budget: int, n: int) -> float:
    """Return seconds a row to assign it to one of the picks, in a pool of n."""
    from spotal.selection import assign

    picks = np.linspace(0, len(pool) - 1, budget).astype(np.int64)
    task, count = assign.assignment(pool, picks, exact=n * budget * pool.dim <= assign.EXACT_WORK)
    return _timed(lambda: local.run(task, pool, threads=count)) / len(pool)
