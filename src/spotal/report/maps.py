"""The map of one query: the pool in the space that SPOT transports, and in the hypercube that it is carried to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import to_numpy
from spotal.engine import run as run_pass
from spotal.report.comparison import Request
from spotal.strategies import SPOT
from spotal.strategies.spot import _Carry

__all__ = ["QueryMap", "query_map"]

MOST_DRAWN = 4_000
"""Rows of a larger pool that are drawn, taken evenly; picks and labeled rows always are."""


@dataclass(frozen=True)
class QueryMap:
    """First two coordinates of everything in one query.

    Attributes
    ----------
    before : float (m, 2), pool rows on the first two coordinates of the reduced embeddings
    after : float (m, 2), the same rows in the hypercube
    mass : float (m,), what the transport carried of each, at most 1
    picks, labeled : positions in the m rows that were picked, and that had labels
    design : float (k, 2), the design's points
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


def query_map(strategy: SPOT, request: Request) -> QueryMap:
    """Repeat a query's steps and keep what can be drawn.

    Nothing is fitted for the picture: reduction, transport and design are those of the query, which its seed fixes.
    Costs what the query cost.
    """
    query = strategy._checked(request.pool, request.budget, **{"mass": None, **request.known})
    mass = strategy._weigh(query)
    reduction, transport = strategy._fit(query, mass)
    carried = run_pass(_Carry(reduction, transport), query.pool)
    dim = carried.shape[1]
    around = carried[query.labeled] if strategy.selection != "cells" else None
    design = strategy.design.points(query.budget, dim, existing=around, random_state=query.rng())
    flat = to_numpy(request.pool)
    before = flat if reduction is None else np.asarray(reduction.transform(flat))
    n, picks = len(query.pool), request.selection.indices
    rows = np.arange(n)
    if n > MOST_DRAWN:
        even = np.linspace(0, n - 1, MOST_DRAWN).astype(np.int64)
        rows = np.unique(np.concatenate([even, picks, query.labeled]))
    return QueryMap(
        _plane(before[rows]),
        _plane(carried[rows]),
        mass[rows] / mass.max(),
        np.searchsorted(rows, picks),
        np.searchsorted(rows, query.labeled),
        _plane(design),
        dim,
        n,
    )


def _plane(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """The first two columns; a line is drawn at half height."""
    wide = np.asarray(points, np.float64)
    return wide[:, :2] if wide.shape[1] > 1 else np.column_stack([wide[:, 0], np.full(len(wide), 0.5)])
