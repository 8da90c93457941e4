"""How many threads work at once, and a block of code that keeps to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

__all__ = ["one_thread", "threads"]


def threads() -> int:
    """Threads to use: what torch would."""
    return int(torch.get_num_threads())


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch and for every linear algebra library: sums then round alike on every number of cores.

    Small products are sooner done so, too.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
