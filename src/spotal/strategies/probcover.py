"""ProbCover: greedy maximum coverage of the rows by balls of one radius."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.arrays import blocks
from spotal.numeric.checks import check_count, check_real
from spotal.pool.base import Pool
from spotal.strategies._clusters import kmeans
from spotal.strategies._content import ContentRandom, fill, heavy, sample
from spotal.strategies._greedy_coverage import greedy_cover
from spotal.strategies._sphere import on_sphere
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["ProbCover"]

CLASSES = 10


class ProbCover(Strategy):
    """Greedy maximum coverage by balls (Yehuda, Dekel, Hacohen, Weinshall, NeurIPS 2022, algorithm 1).

    The ball of a row contains all rows closer than ``delta``. Each pick is the row whose ball adds the greatest mass to
    the balls of labeled and picked rows. Every unlabeled row of positive mass is a candidate. After all are covered,
    and for rows of mass zero, picks are random. Features have unit length, as in the authors' code.

    Parameters
    ----------
    delta : "auto" or float
        Radius of the balls. "auto" is the paper's rule (section 3.3): the greatest radius at which a share ``purity``
        of the balls contains rows of a single k-means cluster, with ``n_classes`` clusters.
    n_classes : int or None
        None means the columns of ``probabilities``, or else the number of classes among the labels, or else 10.
    purity : float in (0, 1]
    normalize : bool, whether to divide rows by their norm first
    sample_size : int
        Maximum number of rows to cover, a weighted sample of a larger pool. "auto" uses the same sample.

    Notes
    -----
    O(N s D) for s = min(N, sample_size), another O(s² D) for "auto", then O(s D) for each row evaluated again. Memory
    O(s (D + 256) + N); the graph is computed in blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import ProbCover
    >>> pool = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [-0.1, 1]])
    >>> sorted(ProbCover(delta=0.15).query(pool, 2, random_state=0).indices.tolist())
    [0, 3]
    """

    name = "probcover"
    honors_limits = True

    def __init__(
        self,
        *,
        delta: float | str = "auto",
        n_classes: int | None = None,
        purity: float = 0.95,
        normalize: bool = True,
        sample_size: int = 35_000,
    ) -> None:
        self.delta = delta if isinstance(delta, str) and delta == "auto" else check_real(delta, "delta", 0)
        self.n_classes = None if n_classes is None else check_count(n_classes, "n_classes", 2)
        self.purity = check_real(purity, "purity", 0, 1)
        self.normalize = normalize
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        pool = on_sphere(query.pool) if self.normalize else query.pool
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        targets, weights = sample(chance, mass, self.sample_size)
        delta = self._radius(query, pool, mass, targets, chance) if self.delta == "auto" else float(self.delta)
        picks, coverage = greedy_cover(
            query, pool, lambda squared: squared < delta * delta, delta, rows, targets, weights, chance
        )
        return Choice(fill(query, picks, chance), diagnostics={"delta": delta, "coverage": coverage})

    def _radius(
        self, query: Query, pool: Pool, mass: NDArray[np.float64], targets: NDArray[np.int64], chance: ContentRandom
    ) -> float:
        """Return the greatest radius with enough pure balls: a quantile of the distances to another cluster."""
        count = self.n_classes or _classes(query)
        cells = torch.from_numpy(kmeans(pool, mass, count, chance, self.sample_size).index[targets])
        points = pool.rows(targets).double()
        middle = points.mean(0)
        x = (points - middle).float()
        half = x.square().sum(1) / 2
        gap = np.full(len(x), np.inf)
        for part in blocks(len(x), 256):
            squared = torch.addmm(half, x[part], x.T, alpha=-1).mul_(2).add_(x[part].square().sum(1, keepdim=True))
            same = (cells[part, None] == cells).to(squared.device)
            gap[part] = squared.masked_fill_(same, torch.inf).amin(1).clamp_min(0).sqrt().cpu().numpy()
        gap = np.sort(gap)
        delta = float(gap[min(len(gap) - 1, int(np.ceil((1 - self.purity) * len(gap) - 1e-9)))])
        if not np.isfinite(delta):  # a single cluster: every ball is pure
            delta = float(2 * x.square().sum(1).max().sqrt())
        return delta or float(np.finfo(np.float32).tiny)


def _classes(query: Query) -> Any:
    if query.probabilities is not None and query.probabilities.shape[1] > 1:
        return query.probabilities.shape[1]
    if query.labels is not None and len(np.unique(query.labels)) > 1:
        return len(np.unique(query.labels))
    return CLASSES
