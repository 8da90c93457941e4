"""The map of one query: the pool in its first coordinates, before and after transport to the unit hypercube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.cache import Cache
from spotal.bench.instrumented import InstrumentedStrategy
from spotal.bench.jobs import Job
from spotal.bench.task import prepare
from spotal.datasets import Dataset
from spotal.pool.base import PoolLike
from spotal.report.plots import plane
from spotal.report.pool_map import rows_drawn
from spotal.selection import Selection
from spotal.strategies import Strategy, TransportedDesign

__all__ = ["FirstQuery", "QueryMap", "first_query", "query_map"]


@dataclass(frozen=True)
class FirstQuery:
    """The arguments of a strategy's first query, and its selection. ``pool`` is (n, d) embeddings."""

    strategy: Strategy
    pool: PoolLike
    budget: int
    context: dict[str, Any]
    selection: Selection


class _Recorded(InstrumentedStrategy):
    """A strategy that records its last query."""

    def query(self, pool: PoolLike, budget: int, **context: Any) -> Selection:
        """Query the strategy."""
        selection = super().query(pool, budget, **context)
        self.request = FirstQuery(self.strategy, pool, budget, context, selection)
        return selection


def first_query(job: Job, cache: Cache, data: Dataset) -> FirstQuery:
    """Repeat the first query of a job that starts with random labels.

    The first model's outputs are in the run's cache, so nothing is trained. Costs one query.
    """
    recorded = _Recorded(job.strategy.make(), job.strategy.label)
    loop = prepare(job.protocol, job.seed, cache, data).loop(recorded)
    loop.step()  # the random labels
    loop.step()
    return recorded.request


@dataclass(frozen=True)
class QueryMap:
    """The first two coordinates of a query's pool and picks.

    Attributes
    ----------
    before : float (m, 2), pool rows on the first two coordinates of the reduced embeddings
    after : float (m, 2), the same rows in the hypercube
    mass : float (m,), mass of each row, scaled to a maximum of 1
    picks, labeled : positions among the m rows of the picks and of the labeled rows
    design : float (k, 2), the design's points; empty if the query used no design
    dim : int, number of all coordinates; n : int, number of rows of the pool
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    mass: NDArray[np.float64]
    picks: NDArray[np.int64]
    labeled: NDArray[np.int64]
    design: NDArray[np.float64]
    dim: int
    n: int


def query_map(request: FirstQuery) -> QueryMap:
    """Map a query's pool to the unit hypercube, with the query's transport or, if it had none, with a sliced one.

    Costs as much as a query of :class:`~spotal.strategies.TransportedDesign`.
    """
    strategy = request.strategy
    cube = strategy if isinstance(strategy, TransportedDesign) else TransportedDesign(transport="sliced")
    layout = cube.layout(request.pool, request.budget, **request.context)
    design = layout.design if cube is strategy else layout.design[:0]
    before = layout.reduced(request.pool)
    n, picks = len(before), request.selection.indices
    given = request.context.get("labeled")
    labeled = np.empty(0, np.int64) if given is None else np.asarray(given, np.int64)
    rows = rows_drawn(n, picks, labeled)
    return QueryMap(
        plane(before[rows]), plane(layout.carried[rows]), layout.mass[rows] / layout.mass.max(),
        np.searchsorted(rows, picks), np.searchsorted(rows, labeled), plane(design), layout.dim, n,
    )  # fmt: skip
