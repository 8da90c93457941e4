"""The sample of a pool that SPOT works on, drawn by mass, distance to the mean, and model uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.engine import Pass, run
from spotal.mass import Evidence, margins
from spotal.numeric.arrays import check_matrix, to_numpy
from spotal.numeric.threads import threads
from spotal.pool import ArrayPool, Batch
from spotal.pool.sample import row_uniforms
from spotal.strategies._content import content_keys
from spotal.strategies.base import Query

__all__ = ["LEAST_ROWS", "Draw", "Sample", "rows_needed"]

LEAST_ROWS = 4096
"""Size of the sample up to which there are ``ROWS_PER_PICK[0]`` rows for each labeled row and pick."""
ROWS_PER_PICK = 100, 16
"""Minimum number of sampled rows for each labeled row and pick: in a sample of up to ``LEAST_ROWS``, and beyond."""


def rows_needed(n: int, labeled: int, budget: int, least: int = LEAST_ROWS) -> int:
    """Return the size of the sample of a pool of n rows: at least ``least``, at most n."""
    few, many = ROWS_PER_PICK
    return min(n, max(least, min(few * (labeled + budget), LEAST_ROWS), many * (labeled + budget)))


@dataclass(frozen=True)
class Sample:
    """A weighted sample of the pool that includes all labeled rows, sorted by row content.

    Attributes
    ----------
    rows : int64 (s,), row numbers in the pool; points : float64 (s, D)
    mass : float64 (s,), not all zero: the pool's mass that each row represents; a labeled row represents itself
    labeled : int64 (m,), positions of the query's labeled rows, in the query's order
    whole : bool, whether these are all rows of the pool, but for those without mass
    """

    rows: NDArray[np.int64]
    points: torch.Tensor
    mass: NDArray[np.float64]
    labeled: NDArray[np.int64]
    whole: bool = False

    @classmethod
    def of(cls, query: Query, least: int = LEAST_ROWS) -> Sample:
        """Draw at least ``least`` rows, or use a small pool whole; raise InputError for rows that are not finite.

        Half of the rows are drawn in proportion to the caller's mass; a quarter in proportion to mass times the squared
        distance to the mean, which finds small groups far out (the lightweight coresets of O. Bachem, M. Lucic and
        A. Krause, KDD 2018); and, with a model, a quarter in proportion to mass times (1 - margin)^2. Under limits at
        least half are drawn among the rows that may be picked. O(N D + s D), memory O(s D). One pass over the pool, two
        under limits, none if all rows are used.
        """
        n, labeled = len(query.pool), query.labeled
        size = rows_needed(n, len(labeled), query.budget, least)
        if size == n:
            own = query.weights()
            rows = query.unlabeled[own[query.unlabeled] > 0]
            mass = own[rows]
        elif query.limits is None:
            rows, mass = run(Draw(query, size), query.pool, threads=threads())
        else:
            free = query.allowance().open
            excluded, share = run(Draw(query, size // 2, ~free), query.pool, threads=threads())
            rows, mass = run(Draw(query, size - len(excluded), free), query.pool, threads=threads())
            rows, mass = np.concatenate([excluded, rows]), np.concatenate([share, mass])
        if not len(rows):  # no row that may be picked has mass
            places = np.linspace(0, len(query.unlabeled) - 1, size - len(labeled)).astype(np.int64)
            rows = np.unique(query.unlabeled[places])
            mass = np.ones(len(rows))
        own = np.ones(len(labeled)) if query.mass is None else query.mass[labeled]
        rows, mass = np.concatenate([rows, labeled]), np.concatenate([mass, own])
        points = query.pool.rows(rows).double()
        check_matrix(points, "pool", where=lambda row: query.pool.where(int(rows[row])))
        order = to_numpy(content_keys(points).argsort(stable=True))
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        labeled = place[len(rows) - len(labeled) :]
        return cls(rows[order], points[torch.from_numpy(order)], mass[order], labeled, size == n)

    @property
    def unlabeled(self) -> NDArray[np.int64]:
        """Positions of the unlabeled rows, ascending."""
        return np.delete(np.arange(len(self.rows)), self.labeled)

    def evidence(self, query: Query) -> Evidence:
        """Return the input of rules of mass for the sampled rows."""
        p = None if query.probabilities is None else query.probabilities[self.rows]
        draws = None if query.draws is None else query.draws[self.rows]
        cost = None if query.limits is None or query.limits.cost is None else query.limits.cost[self.rows]
        pool = ArrayPool(self.points)
        return Evidence(pool, self.labeled, query.labels, p, draws, cost, self.mass, query.multilabel)


@dataclass(frozen=True)
class _Drawn:
    """Drawn rows, with one extra row whose priority is the threshold; ``chance`` is the sampling weight."""

    row: NDArray[np.int64]
    chance: NDArray[np.float64]
    mass: NDArray[np.float64]
    priority: NDArray[np.float64]

    def best(self, size: int) -> _Drawn:
        """Return the ``size + 1`` rows of greatest priority."""
        return self if len(self.row) <= size + 1 else self.at(np.argpartition(-self.priority, size)[: size + 1])

    def at(self, places: NDArray[np.int64]) -> _Drawn:
        """Return the rows at these places."""
        return _Drawn(self.row[places], self.chance[places], self.mass[places], self.priority[places])


class Draw(Pass[_Drawn, tuple[NDArray[np.int64], NDArray[np.float64]]]):
    """Pass that draws unlabeled rows with mass (see :meth:`Sample.of`), and returns the mass that each represents.

    A priority sample (N. Duffield, C. Lund, M. Thorup, J. ACM 54(6), 2007). Its sampling weight is the caller's mass
    times the row's interest, so sums of mass over any subset are unbiased. The rows do not depend on the batches or the
    number of threads.

    Parameters
    ----------
    size : int, maximum number of rows; among : bool (N,), rows that may be drawn, or None for all
    """

    title = "reading the pool"

    def __init__(self, query: Query, size: int, among: NDArray[np.bool_] | None = None) -> None:
        self.size, self.among, self.seed = size, among, query.seed
        self.where, self.labeled, self.weights = query.pool.where, np.sort(query.labeled), query.mass
        self.probabilities, self.multilabel = query.probabilities, query.multilabel
        first = np.linspace(0, len(query.pool) - 1, min(LEAST_ROWS, size, len(query.pool))).astype(np.int64)
        points = query.pool.rows(first).float()
        self.center = points.mean(0)
        # typical distance and doubt; they only balance the rules by which rows are drawn
        self.typical = float(_squared_apart(points, self.center).mean()), 0.0
        if self.probabilities is not None:
            self.typical = self.typical[0], float(_doubt(self.probabilities[first], self.multilabel).mean())

    def map(self, batch: Batch) -> _Drawn:
        apart = _squared_apart(batch.points, self.center)
        if not np.isfinite(apart).all():
            check_matrix(batch.points, "pool", where=lambda row: self.where(batch.start + row))
        row = np.arange(batch.start, batch.start + len(batch.points))
        mass = np.ones(len(row)) if self.weights is None else self.weights[batch.rows].copy()
        low, high = np.searchsorted(self.labeled, (batch.start, batch.start + len(row)))
        mass[self.labeled[low:high] - batch.start] = 0
        if self.among is not None:
            mass[~self.among[batch.rows]] = 0
        interest = 1 + _share(np.nan_to_num(apart), self.typical[0])
        if self.probabilities is not None:
            interest += _share(_doubt(self.probabilities[batch.rows], self.multilabel), self.typical[1])
        chance = mass * interest
        some = np.flatnonzero(mass > 0)
        priority = chance[some] / row_uniforms(row[some], self.seed)
        return _Drawn(row[some], chance[some], mass[some], priority).best(self.size)

    def merge(self, left: _Drawn, right: _Drawn) -> _Drawn:
        pairs = ((getattr(left, name), getattr(right, name)) for name in ("row", "chance", "mass", "priority"))
        return _Drawn(*(np.concatenate(pair) for pair in pairs)).best(self.size)

    def finish(self, partial: _Drawn) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        order = np.argsort(partial.row)
        if len(order) <= self.size:
            return partial.row[order], partial.mass[order]
        threshold = partial.priority.min()
        rest = partial.at(np.delete(order, partial.priority[order].argmin()))
        return rest.row, rest.mass * np.maximum(rest.chance, threshold) / rest.chance


def _squared_apart(points: torch.Tensor, center: torch.Tensor) -> NDArray[np.float64]:
    """Return squared distances to a point, float64 (n,); on the CPU a row's result does not depend on its batch."""
    if points.device.type != "cpu":
        return to_numpy((points.float() - center.to(points.device)).square().sum(1)).astype(np.float64)
    from spotal.numeric.kernels import min_squared_distance

    squared = np.empty(len(points))
    min_squared_distance(
        points.contiguous().numpy(), center[None].numpy(), np.zeros((len(points), 1), np.int64), squared
    )
    return squared


def _doubt(probabilities: NDArray[np.floating], multilabel: bool) -> NDArray[np.float64]:
    return (1 - margins(probabilities, multilabel)).clip(0, 1) ** 2


def _share(values: NDArray[np.float64], typical: float) -> NDArray[np.float64]:
    """Return half of ``values / typical``, at most 1e6, or 0.5 if ``typical`` is 0."""
    return np.minimum(values / (2 * typical), 1e6) if typical > 0 else np.full(len(values), 0.5)
