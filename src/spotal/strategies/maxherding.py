"""MaxHerding: greedy coverage by a smooth kernel."""

from __future__ import annotations

from spotal.numeric.checks import check_count, check_real
from spotal.strategies._content import ContentRandom, fill, heavy, sample
from spotal.strategies._greedy_coverage import gaussian, greedy_cover
from spotal.strategies._sphere import on_sphere
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["MaxHerding"]


class MaxHerding(Strategy):
    """Greedy maximum of generalized coverage (Bae, Noh, Sutherland, ECCV 2024, algorithm 1).

    Generalized coverage is the mean over the pool of each row's greatest kernel value exp(-(distance / radius)²) to a
    labeled or picked row. Each pick has the greatest gain. Features have unit length and the radius is 1, as in the
    authors' code. Mass weighs the rows to cover; rows of mass zero come last, at random. Ties are broken at random.

    Parameters
    ----------
    radius : float, positive, scale of the kernel
    normalize : bool, whether to divide rows by their norm first
    sample_size : int
        Maximum number of rows to cover, a weighted sample of a larger pool. The authors' code samples 35,000 rows and
        picks only among them; here every row may be picked.

    Notes
    -----
    O(N s D) for s = min(N, sample_size), then O(s D) for each row evaluated again: thousands for the first picks, tens
    later. Memory O(s (D + 256) + N); the kernel matrix is computed in blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import MaxHerding
    >>> pool = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [-0.1, 1]])
    >>> sorted(MaxHerding(radius=0.2).query(pool, 2, random_state=0).indices.tolist())
    [0, 3]
    """

    name = "maxherding"
    multilabel = True
    honors_limits = True

    def __init__(self, *, radius: float = 1.0, normalize: bool = True, sample_size: int = 35_000) -> None:
        self.radius = check_real(radius, "radius", 0)
        self.normalize = normalize
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        pool = on_sphere(query.pool) if self.normalize else query.pool
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        targets, weights = sample(chance, mass, self.sample_size)
        picks, coverage = greedy_cover(query, pool, gaussian(self.radius), self.radius, rows, targets, weights, chance)
        return Choice(fill(query, picks, chance), diagnostics={"coverage": coverage})
