"""TypiClust: the most typical row of each cluster without labels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.arrays import blocks
from spotal.numeric.checks import check_count
from spotal.pool.base import Pool
from spotal.strategies._clusters import kmeans
from spotal.strategies._content import ContentRandom, fill, heavy, sample
from spotal.strategies._sphere import on_sphere
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["TypiClust"]

SMALL = 5
"""Clusters of at most this many rows are used last."""
EPSILON = 1e-5
"""Added to mean distances, so that copies have a finite typicality."""


class TypiClust(Strategy):
    """The densest row of the largest clusters without labels (Hacohen, Dekel, Weinshall, ICML 2022, algorithm 1).

    k-means of all rows has one cluster for each labeled row and pick, at most ``max_clusters``. Clusters take turns:
    fewest labeled rows first, then heaviest first. Each cluster gives its row of greatest typicality. Typicality is one
    over the mean distance to the ``neighbors`` nearest neighbors among the cluster's rows that are neither labeled nor
    picked (to half of them in a small cluster). As in the authors' code, features have unit length and clusters of at
    most 5 rows come last. Mass weighs rows in the clustering and multiplies typicality; rows of mass zero come last, at
    random. Ties are broken at random. With cost, typicality is divided by the price, and the number of clusters is
    about the budget over the mean price.

    Parameters
    ----------
    neighbors : int, number of neighbors for typicality
    max_clusters : int, maximum number of clusters
    normalize : bool, whether to divide rows by their norm first
    sample_size : int
        Maximum number of rows for k-means++, and maximum number of rows of a cluster among which neighbors are
        searched. Larger clusters are sampled, which makes typicality approximate.

    Notes
    -----
    k-means as in "kmeans", with n + m clusters for m labeled rows. Then O(w min(w, s) D) per pick for a cluster of w
    rows. Memory O(s D + N) and one block of distances.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import TypiClust
    >>> pool = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [-0.1, 1]])
    >>> sorted(TypiClust().query(pool, 2, random_state=0).indices.tolist())
    [0, 3]
    """

    name = "typiclust"
    multilabel = True
    honors_limits = True

    def __init__(
        self, *, neighbors: int = 20, max_clusters: int = 500, normalize: bool = True, sample_size: int = 20_000
    ) -> None:
        self.neighbors = check_count(neighbors, "neighbors", 1)
        self.max_clusters = check_count(max_clusters, "max_clusters", 1)
        self.normalize = normalize
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        pool = on_sphere(query.pool) if self.normalize else query.pool
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        count = min(len(query.labeled) + query.budget, self.max_clusters)
        cells = kmeans(pool, mass, count, chance, self.sample_size).index
        worth, allowance = query.per_price(mass), query.allowance()
        members = chance.shuffled(np.sort(rows))
        members = members[np.argsort(cells[members], kind="stable")]
        ends = np.cumsum(np.bincount(cells[members], minlength=count))
        rows_of = dict(enumerate(np.split(members, ends[:-1])))
        turn = self._turn(cells, mass, query.labeled, count)
        while True:
            rows_of = {cell: members[allowance.open[members]] for cell, members in rows_of.items()}
            turn = [cell for cell in turn if len(rows_of[cell])] or [cell for cell in rows_of if len(rows_of[cell])]
            if not turn:
                break
            for cell in turn:
                members = rows_of[cell][allowance.open[rows_of[cell]]]
                if len(members):
                    typical = self._typicality(pool, members, chance)
                    allowance.take(int(members[(typical * worth[members]).argmax()]))
        return Choice(fill(query, np.array(allowance.picks, np.int64), chance))

    @staticmethod
    def _turn(cells: NDArray[np.int64], mass: NDArray[np.float64], labeled: NDArray[np.int64], count: int) -> list[int]:
        """Return the clusters of more than 5 rows (all if there are none), fewest labels and then heaviest first."""
        size = np.bincount(cells, minlength=count)
        weight = np.bincount(cells, weights=mass, minlength=count)
        order = np.lexsort((-weight, np.bincount(cells[labeled], minlength=count)))
        large = order[size[order] > SMALL]
        return [int(cell) for cell in (large if len(large) else order)]

    def _typicality(self, pool: Pool, rows: NDArray[np.int64], chance: ContentRandom) -> NDArray[np.float64]:
        """Return one over the mean distance to the nearest neighbors among ``rows``; 1 if there is no other row."""
        near = min(self.neighbors, len(rows) // 2)
        if near == 0:
            return np.ones(len(rows))
        among = chance.sorted(rows)
        if len(rows) > self.sample_size:
            inside = np.zeros(len(pool))
            inside[rows] = 1
            among, _ = sample(chance, inside, self.sample_size)
        points = pool.rows(among).double()
        middle = points.mean(0)
        points -= middle
        half = points.square().sum(1) / 2
        own = np.full(len(pool), -1, np.int64)
        own[among] = np.arange(len(among))
        typical = np.empty(len(rows))
        for part in blocks(len(rows), 256):
            x = pool.rows(rows[part]).double() - middle
            squared = torch.addmm(half, x, points.T, alpha=-1).mul_(2).add_(x.square().sum(1, keepdim=True))
            itself = own[rows[part]]
            sampled = np.flatnonzero(itself >= 0)
            squared[sampled, itself[sampled]] = torch.inf
            closest = squared.topk(min(near, len(among) - 1), dim=1, largest=False).values
            typical[part] = 1 / (closest.clamp_min(0).sqrt().mean(1).cpu().numpy() + EPSILON)
        return typical
