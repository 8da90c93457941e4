"""Distances from the pool's rows to the nearest pick, compared to random picks."""

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
"""Maximum multiplications of one fill distance; beyond, it is estimated on a sample of the pool."""
LEAST_ROWS = 2_000
SAMPLE = 4_000
"""Maximum number of rows whose distances are drawn."""


@dataclass(frozen=True)
class FillDistance:
    """Fill distances: the largest distance from a row to the nearest pick or labeled row. Smaller is better.

    picks : fill distance of the picks
    random : mean fill distance of ``draws`` sets of random unlabeled rows, each with the same number of rows as picks
    rows : number of rows from which distances are measured: the whole pool, or a random sample, which gives a lower
        bound

    Examples
    --------
    >>> from spotal.report import FillDistance
    >>> FillDistance(picks=1.0, random=2.5, draws=5, rows=9).picks
    1.0
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
    """Compute the fill distance of picks and labeled rows over the pool, and the fill distance of random picks.

    Parameters
    ----------
    pool : (N, D) finite numbers, an ``np.memmap`` is read in blocks
    picks : int64 (n,), n >= 1; labeled : int64 (m,) or None
    seed : int, seed of the random picks and of the sample
    most_rows : int or None, maximum size of the sample; None for the limit of 5 * 10^9 multiplications

    Notes
    -----
    O(6 s (n + m) D) for a sample of s rows.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.report import coverage
    >>> coverage(np.arange(9.0)[:, None], np.array([1, 4, 7])).picks
    1.0
    """
    source = as_pool(pool)
    n, dim = len(source), source.dim
    labeled = np.empty(0, np.int64) if labeled is None else np.asarray(labeled, np.int64)
    most = max(LEAST_ROWS, MOST_WORK // max(1, (len(picks) + len(labeled)) * dim))
    most = most if most_rows is None else min(most, most_rows)
    cloud = to_numpy(source.rows(_sample(n, most, seed)))
    free = np.setdiff1d(np.arange(n), labeled)
    rng = np.random.default_rng(seed)

    def filled(chosen: NDArray[np.int64]) -> float:
        return fill_distance(to_numpy(source.rows(np.sort(np.concatenate([labeled, chosen])))), cloud)

    random = [filled(rng.choice(free, len(picks), replace=False)) for _ in range(DRAWS)]
    return FillDistance(filled(picks), float(np.mean(random)), DRAWS, len(cloud))


def distances(
    pool: PoolLike, picks: NDArray[np.int64], labeled: NDArray[np.int64], seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Compute the distances from rows to the nearest pick or labeled row, and to the nearest random or labeled row.

    Parameters
    ----------
    pool : (N, D) finite numbers; picks : int64 (n,), n >= 1; labeled : int64 (m,)
    seed : int, seed of n random rows and of a sample of at most 4,000 rows to measure from

    Returns
    -------
    dict of float64 (s,), ascending, for "picks" and "random"
    """
    source = as_pool(pool)
    n = len(source)
    cloud = source.rows(_sample(n, SAMPLE, seed)).double()
    free = np.setdiff1d(np.arange(n), labeled)
    random = np.random.default_rng(seed).choice(free, min(len(picks), len(free)), replace=False)

    def nearest(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        import torch

        anchors = source.rows(np.sort(np.concatenate([labeled, chosen]))).double()
        parts = [torch.cdist(part, anchors).amin(1) for part in torch.split(cloud, 256)]
        return np.sort(to_numpy(torch.cat(parts)))

    return {"picks": nearest(picks), "random": nearest(random)}


def _sample(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """All of n rows, or ``most`` random ones, ascending."""
    rows = np.arange(n)
    return rows if n <= most else np.sort(np.argsort(row_uniforms(rows, seed), kind="stable")[:most])
