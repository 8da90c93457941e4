"""Number of threads that work at once, and a context that limits torch to one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from threading import RLock
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

from spotal.numeric.processors import processors

__all__ = ["one_thread", "shared", "threads", "threads_for", "workers"]

REPAID = 1 << 28
"""Multiplications of one step above which threads share it, about 10 ms of one thread. A step of a network has about a
hundred parallel regions, and each waits for its last thread."""

Part = TypeVar("Part")

_workers: ContextVar[int | None] = ContextVar("workers", default=None)
"""Value that ``threads`` returns; None for torch's number."""


def threads() -> int:
    """Return the number of threads for shared work: torch's number on this thread, at most :func:`processors`.

    torch's number follows ``OMP_NUM_THREADS`` and ``torch.set_num_threads``.
    """
    allowed = _workers.get()
    return min(int(torch.get_num_threads()), processors()) if allowed is None else allowed


_blas = RLock()
"""Held by the thread that limits NumPy's and SciPy's libraries to one thread."""


@contextmanager
def one_thread(workers: int = 1, *, numpy: bool = False) -> Iterator[None]:
    """Limit torch, called from this thread, to one thread, so that sums round the same on every number of cores.

    Small products are also faster so: a parallel region waits for its last thread, which takes long on a busy machine.
    Other threads of the process and torch's settings do not change.

    Parameters
    ----------
    workers : value that :func:`threads` returns within the context, for work shared among our own threads
    numpy : whether NumPy and SciPy use one thread too. Their libraries have one setting for the whole process, so other
        threads that use this option wait: use it for short work whose sums must round the same on every machine.
    """
    token = _workers.set(workers)
    before = torch.get_num_threads()  # also lets torch prepare this thread, which would set the number later
    mkl = _set_threads(1)
    try:
        with _blas if numpy else nullcontext(), threadpool_limits(1, user_api="blas") if numpy else nullcontext():
            yield
    finally:
        _set_threads(before, mkl)
        _workers.reset(token)


def threads_for(work: int) -> AbstractContextManager[None]:
    """Let torch use its threads for steps of many multiplications (``work``), and one thread for small steps."""
    return nullcontext() if work > REPAID else one_thread(threads())


def shared(work: Callable[[Part], Any], parts: Sequence[Part], count: int) -> None:
    """Call ``work`` on each part, on ``count`` threads, each with torch limited to one."""
    if count < 2 or len(parts) < 2:
        for part in parts:
            work(part)
        return
    with workers(count) as pool:
        list(pool.map(work, parts))


def workers(count: int) -> ThreadPoolExecutor:
    """Return an executor of ``count`` threads, each with torch limited to one."""
    return ThreadPoolExecutor(count, initializer=_limit_to_one)


def _limit_to_one() -> None:
    _workers.set(1)
    torch.get_num_threads()
    _set_threads(1)


def _set_threads(count: int, mkl: int = -1) -> int:
    """Set torch's number of threads for this thread, and MKL's to ``mkl``; return MKL's previous number."""
    openmp, own = _libraries()
    openmp(count)
    return int(own(count if mkl < 0 else mkl))


@cache
def _libraries() -> tuple[Callable[[int], object], Callable[[int], int]]:
    """Return the functions of torch's OpenMP and MKL that set the number of threads of the calling thread."""
    # a torch without OpenMP has one number for the process
    library = ctypes.CDLL(torch._C.__file__)
    openmp = getattr(library, "omp_set_num_threads", torch.set_num_threads)
    return openmp, getattr(library, "MKL_Set_Num_Threads_Local", lambda count: 0)
