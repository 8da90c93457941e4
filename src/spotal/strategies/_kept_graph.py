"""Distances and neighbors of a small pool's rows, kept from one query of a strategy to the next."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.selection.graph import CANDIDATES, NeighborGraph
from spotal.selection.pairs import Pairs
from spotal.strategies._sample import Sample
from spotal.strategies.base import Strategy
from spotal.strategies.query import Query

__all__ = ["MOST_BYTES", "kept_bytes", "kept_neighbors", "kept_pairs", "most_kept_bytes"]

MOST_BYTES = 96_000_000
"""Maximum number of bytes that are kept for a strategy: 4,096 rows of up to 884 numbers."""


@dataclass(frozen=True)
class _Kept:
    """Pairs of the rows of ``source``, and what they were computed from: ``points`` and ``mass`` of the sample.

    ``graph`` : the most neighbors of each row that were sorted so far and fit into ``MOST_BYTES``, or None
    """

    points: torch.Tensor
    mass: NDArray[np.float64]
    pairs: Pairs
    source: weakref.ref[object]
    graph: NeighborGraph | None = None

    def fits(self, sample: Sample) -> bool:
        """Return whether points and mass are the same, bit for bit."""
        return (
            self.points.shape == sample.points.shape
            and np.array_equal(self.mass, sample.mass)
            and torch.equal(self.points.view(torch.int64), sample.points.view(torch.int64))
        )


_kept: WeakKeyDictionary[Strategy, _Kept] = WeakKeyDictionary()


def kept_bytes(rows: int, dim: int) -> int:
    """Return the bytes of the pairs, points and masses that are kept of a pool of this shape; 0 if nothing is kept."""
    size = rows * (4 * rows + 8 * dim + 12)
    return size if rows <= CANDIDATES and size <= MOST_BYTES else 0


def most_kept_bytes(rows: int, dim: int) -> int:
    """Return the maximum number of bytes that are kept of a pool of this shape, with sorted neighbors."""
    size = kept_bytes(rows, dim)
    return min(size + 8 * rows * rows, MOST_BYTES) if size else 0


def kept_pairs(owner: Strategy, query: Query, sample: Sample, fit: Callable[[], Pairs]) -> Pairs:
    """Return the pairs of the last query of ``owner`` if its sample was the same, else ``fit()``, which is kept.

    The pairs depend on the points and masses of the sample alone. They are kept while the strategy and the array of
    the pool exist, at most ``MOST_BYTES``, and only for samples that are the whole pool: other samples differ from
    query to query. The strategy itself does not change: it is pickled and copied without them.
    """
    source = getattr(query.pool, "array", query.pool)
    kept = _kept.get(owner)
    if kept is not None and kept.fits(sample):
        pairs, graph = kept.pairs, kept.graph
        if kept.source() is source:
            return pairs
    else:
        _kept.pop(owner, None)  # before another takes its place
        kept = None
        pairs, graph = fit(), None
    try:
        keeper = weakref.ref(owner)
        gone = weakref.ref(source, lambda reference: _forget(keeper(), reference))
        _kept[owner] = _Kept(sample.points, sample.mass, pairs, gone, graph)
    except TypeError:  # such an object has no weak references
        pass
    return pairs


def kept_neighbors(owner: Strategy, pairs: Pairs, k: int) -> NeighborGraph:
    """Return the k nearest rows of each row of ``pairs``: those of an earlier query, if it sorted as many.

    k falls from round to round as labels are added, if the model's margins do not shrink.
    """
    kept = _kept.get(owner)
    if kept is None or kept.pairs is not pairs:
        return pairs.nearest(k)
    if kept.graph is not None and k <= kept.graph.near.shape[1]:
        near, squared = kept.graph.near[:, :k], kept.graph.squared[:, :k]
        return NeighborGraph(np.ascontiguousarray(near), np.ascontiguousarray(squared))
    kept = _kept[owner] = replace(kept, graph=None)  # before another takes its place
    graph = pairs.nearest(k)
    if kept_bytes(*kept.points.shape) + graph.near.nbytes + graph.squared.nbytes <= MOST_BYTES:
        _kept[owner] = replace(kept, graph=graph)
    return graph


def _forget(owner: Strategy | None, source: weakref.ref[object]) -> None:
    """Drop what is kept of a pool that is gone."""
    kept = None if owner is None else _kept.get(owner)
    if owner is not None and kept is not None and kept.source is source:
        _kept.pop(owner, None)
