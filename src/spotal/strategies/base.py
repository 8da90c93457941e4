"""Strategy: the base class of all selection methods. It checks arguments and makes the Selection."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.constraints.check import check_limits
from spotal.constraints.limits import Limits
from spotal.engine import ENGINES
from spotal.errors import BudgetError, InputError
from spotal.numeric.arrays import check_weight, to_numpy
from spotal.numeric.seeds import Seed, as_seed
from spotal.numeric.threads import one_thread, threads
from spotal.pool import Pool, PoolLike, as_pool, check_finite
from spotal.selection.assign import nearest_of
from spotal.selection.base import Selection
from spotal.selection.estimate import collapse
from spotal.selection.provenance import describe, versions
from spotal.strategies._checks import are_sets, check_labels, check_probabilities, check_sets
from spotal.strategies.query import Choice, Query

__all__ = ["Choice", "Query", "Strategy"]

SMALL = 1 << 19
"""Largest pool, in numbers, whose steps are too short (about 0.1 ms) for several threads."""


class Strategy(ABC):
    """Base class of all strategies: subclass it, set ``name`` and write ``_choose``.

    A strategy is stateless. Its parameters are attributes that ``__init__`` sets; everything else is in the query.
    ``query`` checks all arguments and calls ``_choose`` with a :class:`Query` whose budget is at least 1.
    :func:`spotal.strategies.contract.check_strategy` tests a strategy.

    Attributes
    ----------
    name : str, used in records and messages
    needs_probabilities : bool, whether class probabilities are required
    needs_draws : bool, whether probabilities of several posterior draws are required
    needs_embeddings : bool; False means that only the number of rows is read from the pool
    multilabel : bool, whether rows may have several classes. Set it if ``_choose`` handles ``query.multilabel``, or
        reads neither labels nor probabilities. Other strategies raise InputError for such labels.
    honors_limits : bool, whether ``_choose`` obeys ``query.limits`` (with ``query.best`` or ``query.allowance()``).
        Other strategies raise InputError for cost and groups.
    ignores_order : bool, whether the order of the pool's rows has no effect on the picks
    shares_work : bool, whether ``_choose`` uses threads of its own (:func:`spotal.engine.run`). Torch then uses one
        thread. Torch always uses one thread for pools of at most 2^19 numbers.
    engines : tuple of str, engines on which the strategy's passes over the pool can run

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
        """Select ``budget`` unlabeled rows of the pool, or rows for that much money when ``cost`` is given.

        Parameters, result and errors are the same as for :func:`spotal.select`. Further details:

        Parameters
        ----------
        pool : (n, d) embeddings, anything that :func:`~spotal.pool.as_pool` takes
        labels : see :func:`spotal.select`. Integers and booleans are column numbers of ``probabilities``; other classes
            are sorted. If rows may have several classes or none, pass 0 and 1 (m, classes) or a list of m sets of
            integers for the rows of ``labeled``. Pass an array (0, classes) while nothing is labeled.
        probabilities : (n, classes), or (n, classes, draws) from several draws of the model. Strategies that need one
            table use the mean of the draws. Rows sum to 1 unless rows may have several classes.
        cost : (n,) positive prices. The picks cost at most ``budget``, with a relative tolerance of 1e-12. The
            remaining money is less than the price of every other row that may be picked. Methods that score rows divide
            the score by the price.
        max_per_group : labeled rows count toward the maximum. No rows of a full group are picked.

        Returns
        -------
        Selection

        Raises
        ------
        BudgetError
            The budget is wrong.
        InputError
            Another argument is wrong, required by the strategy but missing, or not supported by the strategy.
        """
        start = time.perf_counter()
        if not isinstance(random_state, (int, np.integer)):  # the record needs an integer to repeat the query
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
        """Raise InputError if the strategy cannot run on the engine. None means any engine."""
        if engine in (None, "local", *self.engines) or engine not in ENGINES:  # `using` refuses unknown engines
            return
        raise InputError(
            "engine",
            must=f"be {' or '.join(map(repr, self.engines))} for strategy {self.name!r}, whose passes run nowhere else",
            found=repr(engine),
            remedy="leave it out, or use 'spot'",
        )

    @abstractmethod
    def _choose(self, query: Query) -> Choice:
        """Choose ``query.budget`` distinct rows of ``query.unlabeled``, or fewer if ``query.limits`` allow no more."""

    def _reads_once(self, pool: Pool, budget: int) -> bool:
        """Return whether ``_choose`` itself checks that rows are finite, which saves a pass over the pool."""
        return False

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inside})"

    def _refusal(self) -> str | None:
        """Return why cost and groups are refused, or None if they are accepted."""
        if self.honors_limits:
            return None
        return f"strategy {self.name!r} cannot keep to them; use 'spot' or leave them out"

    def _check_matrix(self, shape: tuple[int, ...], count: int) -> None:
        """Raise InputError if rows with several classes are not supported, or labels do not have ``count`` rows."""
        if not self.multilabel:
            raise InputError(
                "labels",
                must=f"be one class a row for strategy {self.name!r}, which cannot take rows with several classes",
                found=f"shape {shape}",
                remedy="use 'spot', 'margin', 'entropy' or 'least-confidence'",
            )
        if shape[0] != count:
            raise InputError(
                "labels", must=f"have shape ({count}, classes), a row for each labeled row", found=f"shape {shape}"
            )

    def _checked(
        self,
        pool: Pool,
        budget: Any,
        labeled: Any = None,
        labels: Any = None,
        probabilities: Any = None,
        mass: Any = None,
        random_state: Seed = None,
        cost: Any = None,
        groups: Any = None,
        max_per_group: Any = None,
        classes: Any = None,
    ) -> Query:
        n = len(pool)
        several = are_sets(labels)
        codes: NDArray[np.int64] | None
        if several:
            codes, checked = check_sets(labels, probabilities, n)
            rows, _ = check_labels(labeled, None, n)
            self._check_matrix(codes.shape, len(rows))
        else:
            checked = check_probabilities(probabilities, n)
            rows, codes = check_labels(labeled, labels, n, classes, None if checked is None else checked.shape[1])
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
                must=f"have shape ({n}, classes, draws) for strategy {self.name!r}, with at least two draws",
                found="a single one" if draws is None else draws.shape,
                remedy="pass the draws of an ensemble or of dropout, or use 'entropy'",
            )
        return Query(
            pool=pool,
            budget=int(budget),
            labeled=rows,
            labels=codes,
            probabilities=checked,
            # only ratios matter: with a maximum of 1, no sum overflows
            mass=None if weight is None else weight / weight.max(),
            seed=as_seed(random_state),
            draws=draws,
            limits=limits,
            multilabel=several,
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
    """Return the budget in rows: with prices, about the number of rows that it buys at the mean price."""
    if limits.cost is None or limits.budget == 0:
        return int(limits.budget)
    return max(1, limits.bought(unlabeled, float(limits.cost[unlabeled].mean())))


def _describe_limits(limits: Limits, max_per_group: Any) -> dict[str, Any]:
    priced = {} if limits.cost is None else {"cost": describe(limits.cost)}
    if limits.room is None:
        return priced
    return priced | {"groups": len(limits.room), "max_per_group": describe(max_per_group)}


def _representation(query: Query, choice: Choice) -> Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return a function that computes the cells and their mass."""

    def represent() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        cells = _nearest_picks(query, choice.indices) if choice.cells is None else choice.cells
        share = np.where(cells >= 0, query.weights(), 0.0)
        if len(choice.indices) and not share.any():
            share = (cells >= 0).astype(np.float64)
        mass = np.bincount(cells[cells >= 0], weights=share[cells >= 0], minlength=len(choice.indices))
        return cells, mass / (mass.sum() or 1.0)

    return represent


def _nearest_picks(query: Query, picks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of the pick nearest to each row, -1 for labeled rows; int64 (N,)."""
    cells = np.full(len(query.pool), -1, np.int64)
    if len(picks):
        cells = nearest_of(query.pool, picks)
        cells[query.labeled] = -1
        cells[picks] = np.arange(len(picks))
    return cells
