"""Forecast of a selection from a large pool, and progress bars for its passes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from spotal.cli.request import Request
    from spotal.pool.sharded import ShardedPool
    from spotal.strategies import Strategy
    from spotal.strategies.plan import Plan

__all__ = ["MEASURED", "passes_shown", "planned"]

MEASURED = 1_000_000
"""Largest number of rows for which coverage is measured; this needs further passes over the pool."""

TRIED = 64 << 20
"""Bytes read to measure the speed of the disk."""


def planned(request: Request, budget: int, most: int | None, strategy: Strategy | None) -> Plan:
    """Return the plan of a selection. Raises InputError if ``most`` bytes of memory are not enough."""
    import numpy as np

    from spotal.pool import ShardedPool, as_pool
    from spotal.strategies.plan import plan

    pool = as_pool(request.features)
    settings: dict[str, Any] = {
        "max_memory": most,
        "covered": len(pool) <= MEASURED,
        "strategy": strategy,
        "labeled": len(request.labeled),
        "limited": request.groups is not None,
        "known": request.mass is not None or request.probabilities is not None,
        "classes": 0 if request.probabilities is None else int(np.prod(np.shape(request.probabilities)[1:])),
    }
    if isinstance(pool, ShardedPool):
        settings["itemsize"] = pool.dtype.itemsize
        settings["sequential"] = any(shard.path.suffix.lower() not in (".npy", ".zarr") for shard in pool.shards)
        settings["read_rate"] = _read_rate(pool)
    return plan(len(pool), pool.dim, budget, **settings)


def _read_rate(pool: ShardedPool) -> float:
    """Measure the reading speed of the pool's first bytes, in bytes per second."""
    start, done = time.perf_counter(), 0
    for piece in pool.shards[0].pieces(0, pool.shards[0].rows):
        done += int(piece.copy().nbytes)
        if done >= TRIED:
            break
    return done / max(time.perf_counter() - start, 1e-6)


@contextmanager
def passes_shown(bars: Progress) -> Iterator[None]:
    """Show a progress bar for each pass over a pool within the block."""
    from spotal.engine import watching

    current: dict[str, TaskID] = {}

    def show(title: str, done: int, total: int) -> None:
        if done == 0:
            for task in current.values():
                bars.remove_task(task)
            current.clear()
            current[title] = bars.add_task(f"  {title}", total=total)
        bars.update(current[title], completed=done)

    with watching(show):
        yield
