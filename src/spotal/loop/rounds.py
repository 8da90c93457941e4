"""Rounds of a loop: train, embed, query, label, with events for observers."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.constraints.rounds import RoundLimits
from spotal.errors import BudgetError, InputError, to_call
from spotal.learner import calls
from spotal.learner.adapt import as_learner
from spotal.learner.base import is_multilabel
from spotal.learner.metrics import score, score_sets
from spotal.loop.classes import ClassNames, SetClasses
from spotal.loop.events import Event, Labeled, Queried, Round, RoundFinished, RoundStarted, Trained, TrainingProgress
from spotal.loop.next_batch import Batches, Queries
from spotal.loop.oracle import SKIPPED, Oracle, VectorOracle
from spotal.loop.pool_rows import compared
from spotal.loop.state import NETWORK, LoopState
from spotal.numeric.checks import check_count
from spotal.numeric.classes import read_labels, shape_of
from spotal.numeric.indicator import indicator_of, is_sets
from spotal.numeric.seeds import Seed, as_seed, check_seed
from spotal.numeric.sizes import size_of
from spotal.pool.base import PoolLike
from spotal.pool.file_signature import FileSignature, mapped_file
from spotal.pool.frames import check_order
from spotal.pool.rows import as_rows, count, has_columns, take

if TYPE_CHECKING:
    from spotal.learner import Learner

__all__ = ["Rounds"]

_FITTED_LAST: WeakValueDictionary[int, Rounds] = WeakValueDictionary()
"""Loop that fitted a learner last, by the learner's id, because loops may share a learner."""


