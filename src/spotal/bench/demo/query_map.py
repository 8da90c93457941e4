"""The map of one query: the pool in its leading coordinates, and in the hypercube that transport carries it to."""

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
    """The arguments of a strategy's first query, and its answer. ``pool`` is (n, d) embeddings."""

    strategy: Strategy
    pool: PoolLike
    budget: int
    known: dict[str, Any]
    selection: Selection


class _Recorded(InstrumentedStrategy):
    """A strategy whose last query is kept."""

    def query(self, pool: PoolLike, budget: int, **known: Any) -> Selection:
        """Query the strategy."""
        selection = super().query(pool, budget, **known)
        self.request = FirstQuery(self.strategy, pool, budget, known, selection)
        return selection


def first_query(job: Job, cache: Cache, data: Dataset) -> FirstQuery:
    """Repeat the first query of a job that begins with random labels.

    The first model's outputs are in the cache of the run, so nothing is trained. Costs one query.
    """
    recorded = _Recorded(job.strategy.make(), job.strategy.label)
    loop = prepare(job.protocol, job.seed, cache, data).loop(recorded)
    loop.step()  # the random labels
    loop.step()
    return recorded.request


@dataclass(frozen=True)
class QueryMap:
    """First two coordinates of everything in one query.

    Attributes
    ----------
    before : float (m, 2), pool rows on the first two coordinates of the reduced embeddings
    after : float (m, 2), the same rows in the hypercube
    mass : float (m,), what the transport carried of each, at most 1
    picks, labeled : positions in the m rows that were picked, and that had labels
    design : float (k, 2), the design's points; none where the query laid none
    dim : int, coordinates that there are; n : int, rows of the pool
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
    """Carry a query's pool to the cube, as the query did or, where it needed no cube, for the picture.

    Costs what a query of :class:`~spotal.strategies.TransportedDesign` costs.
    """
    strategy = request.strategy
    cube = strategy if isinstance(strategy, TransportedDesign) else TransportedDesign(transport="sliced")
    laid = cube.layout(request.pool, request.budget, **request.known)
    design = laid.design if cube is strategy else laid.design[:0]
    before = laid.reduced(request.pool)
    n, picks = len(before), request.selection.indices
    labeled = request.known.get("labeled")
    known = np.empty(0, np.int64) if labeled is None else np.asarray(labeled, np.int64)
    rows = rows_drawn(n, picks, known)
    return QueryMap(
        plane(before[rows]),
        plane(laid.carried[rows]),
        laid.mass[rows] / laid.mass.max(),
        np.searchsorted(rows, picks),
        np.searchsorted(rows, known),
        plane(design),
        laid.dim,
        n,
    )
