"""Margin sampling: the rows whose two most probable classes are closest."""

from __future__ import annotations

from spotal.mass import margins
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["MarginSampling"]


class MarginSampling(Strategy):
    """Greatest (1 - margin), times mass. The margin is the difference of the two greatest probabilities. O(N c).

    T. Scheffer, C. Decomain, S. Wrobel, "Active hidden Markov models for information extraction", IDA 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import MarginSampling
    >>> p = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]])
    >>> MarginSampling().query(np.eye(3), 2, probabilities=p, random_state=0).indices.tolist()
    [1, 2]
    """

    name = "margin"
    multilabel = True
    needs_probabilities = True
    needs_embeddings = False
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        return Choice(query.best((1 - margins(query.probabilities, query.multilabel)) * query.weights()))
