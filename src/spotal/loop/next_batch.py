"""Rows to label in a round: from a strategy or, before the first label, given, random or chosen without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.constraints.rounds import RoundLimits
from spotal.errors import BudgetError, InputError
from spotal.loop.state import INITIAL, QUERY, LoopState
from spotal.numeric.arrays import check_rows
from spotal.numeric.checks import check_count
from spotal.numeric.seeds import Seed
from spotal.pool.base import PoolLike
from spotal.pool.rows import count

if TYPE_CHECKING:
    from spotal.selection import Selection

__all__ = ["Batches", "NextBatch", "Queries"]


class Queries(Protocol):
    """Interface of a strategy in the loop.

    Optional attributes: ``needs_probabilities`` (bool, default False) and ``needs_embeddings`` (default True). If
    ``needs_embeddings`` is False, the strategy gets the flattened X in place of embeddings, and probabilities are
    computed only if ``needs_probabilities``.
    """

    def query(
        self,
        pool: PoolLike,
        budget: Any,
        *,
        labeled: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        mass: ArrayLike | None = None,
        random_state: Seed = None,
        **limits: ArrayLike,
    ) -> Selection:
        """Select ``budget`` unlabeled rows of the pool (n, d), within the limits given to the loop."""
        ...


class NextBatch(NamedTuple):
    """Rows of X to label, the strategy's selection or None, and their source, as a word and as a sentence."""

    rows: NDArray[np.int64]
    selection: Selection | None
    source: str
    note: str