class Rounds:
    """Rounds of a loop. Arguments, attributes and errors as for :class:`spotal.loop.ActiveLearner`."""

    def __init__(
        self,
        X: PoolLike,
        learner: object,
        strategy: str | Queries = "spot",
        oracle: Oracle | ArrayLike | None = None,
        *,
        batch_size: float = 10,
        initial: int | ArrayLike | None = None,
        embeddings: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        X_test: PoolLike | None = None,
        y_test: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        max_labels: int | None = None,
        cost: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        max_per_group: ArrayLike | None = None,
        max_memory: int | str | None = None,
        random_state: Seed = None,
        observers: Iterable[Callable[[Event], object]] = (),
        column: str | None = None,
    ) -> None:
        check_order(X, oracle=oracle, labels=labels, embeddings=embeddings, cost=cost, groups=groups)
        check_order(X_test, y_test=y_test)
        self.X, self.index = as_rows(X, column=column)
        self._column = column
        file = mapped_file(self.X) if isinstance(self.X, np.ndarray) else None
        self._signature = None if file is None else FileSignature(file)
        shape = np.shape(self.X)
        if not shape or shape[0] == 0 or (len(shape) < 2 and self.X.dtype != object):
            raise InputError("X", must="have rows of numbers", found=f"shape {shape}", remedy="give (n, d) or images")
        n = count(self.X)
        limits = RoundLimits.of(n, batch_size, cost, groups, max_per_group)
        if not limits.priced:
            check_count(batch_size, "batch_size", 1, n, of=", the rows of X", error=BudgetError)
        elif max_labels is not None:
            raise InputError(
                "max_labels",
                must="be None where cost is given",
                found=repr(max_labels),
                remedy="run so many rounds instead",
            )
        if max_labels is not None:
            check_count(max_labels, "max_labels", 1, error=BudgetError)
        self.max_memory = None if max_memory is None else size_of(max_memory)
        if self.max_memory is not None and limits.priced:
            raise InputError("max_memory", "is for a budget of rows, found cost too", "leave one of them out")
        sets = _sets(oracle, n)
        self.learner: Learner = as_learner(
            learner, self.X, None if sets is None else sets.shape[1], multilabel=sets is not None
        )
        self.strategy = _strategy(strategy)
        self.oracle = _oracle(oracle if sets is None else sets.__getitem__, n, classes)
        self._check_sets(sets)
        self.batch_size, self.max_labels = float(batch_size) if limits.priced else int(batch_size), max_labels
        seed = check_seed(random_state)
        self.random_state: int = seed if isinstance(seed, int) else as_seed(seed) >> 10  # 53 bits, which JSON keeps
        points = compared(self.X, embeddings, self.learner, as_seed(self.random_state))
        self.embeddings = None if embeddings is None else points
        self._batches = Batches(self.X, points, self.strategy, self.batch_size, limits, initial, self.max_memory)
        self.initial = self._batches.initial
        self.X_test: Any = None if X_test is None else self._rows(X_test, "X_test")
        if (X_test is None) != (y_test is None):
            raise InputError(
                "X_test",
                must="be given both or neither",
                found="one of them",
                remedy="give the other too",
                subject="X_test and y_test",
            )
        makes = SetClasses if is_multilabel(self.learner) else ClassNames
        self._classes: ClassNames | SetClasses = makes(
            self.learner, classes, y_test, 0 if X_test is None else count(self.X_test)
        )
        self.observers = tuple(observers)
        self._set(LoopState.empty(n, self.random_state))
        if labels is not None:
            self._set(self._labeled_state(labels, n))

    @property
    def finished(self) -> bool:
        """True if every row was queried or ``max_labels`` is reached, and the model is trained on all labels."""
        return self._n_to_ask == 0 and (self._closed or len(self.labeled_) == 0)

    def run(self, rounds: int | None = None) -> list[Round]:
        """Run ``rounds`` rounds, or fewer if the loop finishes; None runs until the loop is finished. Return their
        records.

        Raises
        ------
        BudgetError
            rounds is negative or not an integer.
        """
        if rounds is not None:
            check_count(rounds, "rounds", error=BudgetError)
        done: list[Round] = []
        while not self.finished and (rounds is None or len(done) < rounds):
            done.append(self.step())
        return done

    def step(self) -> Round:
        """Run one round and return its record.

        Raises
        ------
        BudgetError
            The loop is finished.
        InputError
            The oracle's or the strategy's answer is invalid. The state is unchanged.
        DataFileError
            X is mapped from a file that has changed since the loop was made.
        """
        pending = self._pending or self._begin()
        return self._finish(pending, self._ask(pending) if len(pending.picks) else None)

    def state_dict(self) -> dict[str, Any]:
        """Return the state from which a loop with the same arguments continues, in plain JSON types.

        The state contains neither the data nor the model, because every round trains a new model.
        """
        return self._state.to_json()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state of ``state_dict``. Later rounds are the same, bit for bit, as without the interruption.

        Raises
        ------
        InputError
            The state is incomplete or belongs to other data.
        """
        self._set(LoopState.from_json(state, count(self.X)))

    def _set(self, state: LoopState) -> None:
        """Continue from a state. Raises InputError unless it fits the learner and the classes."""
        name = "state" if state.rounds else "labels"
        if len(state.labels):
            if isinstance(self._classes, ClassNames) and self._classes.has_no_minus_one and (state.labels == -1).any():
                raise InputError(name, "has -1 among its labels, which means no label", "pass classes that have -1")
            self._classes.codes(state.labels, name)
            self._classes.test_codes(state.labels)
        self.labeled_, self.labels_, self.skipped_ = state.labeled, state.labels, state.skipped
        self.random_state, self._closed, self.rounds_ = state.random_state, state.closed, state.rounds
        self._pending: Round | None = None
        self._trained_on = 0

    def _labeled_state(self, labels: Any, n: int) -> LoopState:
        """Return the state before the first round with these labels."""
        if isinstance(self._classes, ClassNames):
            given, _ = read_labels(labels, "labels", minus_one=self._classes.has_no_minus_one)
            if len(given) != n:
                raise InputError("labels", must=f"hold one label, or None, for each of the {n} rows", found=len(given))
        try:
            values, present = self._classes.answers(labels, n, np.empty(0, np.int64))
        except InputError as error:
            raise (error.renamed("labels") if error.argument == "oracle" else error) from None
        none, rows = np.empty(0, np.int64), np.flatnonzero(present)
        return LoopState(n, self.random_state, rows, values[rows], none, closed=False, rounds=[])

    def _rows(self, X: Any, name: str) -> Any:
        """Return rows in the form of the pool's."""
        return as_rows(X, name, self._column if has_columns(X) else None)[0]

    def _begin(self) -> Round:
        """Do the part of a round before the oracle; the closing round has no picks."""
        if self._signature is not None:
            self._signature.check()
        if self.finished:
            raise BudgetError(
                "batch_size",
                f"found no row left to ask for after {len(self.labeled_)} labels",
                "check finished",
                subject="step",
            )
        number, trained_on = len(self.rounds_), len(self.labeled_)
        self._emit(RoundStarted(number, trained_on, count(self.X) - trained_on - len(self.skipped_)))
        timings: dict[str, float] = {}
        metrics = self._train(timings) if trained_on else {}
        if self._n_to_ask == 0:
            return Round(number, trained_on, np.empty(0, np.int64), metrics, timings)
        probabilities, pool = self._embed(timings) if trained_on else (None, None)
        start = time.perf_counter()
        if trained_on:
            codes = self._classes.codes(self.labels_)
            batch = self._batches.next(self._state, self.max_labels, pool, probabilities, codes)
        else:
            batch = self._batches.first(self._state, self.max_labels)
        timings["query"] = time.perf_counter() - start
        self._emit(Queried(number, batch.rows, batch.source, batch.note))
        return Round(number, trained_on, batch.rows, metrics, timings, batch.selection)

    def _finish(self, done: Round, answer: tuple[NDArray[Any], NDArray[np.bool_]] | None) -> Round:
        """Record a round and its answers."""
        if answer is not None:
            values, present = answer
            new = values[present]
            if len(new):
                self.labels_ = np.concatenate([self.labels_, new]) if len(self.labels_) else new.copy()
            self.labeled_ = np.concatenate([self.labeled_, done.picks[present]])
            self.skipped_ = np.concatenate([self.skipped_, done.picks[~present]])
        self._closed, self._pending = answer is None, None
        self.rounds_.append(done)
        if answer is not None:
            labels = values if values.dtype.kind == "i" else values.astype(object)
            skipped: Any = SKIPPED if values.dtype.kind == "i" else None
            labels = np.where(present if values.ndim == 1 else present[:, None], labels, skipped)
            self._emit(Labeled(done.number, done.picks, labels, int((~present).sum())))
        self._emit(RoundFinished(done))
        return done

    @property
    def _state(self) -> LoopState:
        return LoopState(
            count(self.X), self.random_state, self.labeled_, self.labels_, self.skipped_, self._closed, self.rounds_
        )

    @property
    def _n_to_ask(self) -> int:
        """Number of rows that may still be queried."""
        return self._batches.remaining(self._state, self.max_labels)

    def _emit(self, event: Event) -> None:
        for observer in self.observers:
            observer(event)

    def _fit(self, on_epoch: Any) -> None:
        codes, seed = self._classes.codes(self.labels_), self._state.seed(NETWORK)
        calls.fit(self.learner, take(self.X, self.labeled_), codes, random_state=seed, on_epoch=on_epoch)
        _FITTED_LAST[id(self.learner)] = self
        self._trained_on = len(self.labeled_)

    @property
    def _fitted_last(self) -> bool:
        """Return True if no other loop has fitted the learner since this one did."""
        return _FITTED_LAST.get(id(self.learner)) is self

    def _train(self, timings: dict[str, float]) -> dict[str, float]:
        """Train on all labels and return metrics on the test data."""
        number, start = len(self.rounds_), time.perf_counter()
        on_epoch = None
        if self.observers and "on_epoch" in inspect.signature(self.learner.fit).parameters:
            on_epoch = lambda report: self._emit(TrainingProgress(number, report))  # noqa: E731
        self._fit(on_epoch)
        timings["train"] = time.perf_counter() - start
        metrics: dict[str, float] = {}
        y_test = self._classes.test_codes(self.labels_)
        if y_test is not None:
            start = time.perf_counter()
            measure = score_sets if is_multilabel(self.learner) else score
            metrics = measure(calls.predict(self.learner, self.X_test), y_test)
            timings["measure"] = time.perf_counter() - start
        self._emit(Trained(number, len(self.labeled_), metrics, timings["train"]))
        return metrics

    def _embed(self, timings: dict[str, float]) -> tuple[NDArray[np.float32] | None, NDArray[Any]]:
        """Return probabilities of the pool, and features in which its rows are compared."""
        start = time.perf_counter()
        probabilities: NDArray[np.float32] | None = None
        pool = self._batches.fixed
        if pool is None:
            probabilities, pool = calls.infer(self.learner, self.X)
        elif self._batches.needs_embeddings:
            probabilities = calls.guess(self.learner, self.X)
        elif self._batches.needs_probabilities:
            probabilities = calls.predict(self.learner, self.X)
        timings["embed"] = time.perf_counter() - start
        return probabilities, pool

    def _ask(self, pending: Round) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Ask the oracle and check its answer."""
        if self.oracle is None:
            raise InputError(
                "oracle", must="be given for run and step", found="None", remedy="give one, or use query and teach"
            )
        start = time.perf_counter()
        answer = self._classes.answers(self.oracle(pending.picks.copy()), len(pending.picks), self.labels_)
        pending.timings["label"] = time.perf_counter() - start
        return answer

    def _check_sets(self, sets: NDArray[Any] | None) -> None:
        """Raise InputError if rows may have several classes but the learner or strategy takes one a row."""
        if sets is not None and not is_multilabel(self.learner):
            raise InputError(
                "learner",
                f"learns one class a row, and the oracle gives labels of shape {sets.shape}",
                "give one made with multilabel=True",
            )
        if is_multilabel(self.learner) and not getattr(self.strategy, "multilabel", False):
            name = getattr(self.strategy, "name", type(self.strategy).__name__)
            raise InputError(
                "strategy",
                f"{name!r} cannot take rows with several classes",
                "use 'spot', 'margin', 'entropy' or 'least-confidence'",
            )


def _strategy(strategy: Any) -> Queries:
    if isinstance(strategy, str | type) or not hasattr(strategy, "query"):
        from spotal.strategies import get

        strategy = get(strategy)
    chosen: Queries = strategy
    return chosen


def _sets(oracle: Any, n: int) -> NDArray[Any] | None:
    """Return a copy of the oracle's labels if they are a matrix or sets, else None."""
    if oracle is None or callable(oracle) or not (is_sets(oracle) or len(shape_of(oracle)) == 2):
        return None
    if not is_sets(oracle) and shape_of(oracle)[1] == 1:
        raise InputError(
            "oracle",
            must="be 1-D, or have a column for each class",
            found=f"shape {shape_of(oracle)}",
            remedy="pass its one column",
        )
    matrix = indicator_of(oracle, None, "oracle").copy()
    if len(matrix) != n:
        raise InputError("oracle", must=f"hold one label for each of the {n} rows of X", found=len(matrix))
    return matrix


def _oracle(oracle: Any, n: int, classes: Any) -> Oracle | None:
    if isinstance(oracle, type):
        raise InputError(
            "oracle", must="be a function or labels", found=f"the class {oracle.__name__}", remedy=to_call(oracle)
        )
    if oracle is None or callable(oracle):
        function: Oracle | None = oracle
        return function
    named = [] if classes is None else np.asarray(classes).tolist()
    vector = VectorOracle(oracle, name="oracle", minus_one=SKIPPED not in named)
    if len(vector) != n:
        raise InputError("oracle", must=f"hold one label for each of the {n} rows of X", found=len(vector))
    return vector
