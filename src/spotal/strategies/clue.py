"""CLUE: k-means weighted by uncertainty; picks the row nearest to each centroid."""

from __future__ import annotations

import numpy as np

from spotal.mass import tempered
from spotal.numeric.checks import check_count, check_real
from spotal.strategies._clusters import clustered
from spotal.strategies._content import ContentRandom, heavy
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Clue"]


class Clue(Strategy):
    """Clustering of uncertainty-weighted embeddings (Prabhu, Chandrasekaran, Saenko, Hoffman, ICCV 2021, algorithm 1).

    k-means over the unlabeled rows with one cluster per pick; picks the row nearest to each centroid, heaviest cluster
    first. A row's weight is the entropy of its class probabilities (equation 2), times mass. Labeled rows are ignored.
    If every entropy is zero, the weight is the mass alone. Rows of mass zero come last.

    Parameters
    ----------
    temperature : float
        Log-probabilities are divided by it before the entropy. 1 is the authors' default; they use 0.1 on DomainNet.
    sample_size : int, maximum number of rows for k-means++; Lloyd steps use all rows

    Notes
    -----
    As "kmeans": O(s n D log n + 100 N n D) at most, memory O(s D + n D + N classes).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Clue
    >>> pool = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> p = np.full((6, 2), 0.5)
    >>> sorted(Clue().query(pool, 2, probabilities=p, random_state=0).indices.tolist())
    [1, 4]
    """

    name = "clue"
    needs_probabilities = True
    honors_limits = True

    def __init__(self, *, temperature: float = 1.0, sample_size: int = 20_000) -> None:
        self.temperature = check_real(temperature, "temperature", 0)
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        p = tempered(query.probabilities, self.temperature).clip(1e-12, 1)
        entropy = (-(p * np.log(p)).sum(1)).clip(0)
        entropy[entropy < 1e-9] = 0  # clipping gives certain rows a tiny entropy
        weight = np.zeros(len(mass))
        weight[rows] = mass[rows] * entropy[rows]
        if not weight.any():
            weight[rows] = mass[rows]
        return Choice(clustered(query, query.pool, rows, weight, chance, self.sample_size)[0])
