"""Least confidence: the rows with the smallest probability of the predicted class."""

from __future__ import annotations

import numpy as np

from spotal.mass import margins
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["LeastConfidenceSampling"]


class LeastConfidenceSampling(Strategy):
    """Greatest (1 - largest class probability), times mass. O(N c) time, O(N) memory.

    D. Lewis, W. Gale, "A sequential algorithm for training text classifiers", SIGIR 1994, section 3; the multi-class
    form: B. Settles, "Active Learning Literature Survey", 2009, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import LeastConfidenceSampling
    >>> p = np.array([[0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.5, 0.5, 0.0]])
    >>> LeastConfidenceSampling().query(np.eye(3), 2, probabilities=p, random_state=0).indices.tolist()
    [1, 2]
    """

    name = "least-confidence"
    multilabel = True
    needs_probabilities = True
    needs_embeddings = False
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        if query.multilabel:  # half of the mean over classes of one minus the margin
            return Choice(query.best((1 - margins(query.probabilities, True)) / 2 * query.weights()))
        top = query.probabilities.max(1).clip(0, 1).astype(np.float64)
        return Choice(query.best((1 - top) * query.weights()))
