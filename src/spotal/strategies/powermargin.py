"""Power margin sampling: margin sampling with noise, so that the rows of a batch are not all alike."""

from __future__ import annotations

import numpy as np

from spotal.mass import margins
from spotal.numeric.checks import check_real
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["PowerMargin"]


class PowerMargin(Strategy):
    """Rows drawn in proportion to (1 - margin)^beta (Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron, Gal,
    "Stochastic batch acquisition: a simple baseline for deep active learning", TMLR 2023, power acquisition).

    The rows of greatest beta log(1 - margin) + Gumbel noise, which are draws without replacement, in the order in which
    they are drawn. Mass multiplies 1 - margin; rows that are certain come after all others, those of mass zero last.
    With cost, 1 - margin counts for each unit of price. The noise goes to rows in the order of their probabilities.

    Parameters
    ----------
    beta : float, positive; the greater, the nearer to margin sampling, and 1 in the paper's experiments

    Notes
    -----
    O(N (classes + log N)) time, O(N) memory.
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
