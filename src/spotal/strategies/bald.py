"""BALD: the rows for whose labels the model's posterior draws disagree most."""

from __future__ import annotations

from spotal.mass import disagreement
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["BALD"]


class BALD(Strategy):
    """Greatest mutual information between a row's label and the model, times mass.

    The mutual information is the entropy of the mean of the draws' probabilities minus the mean of their entropies (N.
    Houlsby, F. Huszár, Z. Ghahramani, M. Lengyel, "Bayesian active learning for classification and preference
    learning", 2011, equation 2; with draws by dropout: Gal, Islam, Ghahramani, ICML 2017). Rows are scored one by one,
    so picks may be similar; see "batch-bald". O(N classes draws) time; O(N classes) memory beyond the draws.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import BALD
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> BALD().query(np.eye(2), 1, probabilities=draws, random_state=0).indices.tolist()
    [1]
    """

    name = "bald"
    needs_probabilities = True
    needs_draws = True
    needs_embeddings = False
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        assert query.draws is not None
        total, own = disagreement(query.draws)
        return Choice(query.best((total - own).clip(0) * query.weights()))
