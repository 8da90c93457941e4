"""Which engine runs passes: this process, unless another one is in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from spotal.engine.base import Pass
from spotal.pool.base import Pool

__all__ = ["Engine", "current", "using"]


class Engine(Protocol):
    """What runs a pass over a pool, with the same result as this process has."""

    def run(self, task: Pass[Any, Any], pool: Pool) -> Any:
        """The result of one pass over the pool."""
        ...


_engine: ContextVar[Engine | None] = ContextVar("engine", default=None)


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Run passes by this engine while the block lasts."""
    token = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(token)


def current() -> Engine | None:
    """The engine in use; None for this process."""
    return _engine.get()
