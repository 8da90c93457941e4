"""k-means medoids: one cluster per pick, and the row nearest to each centroid."""

from __future__ import annotations

import numpy as np

from spotal.numeric.checks import check_count
from spotal.strategies._clusters import clustered
from spotal.strategies._content import ContentRandom, heavy
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["KMeans"]


class KMeans(Strategy):
    """k-means over the unlabeled rows with one cluster per pick; picks the row nearest to each centroid, heaviest
    first.

    Initialized by k-means++. Labeled rows are ignored, so picks may lie close to them. Mass weighs rows in the
    clustering; rows of mass zero come last. With cost, the number of clusters is about the budget over the mean price.

    Parameters
    ----------
    sample_size : int, maximum number of rows for k-means++; Lloyd steps use all rows

    Notes
    -----
    O(s n D log n) for the initialization on a sample of s rows, then O(N n D) and one pass for each of at most 100
    steps. Memory O(s D + n D + N).

    References
    ----------
    Z. Xu, K. Yu, V. Tresp, X. Xu, J. Wang, "Representative sampling for text classification using support vector
    machines", ECIR 2003, section 3; F. Zhdanov, "Diverse mini-batch active learning", 2019, algorithm 1 with equal
    weights. Initialization: D. Arthur, S. Vassilvitskii, "k-means++", SODA 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import KMeans
    >>> pool = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> sorted(KMeans().query(pool, 2, random_state=0).indices.tolist())
    [1, 4]
    """

    name = "kmeans"
    multilabel = True
    honors_limits = True

    def __init__(self, *, sample_size: int = 20_000) -> None:
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        weight = np.zeros(len(mass))
        weight[rows] = mass[rows]
        picks, cells = clustered(query, query.pool, rows, weight, chance, self.sample_size)
        return Choice(picks, diagnostics={"inertia": float(weight @ cells.squared / weight.sum())})
