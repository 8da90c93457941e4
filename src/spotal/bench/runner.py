"""Do one job, round by round, from wherever it was left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spotal.bench.instrumented import InstrumentedStrategy
from spotal.bench.jobs import Job
from spotal.bench.store import Store
from spotal.bench.task import BenchTask
from spotal.loop import ActiveLearner
from spotal.loop.events import Event, Round

__all__ = ["run_job"]


def run_job(
    job: Job,
    task: BenchTask,
    store: Store,
    *,
    origin: str = "",
    started: float | None = None,
    encoding: float = 0.0,
    observer: Callable[[Event], object] | None = None,
) -> None:
    """Do the rounds of a job that are not in the store yet, and keep each as soon as it is done.

    Stopped between any two instructions and begun again, it ends with the same numbers, bit for bit: what a round gives
    depends on the state after the round before and on the job alone. Only a round that was under way is done again.

    Parameters
    ----------
    started : ``time.perf_counter()`` when work on this job began, the task's making included; None for now
    encoding : seconds of that making that went into training an encoder
    observer : is told the loop's events
    """
    mark = time.perf_counter() if started is None else started
    strategy = InstrumentedStrategy(job.strategy.make(), job.strategy.label)
    loop = task.loop(strategy)
    loop.observers = () if observer is None else (observer,)
    state = store.state(job, task.fingerprint)
    if state is not None:
        loop.load_state_dict(state)
    while _next(loop, job):
        strategy.forget()
        done = loop.step()
        finished = not _next(loop, job)
        record = {
            "round": done.number,
            "asked": sum(len(earlier.picks) for earlier in loop.rounds_[: done.number]),
            "labeled": done.n_labeled,
            "metrics": done.metrics,
            "picks": done.picks.tolist(),
            "figures": {name: float(value) for name, value in strategy.diagnostics.items() if np.isfinite(value)},
        }
        now = time.perf_counter()
        seconds, mark = {**done.timings, "wall": now - mark, **({"encode": encoding} if encoding else {})}, now
        if strategy.seconds is not None:
            seconds["processor"] = strategy.seconds
        encoding = 0.0
        cost = {"seconds": seconds, "memory": strategy.memory, "origin": origin}
        store.save_round(job, task.fingerprint, _timeless(loop.state_dict()), record, cost, finished=finished)


def _next(loop: ActiveLearner, job: Job) -> bool:
    """Whether there is a round to do; after the last query only the closing one, which trains on all labels."""
    queries = sum(1 for done in loop.rounds_ if len(done.picks))
    if queries > job.protocol.rounds:  # the first batch is one of them
        loop.max_labels = len(loop.labeled_)
    left = queries + _unasked(loop.rounds_)
    return not loop.finished and left <= job.protocol.rounds + 1


def _unasked(rounds: list[Round]) -> int:
    """1 where the closing round is done."""
    return sum(1 for done in rounds if not len(done.picks))


def _timeless(state: dict[str, Any]) -> dict[str, Any]:
    """A state without its times, which differ from run to run."""
    return {**state, "rounds": [{**done, "timings": {}} for done in state["rounds"]]}
