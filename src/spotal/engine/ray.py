"""The engine that runs passes on a Ray cluster: a task maps a part of the pool, results are merged in a tree."""

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
"""Average number of tasks per core. More tasks make a lost task cheaper; fewer tasks need less merging."""
FAN_IN = 8
"""Partial results that one task merges."""
RETRIES = 8
"""Retries of a task whose worker, machine or result was lost."""
MEMORY_RETRIES = 2
"""Retries of a task that Ray ended because its machine ran short of memory; Ray's default is without end."""


class RayEngine:
    """A connection to a Ray cluster, for the length of a ``with`` block.

    A pass is divided into parts of whole batches, the same batches as in this process. A task maps and merges the
    batches of a part; other tasks merge the results, eight at a time. If a worker or a machine is lost, its tasks run
    again elsewhere. A pass whose ``merge`` is exact gives the same bits as in this process, for any number of workers.

    Parameters
    ----------
    address : str or None
        Address of a running cluster; "auto" for the cluster on this machine. None uses the cluster that this process is
        connected to, or else starts a cluster on this machine, which stops at the end of the block.
    num_cpus : int or None, number of cores of a cluster that is started; None for all

    Raises
    ------
    InputError
        Ray is not installed, or there is no cluster at that address.

    Notes
    -----
    Every machine must have spotal installed and must be able to read the pool's files. An array in memory is sent to
    each machine once. Otherwise only partial results cross the network; their size does not grow with the rows.

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
        """Return the result of one pass over the pool; ``threads`` is used by passes that run in this process.

        Raises
        ------
        ResourceError
            A worker ran out of memory, or workers were lost more than ``RETRIES`` times.
        SpotalError
            The pass itself raised it.
        """
        if task.here:
            return local.run(task, pool, threads=threads)
        ray = self.ray
        watch = Watch(task, len(pool))
        ray.util.register_serializer(np.memmap, serializer=_as_file, deserializer=_mapped)
        shared = ray.put((task, pool))
        cuts = list(stretches(len(pool), pool.dim, int(ray.cluster_resources().get("CPU", 1))))
        mapping, merging = (ray.remote(max_retries=RETRIES)(function) for function in (_map, _merge))
        size = block_rows(pool.dim)
        first = [mapping.remote(shared, start, stop, size) for start, stop in cuts]
        level = first
        while len(level) > 1:
            level = [merging.remote(shared, *level[k : k + FAN_IN]) for k in range(0, len(level), FAN_IN)]
        try:
            rows = {ref: stop - start for ref, (start, stop) in zip(first, cuts, strict=True)}
            waiting = first
            while waiting:
                done, waiting = ray.wait(waiting, fetch_local=False)
                watch.advance(sum(rows[ref] for ref in done))
            partial = ray.get(level[0])
        except BaseException as error:
            # running tasks end with the block; canceling them by force may end this process (Ray 2.60)
            batches = f"batches of {size:,} rows of {pool.dim:,} numbers"
            raise in_words(ray, error, batches, "--max-memory, max_memory") from None
        return task.finish(partial)


def _check_reachable(address: str) -> None:
    """Raise InputError at once if nothing listens at "host:port"; Ray itself takes minutes."""
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
    """Yield the first row and the end of each part of n rows; parts have whole batches."""
    batch = block_rows(dim)
    batches = -(-n // batch)
    count = max(1, min(batches, STRETCHES_A_CORE * cores))
    for k in range(count):
        start, stop = batches * k // count, batches * (k + 1) // count
        yield start * batch, min(n, stop * batch)


def _map(shared: tuple[Pass[Any, Any], Pool], start: int, stop: int, size: int) -> Any:
    """Partial result of the rows from start to stop, in batches of ``size`` rows. Runs on a worker."""
    import torch

    _give_up()
    torch.set_num_threads(1)
    task, pool = shared
    partial: Any = None
    with batches_of(size):
        for batch in pool.batches(start, stop):
            piece = task.map(batch)
            partial = piece if partial is None else task.merge(partial, piece)
    return partial


def _merge(shared: tuple[Pass[Any, Any], Pool], *partials: Any) -> Any:
    """Merge partial results of neighboring parts. Runs on a worker."""
    import copy

    _give_up()
    task, _ = shared
    merged = copy.deepcopy(partials[0])  # a worker's arguments are in read-only shared memory
    for partial in partials[1:]:
        merged = task.merge(merged, partial)
    return merged


def _as_file(array: np.memmap[Any, Any]) -> Any:
    """Serialize a memory-mapped array as its path and offset, so that machines read the file; else as its content."""
    root = array
    while isinstance(root.base, np.memmap):
        root = root.base
    if root.filename is None or not os.path.exists(root.filename) or not array.flags.c_contiguous:
        return np.array(array)
    offset = root.offset + array.ctypes.data - root.ctypes.data
    return str(root.filename), offset, array.shape, array.dtype.str


def _mapped(content: Any) -> NDArray[Any]:
    if isinstance(content, np.ndarray):
        return content
    path, offset, shape, dtype = content
    return np.memmap(path, dtype, "r", offset, shape)


def _give_up() -> None:
    """Raise MemoryError after ``RETRIES`` retries: only lack of memory leads to more, and Ray may retry forever."""
    worker = import_module("ray._private.worker").global_worker
    if getattr(worker.core_worker, "get_current_task_attempt_number", int)() > RETRIES:
        raise MemoryError


def in_words(ray: ModuleType, error: BaseException, batches: str, smaller: str) -> BaseException:
    """Return a ResourceError for Ray's error about a worker, else the error of the pass.

    ``batches`` describes the data that a worker has in memory; ``smaller`` names the options that reduce it.
    """
    exceptions = ray.exceptions
    while isinstance(error, exceptions.RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause  # the error of the pass, or of the task whose result was merged
    remedy = f"with {batches}; make these smaller ({smaller}) or run fewer workers on a machine (ray start --num-cpus)"
    allocator = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch's, on a CPU
    if allocator or isinstance(error, exceptions.OutOfMemoryError | MemoryError | exceptions.ObjectStoreFullError):
        return ResourceError(f"a Ray worker ran out of memory, {remedy}")
    if isinstance(
        error,
        exceptions.WorkerCrashedError
        | exceptions.NodeDiedError
        | exceptions.ObjectLostError
        | exceptions.RayActorError,
    ):
        return ResourceError(
            f"Ray workers were lost {RETRIES + 1} times at the same work ({type(error).__name__}), as happens when a "
            f"system runs out of memory, {remedy}, or look into the cluster's logs"
        )
    return error
