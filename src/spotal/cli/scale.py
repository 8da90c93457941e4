"""What ``spotal select`` says of large pools: what a selection will take, and how far each pass has come."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spotal.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from spotal._plan import Plan
    from spotal.cli.request import Request
    from spotal.pool.sharded import ShardedPool

__all__ = ["passes_shown", "planned", "size_of"]

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
TRIED = 64 << 20
"""Bytes read to find out how fast the disk is."""


def size_of(text: str) -> int:
    """Bytes: "800MB", "4G", "1000000". Raises InputError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", text.upper())
    if match is None:
        raise InputError(f"--max-memory must be a size such as 800MB or 4GB, found {text!r}")
    return int(float(match[1]) * UNITS[match[2]])


def planned(request: Request, budget: int, most: int | None) -> Plan:
    """What choosing will take. Raises InputError where that is more memory than ``most``, or for a folder of images."""
    from spotal._plan import check_memory, plan
    from spotal.pool import ShardedPool, as_pool

    if request.features is None:
        raise InputError("--plan and --max-memory need embeddings, found a folder of images; embed it first")
    pool = as_pool(request.features)
    if isinstance(pool, ShardedPool):
        tables = any(shard.path.suffix.lower() not in (".npy", ".zarr") for shard in pool.shards)
        rate = _read_rate(pool)
        found = plan(len(pool), pool.dim, budget, itemsize=pool.dtype.itemsize, sequential=tables, read_rate=rate)
    else:
        found = plan(len(pool), pool.dim, budget)
    if most is not None:
        check_memory(found, most)
    return found


def _read_rate(pool: ShardedPool) -> float:
    """Bytes a second that the first pieces of the pool come in."""
    start, done = time.perf_counter(), 0
    for piece in pool.shards[0].pieces():
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
