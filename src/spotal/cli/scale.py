"""What ``spotal select`` says of large pools: what a selection will take, and how far each pass has come."""

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
"""Rows up to which the picks' coverage of the pool is measured, which costs passes of its own."""

TRIED = 64 << 20
"""Bytes read to find out how fast the disk is."""


def planned(request: Request, budget: int, most: int | None, strategy: Strategy | None) -> Plan:
    """What choosing will take. Raises InputError where that is more memory than ``most`` however it is read."""
    import numpy as np

    from spotal.pool import ShardedPool, as_pool
    from spotal.strategies.plan import plan

    pool = as_pool(request.features)
    known: dict[str, Any] = {
        "covered": len(pool) <= MEASURED,
        "strategy": strategy,
        "labeled": len(request.labeled),
        "limited": request.groups is not None,
        "known": request.mass is not None or request.probabilities is not None,
        "classes": 0 if request.probabilities is None else int(np.prod(np.shape(request.probabilities)[1:])),
    }
    if isinstance(pool, ShardedPool):
        tables = any(shard.path.suffix.lower() not in (".npy", ".zarr") for shard in pool.shards)
        rate = _read_rate(pool)
        size = pool.dtype.itemsize
        return plan(
            len(pool), pool.dim, budget, itemsize=size, sequential=tables, read_rate=rate, max_memory=most, **known
        )
    return plan(len(pool), pool.dim, budget, max_memory=most, **known)


def _read_rate(pool: ShardedPool) -> float:
    """Bytes a second that the first pieces of the pool come in."""
    start, done = time.perf_counter(), 0
    for piece in pool.shards[0].pieces(0, pool.shards[0].rows):
        done += int(piece.copy().nbytes)
        if done >= TRIED:
            break
    return done / max(time.perf_counter() - start, 1e-6)


@contextmanager
def passes_shown(bars: Progress) -> Iterator[None]:
    """A bar for each pass over a pool, with its rate and the time left, while the block lasts."""
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
