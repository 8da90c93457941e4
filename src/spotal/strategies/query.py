"""Query and Choice: the checked request that a strategy receives, and its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.constraints.limits import Allowance, Limits
from spotal.pool import Pool
from spotal.selection.estimate import Sampling

__all__ = ["Choice", "Query"]


@dataclass(frozen=True)
class Query:
    """A checked request: the argument of a strategy's ``_choose``. The pool has N rows of width d; m are labeled.

    Attributes
    ----------
    pool : Pool of ``len(pool)`` rows of width ``pool.dim``. ``pool.batches()`` yields batches with ``points``, a float
        tensor (rows, d), and ``rows``, a slice of pool rows. ``pool.rows(indices)`` returns a tensor (k, d).
    budget : int, rows to choose, from 1 to the number of unlabeled rows. With prices, about the number of rows that the
        money buys.
    labeled : int64 (m,), distinct row numbers
    labels : int64 (m,), classes of the labeled rows, or None; with ``multilabel`` 0 and 1 (m, classes)
    probabilities : float32 or float64 (N, classes), from the current model, or None; with ``draws``, their mean
    mass : float64 (N,), the caller's weight of each row, scaled to a maximum of 1, or None for equal weights
    seed : int of 63 bits
    draws : float (N, classes, draws), class probabilities of each posterior draw, or None
    limits : Limits on cost and groups, or None
    multilabel : bool, whether rows may have several classes, or none. Each column of probabilities then belongs to one
        class and is independent of the others.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import as_pool
    >>> from spotal.strategies import Query
    >>> query = Query(as_pool(np.eye(4)), budget=2, labeled=np.array([1]))
    >>> query.unlabeled.tolist(), query.weights().tolist()
    ([0, 2, 3], [1.0, 1.0, 1.0, 1.0])
    >>> query.best(np.array([0.5, 9.0, 0.1, 0.7])).tolist()
    [3, 0]
    """

    pool: Pool
    budget: int
    labeled: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None
    probabilities: NDArray[np.floating] | None = None
    mass: NDArray[np.float64] | None = None
    seed: int = 0
    draws: NDArray[np.floating] | None = None
    limits: Limits | None = None
    multilabel: bool = False

    def allowance(self) -> Allowance:
        """Return an Allowance, which takes rows one by one within the budget and the limits."""
        return Allowance(self.limits or Limits(self.budget), len(self.pool), self.unlabeled)

    def per_price(self, worth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Divide the score of each row, float64 (N,), by its price relative to the lowest price."""
        cost = None if self.limits is None else self.limits.cost
        return worth if cost is None else worth * (cost.min() / cost)

    @cached_property
    def unlabeled(self) -> NDArray[np.int64]:
        """Numbers of the rows without a label, int64 (N - m,), ascending."""
        free = np.ones(len(self.pool), dtype=bool)
        free[self.labeled] = False
        return np.flatnonzero(free)

    def weights(self) -> NDArray[np.float64]:
        """Return the caller's mass, or ones; float64 (N,)."""
        return np.ones(len(self.pool)) if self.mass is None else self.mass

    def rng(self) -> np.random.Generator:
        """Return a fresh generator from the seed."""
        return np.random.default_rng(self.seed)

    def best(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the ``budget`` unlabeled rows of greatest score, best first. Ties are broken at random. O(N).

        Under limits, rows are taken by score per unit of price while the limits allow. O(N log N).

        Parameters
        ----------
        scores : float64 (N,), one for each row of the pool; scores of labeled rows are ignored

        Returns
        -------
        int64 (k,), rows of the pool; k is ``budget``, or the number that the limits allow
        """
        rows = self.unlabeled
        score = self.per_price(scores)[rows]
        order = self.rng().permutation(len(rows))
        if self.limits is not None:
            return self.allowance().walk(rows[order[np.argsort(-score[order], kind="stable")]])
        top = np.argpartition(-score[order], self.budget - 1)[: self.budget] if self.budget < len(rows) else slice(None)
        threshold = score[order[top]].min()
        # argpartition breaks ties by position: take all rows above the threshold, then the first of the tied rows
        above, tied = order[score[order] > threshold], order[score[order] == threshold]
        chosen = np.concatenate([above, tied[: self.budget - len(above)]])
        best: NDArray[np.int64] = rows[chosen[np.argsort(-score[chosen], kind="stable")]]
        return best


@dataclass
class Choice:
    """The answer of ``_choose``: the picks in order, with diagnostics.

    Attributes
    ----------
    indices : int (n,), distinct unlabeled rows, most useful first; n is the budget, or the number the limits allow
    cells : int64 (N,), position in ``indices`` of the pick that represents each row, -1 for labeled rows. None means
        the nearest pick in the pool's own space, which is computed on first use.
    diagnostics : dict of str to float; values that are not finite are left out
    timings : dict of str to float, seconds of each step
    details : dict of JSON types, added to the selection's provenance
    sampling : Sampling or None, the probabilities with which the picks were drawn, if known

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Choice
    >>> Choice(np.array([3, 0]), diagnostics={"spread": 0.5}).indices.tolist()
    [3, 0]
    """

    indices: NDArray[np.int64]
    cells: NDArray[np.int64] | None = None
    diagnostics: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    sampling: Sampling | None = None
