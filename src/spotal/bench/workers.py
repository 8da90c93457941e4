"""Workers of a run: each process takes the next job that is not locked, until all are done."""

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
"""Seconds between two checks of the workers' progress."""


@dataclass(frozen=True)
class Outcome:
    """The end of a run: its jobs, the errors of failed jobs, and its duration."""

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
    """Run all jobs of these protocols that the run in ``folder`` has not finished.

    Parameters
    ----------
    cache : Cache, of features
    workers : int, number of processes with one thread each; with 1, jobs run in this process
    watch : function or None, called with the number of finished rounds of each job a few times per second (with one
        worker, after each round)
    observer : function or None, called with the job and each event of its loop; only with one worker
    data : loaded data sets by their name in the protocols, or None; only with one worker

    Notes
    -----
    A process that runs a job holds a lock on its file in ``folder/locks``. The lock ends with the process, so a killed
    run can be started again at once, and two runs in one folder share the work. A failed job is recorded and the others
    go on. Workers end when this process ends.

    Raises
    ------
    OutputError
        The folder or the cache can no longer be written. Free space on the disk, then start the same run again.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from spotal.bench import Cache, load_protocol, run
    >>> protocol = replace(load_protocol("dev-digits-probe"), seeds=1, rounds=1)
    >>> protocol = replace(protocol, strategies=protocol.strategies[:1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     outcome = run([protocol], Path(folder), cache=Cache(Path(folder, "cache")))
    >>> outcome.failures
    {}
    """
    start = time.perf_counter()
    jobs = plan(protocols)
    attempt = secrets.token_hex(6)
    with Store(folder) as store:
        for protocol in protocols:
            store.add_protocol(protocol)
        finished = store.finished()
        remaining = [job for job in jobs if job.id not in finished]
        _log.info("%d of %d jobs remain, on %d workers", len(remaining), len(jobs), workers)
        if remaining and workers <= 1:
            tell = None if watch is None else (lambda: watch(store.counts()))
            with one_thread(numpy=True):
                _drain(remaining, store, cache, attempt, tell, observer, data or {})
        elif remaining:
            _spread(remaining, store, cache, attempt, workers, watch)
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
    """Run jobs until all are finished or failed; wait for those that other processes run."""
    where = store.origin(origin())

    def forward(job: Job, event: Event) -> None:
        if observer is not None:
            observer(job, event)
        if tell is not None and isinstance(event, RoundStarted):  # the previous round is saved
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
                if job.id in store.finished():  # by the process that held the lock before
                    continue
                try:
                    before = cache.seconds
                    task = task_of(job.protocol.name, job.seed)
                    encoding = cache.seconds - before
                    tells = partial(forward, job)
                    run_job(job, task, store, origin=where, started=started, encoding=encoding, observer=tells)
                except OutputError:
                    raise  # the next job could not be saved either
                except Exception as error:
                    if observer is not None:  # the observing caller handles errors
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
    """Run jobs in new worker processes, which share no state with this one."""
    context = multiprocessing.get_context("spawn")
    unwritten = context.SimpleQueue()
    arguments = (jobs, store.folder, cache, attempt, os.getpid(), unwritten)
    crew = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(min(workers, len(jobs)))]
    variables = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    previous = {name: os.environ.get(name) for name in variables}
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
        for name, value in previous.items():
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
    """Main function of a worker process; it reports an OutputError in ``unwritten`` and ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends the workers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        with one_thread(numpy=True), Store(folder) as store:
            _drain(jobs, store, cache, attempt)
    except OutputError as error:
        unwritten.put(str(error))


def _end_with(parent: int) -> None:
    """End this process when its parent has ended."""
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)


def _sentence(error: BaseException) -> str:
    text: Any = " ".join(str(error).split())
    return text if type(error).__module__ == "spotal.errors" else f"{type(error).__name__}: {text}"
