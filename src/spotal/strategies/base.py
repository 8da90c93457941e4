"""Strategy: given a pool and what is known of it, choose the rows to label next. The contract all methods share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.constraints.check import check_limits
from spotal.constraints.limits import Allowance, Limits
from spotal.engine import ENGINES
from spotal.errors import BudgetError, InputError
from spotal.numeric.arrays import check_weight, to_numpy
from spotal.numeric.seeds import Seed, as_seed
from spotal.numeric.threads import one_thread, threads
from spotal.pool import Pool, PoolLike, as_pool, check_finite
from spotal.selection.assign import nearest_of
from spotal.selection.base import Selection
from spotal.selection.estimate import Sampling, collapse
from spotal.selection.provenance import describe, versions
from spotal.strategies._known import check_known, check_probabilities
from spotal.strategies._sets import class_sets

__all__ = ["Choice", "Query", "Strategy"]

SMALL = 1 << 19
"""Numbers of a pool up to which a step over all of them takes about a tenth of a millisecond: too little to share."""


@dataclass(frozen=True)
class Query:
    """A checked request: what ``_choose`` of a strategy sees. The pool has N rows of width d, m of them labeled.

    Attributes
    ----------
    pool : Pool, ``len(pool)`` rows of width ``pool.dim``; ``pool.batches()`` yields batches with ``points``, a float
        tensor (rows, d), and ``rows``, the slice of pool rows; ``pool.rows(indices)`` gives a tensor (k, d)
    budget : int, rows to choose, 1 to the number of unlabeled rows. With prices, about as many as the money buys.
    labeled : int64 (m,), row numbers, none repeated
    labels : int64 (m,), their classes, or None; with ``multilabel`` 0 and 1 (m, classes)
    probabilities : float32 or float64 (N, classes), of the current model, or None; the mean where draws are given
    mass : float64 (N,), the caller's weight of each row, in 0..1 with 1 the greatest, or None for equal weights
    seed : int of 63 bits
    draws : float (N, classes, draws), class probabilities of each posterior draw, or None
    limits : Limits on cost and groups, or None
    multilabel : bool, whether rows may have several classes, or none; each column of probabilities is then that of one
        class alone

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
        """Return what may be picked, for taking one row after another: the budget, and the limits if there are any."""
        return Allowance(self.limits or Limits(self.budget), len(self.pool), self.unlabeled)

    def per_price(self, worth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Divide what each row is worth by its price relative to the cheapest; float64 (N,) to float64 (N,)."""
        cost = None if self.limits is None else self.limits.cost
        return worth if cost is None else worth * (cost.min() / cost)

    @cached_property
    def unlabeled(self) -> NDArray[np.int64]:
        """Rows without a label, int64 (N - m,), ascending."""
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
        """Return the ``budget`` unlabeled rows of greatest score, best first; ties are broken at random. O(N).

        Under limits, those of greatest score for each unit of price, each that may still be picked. O(N log N).

        Parameters
        ----------
        scores : float64 (N,), of all rows; those of labeled rows do not count

        Returns
        -------
        int64 (k,), rows of the pool; k is ``budget``, or what the limits allow
        """
        rows = self.unlabeled
        kept = self.per_price(scores)[rows]
        order = self.rng().permutation(len(rows))
        if self.limits is not None:
            return self.allowance().walk(rows[order[np.argsort(-kept[order], kind="stable")]])
        top = np.argpartition(-kept[order], self.budget - 1)[: self.budget] if self.budget < len(rows) else slice(None)
        cut = order[top]
        threshold = kept[cut].min()
        # argpartition breaks ties by where they lie: take all above the threshold, then the first of the tied
        above, tied = order[kept[order] > threshold], order[kept[order] == threshold]
        chosen = np.concatenate([above, tied[: self.budget - len(above)]])
        best: NDArray[np.int64] = rows[chosen[np.argsort(-kept[chosen], kind="stable")]]
        return best


@dataclass
class Choice:
    """The answer of ``_choose``: rows in order, and what the strategy learned on the way.

    Attributes
    ----------
    indices : int (n,), distinct unlabeled rows, most useful first; n is the budget, or what the limits allow
    cells : int64 (N,), position in ``indices`` of the pick that stands for each row, -1 for labeled rows; None for the
        nearest pick in the pool's own space, computed when somebody asks
    diagnostics : dict of str to float, figures of merit; those that are not finite are left out
    timings : dict of str to float, seconds by step
    details : dict of JSON types, added to the selection's provenance
    sampling : Sampling or None, how the picks were drawn, if their probabilities are known

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


class Strategy(ABC):
    """Base of all strategies: subclass it, give it a ``name`` and write ``_choose``.

    A strategy is stateless: its parameters are attributes set in ``__init__``, everything else comes with the query.
    ``query`` checks all arguments and calls ``_choose`` with a :class:`Query` whose budget is at least 1.
    :func:`spotal.strategies.contract.check_strategy` checks that a strategy behaves.

    Attributes
    ----------
    name : str, of the class; for records and messages
    needs_probabilities : bool, whether a query without class probabilities is refused
    needs_draws : bool, whether probabilities must be those of several posterior draws
    needs_embeddings : bool; False says that the pool only counts rows, so any array of that many rows will do
    multilabel : bool, whether ``_choose`` heeds ``query.multilabel``, or looks at neither labels nor probabilities; a
        strategy that does neither refuses rows with several classes
    honors_limits : bool, whether ``_choose`` keeps to ``query.limits``, by ``query.best`` or ``query.allowance()``;
        a strategy that does not refuses cost and groups
    ignores_order : bool, whether the same rows in another order give the same picks
    shares_work : bool, whether ``_choose`` shares among threads what repays it (:func:`spotal.engine.run`), so that
        torch keeps to one, as it does in any strategy for pools of up to 2^19 numbers
    engines : tuple of str, those that its passes over the pool can run on; another one is refused

    Examples
    --------
    >>> import numpy as np, spotal
    >>> from spotal.strategies import Choice, Strategy
    >>> class Last(Strategy):
    ...     name = "last"
    ...     def _choose(self, query):
    ...         return Choice(query.unlabeled[::-1][: query.budget])
    >>> spotal.select(np.eye(5), 2, Last()).indices.tolist()
    [4, 3]
    """

    name: ClassVar[str]
    needs_probabilities: ClassVar[bool] = False
    needs_draws: ClassVar[bool] = False
    needs_embeddings: ClassVar[bool] = True
    shares_work: ClassVar[bool] = False
    multilabel: ClassVar[bool] = False
    honors_limits: ClassVar[bool] = False
    ignores_order: ClassVar[bool] = True
    engines: ClassVar[tuple[str, ...]] = ("local",)

    @final
    def query(
        self,
        pool: PoolLike,
        budget: float,
        *,
        labeled: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        mass: ArrayLike | None = None,
        cost: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        max_per_group: ArrayLike | None = None,
        random_state: Seed = None,
        classes: ArrayLike | None = None,
    ) -> Selection:
        """Choose ``budget`` unlabeled rows of the pool, or as many as the money buys.

        Parameters
        ----------
        pool : (n, d) embeddings, finite numbers: numpy of any float type or order, ``np.memmap``, torch tensor, a
            :class:`~spotal.pool.Pool` such as :func:`~spotal.pool.open_pool` gives, or anything else that
            :func:`~spotal.pool.as_pool` takes: a sparse matrix, a DataFrame, a data set
        budget : int, from 0 to the number of unlabeled rows; with ``cost``, the money to spend, at least 0
        labeled : (m,) row numbers that have labels already, none repeated, or a boolean mask (n,)
        labels : (m,) their classes: integers, texts, booleans, a categorical; or (n,), one for each row of the pool.
            Without ``labeled``, the rows that have one are labeled: None, NaN, pandas.NA and the integer -1 stand for
            no label. Integers and booleans are numbers of columns of ``probabilities``; other classes are sorted.
            Where rows may have several classes, or none: 0 and 1 (m, classes), or a list of m sets of integers, for the
            rows of ``labeled``; (0, classes) says so while nothing is labeled.
        probabilities : (n, classes) class probabilities of every row under the current model, which sum to 1 unless
            rows may have several classes; or (n, classes, draws),
            those of several draws of it (an ensemble, dropout), whose mean serves where one is enough
        mass : (n,) extra weight of each row, non-negative, not all zero
        cost : (n,) positive price of each row's label. Together the picks cost ``budget`` at most (up to rounding, a
            10^12th of it), and no row that may be picked could be had for what is left. Methods that score rows take
            the score for each unit of price; those that cover or represent say what they do.
        groups : (n,) the group of each row, any ids: the image of a box, the video of a frame, a patient
        max_per_group : int, most labels in any one group, those of ``labeled`` rows among them: a group that has as
            many already, or more, gives none; or (n,) integers, that of each row's group
        random_state : int, numpy generator or None; the same int gives the same picks
        classes : (c,) the class of each column of ``probabilities``, such as ``model.classes_``; needed where labels
            are no integers and some classes have no label yet

        Returns
        -------
        Selection

        Raises
        ------
        BudgetError
            The budget is negative, no integer (without cost), larger than the unlabeled pool or than what its groups
            may give, or not enough money for any row.
        InputError
            Any other argument of wrong shape, dtype or range; probabilities are missing and needed; or cost or groups
            are given to a method that cannot honor them.
        """
        start = time.perf_counter()
        if not isinstance(random_state, (int, np.integer)):  # an integer that repeats the query is on record
            random_state = as_seed(random_state)
        pool = as_pool(pool, random_state=as_seed(random_state))
        with one_thread(threads()) if self.shares_work or len(pool) * pool.dim <= SMALL else nullcontext():
            query = self._checked(
                pool, budget, labeled, labels, probabilities, mass, random_state, cost, groups, max_per_group, classes
            )
            checked = time.perf_counter()
            choice = self._choose(query) if query.budget else Choice(np.empty(0, np.int64))
        indices = np.asarray(choice.indices, dtype=np.int64)
        chosen = time.perf_counter()
        provenance = {
            "strategy": self.name,
            "parameters": describe(vars(self)),
            "budget": query.budget if query.limits is None else describe(budget),
            "labeled": len(query.labeled),
            "random_state": describe(random_state),
            "seed": query.seed,
            "input": query.pool.fingerprint(),
            "versions": versions(),
            **({} if query.limits is None else _describe_limits(query.limits, max_per_group)),
            **choice.details,
        }
        diagnostics = {name: float(value) for name, value in choice.diagnostics.items() if np.isfinite(value)}
        if query.limits is not None and query.limits.cost is not None:
            diagnostics["cost"] = float(query.limits.cost[indices].sum())
        timings = {"check": checked - start, **choice.timings, "total": chosen - start}
        return Selection(
            indices,
            diagnostics=diagnostics,
            timings=timings,
            provenance=provenance,
            represent=_representation(query, choice),
            sampling=choice.sampling,
            strata=None if choice.sampling else lambda: collapse(to_numpy(query.pool.rows(indices).double())),
            pool=query.pool,
            labeled=query.labeled,
        )

    def check_engine(self, engine: str | None) -> None:
        """Raise InputError unless the strategy's passes over a pool can run on the engine; None is any."""
        if engine in (None, "local", *self.engines) or engine not in ENGINES:  # an unknown one is refused by `using`
            return
        known = " or ".join(map(repr, self.engines))
        raise InputError(
            "engine",
            must=f"be {known} for strategy {self.name!r}, whose passes run nowhere else",
            found=repr(engine),
            remedy="leave it out, or use 'spot'",
        )

    @abstractmethod
    def _choose(self, query: Query) -> Choice:
        """Choose ``query.budget`` distinct rows of ``query.unlabeled``; under limits, as many as they allow."""

    def _reads_once(self, pool: Pool, budget: int) -> bool:
        """Whether the method itself refuses rows that are not finite, so that no pass need be spent on it before."""
        return False

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inside})"

    def _refusal(self) -> str | None:
        """Why cost and groups cannot be honored, and what to do; None where they can."""
        return (
            None if self.honors_limits else f"strategy {self.name!r} cannot keep to them; use 'spot' or leave them out"
        )

    def _checked(
        self,
        pool: Pool,
        budget: Any,
        labeled: Any,
        labels: Any,
        probabilities: Any,
        mass: Any,
        random_state: Seed,
        cost: Any = None,
        groups: Any = None,
        max_per_group: Any = None,
        classes: Any = None,
    ) -> Query:
        n = len(pool)
        sets = class_sets(labels, probabilities, n)
        checked = check_probabilities(None if sets else probabilities, n)
        columns = None if checked is None else checked.shape[1]
        rows, codes = check_known(labeled, None if sets else labels, n, None if sets else classes, columns)
        if sets is not None:
            sets.check(self.name, self.multilabel, len(rows))
        if cost is None:
            _check_count(budget, n, len(rows))
        limits = None
        if not (cost is None and groups is None and max_per_group is None):
            unlabeled = np.setdiff1d(np.arange(n), rows, assume_unique=True)
            limits = check_limits(budget, cost, groups, max_per_group, rows, unlabeled)
        if limits is not None:
            if (refusal := self._refusal()) is not None:
                raise InputError("cost", must=f"be left out, since {refusal}", subject="cost and groups")
            budget = _rows_for(limits, unlabeled)
        if limits is not None or not self._reads_once(pool, int(budget)):
            check_finite(pool)
        if self.needs_probabilities and probabilities is None:
            raise InputError(
                "probabilities",
                f"are needed by strategy {self.name!r}, found None",
                "pass an (n, classes) array from the current model, or use a strategy that works without labels, "
                "such as 'spot'",
            )
        weight = check_weight(mass, n, "mass")
        draws = None
        if checked is not None and checked.ndim == 3:
            draws, checked = checked, checked.mean(2)
        if self.needs_draws and (draws is None or draws.shape[2] < 2):
            raise InputError(
                "probabilities",
                must=f"have shape ({n}, classes, draws) for strategy {self.name!r}, with two draws of the model at "
                f"least",
                found="a single one" if draws is None else draws.shape,
                remedy="pass an ensemble's or dropout's, or use 'entropy'",
            )
        return Query(
            pool=pool,
            budget=int(budget),
            labeled=rows,
            labels=codes if sets is None else sets.labels,
            probabilities=checked if sets is None else sets.probabilities,
            # only ratios matter: from here on the greatest is 1, and no sum overflows
            mass=None if weight is None else weight / weight.max(),
            seed=as_seed(random_state),
            draws=draws,
            limits=limits,
            multilabel=sets is not None,
        )


