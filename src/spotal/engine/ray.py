"""Run passes on a Ray cluster: a task maps a stretch of the pool, and partial results are merged in a tree."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from spotal.engine import local
from spotal.engine.base import Pass
from spotal.engine.watch import Watch
from spotal.errors import InputError, ResourceError, one_line
from spotal.numeric.arrays import batches_of, block_rows
from spotal.pool.base import Pool

__all__ = ["RayEngine", "in_words"]

Partial = TypeVar("Partial")
Result = TypeVar("Result")
STRETCHES_A_CORE = 4
"""Stretches that each core of the cluster maps, on average: what a failure costs, against partial results to merge."""
FAN_IN = 8
"""Partial results that one task merges."""
RETRIES = 8
"""Times that a task is tried again whose worker or machine is lost, or whose result is lost with a machine."""
MEMORY_RETRIES = 2
"""Times that a task is tried again which Ray ended since its machine ran short of memory: by itself it never stops."""


class RayEngine:
    """A Ray cluster, for as long as a ``with`` block lasts.

    A pass is cut into stretches of whole batches, the same batches that this process would read. A task maps a stretch
    and merges its batches; others merge the results, eight at a time, near where these are. A pass whose ``merge`` is
    exact whatever the order gives the same bits as in this process, whatever the number of workers and whoever is lost
    on the way: tasks whose worker or machine is gone run again elsewhere.

    Parameters
    ----------
    address : str or None
        Of a running cluster, "auto" for the one of this machine; None is the one that this process is connected to
        already, else starts one of this machine's cores, which ends with the block.
    num_cpus : int or None, cores of a cluster that is started; None for all

    Raises
    ------
    InputError
        Ray is not installed, or there is no cluster at that address.

    Notes
    -----
    The pool's files must be readable from every machine; an array in memory is sent to each machine once. spotal must
    be installed on all. Only partial results cross the network, of a size that does not grow with the rows.

    References
    ----------
    P. Moritz et al., "Ray: a distributed framework for emerging AI applications", OSDI 2018.
    """

    def __init__(self, address: str | None = None, num_cpus: int | None = None) -> None:
        self.address, self.num_cpus = address, num_cpus
        self.ray: Any = None
        self._ends = True

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_task_oom_retries", str(MEMORY_RETRIES))
        try:
            ray: Any = import_module("ray")
        except ImportError as error:
            raise InputError("engine", f"'ray' needs Ray ({error})", "pip install 'spotal[ray]'") from None
        if self.address is None and ray.is_initialized():
            self.ray, self._ends = ray, False
            return self
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.address is None:
            options |= {"address": "local", "num_cpus": self.num_cpus, "include_dashboard": False}
        else:
            _check_reachable(self.address)
            options |= {"address": self.address}
        try:
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = one_line(error, 150)
            raise InputError("ray_address", f"{self.address} has no cluster to connect to ({reason})") from None
        self.ray = ray
        return self

    def __exit__(self, *_: object) -> None:
        if self._ends:
            self.ray.shutdown()

    def run(self, task: Pass[Partial, Result], pool: Pool, *, threads: int = 1) -> Result:
        """Return the result of one pass over the pool; ``threads`` are for passes that run in this process.

        Raises
        ------
        ResourceError
            A worker ran out of memory, or was lost again and again.
        SpotalError
            What the pass itself raises.
        """
        if task.here:
            return local.run(task, pool, threads=threads)
        ray = self.ray
        watch = Watch(task, len(pool))
        ray.util.register_serializer(np.memmap, serializer=_as_file, deserializer=_mapped)
        held = ray.put((task, pool))
        cuts = list(stretches(len(pool), pool.dim, int(ray.cluster_resources().get("CPU", 1))))
        mapping, merging = (ray.remote(max_retries=RETRIES)(function) for function in (_map, _merge))
        size = block_rows(pool.dim)
        first = [mapping.remote(held, start, stop, size) for start, stop in cuts]
        level = first
        while len(level) > 1:
            level = [merging.remote(held, *level[k : k + FAN_IN]) for k in range(0, len(level), FAN_IN)]
        try:
            rows = {ref: stop - start for ref, (start, stop) in zip(first, cuts, strict=True)}
            waiting = first
            while waiting:
                done, waiting = ray.wait(waiting, fetch_local=False)
                watch.advance(sum(rows[ref] for ref in done))
            partial = ray.get(level[0])
        except BaseException as error:
            # tasks under way end with the block: Ray 2.60 may end this process where they are canceled by force
            batches = f"batches of {size:,} rows of {pool.dim:,} numbers"
            raise in_words(ray, error, batches, "--max-memory, max_memory") from None
        return task.finish(partial)


def _check_reachable(address: str) -> None:
    """Raise InputError where nobody answers at "host:port", which Ray itself takes minutes to say."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise InputError(
            "ray_address", f"{address} has no cluster to connect to ({str(error.strerror or error).lower()})"
        ) from None


