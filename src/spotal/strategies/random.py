"""Random selection, the baseline that every method has to beat."""

from __future__ import annotations

import numpy as np

from spotal.pool.sample import row_uniforms
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Random"]


class Random(Strategy):
    """Rows drawn at random without replacement, with probability proportional to mass where it is given.

    Each row gets the key log(u) / mass, and the greatest keys are taken (Efraimidis and Spirakis, "Weighted random
    sampling with a reservoir", 2006). O(N).
    """

    name = "random"

    def _choose(self, query: Query) -> Choice:
        mass = query.weights()[query.unlabeled]
        keys = np.log(row_uniforms(query.unlabeled, query.seed))
        # rows of mass zero come last, in random order
        keys = np.where(mass > 0, keys / np.where(mass > 0, mass, 1), keys - 1e300)
        return Choice(query.unlabeled[np.argsort(-keys, kind="stable")[: query.budget]])
