"""The nearest of many centers for many points: in lists around a few middles, of which each point looks into two."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

__all__ = ["Centers", "one_thread", "processors", "shared", "threads", "threads_for", "workers"]

FLAT = 96
"""Up to this many centers each point is compared with all of them."""
LIST = 64
"""Centers in a list, at least."""
PROBES = 2
"""Lists that a point looks into: the nearest center is missed now and then, by one hardly farther away."""
ROUNDS = 3
"""Lloyd steps that place the middles."""
PIECE = 8192
"""Points that one thread takes at a time."""
REPAID = 1 << 28
"""Multiplications of one step, some 10 ms of one thread, from which on it repays to share them: a step of a network is
a hundred parallel regions, each of which ends with its last thread."""

Part = TypeVar("Part")

_workers: ContextVar[int | None] = ContextVar("workers", default=None)
"""What ``threads`` returns; None for what torch would use."""


def threads() -> int:
    """Return how many threads to share work among: torch's number on this thread, and no more than :func:`processors`.

    torch's number follows ``OMP_NUM_THREADS`` and ``torch.set_num_threads``.
    """
    allowed = _workers.get()
    return min(int(torch.get_num_threads()), processors()) if allowed is None else allowed


def processors() -> int:
    """Return how many processors this process may use: those it may run on, and no more than its cgroup's CPU quota."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(own, _quota())))


