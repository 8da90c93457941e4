"""Power margin sampling: margin sampling with noise, so that the rows of a batch differ."""

from __future__ import annotations

import numpy as np

from spotal.mass import margins
from spotal.numeric.checks import check_real
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["PowerMargin"]


class PowerMargin(Strategy):
    """Rows drawn in proportion to (1 - margin)^beta (Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron, Gal,
    "Stochastic batch acquisition: a simple baseline for deep active learning", TMLR 2023, power acquisition).

    Picks the rows of greatest beta log(1 - margin) + Gumbel noise, which draws without replacement. Mass multiplies
    1 - margin. Certain rows come after all others, rows of mass zero last. With cost, 1 - margin is divided by the
    price. Noise is assigned to rows sorted by their probabilities, so the order of the pool has no effect.

    Parameters
    ----------
    beta : float, positive. Larger values are closer to margin sampling; the paper's experiments use 1.

    Notes
    -----
    O(N (classes + log N)) time, O(N) memory.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import PowerMargin
    >>> p = np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]])
    >>> PowerMargin().query(np.eye(3), 1, probabilities=p, random_state=0).indices.tolist()
    [1]
    """

    name = "powermargin"
    multilabel = True
    needs_probabilities = True
    needs_embeddings = False
    honors_limits = True

    def __init__(self, *, beta: float = 1.0) -> None:
        self.beta = check_real(beta, "beta", 0)

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        p, mass = query.probabilities, query.weights()
        noise = np.empty(len(p))
        noise[np.lexsort(p.T)] = query.rng().gumbel(size=len(p))
        with np.errstate(divide="ignore"):
            key = np.log(query.per_price((1 - margins(p, query.multilabel)).clip(0) * mass)) + noise / self.beta
        rows = query.unlabeled
        order = np.lexsort((-noise[rows], -key[rows], mass[rows] == 0))
        return Choice(query.allowance().walk(rows[order]))
