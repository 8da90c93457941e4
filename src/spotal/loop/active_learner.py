"""ActiveLearner: rounds of train, embed, query, ask, label, watched by whoever wants to."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.constraints.rounds import RoundLimits
from spotal.errors import BudgetError, InputError
from spotal.learner import calls
from spotal.learner.adapt import as_learner
from spotal.learner.base import check_labels
from spotal.learner.metrics import score
from spotal.loop.events import Event, Labeled, Queried, Round, RoundFinished, RoundStarted, Trained, TrainingProgress
from spotal.loop.next_batch import Batches, Queries
from spotal.loop.oracle import SKIPPED, Oracle
from spotal.loop.state import NETWORK, LoopState
from spotal.numeric.arrays import to_numpy
from spotal.numeric.checks import check_count
from spotal.numeric.seeds import Seed, as_seed, check_seed
from spotal.numeric.sizes import size_of
from spotal.pool import as_array
from spotal.pool.file_signature import FileSignature, mapped_file

if TYPE_CHECKING:
    from spotal.learner import Learner

__all__ = ["ActiveLearner", "Queries", "Round"]


class ActiveLearner:
    """The active learning loop: train on what is labeled, embed the pool, query the strategy, ask the oracle.

    Round 0 labels the first batch: there is no model yet. Each later round trains on the labels known by then,
    measures, picks from the pool's embeddings and asks. When nothing is left to ask, one closing round trains and
    measures on all labels; then the loop is ``finished``.

    Parameters
    ----------
    X : images (n, height, width, channels) or features (n, d), whatever the learner takes; may be a ``np.memmap``,
        a path, glob or URI of features (:func:`spotal.pool.open_pool`), or batches of them (:func:`spotal.pool.spool`)
    learner : Learner, or what :func:`spotal.learner.as_learner` makes one of: a lightning, torch or skorch model
    strategy : Queries, such as any ``spotal.strategies.Strategy``
    oracle : Oracle; rows it answers with -1 count as not labeled and are never offered again
    batch_size : int, rows to ask for in a round; the last batch is smaller where fewer are left. With cost, the money
        to spend in a round
    initial : None, int or int (k,)
        The first batch: None lets the strategy pick it (random rows for a strategy that needs probabilities), an int
        is that many random rows, an array is these rows.
    embeddings : (n, d) or None
        Where the strategy compares rows, in every round: features that labels have not arranged, such as those of a
        pretrained or self-supervised encoder. Choosing in the space of a network that is retrained on the labels costs
        about two points (docs/evidence/research.md). None is X itself where it is features (n, d); for images,
        principal
        components of the pixels, at most 64, while there is no label, and what the learner makes of them from then on.
    X_test, y_test : as X, and int (m,); both or neither
    max_labels : int or None, labels at which to stop asking; not with cost, where rounds are what ends the loop
    cost, groups, max_per_group : passed on to the strategy, see ``Strategy.query``. Rows given as ``initial`` and rows
        without a label (-1) are not held against them. Nothing is left to ask for when every group has its labels or
        one round's money buys none of the rows that are left
    max_memory : int, bytes, or str such as "4GB", that each query keeps to (:func:`spotal.select`), X and embeddings in
        memory not counted; None for as much as it takes
    random_state : int, numpy Generator, RandomState or None; None takes fresh entropy
    observers : functions of one event, called in order; what they raise ends the round

    Attributes
    ----------
    rounds_ : list of Round, so far
    labeled_, labels_, skipped_ : int64, rows in the order in which they were labeled, their classes, rows skipped

    Raises
    ------
    InputError
        An argument has the wrong shape, type or range.

    Notes
    -----
    Each round and purpose has a seed of its own, ``SeedSequence(random_state, spawn_key=(round, purpose))``: loops
    that differ in strategy alone share their random first rows and their networks' seeds, so their results are paired.
    A round that is interrupted before the oracle has answered leaves the state as it was, and gives the same picks when
    repeated. What happens is told as the classes of :mod:`spotal.loop.events`.
    """

    def __init__(
        self,
        X: Any,
        learner: Any,
        strategy: Queries,
        oracle: Oracle,
        *,
        batch_size: int,
        initial: int | ArrayLike | None = None,
        embeddings: ArrayLike | None = None,
        X_test: NDArray[Any] | None = None,
        y_test: ArrayLike | None = None,
        max_labels: int | None = None,
        cost: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        max_per_group: int | None = None,
        max_memory: int | str | None = None,
        random_state: Seed = None,
        observers: Iterable[Callable[[Event], object]] = (),
    ) -> None:
        self.X = as_array(X)
        file = mapped_file(self.X)
        self._signature = None if file is None else FileSignature(file)
        if self.X.ndim < 2 or len(self.X) == 0:
            raise InputError(
                "X", must="have rows of numbers", found=f"shape {self.X.shape}", remedy="give (n, d) or images"
            )
        limits = RoundLimits.of(len(self.X), batch_size, cost, groups, max_per_group)
        if not limits.priced:
            check_count(batch_size, "batch_size", 1, len(self.X), of=", the rows of X", error=BudgetError)
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
        self.learner: Learner = as_learner(learner, self.X)
        self.strategy, self.oracle = strategy, oracle
        self.batch_size, self.max_labels = float(batch_size) if limits.priced else int(batch_size), max_labels
        self._batches = Batches(self.X, strategy, self.batch_size, limits, initial, embeddings, self.max_memory)
        self.initial, self.embeddings = self._batches.initial, self._batches.embeddings
        self.X_test, self.y_test = _check_test(X_test, y_test, self.learner.n_classes)
        seed = check_seed(random_state)
        self.random_state: int = seed if isinstance(seed, int) else as_seed(seed) >> 10  # 53 bits, which JSON keeps
        self.observers = tuple(observers)
        self.rounds_: list[Round] = []
        self.labeled_ = self.labels_ = self.skipped_ = np.empty(0, np.int64)
        self._closed = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: every row asked for or ``max_labels`` reached, and all labels trained on."""
        return self._n_to_ask == 0 and (self._closed or len(self.labeled_) == 0)

    def run(self, rounds: int | None = None) -> list[Round]:
        """Do that many rounds, or fewer where the loop finishes first; None goes on until it is finished.

        Raises
        ------
        BudgetError
            rounds is negative or no integer.
        """
        if rounds is not None:
            check_count(rounds, "rounds", error=BudgetError)
        done: list[Round] = []
        while not self.finished and (rounds is None or len(done) < rounds):
            done.append(self.step())
        return done

    def step(self) -> Round:
        """Do one round.

        Raises
        ------
        BudgetError
            The loop is finished.
        InputError
            The oracle's or the strategy's answer is not what was asked for. The state is as before the round.
        DataFileError
            X is mapped from a file that has changed since the loop was made.
        """
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
        self._emit(RoundStarted(number, trained_on, len(self.X) - trained_on - len(self.skipped_)))
        timings: dict[str, float] = {}
        metrics: dict[str, float] = {}
        picks, selection = np.empty(0, np.int64), None
        if trained_on:
            metrics = self._train(timings)
        closing = self._n_to_ask == 0
        if not closing:
            probabilities, pool = self._embed(timings) if trained_on else (None, None)
            start = time.perf_counter()
            if trained_on:
                batch = self._batches.next(self._state, self.max_labels, pool, probabilities)
            else:
                batch = self._batches.first(self._state, self.max_labels)
            picks, selection = batch.rows, batch.selection
            timings["query"] = time.perf_counter() - start
            self._emit(Queried(number, picks, batch.source, batch.note))
            start = time.perf_counter()
            labels = self._ask(picks)
            timings["label"] = time.perf_counter() - start
        done = Round(number, trained_on, picks, metrics, timings, selection)
        if not closing:
            known = labels != SKIPPED
            self.labeled_ = np.concatenate([self.labeled_, picks[known]])
            self.labels_ = np.concatenate([self.labels_, labels[known]])
            self.skipped_ = np.concatenate([self.skipped_, picks[~known]])
        self._closed = closing
        self.rounds_.append(done)
        if not closing:
            self._emit(Labeled(number, picks, labels, int((~known).sum())))
        self._emit(RoundFinished(done))
        return done

    def state_dict(self) -> dict[str, Any]:
        """What a loop made with the same arguments needs to go on from here: plain JSON types.

        The model is not in it, since every round trains from nothing; nor are the data.
        """
        return self._state.to_json()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that ``state_dict`` gave: later rounds are the same, bit for bit, as without the break.

        Raises
        ------
        InputError
            The state is incomplete or belongs to other data.
        """
        known = LoopState.from_json(state, len(self.X), self.learner.n_classes)
        self.labeled_, self.labels_, self.skipped_ = known.labeled, known.labels, known.skipped
        self.random_state, self._closed, self.rounds_ = known.random_state, known.closed, known.rounds

    @property
    def _state(self) -> LoopState:
        return LoopState(
            len(self.X), self.random_state, self.labeled_, self.labels_, self.skipped_, self._closed, self.rounds_
        )

    @property
    def _n_to_ask(self) -> int:
        """Rows that may still be asked for."""
        return self._batches.left(self._state, self.max_labels)

    def _emit(self, event: Event) -> None:
        for observer in self.observers:
            observer(event)

    def _train(self, timings: dict[str, float]) -> dict[str, float]:
        """Train on all labels; metrics on the test part."""
        number, start = len(self.rounds_), time.perf_counter()
        on_epoch = None
        if self.observers and "on_epoch" in inspect.signature(self.learner.fit).parameters:
            on_epoch = lambda report: self._emit(TrainingProgress(number, report))  # noqa: E731
        seed = self._state.seed(NETWORK)
        calls.fit(self.learner, self.X[self.labeled_], self.labels_, random_state=seed, on_epoch=on_epoch)
        timings["train"] = time.perf_counter() - start
        metrics: dict[str, float] = {}
        if self.X_test is not None and self.y_test is not None:
            start = time.perf_counter()
            metrics = score(calls.predict(self.learner, self.X_test), self.y_test)
            timings["measure"] = time.perf_counter() - start
        self._emit(Trained(number, len(self.labeled_), metrics, timings["train"]))
        return metrics

    def _embed(self, timings: dict[str, float]) -> tuple[NDArray[np.float32] | None, NDArray[Any]]:
        """Probabilities of the whole pool, and where its rows are compared."""
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

    def _ask(self, picks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The oracle's labels (n,), checked."""
        labels = to_numpy(self.oracle(picks.copy()))
        if labels.shape != picks.shape or labels.dtype.kind not in "iu":
            raise InputError(
                "oracle",
                must=f"answer integers of shape {picks.shape}",
                found=f"dtype {labels.dtype} and shape {labels.shape}",
                remedy="answer one label for each row, -1 for none",
            )
        outside = labels[(labels < SKIPPED) | (labels >= self.learner.n_classes)]
        if outside.size:
            raise InputError(
                "oracle", must=f"answer classes 0..{self.learner.n_classes - 1}, or -1 for no label", found=outside[0]
            )
        return labels.astype(np.int64)


def _check_test(X_test: Any, y_test: Any, n_classes: int) -> tuple[NDArray[Any] | None, NDArray[np.int64] | None]:
    if (X_test is None) != (y_test is None):
        raise InputError(
            "X_test",
            must="be given both or neither",
            found="one of them",
            remedy="give the other too",
            subject="X_test and y_test",
        )
    if X_test is None:
        return None, None
    data = to_numpy(X_test)
    return data, check_labels(y_test, len(data), n_classes, "y_test", "X_test")
