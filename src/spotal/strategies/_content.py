"""Random numbers keyed by row content and seed, not by where in the pool a row lies; and rows without mass, last."""

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
    """A number for each row (n, D) that follows from its values in double precision: their bits, hashed; int64 (n,)."""
    factors = np.random.default_rng(0).integers(1 << 63, size=points.shape[1]) | 1
    factor = torch.from_numpy(factors).to(points.device)
    keys = []
    for part in blocks(len(points), block_rows(points.shape[1], itemsize=8)):
        bits = (points[part].double() + 0.0).view(torch.int64)  # -0 becomes 0
        keys.append(((bits ^ (bits >> 32)) * factor).sum(1))
    return torch.cat(keys)


class ContentRandom:
    """Random numbers for a pool's rows, drawn in an order that follows from their content.

    order : int64 (N,), the rows sorted by a hash of their values; sums in this order round alike however rows are
    ordered. Copies of a row get numbers of their own. O(N D), one pass.
    """

    def __init__(self, pool: Pool, seed: int) -> None:
        keys = [to_numpy(content_keys(batch.points)) for batch in pool.batches()]
        self.keys: NDArray[np.int64] = np.concatenate(keys)
        self.order = np.argsort(self.keys, kind="stable")
        self.seed = seed
        self._rng = np.random.default_rng(seed)
        self._place = self.numbers()

    def numbers(self) -> NDArray[np.float64]:
        """A fresh number in [0, 1) for each row, float64 (N,)."""
        drawn = np.empty(len(self.order))
        drawn[self.order] = self._rng.random(len(self.order))
        return drawn

    def shuffled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """``rows`` in random order, the same order for the same seed."""
        return rows[np.argsort(self._place[rows])]

    def sorted(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """``rows`` in the order of their content."""
        return rows[np.argsort(self.keys[rows], kind="stable")]

    def draw(self, weights: NDArray[np.float64]) -> int:
        """A row drawn with probability proportional to its weight, float64 (N,), not all zero. O(N)."""
        heights = np.cumsum(weights[self.order])
        place = int(np.searchsorted(heights, self._rng.random() * heights[-1], side="right"))
        place = min(place, int(np.searchsorted(heights, heights[-1])))  # rounding may reach past the last weight
        return int(self.order[place])


def heavy(query: Query) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Unlabeled rows that carry mass, and every row's mass, float64 (N,).

    Where no unlabeled row carries any, all unlabeled rows and ones: then mass says nothing.
    """
    mass = query.weights()
    rows = query.unlabeled[mass[query.unlabeled] > 0]
    return (rows, mass) if len(rows) else (query.unlabeled, np.ones(len(query.pool)))


def fill(query: Query, picks: NDArray[np.int64], chance: ContentRandom) -> NDArray[np.int64]:
    """The picks and, where more may be picked, other unlabeled rows at random, rows with mass first."""
    allowance = query.allowance()
    if len(allowance.walk(picks)) == len(picks) and allowance.full:
        return picks
    rest = chance.shuffled(np.setdiff1d(query.unlabeled, picks))
    rest = rest[np.argsort(query.weights()[rest] == 0, kind="stable")]
    return allowance.walk(rest)


def sample(
    chance: ContentRandom, mass: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """At most ``size`` rows of positive mass with weights that stand for all (a priority sample), by content."""
    rows, weight = priority_sample(mass, len(mass), size, chance.seed)
    order = np.argsort(chance.keys[rows], kind="stable")
    return rows[order], weight[order]
