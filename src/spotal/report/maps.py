"""The map of one query: the pool in its leading coordinates, and in the hypercube that transport carries it to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy
from spotal.pool import Pool
from spotal.reduce import PCA
from spotal.report.comparison import FirstQuery
from spotal.strategies import SPOT, TransportedDesign

__all__ = ["QueryMap", "plane_map", "query_map"]

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


def query_map(strategy: SPOT | TransportedDesign, request: FirstQuery) -> QueryMap:
    """Carry a query's pool to the cube, as the query did or, where it needed no cube, for the picture.

    Costs what a query of :class:`~spotal.strategies.TransportedDesign` costs.
    """
    cube = strategy if isinstance(strategy, TransportedDesign) else TransportedDesign(transport="sliced")
    laid = cube.layout(request.pool, request.budget, **request.known)
    design = laid.design if cube is strategy else laid.design[:0]
    before = laid.reduced(request.pool)
    n, picks = len(before), request.selection.indices
    labeled = request.known.get("labeled")
    known = np.empty(0, np.int64) if labeled is None else np.asarray(labeled, np.int64)
    rows = _drawn(n, picks, known)
    return QueryMap(
        _plane(before[rows]),
        _plane(laid.carried[rows]),
        laid.mass[rows] / laid.mass.max(),
        np.searchsorted(rows, picks),
        np.searchsorted(rows, known),
        _plane(design),
        laid.dim,
        n,
    )


def plane_map(pool: Pool, picks: NDArray[np.int64], labeled: NDArray[np.int64]) -> QueryMap:
    """Map a pool (N, D) on its first two principal components, without a transport.

    Of a large pool, the rows that are drawn are read and the components are theirs: O(m D min(m, D)) for m of them.
    """
    rows = _drawn(len(pool), picks, labeled)
    points = to_numpy(pool.rows(rows).float())
    before = PCA(min(2, pool.dim), random_state=0).fit_transform(points) if pool.dim > 2 else points
    none = np.empty((0, 2))
    places = np.searchsorted(rows, picks), np.searchsorted(rows, labeled)
    return QueryMap(_plane(before), none, np.full(len(rows), 0.25), *places, none, pool.dim, len(pool))


def _drawn(n: int, picks: NDArray[np.int64], labeled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of a pool of n that are drawn, ascending: all, or evenly spaced ones and those that matter."""
    if n <= MOST_DRAWN:
        return np.arange(n)
    even = np.linspace(0, n - 1, MOST_DRAWN).astype(np.int64)
    return np.unique(np.concatenate([even, picks, labeled]))


def _plane(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """The first two columns; a line is drawn at half height."""
    wide = np.asarray(points, np.float64)
    return wide[:, :2] if wide.shape[1] > 1 else np.column_stack([wide[:, 0], np.full(len(wide), 0.5)])