def stretches(n: int, dim: int, cores: int) -> Iterator[tuple[int, int]]:
    """First and last row, plus one, of stretches of whole batches that cover n rows."""
    batch = block_rows(dim)
    batches = -(-n // batch)
    count = max(1, min(batches, STRETCHES_A_CORE * cores))
    for k in range(count):
        start, stop = batches * k // count, batches * (k + 1) // count
        yield start * batch, min(n, stop * batch)


def _map(held: tuple[Pass[Any, Any], Pool], start: int, stop: int, size: int) -> Any:
    """What the rows from start to stop contribute, so many at a time. Runs on a worker."""
    import torch

    _give_up()
    torch.set_num_threads(1)
    task, pool = held
    partial: Any = None
    with batches_of(size):
        for batch in pool.batches(start, stop):
            piece = task.map(batch)
            partial = piece if partial is None else task.merge(partial, piece)
    return partial


def _merge(held: tuple[Pass[Any, Any], Pool], *partials: Any) -> Any:
    """Partial results of neighboring stretches as one. Runs on a worker."""
    import copy

    _give_up()
    task, _ = held
    merged = copy.deepcopy(partials[0])  # what a worker is given lies in shared memory, and may not be written to
    for partial in partials[1:]:
        merged = task.merge(merged, partial)
    return merged


def _as_file(array: np.memmap[Any, Any]) -> Any:
    """A mapped file as its path and place in it, so that machines read it themselves; else its content."""
    root = array
    while isinstance(root.base, np.memmap):
        root = root.base
    if root.filename is None or not os.path.exists(root.filename) or not array.flags.c_contiguous:
        return np.array(array)
    offset = root.offset + array.ctypes.data - root.ctypes.data
    return str(root.filename), offset, array.shape, array.dtype.str


def _mapped(found: Any) -> NDArray[Any]:
    if isinstance(found, np.ndarray):
        return found
    path, offset, shape, dtype = found
    return np.memmap(path, dtype, "r", offset, shape)


def _give_up() -> None:
    """Raise MemoryError at a trial that only a want of memory leads to, where Ray was told to try on without end."""
    worker = import_module("ray._private.worker").global_worker
    if getattr(worker.core_worker, "get_current_task_attempt_number", int)() > RETRIES:
        raise MemoryError


def in_words(ray: ModuleType, error: BaseException, batches: str, smaller: str) -> BaseException:
    """Ray's error as one of ours, where it is about a worker; else the error of the pass.

    ``batches`` is what a worker holds at a time, ``smaller`` the options that make it less.
    """
    lost = ray.exceptions
    while isinstance(error, lost.RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause  # of the pass itself, or of the task whose result was to be merged
    remedy = f"with {batches}; make these smaller ({smaller}) or run fewer workers on a machine (ray start --num-cpus)"
    allocator = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch's, on a CPU
    if allocator or isinstance(error, lost.OutOfMemoryError | MemoryError | lost.ObjectStoreFullError):
        return ResourceError(f"a Ray worker ran out of memory, {remedy}")
    if isinstance(error, lost.WorkerCrashedError | lost.NodeDiedError | lost.ObjectLostError | lost.RayActorError):
        return ResourceError(
            f"Ray workers were lost {RETRIES + 1} times at the same work ({type(error).__name__}), as systems do that "
            f"run out of memory, {remedy}, or look into the cluster's logs"
        )
    return error
