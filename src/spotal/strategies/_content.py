"""Random numbers keyed by row content and seed, and helpers that pick rows of mass zero last."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.arrays import block_rows, blocks, to_numpy
from spotal.pool.base import Pool
from spotal.pool.sample import priority_sample
from spotal.strategies.base import Query

__all__ = ["ContentRandom", "content_keys", "fill", "heavy", "sample"]


def content_keys(points: torch.Tensor) -> torch.Tensor:
    """Return a hash of each row's values in double precision, int64 (n,), for rows (n, D)."""
    factors = np.random.default_rng(0).integers(1 << 63, size=points.shape[1]) | 1
    factor = torch.from_numpy(factors).to(points.device)
    keys = []
    for part in blocks(len(points), block_rows(points.shape[1], itemsize=8)):
        bits = (points[part].double() + 0.0).view(torch.int64)  # -0 becomes 0
        keys.append(((bits ^ (bits >> 32)) * factor).sum(1))
    return torch.cat(keys)


class ContentRandom:
    """Random numbers for a pool's rows. They depend on row content and seed, not on row order.

    ``order``, int64 (N,), sorts the rows by a hash of their values. Sums in this order round the same for every order
    of the pool. Copies of a row get different numbers. O(N D), one pass.
    """

    def __init__(self, pool: Pool, seed: int) -> None:
        self.keys: NDArray[np.int64] = np.concatenate(
            [to_numpy(content_keys(batch.points)) for batch in pool.batches()]
        )
        self.order = np.argsort(self.keys, kind="stable")
        self.seed = seed
        self._rng = np.random.default_rng(seed)
        self._place = self.numbers()

    def numbers(self) -> NDArray[np.float64]:
        """Draw a new number in [0, 1) for each row, float64 (N,)."""
        drawn = np.empty(len(self.order))
        drawn[self.order] = self._rng.random(len(self.order))
        return drawn

    def shuffled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``rows`` in random order; the same seed gives the same order."""
        return rows[np.argsort(self._place[rows])]

    def sorted(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``rows`` sorted by content."""
        return rows[np.argsort(self.keys[rows], kind="stable")]

    def draw(self, weights: NDArray[np.float64]) -> int:
        """Draw a row with probability proportional to its weight, float64 (N,), not all zero. O(N)."""
        heights = np.cumsum(weights[self.order])
        place = int(np.searchsorted(heights, self._rng.random() * heights[-1], side="right"))
        place = min(place, int(np.searchsorted(heights, heights[-1])))  # rounding may exceed the last weight
        return int(self.order[place])


def heavy(query: Query) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the unlabeled rows with mass, and the mass of every row; all unlabeled rows and ones if none has mass."""
    mass = query.weights()
    rows = query.unlabeled[mass[query.unlabeled] > 0]
    return (rows, mass) if len(rows) else (query.unlabeled, np.ones(len(query.pool)))


def fill(query: Query, picks: NDArray[np.int64], chance: ContentRandom) -> NDArray[np.int64]:
    """Fill up the picks with random unlabeled rows, rows with mass first."""
    allowance = query.allowance()
    if len(allowance.walk(picks)) == len(picks) and allowance.full:
        return picks
    rest = chance.shuffled(np.setdiff1d(query.unlabeled, picks))
    rest = rest[np.argsort(query.weights()[rest] == 0, kind="stable")]
    return allowance.walk(rest)


def sample(
    chance: ContentRandom, mass: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw a priority sample of at most ``size`` rows with mass; return rows and weights, sorted by content."""
    rows, weight = priority_sample(mass, len(mass), size, chance.seed)
    order = np.argsort(chance.keys[rows], kind="stable")
    return rows[order], weight[order]
