"""Mass by sparseness: the distance to a row's k-th neighbor, to a power. Sparse regions weigh more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass
from spotal.pool.sample import priority_sample

__all__ = ["InverseDensity"]


class InverseDensity(Mass):
    """(distance to the k-th neighbor / its median)^power, in a few principal components.

    In d dimensions density is proportional to that distance to the power of -d, so ``power=d`` gives dense and sparse
    regions the same mass. A power below 0 gives more mass to dense regions.

    Parameters
    ----------
    power : float
    n_neighbors : int, k, among the rows of the sample
    n_components : int, maximum number of components; sample_size : int, maximum size of the sample in which neighbors
        are searched; random_state : int

    Notes
    -----
    scikit-learn's k-d tree: O(s D^2 + N (D d + k log s)) for a sample of s rows and d components.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, InverseDensity
    >>> from spotal.pool import as_pool
    >>> pool = as_pool([[0.0], [1.0], [2.0], [3.0], [9.0]])
    >>> InverseDensity(n_neighbors=1).weigh(Evidence(pool, np.empty(0, int))).round(3).tolist()
    [1.0, 1.0, 1.0, 1.0, 6.0]
    """

    def __init__(
        self,
        power: float = 1.0,
        *,
        n_neighbors: int = 20,
        n_components: int = 8,
        sample_size: int = 20_000,
        random_state: int = 0,
    ) -> None:
        self.power = power
        self.n_neighbors, self.n_components = n_neighbors, n_components
        self.sample_size, self.random_state = sample_size, random_state

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass, float64 (N,); with a positive power, rows with k or more copies have mass 0."""
        from sklearn.neighbors import NearestNeighbors

        from spotal.reduce import PCA

        pool = evidence.pool
        rows, _ = priority_sample(np.ones(len(pool)), len(pool), self.sample_size, self.random_state)
        points = pool.rows(rows).double()
        reduction = PCA(min(self.n_components, pool.dim), random_state=self.random_state).fit(points)
        k = min(self.n_neighbors, len(rows) - 1)
        if k < 1:
            return np.ones(len(pool))
        near = NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree").fit(reduction.project(points).numpy())
        radius = np.empty(len(pool))
        for batch in pool.batches():
            # k + 1 neighbors, because a row of the sample is its own first neighbor
            radius[batch.rows] = near.kneighbors(reduction.project(batch.points.double()).cpu().numpy())[0][:, -1]
        scale = float(np.median(radius)) or float(radius.max()) or 1.0
        least = 1e-6 if self.power < 0 else 0.0
        return np.asarray((radius / scale).clip(least) ** self.power)
