"""Random selection, the baseline of all methods."""

from __future__ import annotations

import numpy as np

from spotal.pool.sample import row_uniforms
from spotal.selection.estimate import Sampling
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Random"]


class Random(Strategy):
    """Rows drawn at random without replacement, with probability proportional to mass.

    Each row gets the key log(u) / mass, and the greatest keys are taken (Efraimidis and Spirakis, "Weighted random
    sampling with a reservoir", 2006). Rows of mass zero come last, in random order. Prices do not change the draw, but
    rows that cost more than the remaining money are skipped. O(N log N).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Random
    >>> Random().query(np.eye(4), 2, mass=[0, 1, 0, 1], random_state=0).indices.tolist()
    [3, 1]
    """

    name = "random"
    multilabel = True
    needs_embeddings = False
    honors_limits = True
    ignores_order = False

    def _choose(self, query: Query) -> Choice:
        mass = query.weights()[query.unlabeled]
        wait = np.log(-np.log(row_uniforms(query.unlabeled, query.seed)))
        # logarithms avoid overflow for extreme masses
        wait -= np.log(np.where(mass > 0, mass, 1))
        order = query.unlabeled[np.lexsort((wait, mass == 0))]
        if query.limits is not None:
            return Choice(query.allowance().walk(order))
        n, sampling = query.budget, None
        if query.mass is None:  # simple random sampling: one stratum, equal probabilities
            sampling = Sampling(np.full(n, 1 / n), np.zeros(n, np.int64), np.full(n, n / len(query.unlabeled)))
        return Choice(order[:n], sampling=sampling)
