"""Weighted random samples of a pool that depend on row numbers and the seed only, not on the order of reading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.seeds import Seed, as_seed

__all__ = ["priority_sample", "row_uniforms"]

BLOCK = 1 << 20
"""Rows to process at a time."""


def row_uniforms(rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return a uniform random number in (0, 1) for each row number, a hash of (row, seed).

    The hash is splitmix64 (Steele et al., 2014).
    """
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        for _ in range(2):  # the first round mixes rows of one seed, the second separates similar seeds
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
    # 52 bits plus a half are exact in a float, so the result is never 0 or 1
    return ((z >> np.uint64(12)).astype(np.float64) + 0.5) / float(1 << 52)


def priority_sample(
    mass: NDArray[np.float64] | None, n: int, size: int, random_state: Seed = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw at most ``size`` of n rows, with weights whose sum over any subset is an unbiased estimate of its mass.

    Priority sampling (Duffield, Lund and Thorup, J. ACM 54(6), 2007) selects the rows of greatest mass / uniform. A
    selected row has the weight max(mass, threshold). The samples of several parts can be merged into the sample of
    their union.

    Parameters
    ----------
    mass : float64 (n,), non-negative, or None for all ones
    n, size : int
    random_state : int, generator or None

    Returns
    -------
    rows : int64 (k,) ascending, k <= size, of positive mass
    weights : float64 (k,)

    Notes
    -----
    O(n) time, O(size) memory. Project the rows on a fixed direction. With probability 1 - p, the estimated distribution
    function of the mass is wrong by at most sqrt(ln(2/p) / (2 s)) everywhere. For equal masses this holds with
    s = size (Dvoretzky, Kiefer and Wolfowitz). For other masses it holds to first order with
    s = (sum w)^2 / sum w^2 (docs/guides/cluster.md).
    """
    if mass is None and n <= size:
        return np.arange(n), np.ones(n)
    if mass is not None and np.count_nonzero(mass) <= size:  # all rows of positive mass
        rows = np.flatnonzero(mass)
        return rows, mass[rows]
    seed = as_seed(random_state)
    rows, weights, priority = np.empty(0, np.int64), np.empty(0), np.empty(0)
    for start in range(0, n, BLOCK):
        new = np.arange(start, min(n, start + BLOCK))
        if mass is not None:
            new = new[mass[new] > 0]
        weight = np.ones(len(new)) if mass is None else mass[new]
        rows, weights = np.concatenate([rows, new]), np.concatenate([weights, weight])
        priority = np.concatenate([priority, weight / row_uniforms(new, seed)])
        if len(rows) > size + 1:  # keep size + 1 rows: the smallest priority is the threshold
            best = np.argpartition(priority, len(rows) - size - 1)[len(rows) - size - 1 :]
            rows, weights, priority = rows[best], weights[best], priority[best]
    last = int(priority.argmin())
    rows, weights = np.delete(rows, last), np.maximum(np.delete(weights, last), priority[last])
    order = np.argsort(rows)
    return rows[order], weights[order]
