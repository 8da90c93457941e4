"""How many threads work at once, and a block of code that keeps to one."""

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


_blas = RLock()
"""Held by the thread for which NumPy's and SciPy's libraries keep to one."""


@contextmanager
def one_thread(workers: int = 1, *, numpy: bool = False) -> Iterator[None]:
    """Let torch work on one thread when called from this one: sums then round alike on every number of cores.

    A small product is sooner done so, too: a parallel region ends when its last thread gets a processor, which takes
    long where other programs want them all. Other threads of the process, and torch's settings, stay as they are.

    Parameters
    ----------
    workers : what :func:`threads` returns meanwhile, for work that is shared among threads of our own
    numpy : whether NumPy and SciPy keep to one thread too. Their libraries know one number for the whole process only:
        it is 1 meanwhile, and then as it was. Other threads that ask for the same wait until then. So this is for short
        work whose sums must round alike on every machine.
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
