"""Greedy coverage on a neighbor graph, with distances measured by the share of the pool's mass that they hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spotal.constraints.limits import Allowance
from spotal.selection._loops import loops_for
from spotal.selection.graph import NeighborGraph

__all__ = ["Coverage", "Queue", "Reach", "extent", "floored", "neighbors_needed", "reaches"]

SPARE = 1.5
"""Neighbors computed for each one needed at equal mass, if some rows weigh less than others."""
LEAST = 5
"""Least number of neighbors within reach: fewer do not measure the density around a row."""
EXTENT = 4
"""Least number of neighbors that may cover a row, for each of ``LEAST``."""
FEW, NARROWER = 20, 1.25
"""The distance from which a row may be covered holds ``(FEW * share) ** NARROWER`` of all mass, at most all of it: with
few picks any row may cover any other."""


@dataclass(frozen=True)
class Reach:
    """Reach of each of s rows.

    Attributes
    ----------
    squared : float64 (s,), squared distance within which neighbors hold a row's share of the mass; positive
    count : int64 (s,), number of nearest rows that may cover the row, itself included
    """

    squared: NDArray[np.float64]
    count: NDArray[np.int64]


def extent(share: float) -> float:
    """Return the share of all mass that rows which may cover a row hold, if its reach holds ``share``."""
    return min(1.0, float((FEW * share) ** NARROWER))


def neighbors_needed(size: int, share: float, *, equal: bool = False) -> int:
    """Return the number of neighbors, itself included, that :func:`reaches` needs for rows of about equal mass.

    ``equal`` : whether all rows have the same mass, so that no spare neighbors are needed
    """
    spare = 1.0 if equal else SPARE
    return min(size, max(EXTENT * LEAST, math.ceil(spare * extent(share) * size)) + 1)


def reaches(graph: NeighborGraph, mass: NDArray[np.float64], share: float) -> Reach:
    """Measure each row's reach: the distance within which its neighbors hold ``share`` of all mass, at least 5 rows.

    The nearest rows that hold (20 ``share``)^1.25 of all mass, at least 20 rows, may cover the row: any row while
    ``share`` is above 5 %, and 4 times the reach's mass at a ``share`` of 0.01 %.

    Parameters
    ----------
    mass : float64 (s,), of the rows, positive somewhere; share : float in (0, 1]
    """
    size = len(mass)
    squared, count = np.empty(size), np.empty(size, np.int64)
    total = float(mass.sum())
    within, around = share * total, extent(share) * total
    loops_for(graph.near.size).measure_reach(
        graph.near, graph.squared, mass, within, around, LEAST, EXTENT * LEAST, squared, count
    )
    return Reach(floored(squared), count)


def floored(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise squared reaches to a millionth of the median at least, so that they are positive."""
    typical = float(np.median(squared)) or float(squared.max()) or 1.0
    return np.maximum(squared, 1e-6 * typical)


