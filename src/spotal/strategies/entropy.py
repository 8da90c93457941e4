"""Entropy sampling: the rows with the greatest entropy of the predicted class."""

from __future__ import annotations

import numpy as np

from spotal.mass.entropy import entropies
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["EntropySampling"]


class EntropySampling(Strategy):
    """Greatest Shannon entropy of the class probabilities, times mass. O(N c).

    B. Settles, "Active Learning Literature Survey", 2009, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import EntropySampling
    >>> p = np.array([[0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.5, 0.5, 0.0]])
    >>> EntropySampling().query(np.eye(3), 2, probabilities=p, random_state=0).indices.tolist()
    [1, 2]
    """

    name = "entropy"
    multilabel = True
    needs_probabilities = True
    needs_embeddings = False
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        if query.multilabel:
            return Choice(query.best(entropies(query.probabilities, True) * query.weights()))
        p = query.probabilities.clip(1e-12, 1).astype(np.float64)
        return Choice(query.best(-(p * np.log(p)).sum(1) * query.weights()))