def _check_count(budget: Any, n: int, n_labeled: int) -> None:
    if isinstance(budget, (bool, np.bool_)) or not isinstance(budget, (int, np.integer)):
        raise BudgetError("budget", must="be an integer", found=f"{budget!r} of type {type(budget).__name__}")
    if budget < 0:
        raise BudgetError("budget", must="not be negative", found=budget, remedy="give the number of rows to choose")
    if budget > n - n_labeled:
        raise BudgetError(
            "budget",
            must=f"be at most {n - n_labeled}, the unlabeled rows of this pool ({n} rows, {n_labeled} labeled)",
            found=budget,
            remedy="lower it",
        )


def _rows_for(limits: Limits, unlabeled: NDArray[np.int64]) -> int:
    """The budget in rows; where they have prices, about as many as it buys of rows with the mean price."""
    if limits.cost is None or limits.budget == 0:
        return int(limits.budget)
    return max(1, limits.bought(unlabeled, float(limits.cost[unlabeled].mean())))


def _describe_limits(limits: Limits, max_per_group: Any) -> dict[str, Any]:
    """For the record."""
    priced = {} if limits.cost is None else {"cost": describe(limits.cost)}
    if limits.room is None:
        return priced
    return priced | {"groups": len(limits.room), "max_per_group": describe(max_per_group)}


def _representation(query: Query, choice: Choice) -> Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Cells and their mass, worked out when first asked for."""

    def represent() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        cells = nearest_picks(query, choice.indices) if choice.cells is None else choice.cells
        share = np.where(cells >= 0, query.weights(), 0.0)
        if len(choice.indices) and not share.any():
            share = (cells >= 0).astype(np.float64)
        mass = np.bincount(cells[cells >= 0], weights=share[cells >= 0], minlength=len(choice.indices))
        return cells, mass / (mass.sum() or 1.0)

    return represent


def nearest_picks(query: Query, picks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of the nearest pick to each unlabeled row, -1 for labeled rows; int64 (N,). One pass over the pool."""
    cells = np.full(len(query.pool), -1, np.int64)
    if len(picks):
        cells = nearest_of(query.pool, picks)
        cells[query.labeled] = -1
        cells[picks] = np.arange(len(picks))
    return cells
