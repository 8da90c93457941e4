"""BALD: the rows about whose label the model's posterior draws disagree most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.strategies.base import Choice, Query, Strategy, best_scores

__all__ = ["BALD", "disagreement"]

BLOCK_ENTRIES = 1 << 15
"""Probabilities worked on at once."""


class BALD(Strategy):
    """Greatest mutual information between a row's label and the model, times mass where it is given.

    The entropy of the mean of the draws' probabilities less the mean of their entropies (N. Houlsby, F. Huszár, Z.
    Ghahramani, M. Lengyel, "Bayesian active learning for classification and preference learning", 2011, equation 2;
    with draws by dropout: Gal, Islam, Ghahramani, ICML 2017). The best rows one by one, which may be alike: see
    "batch-bald". O(N classes draws) time; O(N classes) memory beyond the draws.
    """

    name = "bald"
    needs_probabilities = True
    needs_draws = True
    needs_embeddings = False

    def _choose(self, query: Query) -> Choice:
        assert query.draws is not None
        total, own = disagreement(query.draws)
        return Choice(best_scores((total - own).clip(0) * query.weights(), query))


def disagreement(draws: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Entropy of the mean, and mean of the entropies, over draws (N, classes, draws); float64 (N,) each, in nats."""
    total, own = np.empty(len(draws)), np.empty(len(draws))
    rows = max(1, BLOCK_ENTRIES // max(1, draws[0].size))
    for start in range(0, len(draws), rows):
        part = draws[start : start + rows].astype(np.float64).clip(0, 1)
        total[start : start + rows] = _entropy(part.mean(2))
        own[start : start + rows] = _entropy(part).mean(1)
    return total, own


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy along axis 1."""
    return np.asarray(-(p * np.log(p.clip(1e-300))).sum(1))
