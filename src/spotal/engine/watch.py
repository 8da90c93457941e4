"""Watching passes: a function that is told how far each has come, for progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["Watch", "watching"]

Watcher = Callable[[str, int, int], object]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call ``watcher(title, rows done, rows in all)`` as each pass over a pool goes on, while the block lasts."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


class Watch:
    """One pass, told of to whoever watches. A pass without a ``title`` is told of by its class."""

    def __init__(self, task: Any, total: int) -> None:
        self.title = getattr(task, "title", type(task).__name__.strip("_").lower())
        self.done, self.total = 0, total
        self._watcher = _watcher.get()
        self.advance(0)

    def advance(self, rows: int) -> None:
        """So many rows more are done."""
        self.done += rows
        if self._watcher is not None:
            self._watcher(self.title, self.done, self.total)