@cache
def _quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Processors that the container's cgroup, version 2 or 1, grants the time of; infinity where it sets no limit."""
    try:
        if (file := root / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return float(quota) / float(period) if quota != "max" and float(quota) > 0 else math.inf
    except (OSError, ValueError):
        return math.inf


@contextmanager
def one_thread(workers: int = 1, *, numpy: bool = False) -> Iterator[None]:
    """Let torch work on one thread when called from this one: sums then round alike on every number of cores.

    A small product is sooner done so, too: a parallel region ends when its last thread gets a processor, which takes
    long where other programs want them all. Other threads of the process, and torch's settings, stay as they are.

    Parameters
    ----------
    workers : what :func:`threads` returns meanwhile, for work that is shared among threads of our own
    numpy : whether numpy and scipy keep to one thread too. Their libraries know one number for the whole process only:
        it is changed meanwhile, so this is for short work that is not part of a selection by SPOT.
    """
    token = _workers.set(workers)
    before = torch.get_num_threads()  # also lets torch prepare this thread, which would set the number later
    mkl = _set_threads(1)
    try:
        with threadpool_limits(1, user_api="blas") if numpy else nullcontext():
            yield
    finally:
        _set_threads(before, mkl)
        _workers.reset(token)


def threads_for(work: int) -> AbstractContextManager[None]:
    """Let torch use its threads for a step of ``work`` multiplications where that repays it, and one elsewhere."""
    return nullcontext() if work > REPAID else one_thread(threads())


def shared(work: Callable[[Part], Any], parts: Sequence[Part], count: int) -> None:
    """Do the work for each part on ``count`` threads, in each of which torch keeps to one."""
    if count < 2 or len(parts) < 2:
        for part in parts:
            work(part)
        return
    with workers(count) as pool:
        list(pool.map(work, parts))


def workers(count: int) -> ThreadPoolExecutor:
    """Return an executor of ``count`` threads, in each of which torch keeps to one."""
    return ThreadPoolExecutor(count, initializer=_keep_to_one)


def _keep_to_one() -> None:
    _workers.set(1)
    torch.get_num_threads()
    _set_threads(1)


def _set_threads(count: int, mkl: int = -1) -> int:
    """Set how many threads torch uses when called from this one; ``mkl`` and the result: MKL's own such number."""
    openmp, own = _libraries()
    openmp(count)
    return int(own(count if mkl < 0 else mkl))


@cache
def _libraries() -> tuple[Callable[[int], object], Callable[[int], int]]:
    """Functions that set the number of threads of the calling thread: OpenMP's, and MKL's, which returns the last.

    They are those of the libraries that torch is linked with. A torch without OpenMP has one number for the process.
    """
    library = ctypes.CDLL(torch._C.__file__)
    openmp = getattr(library, "omp_set_num_threads", torch.set_num_threads)
    return openmp, getattr(library, "MKL_Set_Num_Threads_Local", lambda count: 0)


class Centers:
    """k centers that are searched in O(sqrt(k)) comparisons a point.

    Up to 96 centers the answer is exact. Above, and on the CPU, each point looks into the two lists of 64 centers or
    sqrt(k) / 2, whichever is more, whose middles are nearest. On other devices all centers are compared, by matrix
    products.

    Parameters
    ----------
    points : float32 (k, WIDTH) array
    """

    def __init__(self, points: NDArray[np.float32]) -> None:
        self.points = np.ascontiguousarray(points, np.float32)
        count = 1 if len(points) <= FLAT else -(-len(points) // max(LIST, math.isqrt(len(points) // 4)))
        self._lay_middles(self.points[np.linspace(0, len(points) - 1, count).astype(np.int64)])
        for _ in range(ROUNDS if count > 1 else 0):
            self._lay_middles(_means(self._place(), self.points, self.middles))
        self._pack(self._place())

    def _lay_middles(self, middles: NDArray[np.float32]) -> None:
        self.middles, every = middles, np.arange(len(middles))
        self.coarse, self.coarse_half, _ = _groups(middles, every, every, _lanes(len(middles)))

    def _pack(self, place: NDArray[np.int64]) -> None:
        """Lay centers out list by list, in groups of LANES that are compared at once; lanes left over are far away."""
        from spotal._kernels import LANES

        size = np.bincount(place, minlength=len(self.middles))
        self.starts = np.concatenate([[0], np.cumsum(_lanes(size))])
        order = np.argsort(place, kind="stable")
        slot = self.starts[place[order]] * LANES + np.arange(len(order)) - (np.cumsum(size) - size)[place[order]]
        self.fine, self.fine_half, self.member = _groups(self.points, order, slot, int(self.starts[-1]))

    def _place(self) -> NDArray[np.int64]:
        """Number of the list whose middle is nearest to each center, int64 (k,)."""
        found = np.zeros((len(self.points), 1), np.int64)
        _in_pieces(lambda part: self._probe(self.points[part], found[part]), len(found))
        return found[:, 0]

    def _probe(self, y: NDArray[np.float32], lists: NDArray[np.int64]) -> None:
        from spotal._kernels import probe

        if len(self.middles) > 1:
            probe(y, self.coarse, self.coarse_half, lists)

    def nearest(self, y: NDArray[np.float32]) -> NDArray[np.int64]:
        """Number of the nearest center to each point y (n, WIDTH), int64 (n,). On the thread that calls."""
        from spotal._kernels import search

        lists = np.zeros((len(y), min(PROBES, len(self.middles))), np.int64)
        self._probe(y, lists)
        index = np.empty(len(y), np.int64)
        search(y, lists, self.starts, self.fine, self.fine_half, self.member, index)
        return index


def _in_pieces(work: Callable[[slice], None], n: int) -> None:
    """Do the work for every slice of range(n) on the threads that torch would use."""
    shared(work, [slice(at, at + PIECE) for at in range(0, n, PIECE)], threads())


def _means(index: NDArray[np.int64], y: NDArray[np.float32], empty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean (k, d) of each list's points y (n, d), summed in row order; ``empty`` (k, d) for one without."""
    count = np.bincount(index, minlength=len(empty))
    sums = np.stack([np.bincount(index, weights=column, minlength=len(empty)) for column in y.T], 1)
    return np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], empty).astype(np.float32)


def _groups(
    points: NDArray[np.float32], order: NDArray[np.int64], slot: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Points in slots of ``count`` groups: (count, WIDTH, LANES), half squared lengths (count, LANES), numbers."""
    from spotal._kernels import LANES, WIDTH

    laid = np.zeros((count * LANES, WIDTH), np.float32)
    half = np.full(count * LANES, np.inf, np.float32)
    member = np.full(count * LANES, len(points), np.int64)
    laid[slot], member[slot] = points[order], order
    half[slot] = (points[order].astype(np.float64) ** 2).sum(1) / 2
    packed = laid.reshape(count, LANES, WIDTH).transpose(0, 2, 1)
    return np.ascontiguousarray(packed), half.reshape(count, LANES), member.reshape(count, LANES)


def _lanes(count: Any) -> Any:
    """Groups that so many centers fill."""
    from spotal._kernels import LANES

    return -(-count // LANES)
