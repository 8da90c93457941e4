"""Before anything runs: how many passes over a pool, bytes, seconds and memory a selection by SPOT takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from spotal._memory import Reading, Scale, kept, rounded_up, size_of
from spotal.errors import BudgetError

__all__ = ["Plan", "plan"]

TRIAL = 16_384
"""Rows on which speeds are measured."""
FRAMES = 4, 12
"""Frames of the transports on which they are."""


@dataclass(frozen=True)
class Plan:
    """What a selection will take.

    path : {"exact", "sampled"}, whether cells are refined row by row or on a sample; passes over the pool;
    bytes_read; memory, bytes at most, the pool in memory not counted, where batches of ``batch_bytes`` are read by so
    many threads; seconds, and those of each step
    """

    rows: int
    dim: int
    budget: int
    path: str
    passes: int
    bytes_read: int
    memory: int
    batch_bytes: int
    threads: int
    seconds: float
    steps: dict[str, float]

    def __str__(self) -> str:
        steps = ", ".join(f"{name} {seconds:.2g}" for name, seconds in self.steps.items())
        return (
            f"{self.budget:,} of {self.rows:,} rows of {self.dim:,} numbers, {self.path}: {self.passes} passes, "
            f"{self.bytes_read / 1e9:.3g} GB read, at most {rounded_up(self.memory)} of memory in batches of "
            f"{self.batch_bytes / 1e6:.2g} MB, about {self.seconds:.2g} s "
            f"({steps})"
        )


def plan(
    n: int,
    dim: int,
    budget: int,
    *,
    itemsize: int = 4,
    sequential: bool = False,
    read_rate: float = 0.0,
    max_memory: int | str | None = None,
    strategy: Any = None,
    limited: bool = False,
    known: bool = False,
    classes: int = 0,
    covered: bool = False,
) -> Plan:
    """What ``SPOT()`` will take to choose ``budget`` of n unlabeled rows of ``dim`` numbers on this machine's CPU.

    Speeds are measured here and now, on some 16,000 random rows, with the threads that torch would use; that takes two
    or three seconds, once the compiled loops are there. Seconds are those of a second selection in a process.

    Parameters
    ----------
    itemsize : int, bytes of a number on disk; sequential : bool, whether rows cannot be read but in order (tables)
    read_rate : float, bytes a second that the disk gives; 0 for a pool in memory
    max_memory : int, bytes, or str such as "800MB": smaller batches are read, by fewer threads, where it takes that
    strategy : SPOT, or None for ``SPOT()``
    limited : bool, whether rows have costs or groups
    covered : bool, whether it is measured how well the picks cover the pool, as ``spotal select`` does
    known : bool, whether rows have labels, masses or probabilities; classes : int, columns of the probabilities

    Raises
    ------
    BudgetError
        budget is not in 1 .. n.
    InputError
        max_memory is too little however few rows are read at a time.
    """
    if not 1 <= budget <= n:
        raise BudgetError(f"budget must lie in 1..{n}, the rows of the pool, found {budget}")
    scale = Scale.of(n, dim, budget, strategy, limited=limited, known=known, classes=classes)
    reading = scale.reading(None if max_memory is None else size_of(max_memory))
    with kept(reading):
        found = _planned(scale, reading, itemsize, sequential, read_rate, strategy)
    fits = covered and (max_memory is None or scale.covering() <= size_of(max_memory))
    return replace(found, memory=max(found.memory, scale.covering())) if fits else found


def _planned(scale: Scale, reading: Reading, itemsize: int, sequential: bool, read_rate: float, strategy: Any) -> Plan:
    """The plan for a pool that is read in that way, as it is now."""
    from spotal._search import threads
    from spotal.strategies import SPOT

    n, dim, budget, large, fitted, sampled = (
        scale.rows, scale.dim, scale.budget, scale.large, scale.fitted, scale.sampled
    )  # fmt: skip
    spot = SPOT() if strategy is None else strategy
    refined = spot.steps(budget, spot.focus)
    bytes_of_pool = n * dim * itemsize
    fit, carry, gather = _fitting(fitted, dim, budget)
    steps = {"fit": fit}
    if large:
        place, search, build = _placing(dim, budget)
        steps["carry"] = sampled * (carry + gather) / threads() if sampled > fitted else sampled * carry
        steps["refine"] = sampled * _cutting(budget) + (refined + 1) * (sampled * search + build)
        steps["select"] = n * place
        extra = 0 if not sequential else 1 + (sampled > fitted)
        passes = 1 + extra
        gathered = 0 if sequential else (fitted + (sampled if sampled > fitted else 0)) * dim * itemsize
    else:
        steps["carry"] = n * carry
        steps["select"] = (refined + 2) * n * _comparing(dim, budget)
        passes, gathered = (2 if spot.focus else 1) * refined + 5, 0
    bytes_read = passes * bytes_of_pool + gathered
    if read_rate:
        steps["read"] = max(0.0, bytes_read / read_rate - steps["select"])
    memory = scale.memory(reading)
    path = "sampled" if large else "exact"
    seconds = sum(steps.values())
    return Plan(n, dim, budget, path, passes, bytes_read, memory, reading.batch_bytes, reading.threads, seconds, steps)


def _timed(function: Callable[[], Any]) -> float:
    """Least seconds of two calls after the first, which may compile, or touch fresh memory."""
    function()
    least = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        function()
        least = min(least, time.perf_counter() - start)
    return least


def _fitting(rows: int, dim: int, budget: int) -> tuple[float, float, float]:
    """Seconds to fit principal components and transport to a sample, and seconds a row to carry it and to fetch it."""
    import torch

    from spotal._search import one_thread
    from spotal.transport import SlicedTransport

    rng = np.random.default_rng(0)
    carried = min(dim, 12, max(2, int(np.log2(max(2, budget)))))
    frames = SlicedTransport().min_iter
    with one_thread():
        x = torch.from_numpy(rng.standard_normal((2000, dim)))
        products = _timed(lambda: x.T @ x) * min(rows, 20_000) / 2000
        square = x.T @ x
        vectors = _timed(lambda: torch.linalg.eigh(square)) if dim <= 2048 else 0.0
        cloud = rng.standard_normal((rows, carried))
        fit = carry = 0.0
        if carried > 1:
            transports = [SlicedTransport(count, count, tol=1.0, random_state=0) for count in FRAMES]
            fit = _of_all(frames, [_timed(partial(t.fit, cloud)) for t in transports])
            some = cloud[:4096]
            carry = _of_all(frames, [_timed(partial(t.transform, some)) for t in transports]) / len(some)
    gather = _timed(lambda: x[rng.permutation(2000)].float()) / 2000
    return 2 * products + vectors + fit + 2 * gather * rows, carry, gather


def _of_all(frames: int, seconds: list[float]) -> float:
    """Seconds of all frames of a transport, from those of FRAMES."""
    least, most = FRAMES
    return seconds[0] + (frames - least) * max(0.0, seconds[1] - seconds[0]) / (most - least)


def _cutting(budget: int) -> float:
    """Seconds a row to cut a sample by a design."""
    from spotal.selection.tree import CutTree

    rng = np.random.default_rng(0)
    cloud, design = rng.random((TRIAL, 8), dtype=np.float32), rng.random((min(budget, TRIAL), 8))
    return _timed(lambda: CutTree.fit(cloud, np.ones(TRIAL), design)) / TRIAL


def _placing(dim: int, budget: int) -> tuple[float, float, float]:
    """Seconds a row to place rows of a large pool, those to search a sample's centers, and seconds to lay these out.

    On all threads.
    """
    import torch

    from spotal._search import Centers, threads
    from spotal.engine import local
    from spotal.pool import ArrayPool
    from spotal.reduce import LeadingSpace
    from spotal.selection.large import Scene, _Represent

    rng = np.random.default_rng(0)
    rows = max(TRIAL, 2 * threads() * (32 << 20) // (4 * dim))
    x = rng.standard_normal((rows, dim), dtype=np.float32)
    axes = np.zeros((dim, 32), np.float32)
    axes[: min(32, dim), : min(32, dim)] = np.eye(min(32, dim))
    space = LeadingSpace(np.zeros(dim, np.float32), axes)
    centers = Centers(rng.standard_normal((budget, 32), dtype=np.float32))
    scene = Scene(space, centers, np.empty(0, np.int64), None, None, 1.0)
    pool = ArrayPool(torch.from_numpy(x))
    place = _timed(lambda: local.run(_Represent(scene, rows, 2, False), pool, threads=threads()))
    y = rng.standard_normal((TRIAL, 32), dtype=np.float32)
    build = _timed(lambda: Centers(centers.points, centers))
    return place / rows, _timed(lambda: centers.search(y)) / TRIAL, build


def _comparing(dim: int, budget: int) -> float:
    """Seconds a row to compare it with all centers."""
    import torch

    from spotal._nearest import nearest

    x, centers = torch.randn(4096, dim), torch.randn(budget, dim)
    return _timed(lambda: nearest(x, centers)) / 4096
