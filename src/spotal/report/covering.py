"""How far the pool's rows are from what was chosen, next to what chance would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotal.design.merit import fill_distance
from spotal.numeric.arrays import to_numpy
from spotal.pool import PoolLike, as_pool
from spotal.pool.sample import row_uniforms

__all__ = ["FillDistance", "coverage", "distances"]

DRAWS = 5
MOST_WORK = 5_000_000_000
"""Multiplications of one fill distance beyond which it is estimated on a sample of the pool."""
LEAST_ROWS = 2_000
SAMPLE = 4_000
"""Rows whose distances are drawn."""


@dataclass(frozen=True)
class FillDistance:
    """Fill distances: the largest distance from a row to the nearest chosen or labeled row. Less is better.

    picks : of the rows chosen; random : mean over ``draws`` random choices of as many unlabeled rows; rows : rows that
    it is measured on, all of the pool or, estimated from below, an even random sample.
    """

    picks: float
    random: float
    draws: int
    rows: int


def coverage(
    pool: PoolLike,
    picks: NDArray[np.int64],
    labeled: NDArray[np.int64] | None = None,
    seed: int = 0,
    most_rows: int | None = None,
) -> FillDistance:
    """Fill distance of picks and labeled rows over the pool, and of random picks of the same size.

    Parameters
    ----------
    pool : (N, D) finite numbers, an ``np.memmap`` is read in blocks
    picks : int64 (n,), n >= 1; labeled : int64 (m,) or None
    seed : int, of the random picks and of the sample
    most_rows : int or None, rows of the sample at most; None for as many as the work allows

    Notes
    -----
    O(6 s (n + m) D) for a sample of s rows, all N of them up to 5 * 10^9 multiplications.
    """
    source = as_pool(pool)
    n, dim = len(source), source.dim
    known = np.empty(0, np.int64) if labeled is None else np.asarray(labeled, np.int64)
    most = max(LEAST_ROWS, MOST_WORK // max(1, (len(picks) + len(known)) * dim))
    most = most if most_rows is None else min(most, most_rows)
    rows = np.arange(n) if n <= most else np.sort(np.argsort(row_uniforms(np.arange(n), seed), kind="stable")[:most])
    cloud = to_numpy(source.rows(rows))
    free = np.setdiff1d(np.arange(n), known)
    rng = np.random.default_rng(seed)

    def filled(chosen: NDArray[np.int64]) -> float:
        return fill_distance(to_numpy(source.rows(np.sort(np.concatenate([known, chosen])))), cloud)

    by_chance = [filled(rng.choice(free, len(picks), replace=False)) for _ in range(DRAWS)]
    return FillDistance(filled(picks), float(np.mean(by_chance)), DRAWS, len(cloud))


def distances(
    pool: PoolLike, picks: NDArray[np.int64], labeled: NDArray[np.int64], seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Return how far rows are from the nearest pick or labeled row, and from as many random rows and the labeled ones.

    Parameters
    ----------
    pool : (N, D) finite numbers; picks : int64 (n,), n >= 1; labeled : int64 (m,)
    seed : int, of the random rows and of the sample of rows that distances are measured from, 4,000 at most

    Returns
    -------
    dict of float64 (s,), ascending, for "picks" and "random"
    """
    source = as_pool(pool)
    n = len(source)
    rows = (
        np.arange(n) if n <= SAMPLE else np.sort(np.argsort(row_uniforms(np.arange(n), seed), kind="stable")[:SAMPLE])
    )
    cloud = source.rows(rows).double()
    free = np.setdiff1d(np.arange(n), labeled)
    by_chance = np.random.default_rng(seed).choice(free, min(len(picks), len(free)), replace=False)

    def nearest(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        import torch

        anchors = source.rows(np.sort(np.concatenate([labeled, chosen]))).double()
        parts = [torch.cdist(part, anchors).amin(1) for part in torch.split(cloud, 256)]
        return np.sort(to_numpy(torch.cat(parts)))

    return {"picks": nearest(picks), "random": nearest(by_chance)}
