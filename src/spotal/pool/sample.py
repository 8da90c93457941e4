"""Weighted samples of a pool that depend on row numbers and the seed, not on the order in which rows are seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.seeds import Seed, as_seed

__all__ = ["priority_sample", "row_uniforms"]

STRETCH = 1 << 20
"""Rows that are looked at together."""


def row_uniforms(rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """One uniform number in (0, 1) for each row number, fixed by (row, seed): splitmix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        for _ in range(2):  # once mixes rows of one seed; twice also separates nearby seeds
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
    # 52 bits and a half are a float exactly: neither 0 nor 1 comes out
    return ((z >> np.uint64(12)).astype(np.float64) + 0.5) / float(1 << 52)


def priority_sample(
    mass: NDArray[np.float64] | None, n: int, size: int, random_state: Seed = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """At most ``size`` of n rows with weights whose sums over any subset estimate its mass without bias.

    Priority sampling (Duffield, Lund and Thorup, J. ACM 54(6), 2007): keep the rows of greatest mass / uniform; a
    kept row weighs max(mass, threshold). The sample of a union is found from the samples of its parts.

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
    O(n) time, O(size) memory. The share of the mass on one side of a point of a fixed direction is off by at most
    sqrt(ln(2/p) / (2 s)) anywhere along it, with probability 1 - p: by Dvoretzky, Kiefer and Wolfowitz for equal masses
    and s = size, and to first order for others with s = (sum w)^2 / sum w^2 of the weights (docs/guides/cluster.md).
    """
    if mass is None and n <= size:
        return np.arange(n), np.ones(n)
    if mass is not None and np.count_nonzero(mass) <= size:  # all of them: no chance is drawn
        rows = np.flatnonzero(mass)
        return rows, mass[rows]
    seed = as_seed(random_state)
    rows, kept, priority = np.empty(0, np.int64), np.empty(0), np.empty(0)
    for start in range(0, n, STRETCH):
        new = np.arange(start, min(n, start + STRETCH))
        weight = np.ones(len(new))
        if mass is not None:
            new = new[mass[new] > 0]
            weight = mass[new]
        rows, kept = np.concatenate([rows, new]), np.concatenate([kept, weight])
        priority = np.concatenate([priority, weight / row_uniforms(new, seed)])
        if len(rows) > size + 1:  # the next below the sample is the threshold
            best = np.argpartition(priority, len(rows) - size - 1)[len(rows) - size - 1 :]
            rows, kept, priority = rows[best], kept[best], priority[best]
    out = int(priority.argmin())
    rows, kept = np.delete(rows, out), np.maximum(np.delete(kept, out), priority[out])
    order = np.argsort(rows)
    return rows[order], kept[order]
