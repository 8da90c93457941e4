"""Progress of passes, reported to a function, for progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from spotal.engine.base import Pass

__all__ = ["Watch", "watching"]

Watcher = Callable[[str, int, int], object]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call ``watcher(title, finished rows, total rows)`` during each pass over a pool within the block.

    Examples
    --------
    >>> import numpy as np, spotal
    >>> from spotal.engine import watching
    >>> titles = set()
    >>> with watching(lambda title, done, total: titles.add(title)):
    ...     picks = spotal.select(np.eye(5), 2, "kmeans", random_state=0)
    >>> len(titles) > 0
    True
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


class Watch:
    """The progress of one pass, reported to the current watcher."""

    def __init__(self, task: Pass[Any, Any], total: int) -> None:
        self.title = task.title
        self.done, self.total = 0, total
        self._watcher = _watcher.get()
        self.advance(0)

    def advance(self, rows: int) -> None:
        """Report that ``rows`` more rows are finished."""
        self.done += rows
        if self._watcher is not None:
            self._watcher(self.title, self.done, self.total)
