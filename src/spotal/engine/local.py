"""The engine that runs passes in this process, batch after batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from spotal.engine.base import Pass
from spotal.engine.watch import Watch
from spotal.numeric.arrays import block_rows
from spotal.pool.base import Pool

__all__ = ["run"]

Partial = TypeVar("Partial")
Result = TypeVar("Result")


def run(task: Pass[Partial, Result], pool: Pool, *, threads: int = 1) -> Result:
    """Return the result of one pass over the pool.

    Memory holds one partial result and up to two batches per thread. If the pool has more than one batch, several
    threads map batches at the same time; results are still merged in the order of the batches. The function given to
    :func:`spotal.engine.watching` is called after each batch.
    """
    partial: Any = None
    watch = Watch(task, len(pool))
    for rows, piece in _mapped(task, pool, threads):
        partial = piece if partial is None else task.merge(partial, piece)
        watch.advance(rows)
    return task.finish(partial)


def _mapped(task: Pass[Any, Any], pool: Pool, threads: int) -> Iterator[tuple[int, Any]]:
    """Number of rows and result of each batch, in order."""
    if threads < 2 or len(pool) <= block_rows(pool.dim):
        for batch in pool.batches():
            yield len(batch.points), task.map(batch)
        return
    from spotal.numeric.threads import workers

    with workers(threads) as executor:
        waiting: deque[tuple[int, Future[Any]]] = deque()
        try:
            for batch in pool.batches():
                waiting.append((len(batch.points), executor.submit(task.map, batch)))
                if len(waiting) > threads:
                    rows, first = waiting.popleft()
                    yield rows, first.result()
            while waiting:
                rows, first = waiting.popleft()
                yield rows, first.result()
        finally:
            for _, future in waiting:
                future.cancel()
