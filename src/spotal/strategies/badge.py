"""BADGE: k-means++ draws in the space of last-layer gradients, with the predicted class as the label."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.strategies._content import ContentRandom, fill, heavy
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Badge"]


class Badge(Strategy):
    """k-means++ draws among gradient embeddings (Ash, Zhang, Krishnamurthy, Langford, Agarwal, ICLR 2020, algorithm 1).

    A row's gradient embedding is (p - e) ⊗ h: its class probabilities p minus the indicator e of the most probable
    class, times its embedding h. The first pick has the longest gradient, as in the authors' code. Each later one is
    drawn with probability proportional to the squared distance to the nearest pick. Labeled rows are ignored. Mass
    multiplies squared lengths and distances. Rows of mass zero and copies of picked gradients come last, at random.
    With cost, squared lengths and distances are divided by the price.

    Notes
    -----
    The (N, classes x D) gradients are never formed: for a = p - e and a pick (b, g), the squared distance is
    |a-b|²|h|² + |b|²|h-g|² + 2 ((a-b)·b) (h·(h-g)), exactly 0 for a copy. O(N (D + classes)) time and a pass for each
    pick; O(N classes) memory. The same factors: J. Zhang et al., "LabelBench", 2023, appendix D.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Badge
    >>> pool = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> p = np.array([[0.6, 0.4], [1.0, 0.0], [0.5, 0.5]])
    >>> sorted(Badge().query(pool, 2, probabilities=p, random_state=0).indices.tolist())
    [1, 2]
    """

    name = "badge"
    needs_probabilities = True
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        weight = np.zeros(len(mass))
        weight[rows] = query.per_price(mass)[rows]
        allowance = query.allowance()
        factor = torch.from_numpy(query.probabilities.astype(np.float64))
        factor[torch.arange(len(factor)), factor.argmax(1)] -= 1  # p - e; in a tie e marks the first class
        scale = max(float(batch.points.abs().max()) for batch in query.pool.batches()) or 1.0
        squared = np.empty(len(mass))  # squared length, then squared distance to the nearest pick
        for batch in query.pool.batches():
            a, h = factor[batch.rows], batch.points / scale
            squared[batch.rows] = a.square().sum(1).numpy() * h.square().sum(1).double().cpu().numpy()
        order = chance.shuffled(rows[allowance.open[rows]])
        if len(order):
            allowance.take(int(order[(squared * weight)[order].argmax()]))
        while not allowance.full and allowance.picks:
            near = _squared_distances(query, factor, scale, allowance.picks[-1])
            squared = near if len(allowance.picks) == 1 else np.minimum(squared, near)
            squared[allowance.picks[-1]] = 0
            chances = squared * weight * allowance.open
            if not chances.any():
                break
            allowance.take(chance.draw(chances))
        return Choice(fill(query, np.array(allowance.picks, np.int64), chance))


def _squared_distances(query: Query, factor: torch.Tensor, scale: float, row: int) -> NDArray[np.float64]:
    """Return the squared distance of every row's gradient to the gradient of ``row``, float64 (N,)."""
    b, g = factor[row], query.pool.rows(np.array([row]))[0] / scale
    squared = np.empty(len(factor))
    for batch in query.pool.batches():
        h = batch.points / scale
        apart, moved = factor[batch.rows] - b, h - g
        lengths = torch.stack([h.square().sum(1), moved.square().sum(1), (h * moved).sum(1)]).double().cpu()
        squared[batch.rows] = (
            apart.square().sum(1) * lengths[0] + b.square().sum() * lengths[1] + 2 * (apart @ b) * lengths[2]
        ).numpy()
    return squared.clip(0)