class Coverage:
    """Greedy weighted coverage of s rows, each by the nearest of the labeled and picked rows.

    Row x is covered by row c to the degree exp(-d(x, c)^2 / r(x)^2), r its reach, where c is among the nearest rows
    that may cover it, and 0 elsewhere. The coverage of a set is the weighted sum over rows of the greatest degree:
    monotone and submodular, so the greedy set reaches 1 - 1/e of the best one of its size (G. Nemhauser, L. Wolsey,
    M. Fisher, Mathematical Programming 14, 1978). An earlier gain bounds a later one, so only the gains of rows at the
    head of a queue are computed again (M. Minoux, 1978). The picks are the same as with the plain greedy method.

    Parameters
    ----------
    graph : NeighborGraph of the rows; reach : Reach of the rows
    weight : float64 (s,), value of covering each row

    Notes
    -----
    O(s k) to set up and O(k log s) for each gain computed again; memory O(s k), for k neighbors per row.
    """

    def __init__(self, graph: NeighborGraph, reach: Reach, weight: NDArray[np.float64]) -> None:
        size = len(weight)
        self.weight = np.ascontiguousarray(weight, np.float64)
        self.start = np.zeros(size + 1, np.int64)
        edges = int(reach.count.sum())
        self.row, self.degree = np.empty(edges, np.uint32), np.empty(edges, np.float64)
        loops_for().turn_round(graph.near, graph.squared, reach.count, self.start, self.row, self.degree)
        np.divide(self.degree, -reach.squared[self.row], out=self.degree)
        np.exp(self.degree, out=self.degree)
        self.covered = np.zeros(size)

    def add(self, rows: NDArray[np.int64]) -> None:
        """Add these rows as centers, such as labeled rows."""
        cover = loops_for().cover
        for row in rows.tolist():
            cover(row, self.start, self.row, self.degree, self.covered)

    def queue(self, candidates: NDArray[np.int64], price: NDArray[np.float64]) -> Queue:
        """Return the candidates in order of their gain per unit of price."""
        return _Queue(self, candidates, price)

    @property
    def value(self) -> float:
        """Share of the weight that is covered, in [0, 1]."""
        return float(self.weight @ self.covered / (self.weight.sum() or 1.0))

    def pick(self, candidates: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        """Pick up to ``most`` candidates, each of greatest gain; ties go to the first. Stop when nothing is gained."""
        return candidates[self.queue(candidates, np.ones(len(candidates))).take(most)]

    def pick_within(
        self,
        candidates: NDArray[np.int64],
        allowance: Allowance,
        pool_row: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    ) -> None:
        """Pick candidates while limits allow, each of greatest gain per unit of price.

        With prices this is the cost-benefit greedy method (J. Leskovec et al., "Cost-effective outbreak detection in
        networks", KDD 2007).

        Parameters
        ----------
        allowance : limits of the pool, which records the picks; pool_row : function from rows here to pool rows
        """
        cost = allowance.limits.cost
        rows = pool_row(candidates)
        price = np.ones(len(rows))
        if cost is not None:
            with np.errstate(over="ignore"):  # if the least price is nearly 0
                price = np.minimum(cost[rows] / cost[rows].min(), np.finfo(np.float64).max)
        queue = self.queue(candidates, price)
        while not allowance.full:
            queue.open[:] = allowance.open[rows]
            place = queue.take(1)
            if not len(place):
                return
            allowance.take(int(rows[place[0]]))


class Queue(Protocol):
    """Candidates of a coverage in order of their gain. Those that are no longer ``open``, bool (m,), are not taken."""

    open: NDArray[np.bool_]

    def take(self, most: int) -> NDArray[np.int64]:
        """Return positions among the candidates of up to ``most`` picks."""


class _Queue:
    """Candidates in order of their last computed gain."""

    def __init__(self, coverage: Coverage, candidates: NDArray[np.int64], price: NDArray[np.float64]) -> None:
        self.coverage, self.candidates, self.price = coverage, candidates, price
        self.open = np.ones(len(candidates), np.bool_)
        self.bound = np.empty(len(candidates))
        c = coverage
        loops_for().gains(candidates, price, c.start, c.row, c.degree, c.weight, c.covered, self.bound)
        self.heap = np.lexsort((np.arange(len(candidates)), -self.bound))  # sorted, hence a heap
        self.seen = np.zeros(len(candidates), np.int64)
        self.state = np.array([len(candidates), 0], np.int64)  # size of the heap, picks so far

    def take(self, most: int) -> NDArray[np.int64]:
        """Return positions among the candidates of up to ``most`` picks."""
        c, picks = self.coverage, np.empty(most, np.int64)
        count = loops_for().take_greedily(
            self.candidates, self.price, self.open, self.heap, self.bound, self.seen, self.state,
            c.start, c.row, c.degree, c.weight, c.covered, picks,
        )  # fmt: skip
        return picks[:count]
