"""What a round asks for: the rows that a strategy chooses; while there is no label, given, random or cold ones."""

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
from spotal.pool.rows import count

if TYPE_CHECKING:
    from spotal.selection import Selection

__all__ = ["Batches", "NextBatch", "Queries"]


class Queries(Protocol):
    """What the loop needs from a strategy.

    Read as well: ``needs_probabilities`` (bool, False where missing), and ``needs_embeddings`` (True where missing; if
    it is False, X itself, flattened, stands in for embeddings, and probabilities come only where they are needed).
    """

    def query(
        self,
        pool: Any,
        budget: Any,
        *,
        labeled: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        mass: ArrayLike | None = None,
        random_state: Seed = None,
        **limits: Any,
    ) -> Selection:
        """Choose ``budget`` unlabeled rows of the pool (n, d); limits are passed on where the loop was given some."""
        ...


class NextBatch(NamedTuple):
    """Rows of X to ask for, the selection where a strategy chose them, and where they come from: a word and a line."""

    rows: NDArray[np.int64]
    selection: Selection | None
    source: str
    note: str


class Batches:
    """The batches of a loop over X (n, ...); arguments as for ``ActiveLearner``.

    points : (n, d), what rows are compared by in every round, or None

    Raises InputError and BudgetError, where ``initial`` is not right.
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
        """Whether the strategy can do nothing without a model."""
        return bool(getattr(self.strategy, "needs_probabilities", False))

    @property
    def needs_embeddings(self) -> bool:
        """Whether the strategy compares rows; one that does not only counts them."""
        return bool(getattr(self.strategy, "needs_embeddings", True))

    @property
    def fixed(self) -> NDArray[Any] | None:
        """What rows are compared by in every round; None where these are the learner's embeddings, which change."""
        found: NDArray[Any] | None = self.points
        if not self.needs_embeddings and isinstance(self.X, np.ndarray) and self.X.dtype != object:
            found = self.X.reshape(self.n, -1)  # such a strategy only counts rows
        return found

    def left(self, state: LoopState, max_labels: int | None, *, priced: bool = True) -> int:
        """Rows that may still be asked for; ``priced``: for the money of a round."""
        left = self.n - len(state.labeled) - len(state.skipped)
        if self.limits:
            gone = np.concatenate([state.labeled, state.skipped])
            left = self.limits.most(np.setdiff1d(np.arange(self.n), gone), state.labeled, priced=priced)
        return left if max_labels is None else max(0, min(left, max_labels - len(state.labeled)))

    def first(self, state: LoopState, max_labels: int | None) -> NextBatch:
        """Rows to ask for while there is no label."""
        priced = self.limits.priced
        if len(state.rounds) == 0 and isinstance(self.initial, np.ndarray):
            given = self.initial[: self.left(state, max_labels)]
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
        """Ask the strategy; ``codes`` are the labels as numbers. Skipped rows are no part of the pool that it sees."""
        from spotal.strategies.memory import within

        n, priced, strategy = self.n, self.limits.priced, self.strategy
        budget = self.size if priced else min(self.size, self.left(state, max_labels))
        kept = np.setdiff1d(np.arange(n), state.skipped)
        whole, cold = len(kept) == n, len(state.labeled) == 0
        seen = pool if whole else pool[kept]
        of: dict[str, Any] = {
            "labeled": len(state.labeled),
            "limited": bool(self.limits),
            "known": probabilities is not None,
            "classes": 0 if probabilities is None else probabilities.shape[1],
        }
        try:
            with within(self.max_memory, seen.shape, budget, strategy, **of):
                selection = strategy.query(
                    seen,
                    budget,
                    labeled=None if cold else np.searchsorted(kept, state.labeled),
                    labels=None if cold else codes,
                    probabilities=probabilities if whole or probabilities is None else probabilities[kept],
                    random_state=state.seed(QUERY),
                    **self.limits.arguments(kept),
                )
        except InputError as error:
            raise (error.renamed("X") if error.argument == "pool" and pool is self.X else error) from None
        found = check_rows(selection.indices, len(kept), "strategy's picks")
        picks = kept[found]
        n_known = int(np.isin(picks, state.labeled).sum())
        if len(found) != (len(found) or 1 if priced else budget) or n_known:
            raise InputError(
                "strategy",
                must=f"pick {budget} unlabeled rows",
                found=f"{len(found)}, of which {n_known} labeled already",
                remedy=f"repair {type(strategy).__name__}",
            )
        return NextBatch(picks, selection if whole else selection.renumbered(kept, n), "strategy", "")

    def _random(self, state: LoopState, max_labels: int | None, budget: float, *, priced: bool) -> NDArray[np.int64]:
        """Random rows while there is no label: so many, or for so much money."""
        rows, seed = np.setdiff1d(np.arange(self.n), state.skipped), state.seed(INITIAL)
        if not priced:
            budget = int(min(budget, self.left(state, max_labels, priced=False)))
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
