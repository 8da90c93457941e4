"""BatchBALD: the batch whose labels have the greatest joint information about the model."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.mass import disagreement
from spotal.numeric.checks import check_count
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["BatchBALD"]

LOOK = 64
"""Number of rows whose gains are computed together."""


class BatchBALD(Strategy):
    """Greedy maximum of the mutual information between a batch's labels and the model (algorithm 1 of the paper).

    Each pick maximizes the joint entropy of the batch's labels minus the sum of their entropies given each draw. The
    joint entropy sums over all labelings of the batch while there are at most ``configurations``. For larger batches,
    ``configurations`` labelings are drawn from the posterior (section 3.3). Use it for small batches: with few draws, a
    few picks exhaust their disagreement, and later picks are nearly random. Gains are multiplied by mass. Ties are
    broken at random.

    Parameters
    ----------
    configurations : int, maximum number of labelings of the batch

    Notes
    -----
    The information is submodular, so a row is evaluated again only if its last gain could still be the best (up to
    sampling error if labelings are drawn). O(N classes draws), then O(configurations classes draws) for each row
    evaluated. Memory O(64 configurations classes).

    References
    ----------
    A. Kirsch, J. van Amersfoort, Y. Gal, "BatchBALD: efficient and diverse batch acquisition for deep Bayesian active
    learning", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import BatchBALD
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> BatchBALD().query(np.eye(2), 1, probabilities=draws, random_state=0).indices.tolist()
    [1]
    """

    name = "batch-bald"
    needs_probabilities = True
    needs_draws = True
    needs_embeddings = False

    def __init__(self, *, configurations: int = 1_000) -> None:
        self.configurations = check_count(configurations, "configurations", 2)

    def _choose(self, query: Query) -> Choice:
        assert query.draws is not None
        rng, mass = query.rng(), query.weights()
        order = rng.permutation(query.unlabeled)  # so that argmax breaks ties at random
        order = order[np.argsort(mass[order] == 0, kind="stable")]
        total, own = disagreement(query.draws)
        bound = (total - own)[order].clip(0) * mass[order]
        labelings = _Labelings(query.draws.shape[2], self.configurations, np.random.default_rng(query.seed))
        picks: list[int] = []
        information = 0.0
        fresh = np.ones(len(order), dtype=bool)
        while len(picks) < query.budget:
            best = int(bound.argmax())
            while not fresh[best] and bound[best] > 0:
                stale = np.flatnonzero(~fresh & (bound == bound[best]))[:LOOK]
                if len(stale) < LOOK:
                    top = np.argpartition(-bound, min(LOOK, len(bound)) - 1)[:LOOK]
                    stale = np.union1d(stale, top[~fresh[top] & (bound[top] > 0)])
                gain = labelings.entropies(query.draws[order[stale]]) - own[order[stale]]
                bound[stale] = gain.clip(0) * mass[order[stale]]
                fresh[stale] = True
                best = int(bound.argmax())
            row = int(order[best])
            information += float(labelings.entropies(query.draws[row : row + 1])[0] - own[row])
            labelings.add(query.draws[row])
            picks.append(row)
            bound[best] = -1
            fresh[:] = False
        return Choice(np.array(picks, np.int64), diagnostics={"information": information})


class _Labelings:
    """All labelings of the current batch, or a random sample of them.

    posterior : (S, draws), the probability of each draw of the model given a labeling
    weight : (S,), the probability of each labeling, or equal shares of sampled labelings
    """

    def __init__(self, draws: int, most: int, rng: np.random.Generator) -> None:
        self.posterior = torch.full((1, draws), 1 / draws, dtype=torch.float64)
        self.weight = torch.ones(1, dtype=torch.float64)
        self.most, self.rng = most, rng
        self.batch: list[torch.Tensor] = []
        self.drawn: torch.Tensor | None = None  # log-likelihood of each drawn labeling under each draw

    def entropies(self, draws: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the entropy of each row's label given the batch's labels, float64 (k,), for (k, classes, draws)."""
        p = torch.from_numpy(draws.astype(np.float64)).clamp(0, 1)
        p = torch.einsum("sd,kcd->ksc", self.posterior, p)
        each = -(p * p.clamp_min(1e-300).log()).sum(2)
        return np.asarray((each @ self.weight).numpy())

    def add(self, draws: NDArray[np.floating]) -> None:
        """Add a row with draws (classes, draws) to the batch."""
        p = torch.from_numpy(draws.astype(np.float64)).clamp(0, 1)
        self.batch.append(p / p.sum(0))
        if self.drawn is None and len(self.weight) * len(p) <= self.most:
            joint = (self.weight[:, None, None] * self.posterior[:, None] * self.batch[-1]).flatten(0, 1)
            joint = joint[joint.sum(1) > 0]
            self.weight = joint.sum(1)
            self.posterior = joint / self.weight[:, None]
            return
        if self.drawn is None:
            self.drawn = torch.zeros(self.most, p.shape[1], dtype=torch.float64)
            for row in self.batch:
                self._draw(row)
        else:
            self._draw(self.batch[-1])
        self.posterior = self.drawn.softmax(1)
        self.weight = torch.full((self.most,), 1 / self.most, dtype=torch.float64)

    def _draw(self, p: torch.Tensor) -> None:
        """Draw a label for each labeling, with the probabilities of its draw of the model."""
        assert self.drawn is not None
        heights = p.cumsum(0).numpy()[:, np.arange(self.most) % p.shape[1]]
        label = (heights[:-1] <= self.rng.random(self.most) * heights[-1]).sum(0)
        self.drawn += p[torch.from_numpy(label)].clamp_min(1e-300).log()
