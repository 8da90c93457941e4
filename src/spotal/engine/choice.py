"""Choice of the engine that runs the passes; the default runs them in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from spotal.engine import local
from spotal.engine.base import Pass
from spotal.errors import InputError
from spotal.pool.base import Pool

__all__ = ["ENGINES", "run", "using"]

ENGINES = ("local", "ray")

Partial = TypeVar("Partial")
Result = TypeVar("Result")
_engine: ContextVar[Callable[..., Any]] = ContextVar("engine", default=local.run)


def run(task: Pass[Partial, Result], pool: Pool, *, threads: int = 1) -> Result:
    """Return the result of one pass over the pool, by the current engine.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.engine import Pass, run
    >>> from spotal.pool import as_pool
    >>> class Total(Pass):
    ...     def map(self, batch):
    ...         return float(batch.points.sum())
    ...     def merge(self, left, right):
    ...         return left + right
    ...     def finish(self, partial):
    ...         return partial
    >>> run(Total(), as_pool(np.ones((10, 2))))
    20.0
    """
    result: Result = _engine.get()(task, pool, threads=threads)
    return result


@contextmanager
def using(engine: str | Callable[..., Any] | None, ray_address: str | None = None) -> Iterator[None]:
    """Run the passes within the block on another engine.

    Parameters
    ----------
    engine : {"local", "ray"}, or a function of (task, pool, threads) such as ``RayEngine.run``; None for no change
    ray_address : str or None, address of a running cluster. With None, "ray" uses the cluster that this process is
        connected to, or else starts a cluster on this machine for the block.

    Raises
    ------
    InputError
        There is no such engine or cluster, or an address is given with another engine.

    Examples
    --------
    >>> import numpy as np, spotal
    >>> from spotal.engine import using
    >>> with using("local"):
    ...     picks = spotal.select(np.eye(5), 2, "random", random_state=0)
    >>> len(picks.indices)
    2
    """
    if isinstance(engine, str) and engine not in ENGINES:
        raise InputError("engine", must=f"be one of {', '.join(ENGINES)}", found=repr(engine))
    if ray_address is not None and engine != "ray":
        raise InputError("ray_address", f"{ray_address} is for the engine 'ray', found {engine!r}", "leave it out")
    if engine == "ray":
        from spotal.engine.ray import RayEngine

        with RayEngine(ray_address) as cluster, using(cluster.run):
            yield
        return
    if engine is None:
        yield
        return
    token = _engine.set(local.run if isinstance(engine, str) else engine)
    try:
        yield
    finally:
        _engine.reset(token)
