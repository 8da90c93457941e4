"""Which engine runs the passes: the one of this process, unless another is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from spotal.engine import local
from spotal.engine.base import Pass
from spotal.errors import InputError
from spotal.pool.base import Pool

__all__ = ["ENGINES", "run", "using"]

ENGINES: dict[str, Callable[..., Any] | None] = {"local": local.run, "ray": None}
"""Functions (task, pool, threads) -> result, by name; None for one that this version knows only by name."""

_engine: ContextVar[Callable[..., Any]] = ContextVar("engine", default=local.run)


def run(task: Pass[Any, Any], pool: Pool, *, threads: int = 1) -> Any:
    """The result of one pass over the pool, by the engine in use."""
    return _engine.get()(task, pool, threads=threads)


@contextmanager
def using(name: str) -> Iterator[None]:
    """Run passes by the engine of this name while the block lasts. Raises InputError for one that there is not."""
    found = ENGINES.get(name)
    if found is None:
        there = ", ".join(known for known, engine in ENGINES.items() if engine is not None)
        known = "not in this version yet" if name in ENGINES else "unknown"
        raise InputError(f"engine {name!r} is {known}; use one of: {there}")
    token = _engine.set(found)
    try:
        yield
    finally:
        _engine.reset(token)
