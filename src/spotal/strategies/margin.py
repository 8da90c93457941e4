"""Margin sampling: the rows whose two most probable classes are closest."""

from __future__ import annotations

from spotal.mass import margins
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["MarginSampling"]


class MarginSampling(Strategy):
    """Greatest (1 - margin), times mass. The margin is the difference of the two greatest probabilities. O(N c).

    T. Scheffer, C. Decomain, S. Wrobel, "Active hidden Markov models for information extraction", IDA 2001.
    """

    name = "margin"
    multilabel = True
    needs_probabilities = True
    needs_embeddings = False
    honors_limits = True

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        return Choice(query.best((1 - margins(query.probabilities, query.multilabel)) * query.weights()))
