"""FADS: random draws in inverse proportion to the estimated density, so that picks cover the pool's support evenly."""

from __future__ import annotations

import math

import numpy as np
import torch

from spotal.numeric.checks import check_count
from spotal.pool import ArrayPool
from spotal.strategies._clusters import kmeans
from spotal.strategies._content import ContentRandom, fill, heavy, sample
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["FADS"]

LOG_TAU = math.log(2 * math.pi)
FLOOR = 1e-6
"""Added to variances, as scikit-learn does; features are scaled to the unit interval."""


class FADS(Strategy):
    """Fast diversity subsampling (Shang, Apley, Mehrotra, "Diversity subsampling: custom subsamples from large data
    sets", INFORMS Journal on Data Science, 2023, algorithm 1; with mass, their custom subsampling).

    A mixture of Gaussians with diagonal covariances estimates the density of the unlabeled rows. Rows are drawn without
    replacement with probability proportional to mass / density, in groups of max(100, n / 10). After each group, one EM
    step on the remaining rows updates the density. Features are scaled by their 0.5 % and 99.5 % quantiles. The method
    follows the authors' package FADS 1.0.1, with a minimum variance in place of the noise that the package adds to
    separate copies. Labeled rows are ignored. Use it for few dimensions: in many, outliers have the least density and
    get nearly all the probability.

    Parameters
    ----------
    components : int, number of Gaussians
    steps : int, EM steps after the initialization by k-means
    sample_size : int, maximum number of rows to which quantiles and mixture are fitted; draws are from all rows

    Notes
    -----
    O(s k D (log k + steps + groups)) to fit for k components and a sample of s rows, and a pass of O(N k D) for each
    group. Memory O(s D + N).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import FADS
    >>> pool = np.random.default_rng(0).normal(size=(500, 2))
    >>> len(FADS().query(pool, 10, random_state=0).indices)
    10
    """

    name = "fads"
    multilabel = True

    def __init__(self, *, components: int = 32, steps: int = 10, sample_size: int = 50_000) -> None:
        self.components = check_count(components, "components", 1)
        self.steps = check_count(steps, "steps", 0)
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        present = np.zeros(len(mass))
        present[query.unlabeled] = 1
        fitted, _ = sample(chance, present, self.sample_size)
        points = query.pool.rows(fitted).double()
        low, high = (torch.from_numpy(np.quantile(points.cpu().numpy(), q, axis=0)).to(points) for q in (0.005, 0.995))
        span = torch.where(high > low, high - low, 1.0)
        points = (points - low) / span
        part = ArrayPool(points)
        start = kmeans(part, np.ones(len(fitted)), self.components, ContentRandom(part, query.seed), self.sample_size)
        mixture = _Mixture(points, torch.from_numpy(start.index).to(points.device), self.components)
        for _ in range(self.steps):
            mixture.step(points)
        group = max(100, query.budget // 10)
        picks = np.empty(0, np.int64)
        free = np.zeros(len(mass), dtype=bool)
        free[rows] = True
        while len(picks) < min(query.budget, len(rows)):
            if len(picks):
                remain = ~np.isin(fitted, picks[-group:])
                points, fitted = points[torch.from_numpy(remain).to(points.device)], fitted[remain]
                if len(fitted):
                    mixture.step(points)
            density = np.empty(len(mass))
            for batch in query.pool.batches():
                density[batch.rows] = mixture.log_density((batch.points.double() - low) / span).cpu().numpy()
            # taking the greatest log-weights plus Gumbel noise draws without replacement
            with np.errstate(divide="ignore"):
                key = np.log(mass) - density - np.log(-np.log(chance.numbers().clip(1e-300)))
            remaining = np.flatnonzero(free)
            count = min(group, query.budget - len(picks), len(remaining))
            chosen = remaining[np.argsort(-key[remaining], kind="stable")[:count]]
            free[chosen] = False
            picks = np.concatenate([picks, chosen])
        return Choice(fill(query, picks, chance))


class _Mixture:
    """Gaussians with diagonal covariances: log shares (k,), means and variances (k, D), float64."""

    def __init__(self, points: torch.Tensor, index: torch.Tensor, count: int) -> None:
        """Initialize from points (s, D) and the component of each, int64 (s,)."""
        self._maximize(points, torch.nn.functional.one_hot(index, count).double())

    def step(self, points: torch.Tensor) -> None:
        """Do one step of expectation maximization. O(s k D)."""
        self._maximize(points, self._joint(points).softmax(1))

    def log_density(self, points: torch.Tensor) -> torch.Tensor:
        """Return the log-density at points (m, D), float64 (m,)."""
        return self._joint(points).logsumexp(1)

    def _joint(self, x: torch.Tensor) -> torch.Tensor:
        sharp = 1 / self.variances
        squared = x.square() @ sharp.T - 2 * x @ (self.means * sharp).T + (self.means.square() * sharp).sum(1)
        joint: torch.Tensor = self.shares - (squared + self.variances.log().sum(1) + x.shape[1] * LOG_TAU) / 2
        return joint

    def _maximize(self, x: torch.Tensor, belongs: torch.Tensor) -> None:
        size = belongs.sum(0) + 1e-15
        self.means = belongs.T @ x / size[:, None]
        self.variances = (belongs.T @ x.square() / size[:, None] - self.means.square()).clamp_min(0) + FLOOR
        self.shares = (size / size.sum()).log()
