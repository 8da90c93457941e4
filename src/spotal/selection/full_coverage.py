"""Greedy coverage where any row may cover any other: few picks, each for a large share of the mass."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spotal.selection._loops import loops_for
from spotal.selection.coverage import LEAST, SPARE, Coverage, Queue, Reach, extent, floored
from spotal.selection.pairs import Pairs

__all__ = ["FullCoverage", "all_cover", "full_reaches"]

BLOCK = 64
"""Rows whose degrees are computed at once."""
BATCH = 48
"""Candidates whose bounds are computed at once."""
RELATIVE, ABSOLUTE = 5e-4, 2e-6
"""Bounds of the rounding of float32 gains: of the gain, and of the weight of all rows. The degrees are off by at most
5e-7, their sums over s rows by s * 6e-8 of the gain at most."""
MOST = 4096
"""Most rows for which these bounds hold."""
SMALL = 1e-30
"""Squared reach below which a degree is bounded by 1."""
TINY = 1e-9
"""Least share of the mass of a row, so that the mass of any s - 2 rows is below that of all in floating point."""


def all_cover(mass: NDArray[np.float64], share: float) -> bool:
    """Return whether every row of mass (s,) may cover every other at this ``share`` of all mass within reach."""
    return extent(share) == 1 and len(mass) <= MOST and bool(mass.min() > TINY * mass.sum())


def full_reaches(pairs: Pairs, mass: NDArray[np.float64], share: float) -> Reach:
    """Measure each row's reach as :func:`~spotal.selection.coverage.reaches` does, with the same bits.

    Only the neighbors within reach are sorted. O(s^2 + s k log k) for k of them; :func:`all_cover` must hold.
    """
    size = len(mass)
    squared = np.empty(size)
    rest, k = np.arange(size), max(4 * LEAST, math.ceil(SPARE * share * size)) + 1
    while len(rest):
        k = min(k, size)
        graph = pairs.nearest(k, None if len(rest) == size else rest)
        reach, count = np.empty(len(rest)), np.empty(len(rest), np.int64)
        loops_for(graph.near.size).measure_reach(
            graph.near, graph.squared, mass, share * float(mass.sum()), 0.0, LEAST, 0, reach, count
        )
        squared[rest] = reach
        rest = rest[count == k] if k < size else rest[:0]  # k neighbors may hold too little
        k *= 4
    return Reach(floored(squared), np.full(size, size))


class FullCoverage(Coverage):
    """As :class:`~spotal.selection.coverage.Coverage`, where any row may cover any other; the picks are the same.

    Gains in float32, raised by a bound of their rounding, exclude nearly all candidates. Those of the few others are
    computed in float64, in the order of ``Coverage``.

    Parameters
    ----------
    pairs : Pairs of the rows; reach : Reach of the rows
    weight : float64 (s,), value of covering each row

    Notes
    -----
    O(s^2) to set up and O(s) for each gain computed again; memory 4 bytes for each pair, besides ``pairs``.
    """

    def __init__(self, pairs: Pairs, reach: Reach, weight: NDArray[np.float64]) -> None:
        size = len(weight)
        self.pairs, self.scale = pairs, -reach.squared
        self.weight = np.ascontiguousarray(weight, np.float64)
        self.covered = np.zeros(size)
        self.rough = np.empty((size, size), np.float32)
        """Degree, of each center (first axis), to which it covers each row, in float32."""
        scale = (1 / np.minimum(self.scale, -SMALL)).astype(np.float32)
        for at in range(0, size, BLOCK):
            part = slice(at, at + BLOCK)
            degree = pairs.squared(part, slice(None))
            degree *= scale[part, None]
            np.exp(degree, out=degree)
            degree[self.scale[part] > -SMALL] = 1
            self.rough[:, part] = degree.T

    def degrees(self, center: int) -> NDArray[np.float64]:
        """Return the degree to which ``center`` covers each row, float64 (s,)."""
        degree = self.pairs.squared(slice(None), center).astype(np.float64)
        degree /= self.scale
        return np.asarray(np.exp(degree, out=degree))

    def add(self, rows: NDArray[np.int64]) -> None:
        """Add these rows as centers, such as labeled rows."""
        for row in rows.tolist():
            np.maximum(self.covered, self.degrees(row), out=self.covered)

    def queue(self, candidates: NDArray[np.int64], price: NDArray[np.float64]) -> Queue:
        """Return the candidates in order of their gain per unit of price."""
        return _BoundedQueue(self, candidates, price)


class _BoundedQueue:
    """Candidates with upper bounds of their gains: in float32 at first, in float64 where that does not decide."""

    def __init__(self, coverage: FullCoverage, candidates: NDArray[np.int64], price: NDArray[np.float64]) -> None:
        size = len(candidates)
        self.coverage, self.candidates, self.price = coverage, candidates, price
        self.open = np.ones(size, np.bool_)
        self.slack = ABSOLUTE * float(coverage.weight.sum())
        self.weight = coverage.weight.astype(np.float32)
        self.bound = np.full(size, np.inf)
        self.bounded = np.zeros(size, np.int64)
        """Number of picks when the bound of each candidate was last computed, in float32 or float64."""
        self.exact = np.full(size, -1)
        """The same for gains in float64."""
        self.taken = 0
        if coverage.covered.any():
            for at in range(0, size, BATCH):
                self._bound(np.arange(at, min(at + BATCH, size)))
        else:
            self._raise(np.arange(size), (coverage.rough @ self.weight)[candidates])

    def take(self, most: int) -> NDArray[np.int64]:
        """Return positions among the candidates of up to ``most`` picks."""
        c, picks = self.coverage, list[int]()
        self.bound[~self.open] = -1
        while len(picks) < most and len(self.bound):
            best = int(self.bound.argmax())
            if self.bound[best] <= 0:
                break
            if self.exact[best] == self.taken:
                c.add(self.candidates[best : best + 1])
                self.bound[best] = -1
                self.taken += 1
                picks.append(best)
            elif self.bounded[best] == self.taken:
                more = np.maximum(c.degrees(int(self.candidates[best])) - c.covered, 0.0)
                self.bound[best] = np.cumsum(c.weight * more)[-1] / self.price[best]  # adds one after the other
                self.exact[best] = self.taken
            else:
                old = np.flatnonzero((self.bounded < self.taken) & (self.bound > 0))
                few = min(BATCH, len(old))
                self._bound(old[np.argpartition(-self.bound[old], few - 1)[:few]])
        return np.array(picks, np.int64)

    def _bound(self, places: NDArray[np.int64]) -> None:
        """Bound the gains of candidates in float32."""
        more = self.coverage.rough[self.candidates[places]]
        more -= self.coverage.covered.astype(np.float32)
        self._raise(places, np.maximum(more, 0, out=more) @ self.weight)

    def _raise(self, places: NDArray[np.int64], gain: NDArray[np.float32]) -> None:
        """Raise gains by their rounding to bounds."""
        most = gain.astype(np.float64) * (1 + RELATIVE) + self.slack
        self.bound[places] = np.minimum(self.bound[places], most / self.price[places])
        self.bounded[places] = self.taken
