"""Run passes in this process, batch after batch."""

from __future__ import annotations

from typing import Any

from spotal.engine.base import Pass
from spotal.pool.base import Pool

__all__ = ["run"]


def run(task: Pass[Any, Any], pool: Pool) -> Any:
    """The result of one pass over the pool; holds one batch and one partial result at a time."""
    partial: Any = None
    for batch in pool.batches():
        piece = task.map(batch)
        partial = piece if partial is None else task.merge(partial, piece)
    return task.finish(partial)
