"""The option ``--engine``: where a command's work runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spotal.errors import InputError

__all__ = ["ENGINES", "running_on"]

ENGINES = ("local", "ray")


@contextmanager
def running_on(engine: str, ray_address: str | None) -> Iterator[None]:
    """Run passes on that engine while the block lasts. Raises InputError for one that is unknown or not there."""
    if engine not in ENGINES:
        raise InputError(f"--engine must be one of {', '.join(ENGINES)}, found {engine!r}")
    if engine == "local":
        if ray_address is not None:
            raise InputError(f"--ray-address {ray_address} is for --engine ray; leave it out, or give both")
        yield
        return
    from spotal.engine import using
    from spotal.engine.ray import RayEngine

    with RayEngine(ray_address) as cluster, using(cluster):
        yield
