"""Strategy: given a pool and what is known of it, choose the rows to label next. The contract all methods share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal._arrays import as_array, check_rows, check_weight
from spotal._nearest import nearest
from spotal._provenance import describe, versions
from spotal.errors import BudgetError, InputError
from spotal.pool import Pool, as_pool, check_finite
from spotal.pool.sample import as_seed
from spotal.selection.base import Selection

__all__ = ["Choice", "Query", "Strategy"]


@dataclass(frozen=True)
class Query:
    """One request, checked: what a strategy's ``_choose`` sees.

    pool of N rows; budget in 0 .. number of unlabeled rows; labeled (m,) int64 row numbers;
    labels (m,) int64 or None; probabilities (N, classes) float or None, the mean over draws where several were given;
    draws (N, classes, draws) float or None, each a posterior draw's probabilities; mass (N,) float64 or None; seed.
    """

    pool: Pool
    budget: int
    labeled: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    probabilities: NDArray[np.floating] | None
    mass: NDArray[np.float64] | None
    seed: int
    draws: NDArray[np.floating] | None = None

    @cached_property
    def unlabeled(self) -> NDArray[np.int64]:
        """Rows without a label, int64 (N - m,), ascending."""
        free = np.ones(len(self.pool), dtype=bool)
        free[self.labeled] = False
        return np.flatnonzero(free)

    def weights(self) -> NDArray[np.float64]:
        """The caller's mass, or ones; float64 (N,)."""
        return np.ones(len(self.pool)) if self.mass is None else self.mass

    def rng(self) -> np.random.Generator:
        """A fresh generator from the seed."""
        return np.random.default_rng(self.seed)


@dataclass
class Choice:
    """What ``_choose`` answers: rows in order, and what it learnt on the way.

    cells : (N,) position of the pick that stands for each row, -1 for labeled rows, or a function that finds it when
        it is asked for; None leaves it to the nearest pick in the pool's own space.
    mass : (n,) share of the unlabeled pool's mass that each pick stands for; None leaves it to cells
    """

    indices: NDArray[np.int64]
    cells: NDArray[np.int64] | Callable[[], NDArray[np.int64]] | None = None
    figures: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    mass: NDArray[np.float64] | None = None


class Strategy(ABC):
    """A way to choose what to label next. Stateless: parameters in ``__init__``, everything else in ``query``.

    What a method asks of its caller: ``needs_probabilities`` (refused without; others may do better with),
    ``needs_draws`` (probabilities of several posterior draws), ``needs_embeddings`` (False: the pool only counts rows,
    and any array of that many rows will do).
    """

    name: ClassVar[str]
    needs_probabilities: ClassVar[bool] = False
    needs_draws: ClassVar[bool] = False
    needs_embeddings: ClassVar[bool] = True

    @final
    def query(
        self,
        pool: Any,
        budget: int,
        *,
        labeled: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        mass: ArrayLike | None = None,
        random_state: Any = None,
    ) -> Selection:
        """Choose ``budget`` unlabeled rows of the pool.

        Parameters
        ----------
        pool : (n, d) embeddings, finite numbers: numpy of any float type or order, ``np.memmap``, torch tensor, or a
            :class:`~spotal.pool.Pool` such as :func:`~spotal.pool.open_pool` gives
        budget : int, from 0 to the number of unlabeled rows
        labeled : (m,) row numbers that have labels already, none repeated
        labels : (m,) their classes, integers
        probabilities : (n, classes) class probabilities of every row under the current model; or (n, classes, draws),
            those of several draws of it (an ensemble, dropout), whose mean serves where one is enough
        mass : (n,) extra weight of each row, non-negative, not all zero
        random_state : int, numpy generator or None; the same int gives the same picks

        Returns
        -------
        Selection

        Raises
        ------
        BudgetError
            The budget is negative, no integer, or larger than the unlabeled pool.
        InputError
            Any other argument of wrong shape, dtype or range; or probabilities are missing and needed.
        """
        start = time.perf_counter()
        if not isinstance(random_state, (int, np.integer)):  # an integer that repeats the query is on record
            random_state = as_seed(random_state)
        query = self._checked(pool, budget, labeled, labels, probabilities, mass, random_state)
        checked = time.perf_counter()
        choice = self._choose(query) if query.budget else Choice(np.empty(0, np.int64))
        indices = np.asarray(choice.indices, dtype=np.int64)
        chosen = time.perf_counter()
        provenance = {
            "strategy": self.name,
            "parameters": describe(vars(self)),
            "budget": query.budget,
            "labeled": len(query.labeled),
            "random_state": describe(random_state),
            "seed": query.seed,
            "input": query.pool.fingerprint(),
            "versions": versions(),
            **choice.details,
        }
        figures = {name: float(value) for name, value in choice.figures.items() if np.isfinite(value)}
        timings = {"check": checked - start, **choice.timings, "total": chosen - start}
        return Selection(indices, figures, timings, provenance, choice.mass, _representation(query, choice))

    @abstractmethod
    def _choose(self, query: Query) -> Choice:
        """Choose query.budget (at least 1) distinct rows of query.unlabeled."""

    def _reads_once(self, pool: Pool, budget: int) -> bool:
        """Whether the method itself refuses rows that are not finite, so that no pass need be spent on it before."""
        return False

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inside})"

    def _checked(
        self, pool: Any, budget: Any, labeled: Any, labels: Any, probabilities: Any, mass: Any, random_state: Any
    ) -> Query:
        pool = as_pool(pool)
        n = len(pool)
        rows = check_rows(labeled, n, "labeled")
        n_unlabeled = n - len(rows)
        if isinstance(budget, (bool, np.bool_)) or not isinstance(budget, (int, np.integer)):
            raise BudgetError(f"budget must be an integer, found {budget!r} of type {type(budget).__name__}")
        if budget < 0:
            raise BudgetError(f"budget must not be negative, found {budget}; give the number of rows to choose")
        if budget > n_unlabeled:
            raise BudgetError(
                f"budget must be at most {n_unlabeled}, the unlabeled rows of this pool "
                f"({n} rows, {len(rows)} labeled), found {budget}; lower it"
            )
        if not self._reads_once(pool, int(budget)):
            check_finite(pool)
        if self.needs_probabilities and probabilities is None:
            raise InputError(
                f"probabilities are needed by strategy {self.name!r}, found None; pass an (n, classes) array from "
                "the current model, or use a strategy that works without labels, such as 'spot'"
            )
        weight = check_weight(mass, n, "mass")
        draws = None
        checked = _check_probabilities(probabilities, n)
        if checked is not None and checked.ndim == 3:
            draws, checked = checked, checked.mean(2)
        if self.needs_draws and (draws is None or draws.shape[2] < 2):
            raise InputError(
                f"probabilities must have shape ({n}, classes, draws) for strategy {self.name!r}, with two draws of "
                f"the model at least, found {'a single one' if draws is None else draws.shape}; pass an ensemble's or "
                "dropout's, or use 'entropy'"
            )
        return Query(
            pool=pool,
            budget=int(budget),
            labeled=rows,
            labels=_check_labels(labels, len(rows)),
            probabilities=checked,
            # only ratios matter: from here on the greatest is 1, and no sum overflows
            mass=None if weight is None else weight / weight.max(),
            seed=as_seed(random_state),
            draws=draws,
        )