class Batches:
    """Batches of a loop over X (n, ...); arguments as for ``ActiveLearner``. Raises InputError for a wrong ``initial``.

    points : (n, d), features in which rows are compared in every round, or None
    """

    def __init__(
        self,
        X: Any,
        points: Any,
        strategy: Queries,
        size: float,
        limits: RoundLimits,
        initial: int | ArrayLike | None,
        max_memory: int | None,
    ) -> None:
        self.X, self.points, self.strategy, self.size = X, points, strategy, size
        self.limits, self.max_memory, self.n = limits, max_memory, count(X)
        self.initial = _check_initial(initial, self.n)

    @property
    def needs_probabilities(self) -> bool:
        """True if the strategy needs a model."""
        return bool(getattr(self.strategy, "needs_probabilities", False))

    @property
    def needs_embeddings(self) -> bool:
        """True if the strategy compares rows, False if it only counts them."""
        return bool(getattr(self.strategy, "needs_embeddings", True))

    @property
    def fixed(self) -> NDArray[Any] | None:
        """Features in which rows are compared in every round; None for the learner's embeddings, which change."""
        if not self.needs_embeddings and isinstance(self.X, np.ndarray) and self.X.dtype != object:
            return self.X.reshape(self.n, -1)  # such a strategy only counts rows
        points: NDArray[Any] | None = self.points
        return points

    def remaining(self, state: LoopState, max_labels: int | None, *, priced: bool = True) -> int:
        """Return how many rows may still be queried; ``priced``: with the money of a round."""
        most = self.n - len(state.labeled) - len(state.skipped)
        if self.limits:
            gone = np.concatenate([state.labeled, state.skipped])
            most = self.limits.most(np.setdiff1d(np.arange(self.n), gone), state.labeled, priced=priced)
        return most if max_labels is None else max(0, min(most, max_labels - len(state.labeled)))

    def first(self, state: LoopState, max_labels: int | None) -> NextBatch:
        """Return the rows to label before there is any label."""
        priced = self.limits.priced
        if len(state.rounds) == 0 and isinstance(self.initial, np.ndarray):
            given = self.initial[: self.remaining(state, max_labels)]
            return NextBatch(given, None, "given", "the rows given as initial")
        if isinstance(self.initial, int):
            rows = self._random(state, max_labels, self.initial, priced=False)
            return NextBatch(rows, None, "random", "initial is a number of random rows")
        if self.initial is not None:
            rows = self._random(state, max_labels, self.size, priced=priced)
            return NextBatch(rows, None, "random", "no row given as initial got a label")
        if self.needs_probabilities:
            name = getattr(self.strategy, "name", type(self.strategy).__name__)
            why = f"strategy {name!r} needs probabilities and there is no model yet, so these rows are random"
            return NextBatch(self._random(state, max_labels, self.size, priced=priced), None, "random", why)
        why = "no model yet: picked from the embeddings alone"
        if not self.needs_embeddings:
            why = "no model yet, and the strategy needs none"
        cold = self.fixed
        if cold is None:
            from spotal.learner.cold import cold_embeddings

            cold = cold_embeddings(self.X, state.seed(INITIAL, 0))
        return self.next(state, max_labels, cold)._replace(note=why)

    def next(
        self,
        state: LoopState,
        max_labels: int | None,
        pool: Any,
        probabilities: NDArray[Any] | None = None,
        codes: NDArray[np.int64] | None = None,
    ) -> NextBatch:
        """Query the strategy, with labels as numbers, ``codes``, and without skipped rows in its pool."""
        from spotal.strategies.memory import within

        n, priced, strategy = self.n, self.limits.priced, self.strategy
        budget = self.size if priced else min(self.size, self.remaining(state, max_labels))
        rows = np.setdiff1d(np.arange(n), state.skipped)
        whole, cold = len(rows) == n, len(state.labeled) == 0
        part = pool if whole else pool[rows]
        size: dict[str, Any] = {
            "labeled": len(state.labeled),
            "limited": bool(self.limits),
            "known": probabilities is not None,
            "classes": 0 if probabilities is None else probabilities.shape[1],
        }
        try:
            with within(self.max_memory, part.shape, budget, strategy, **size):
                selection = strategy.query(
                    part,
                    budget,
                    labeled=None if cold else np.searchsorted(rows, state.labeled),
                    labels=None if cold else codes,
                    probabilities=probabilities if whole or probabilities is None else probabilities[rows],
                    random_state=state.seed(QUERY),
                    **self.limits.arguments(rows),
                )
        except InputError as error:
            raise (error.renamed("X") if error.argument == "pool" and pool is self.X else error) from None
        picks = rows[check_rows(selection.indices, len(rows), "strategy's picks")]
        repeated = int(np.isin(picks, state.labeled).sum())
        if len(picks) != (len(picks) or 1 if priced else budget) or repeated:
            raise InputError(
                "strategy",
                must=f"pick {budget} unlabeled rows",
                found=f"{len(picks)}, of which {repeated} labeled already",
                remedy=f"repair {type(strategy).__name__}",
            )
        return NextBatch(picks, selection if whole else selection.renumbered(rows, n), "strategy", "")

    def _random(self, state: LoopState, max_labels: int | None, budget: float, *, priced: bool) -> NDArray[np.int64]:
        """Return random rows before there is any label; ``budget`` is their number, or money if ``priced``."""
        rows, seed = np.setdiff1d(np.arange(self.n), state.skipped), state.seed(INITIAL)
        if not priced:
            budget = int(min(budget, self.remaining(state, max_labels, priced=False)))
        if not self.limits:
            return np.random.default_rng(seed).permutation(rows)[: int(budget)]
        from spotal.strategies import Random

        counted = np.zeros((len(rows), 1))
        limits = self.limits.arguments(rows, priced=priced)
        return rows[Random().query(counted, budget, random_state=seed, **limits).indices]


def _check_initial(initial: Any, n: int) -> int | NDArray[np.int64] | None:
    if initial is None:
        return None
    if np.ndim(initial) == 0:
        return check_count(initial, "initial", 1, n, of=", the rows of X", error=BudgetError)
    rows = check_rows(initial, n, "initial")
    if len(rows) == 0:
        raise InputError(
            "initial", must="hold at least one row", found="none", remedy="use None to let the strategy pick"
        )
    return rows
