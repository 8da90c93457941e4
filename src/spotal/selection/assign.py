"""Assignment of each row to its nearest pick, by a pass over the pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.engine import Pass, run
from spotal.numeric.inverted_lists import Centers
from spotal.numeric.nearest import nearest_index
from spotal.numeric.threads import one_thread, threads
from spotal.pool.base import Batch, Pool
from spotal.pool.sample import priority_sample
from spotal.reduce import LeadingSpace

__all__ = ["EXACT_WORK", "assignment", "nearest_of"]

EXACT_WORK = 2_000_000_000
"""Multiplications up to which every row is compared with every pick."""
FITTED = 5_000
"""Rows to which the leading coordinates are fitted."""


def nearest_of(pool: Pool, picks: NDArray[np.int64], exact_work: int = EXACT_WORK) -> NDArray[np.int64]:
    """Return the position of each row's nearest pick, int64 (N,).

    O(N n D) for N rows and n picks, up to ``exact_work`` multiplications. Above that, rows and picks are compared in 32
    leading coordinates by inverted lists, O(N (D + sqrt(n))), which may return a slightly farther pick.
    One pass; memory O(N).
    """
    task, count = assignment(pool, picks, exact=len(pool) * len(picks) * pool.dim <= exact_work)
    with one_thread(threads()):
        position: NDArray[np.int64] = run(task, pool, threads=count)
    return position


def assignment(pool: Pool, picks: NDArray[np.int64], *, exact: bool) -> tuple[Pass[Any, Any], int]:
    """Return the pass that finds each row's nearest pick, in all coordinates or in 32, and its number of threads."""
    points = pool.rows(picks)
    if exact or points.device.type != "cpu":
        return _Exact(points), 1
    rows, weight = priority_sample(None, len(pool), FITTED, 0)
    with one_thread():
        space = LeadingSpace.fit(pool.rows(rows), weight)
    return _Searched(space, Centers(space.project(points))), threads()


class _Exact(Pass[list[NDArray[np.int32]], NDArray[np.int64]]):
    """Pass: assign each row to its nearest pick."""

    title = "assigning rows"

    def __init__(self, points: torch.Tensor) -> None:
        self.points = points

    def map(self, batch: Batch) -> list[NDArray[np.int32]]:
        return [nearest_index(batch.points, self.points).cpu().numpy().astype(np.int32)]

    def merge(self, left: list[NDArray[np.int32]], right: list[NDArray[np.int32]]) -> list[NDArray[np.int32]]:
        left.extend(right)
        return left

    def finish(self, partial: list[NDArray[np.int32]]) -> NDArray[np.int64]:
        return np.concatenate(partial, dtype=np.int64)


class _Searched(_Exact):
    """Pass: the same in leading coordinates."""

    def __init__(self, space: LeadingSpace, centers: Centers) -> None:
        self.space, self.centers = space, centers

    def map(self, batch: Batch) -> list[NDArray[np.int32]]:
        return [self.centers.nearest(self.space.project(batch.points)).astype(np.int32)]