def _check_labels(labels: Any, count: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    array = as_array(labels, "labels")
    if array.shape != (count,):
        raise InputError(f"labels must have shape ({count},), one for each labeled row, found shape {array.shape}")
    if count and array.dtype.kind not in "iub":
        raise InputError(f"labels must be integer classes, found dtype {array.dtype}; encode them as 0, 1, 2, ...")
    return array.astype(np.int64)


def _check_probabilities(probabilities: Any, n: int) -> NDArray[np.floating] | None:
    if probabilities is None:
        return None
    array = as_array(probabilities, "probabilities")
    if array.ndim not in (2, 3) or array.shape[0] != n or 0 in array.shape:
        raise InputError(
            f"probabilities must have shape ({n}, classes) or ({n}, classes, draws), one row for each pool row, "
            f"found {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise InputError(f"probabilities must be numbers, found dtype {array.dtype}")
    array = array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)
    sums = array.sum(1)
    bad = np.argwhere(~((array >= -1e-6).all(1) & (np.abs(sums - 1) < 1e-2)))
    if bad.size:
        row, *draw = bad[0]
        raise InputError(
            f"probabilities must be non-negative with rows that sum to 1, found {array[row].min():g} as least entry "
            f"and {sums[row, *draw]:g} as sum in row {row}; apply softmax to scores first"
        )
    return array


def _representation(query: Query, choice: Choice) -> Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Cells and their mass, worked out when first asked for."""

    def represent() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        cells = choice.cells() if callable(choice.cells) else choice.cells
        if cells is None:
            cells = nearest_picks(query, choice.indices)
        if choice.mass is not None:
            return cells, choice.mass
        share = np.where(cells >= 0, query.weights(), 0.0)
        if len(choice.indices) and not share.any():
            share = (cells >= 0).astype(np.float64)
        mass = np.bincount(cells[cells >= 0], weights=share[cells >= 0], minlength=len(choice.indices))
        return cells, mass / (mass.sum() or 1.0)

    return represent


def nearest_picks(query: Query, picks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of the nearest pick to each unlabeled row, -1 for labeled rows; int64 (N,). O(N n d)."""
    cells = np.full(len(query.pool), -1, np.int64)
    if len(picks):
        centers = query.pool.rows(picks)
        for batch in query.pool.batches():
            cells[batch.rows] = nearest(batch.points, centers)[0].cpu().numpy()
        cells[query.labeled] = -1
        cells[picks] = np.arange(len(picks))
    return cells


def best_scores(scores: NDArray[np.float64], query: Query) -> NDArray[np.int64]:
    """The ``budget`` unlabeled rows of greatest score, best first; ties fall at random. O(N)."""
    rows = query.unlabeled
    kept = scores[rows]
    order = query.rng().permutation(len(rows))
    top = np.argpartition(-kept[order], query.budget - 1)[: query.budget] if query.budget < len(rows) else slice(None)
    cut = order[top]
    threshold = kept[cut].min()
    # argpartition breaks ties by where they lie: take all above the threshold, then the first of the tied
    above, tied = order[kept[order] > threshold], order[kept[order] == threshold]
    chosen = np.concatenate([above, tied[: query.budget - len(above)]])
    best: NDArray[np.int64] = rows[chosen[np.argsort(-kept[chosen], kind="stable")]]
    return best
