"""Core-set selection by greedy k-center: each pick is the row farthest from all labeled and picked rows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["CoreSet"]


class CoreSet(Strategy):
    """Greedy k-center (Sener and Savarese, ICLR 2018, algorithm 1), a 2-approximation of the minimum fill distance.

    Without labels, the first pick is the row nearest to the pool's mean. Distances are multiplied by mass; rows of mass
    zero come last. With cost, distances are divided by the price. Each pick and each labeled row takes O(N d) and one
    pass over the pool.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import CoreSet
    >>> pool = np.array([[0.0], [1.0], [2.0], [9.0]])
    >>> CoreSet().query(pool, 2, labeled=[0], random_state=0).indices.tolist()
    [3, 2]
    """

    name = "coreset"
    multilabel = True
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        n = len(query.pool)
        weights = query.per_price(query.weights())
        allowance = query.allowance()
        gap = np.full(n, np.inf)
        cells = np.full(n, -1, np.int64)
        for row in query.labeled:
            self._add_center(query, int(row), gap, None, 0)
        while not allowance.full:
            if not allowance.picks and not len(query.labeled):
                row = self._center(query, allowance.open)
            else:
                score = np.where(allowance.open, np.where(weights > 0, np.sqrt(gap) * weights, -0.5), -1.0)
                row = int(score.argmax())
            self._add_center(query, row, gap, cells, len(allowance.picks))
            allowance.take(row)
        picks = np.array(allowance.picks, np.int64)
        cells[picks] = np.arange(len(picks))
        figures = {"fill_distance": float(np.sqrt(gap.max()))}
        # rows nearest to a labeled row have no cell here, so the base class assigns them
        return Choice(picks, None if len(query.labeled) else cells, diagnostics=figures)

    @staticmethod
    def _center(query: Query, free: NDArray[np.bool_]) -> int:
        """Return the free row of positive mass that is nearest to the pool's weighted mean."""
        weights = query.weights()
        mean = torch.zeros(query.pool.dim, dtype=torch.float64)
        for batch in query.pool.batches():
            w = torch.from_numpy(weights[batch.rows]).to(batch.points.device)
            mean += (w @ batch.points.double()).cpu()
        mean /= weights.sum()
        best, row = np.inf, int(free.argmax())
        for batch in query.pool.batches():
            squared = (batch.points.double() - mean.to(batch.points.device)).square().sum(1).cpu().numpy()
            squared[(weights[batch.rows] == 0) | ~free[batch.rows]] = np.inf
            if squared.min() < best:
                best, row = float(squared.min()), batch.start + int(squared.argmin())
        return row

    @staticmethod
    def _add_center(query: Query, row: int, gap: np.ndarray, cells: np.ndarray | None, position: int) -> None:
        """Update every row's squared distance to its nearest center for the new center ``row``."""
        center = query.pool.rows(np.array([row]))
        for batch in query.pool.batches():
            squared = (batch.points - center).square().sum(1).cpu().numpy()
            closer = squared < gap[batch.rows]
            gap[batch.rows][closer] = squared[closer]
            if cells is not None:
                cells[batch.rows][closer] = position
