"""Many jobs at once: each worker process takes the next job that nobody holds, until none is left."""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from spotal.bench.cache import Cache
from spotal.bench.jobs import Job, plan
from spotal.bench.origin import origin
from spotal.bench.protocol import Protocol
from spotal.bench.runner import run_job
from spotal.bench.store import Store
from spotal.bench.task import BenchTask, prepare
from spotal.datasets import Dataset
from spotal.errors import OutputError
from spotal.loop.events import Event, RoundStarted
from spotal.numeric.threads import one_thread
from spotal.storage.locks import try_lock

__all__ = ["Outcome", "run"]

_log = logging.getLogger(__name__)
POLL = 0.3
"""Seconds between two looks at how far the workers are."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its jobs, those that failed with their errors, and the seconds it took."""

    jobs: list[Job]
    failures: dict[str, str]
    seconds: float


def run(
    protocols: list[Protocol],
    folder: Path,
    *,
    cache: Cache,
    workers: int = 1,
    watch: Callable[[dict[str, int]], object] | None = None,
    observer: Callable[[Job, Event], object] | None = None,
    data: Mapping[str, Dataset] | None = None,
) -> Outcome:
    """Do all jobs of these protocols that the run in ``folder`` lacks.

    Parameters
    ----------
    cache : Cache, of features
    workers : int, processes of one thread each; 1 works in this process
    watch : called a few times a second (with one worker: after each round) with the rounds done of each job
    observer : is called with the job and each event of its loop; with one worker only
    data : data sets that are loaded already, by the name that the protocols have for them; with one worker only

    Notes
    -----
    A job belongs to whoever holds the lock of its file in ``folder/locks``; the lock ends with the process, however it
    ends, so a run that was killed can be started again at once, and two runs in one folder share the work. A job that
    fails is noted and the others go on. Workers end by themselves when this process is gone.

    Raises
    ------
    OutputError
        The folder, or the cache, can no longer be written. The same run goes on when there is room.
    """
    start = time.perf_counter()
    jobs = plan(protocols)
    attempt = secrets.token_hex(6)
    with Store(folder) as store:
        for protocol in protocols:
            store.add_protocol(protocol)
        left = [job for job in jobs if job.id not in store.finished()]
        _log.info("%d of %d jobs are left, on %d workers", len(left), len(jobs), workers)
        if not left:
            pass
        elif workers <= 1:
            tell = None if watch is None else (lambda: watch(store.counts()))
            with one_thread(numpy=True):
                _drain(left, store, cache, attempt, tell, observer, data or {})
        else:
            _spread(left, store, cache, attempt, workers, watch)
        names = {job.id: str(job) for job in jobs}
        failures = {names[job]: error for job, error in store.failures(attempt).items() if job in names}
    return Outcome(jobs, failures, time.perf_counter() - start)


def _drain(
    jobs: list[Job],
    store: Store,
    cache: Cache,
    attempt: str,
    tell: Callable[[], object] | None = None,
    observer: Callable[[Job, Event], object] | None = None,
    data: Mapping[str, Dataset] = MappingProxyType({}),
) -> None:
    """Do jobs until all are finished or failed; those that another process holds are waited for."""
    where = store.origin(origin())

    def told(job: Job, event: Event) -> None:
        if observer is not None:
            observer(job, event)
        if tell is not None and isinstance(event, RoundStarted):  # the round before is kept by now
            tell()

    @lru_cache(maxsize=1)
    def task_of(key: str, seed: int) -> BenchTask:
        return prepare(protocols[key], seed, cache, data.get(protocols[key].dataset))

    protocols = {job.protocol.name: job.protocol for job in jobs}
    pending = jobs
    while pending:
        held = []
        for job in pending:
            if job.id in store.finished() or job.id in store.failures(attempt):
                continue
            lock = try_lock(store.folder / "locks" / job.id)
            if lock is None:
                held.append(job)
                continue
            with lock:
                started = time.perf_counter()
                if job.id in store.finished():  # by who held the lock just now
                    continue
                try:
                    before = cache.seconds
                    task = task_of(job.protocol.name, job.seed)
                    encoding = cache.seconds - before
                    run_job(
                        job, task, store, origin=where, started=started, encoding=encoding, observer=partial(told, job)
                    )
                except OutputError:
                    raise  # the next job could not be kept either
                except Exception as error:
                    if observer is not None:  # a test or a caller that watches wants to see it
                        raise
                    store.fail(job, attempt, _sentence(error), traceback.format_exc())
        if tell is not None:
            tell()
        if held and len(held) == len(pending):
            time.sleep(POLL)
        pending = held


def _spread(
    jobs: list[Job],
    store: Store,
    cache: Cache,
    attempt: str,
    workers: int,
    watch: Callable[[dict[str, int]], object] | None,
) -> None:
    """The same in worker processes, newly started: they share no state with this one."""
    context = multiprocessing.get_context("spawn")
    unwritten = context.SimpleQueue()
    arguments = (jobs, store.folder, cache, attempt, os.getpid(), unwritten)
    crew = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(min(workers, len(jobs)))]
    variables = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    kept = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)  # read by the libraries that a worker loads
    try:
        for process in crew:
            process.start()
        while any(process.is_alive() for process in crew):
            if watch is not None:
                watch(store.counts())
            crew[0].join(POLL)
            if not crew[0].is_alive():
                time.sleep(POLL)
        if watch is not None:
            watch(store.counts())
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        for process in crew:
            if process.is_alive():
                process.terminate()
            process.join()
    if not unwritten.empty():
        raise OutputError(unwritten.get())
    undone = {job.id for job in jobs} - store.finished() - store.failures(attempt).keys()
    codes = [process.exitcode for process in crew if process.exitcode]
    for job in jobs:
        if job.id in undone:
            how = f"by signal {-codes[0]}" if codes and codes[0] < 0 else f"with code {codes[0] if codes else 0}"
            store.fail(job, attempt, f"a worker ended {how} before this job was done; start the same run again", "")


def _work(jobs: list[Job], folder: Path, cache: Cache, attempt: str, parent: int, unwritten: Any) -> None:
    """A worker process; what cannot be written any more, it says there and ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends the workers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        with one_thread(numpy=True), Store(folder) as store:
            _drain(jobs, store, cache, attempt)
    except OutputError as error:
        unwritten.put(str(error))


def _end_with(parent: int) -> None:
    """End this process, at once, when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)


def _sentence(error: BaseException) -> str:
    text: Any = " ".join(str(error).split())
    return text if type(error).__module__ == "spotal.errors" else f"{type(error).__name__}: {text}"
