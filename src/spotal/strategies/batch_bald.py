"""BatchBALD: the batch whose labels together tell most about the model."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.mass import disagreement
from spotal.numeric.checks import check_count
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["BatchBALD"]

LOOK = 64
"""Rows looked at together."""


class BatchBALD(Strategy):
    """Greedy maximum of the information that a batch's labels together give on the model (algorithm 1 of the paper).

    Each pick raises most the joint entropy of the batch's labels less the sum of the labels' own entropies under each
    draw. The joint entropy sums over all labelings of the batch while these are at most ``configurations``; of a longer
    batch that many are drawn from the posterior (section 3.3). For small batches: with few draws, a handful of picks
    uses up what the draws disagree about, and later ones are nearly random.
    The gain of a row is multiplied by its mass. Ties fall at random.

    Parameters
    ----------
    configurations : int, most labelings of the batch held at once

    Notes
    -----
    The information is submodular, so a row is looked at again only if its last gain could still be the best; with
    labelings drawn at random this is so up to their error. O(N classes draws), then O(configurations classes draws) for
    each row looked at. Memory O(64 configurations classes).

    References
    ----------
    A. Kirsch, J. van Amersfoort, Y. Gal, "BatchBALD: efficient and diverse batch acquisition for deep Bayesian active
    learning", NeurIPS 2019.
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
        order = rng.permutation(query.unlabeled)  # the first of the best is then a random one
        order = order[np.argsort(mass[order] == 0, kind="stable")]
        total, own = disagreement(query.draws)
        bound = (total - own)[order].clip(0) * mass[order]
        known = _Labelings(query.draws.shape[2], self.configurations, np.random.default_rng(query.seed))
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
                gain = known.entropies(query.draws[order[stale]]) - own[order[stale]]
                bound[stale] = gain.clip(0) * mass[order[stale]]
                fresh[stale] = True
                best = int(bound.argmax())
            row = int(order[best])
            information += float(known.entropies(query.draws[row : row + 1])[0] - own[row])
            known.add(query.draws[row])
            picks.append(row)
            bound[best] = -1
            fresh[:] = False
        return Choice(np.array(picks, np.int64), diagnostics={"information": information})


class _Labelings:
    """The labelings of a batch so far: all of them, or some drawn by chance.

    posterior : (S, draws), the share of each draw of the model given a labeling; weight : (S,), the probability of a
    labeling, or equal shares where labelings are drawn.
    """

    def __init__(self, draws: int, most: int, rng: np.random.Generator) -> None:
        self.posterior = torch.full((1, draws), 1 / draws, dtype=torch.float64)
        self.weight = torch.ones(1, dtype=torch.float64)
        self.most, self.rng = most, rng
        self.batch: list[torch.Tensor] = []
        self.drawn: torch.Tensor | None = None  # log-likelihood of each drawn labeling under each draw

    def entropies(self, draws: NDArray[np.floating]) -> NDArray[np.float64]:
        """Entropy of the label of each row of draws (k, classes, draws), given the batch's labels; float64 (k,)."""
        p = torch.from_numpy(draws.astype(np.float64)).clamp(0, 1)
        p = torch.einsum("sd,kcd->ksc", self.posterior, p)
        each = -(p * p.clamp_min(1e-300).log()).sum(2)
        return np.asarray((each @ self.weight).numpy())

    def add(self, draws: NDArray[np.floating]) -> None:
        """Take a row of draws (classes, draws) into the batch."""
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
            for known in self.batch:
                self._draw(known)
        else:
            self._draw(self.batch[-1])
        self.posterior = self.drawn.softmax(1)
        self.weight = torch.full((self.most,), 1 / self.most, dtype=torch.float64)

    def _draw(self, p: torch.Tensor) -> None:
        """A label for each labeling, under the draw of the model that it goes with."""
        assert self.drawn is not None
        heights = p.cumsum(0).numpy()[:, np.arange(self.most) % p.shape[1]]
        label = (heights[:-1] <= self.rng.random(self.most) * heights[-1]).sum(0)
        self.drawn += p[torch.from_numpy(label)].clamp_min(1e-300).log()
