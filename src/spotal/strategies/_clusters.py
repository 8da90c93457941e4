"""k-means over a pool: k-means++ on a sample, then weighted Lloyd steps over all rows in blocks."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.constraints.limits import assign_rows_to_cells
from spotal.pool.base import Pool
from spotal.selection.lloyd import Cells, lloyd, settle
from spotal.strategies._content import ContentRandom, fill, sample
from spotal.strategies._sphere import on_sphere
from spotal.strategies.base import Query

__all__ = ["clustered", "kmeans", "medoids", "representatives"]

STEPS = 100
"""Maximum number of Lloyd steps."""


def kmeans(pool: Pool, mass: NDArray[np.float64], count: int, chance: ContentRandom, sample_size: int) -> Cells:
    """Divide the pool into at most ``count`` clusters by weighted k-means; some may be empty.

    Initialized by k-means++ (scikit-learn's greedy form of Arthur and Vassilvitskii 2007) on a weighted sample of at
    most ``sample_size`` rows. At most 100 Lloyd steps over all rows follow, until the centroids no longer move. Sums
    run in one order on one thread, so the same seed gives the same clusters. Rows of mass zero are assigned to clusters
    but do not move centroids. O(s k D log k), then a pass of O(N k D) per step; memory O(s D + k D + N).
    """
    from sklearn.cluster import kmeans_plusplus

    rows, weight = sample(chance, mass, max(sample_size, count))
    points = pool.rows(rows).double().cpu()
    middle = points.mean(0)
    points -= middle
    scale = float(points.abs().max()) or 1.0  # so that squares neither vanish nor overflow
    points /= scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be fewer distinct points than clusters
        centers, _ = kmeans_plusplus(
            points.numpy(), min(count, len(rows)), sample_weight=weight, random_state=chance.seed % (1 << 32)
        )
    moved = torch.from_numpy(np.asarray(centers, np.float64)) * scale + middle
    for _ in range(STEPS):
        before = moved
        moved = lloyd(pool, mass, before)
        if torch.equal(before.to(moved), moved):
            break
    return settle(pool, moved)


def medoids(cells: Cells, mass: NDArray[np.float64], free: NDArray[np.int64], query: Query) -> NDArray[np.int64]:
    """Return the free row nearest to each centroid, heaviest cluster first; then the second nearest, and so on.

    Clusters without a free row give none. The weight of a cluster is the mass of its free rows. Under limits each
    cluster gets the nearest row that they allow (:func:`spotal.constraints.limits.assign_rows_to_cells`). O(m log m)
    for m free rows.
    """
    cell, squared = cells.index[free], cells.squared[free]
    order = np.lexsort((np.arange(len(free)), squared, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    weight = np.bincount(cell, weights=mass[free], minlength=len(cells.centers))
    turn = np.lexsort((np.arange(len(free)), squared, -weight[cell], rank))
    if query.limits is not None:
        return assign_rows_to_cells(free[turn], cell[turn], query.allowance())
    return free[turn[: query.budget]]


def clustered(
    query: Query,
    pool: Pool,
    rows: NDArray[np.int64],
    weight: NDArray[np.float64],
    chance: ContentRandom,
    sample_size: int,
) -> tuple[NDArray[np.int64], Cells]:
    """Divide rows into one cluster per pick; return the row nearest to each centroid, and the clusters.

    Parameters
    ----------
    pool : the space in which rows are clustered; rows : int64 (m,), unlabeled, not empty; weight : float64 (N,)
    """
    cells = kmeans(pool, weight, min(query.budget, len(rows)), chance, sample_size)
    return fill(query, medoids(cells, weight, chance.shuffled(rows), query), chance), cells


def representatives(
    query: Query, candidates: NDArray[np.int64], mass: NDArray[np.float64], chance: ContentRandom, sample_size: int
) -> NDArray[np.int64]:
    """Cluster the candidates at unit length, one cluster per pick, and return the row nearest to each centroid.

    If there are fewer candidates than picks, random rows follow. ``mass``, float64 (N,), weighs the rows and is
    positive for candidates. Costs as :func:`kmeans`.
    """
    if len(candidates) == 0:
        return fill(query, candidates, chance)
    weight = np.zeros(len(mass))
    weight[candidates] = mass[candidates]
    return clustered(query, on_sphere(query.pool), candidates, weight, chance, sample_size)[0]
