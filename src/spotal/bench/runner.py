"""Run of one job, round by round; continues an interrupted one."""

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
from spotal.loop.events import Event

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
    """Run the rounds of a job that are not in the store yet, and save each when it is done.

    A job that is stopped at any point and started again gives the same numbers, bit for bit: a round depends only on
    the job and on the state after the previous round. Only an unfinished round is run again.

    Parameters
    ----------
    started : ``time.perf_counter()`` when work on this job, including its task, began; None for now
    encoding : seconds of that time spent training an encoder
    observer : called with each event of the loop
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
    """Return True if a round remains. After the last query, only a training on all labels is left."""
    queries = sum(1 for done in loop.rounds_ if len(done.picks))
    if queries > job.protocol.rounds:  # the first batch is one of them
        loop.max_labels = len(loop.labeled_)
    return not loop.finished and len(loop.rounds_) <= job.protocol.rounds + 1


def _timeless(state: dict[str, Any]) -> dict[str, Any]:
    """A state without timings, which differ between runs."""
    return {**state, "rounds": [{**done, "timings": {}} for done in state["rounds"]]}
