"""Slowdown on a busy machine: while other processes compute, and with several selections at the same time.

    python -m benchmarks.busy            # with four spinning processes per processor; --spinners, --repeats
    python -m benchmarks.busy --rows 300000

Each piece of work runs in its own process, once before it is timed. The pieces take turns, idle and busy, so that other
load affects all of them. ``slowdown`` is the median busy time divided by the median idle time. ``beside_plain`` is
``slowdown`` divided by the slowdown of a plain loop on one thread; it should be at most 1.3. ``ratio`` is the time of
four selections at the same time divided by the time of the same four one after another; it should be at most 1.2.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from benchmarks.scale import pool

SIDE_BY_SIDE = 4


def plain() -> Callable[[], object]:
    """Make a loop that needs one thread and no library."""
    return lambda: sum(i * i for i in range(10_000_000))


def loop() -> Callable[[], object]:
    """Make an ActiveLearner loop of five rounds: 600 x 12 rows, a network of one hidden layer."""
    from torch import nn

    import spotal

    y = np.random.default_rng(0).integers(3, size=600)
    x = pool(600, 12) + 2 * np.eye(3, 12, dtype=np.float32)[y]
    network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def run() -> None:
        learner = spotal.TorchLearner(network, 3, min_steps=200)
        oracle = spotal.VectorOracle(y)
        spotal.ActiveLearner(x, learner, spotal.SPOT(), oracle, batch_size=20, random_state=0).run(5)

    return run


def selection(rows: int = 1_000_000) -> Callable[[], object]:
    """Make a selection of 1,000 from rows x 128 in memory, with the nearest pick of each row."""
    import spotal

    x = pool(rows, 128)
    return lambda: spotal.select(x, 1_000, random_state=0).cells


WORK = {"plain": plain, "loop": loop, "selection": selection}


class Worker:
    """A process that repeats one piece of work on request."""

    def __init__(self, name: str, *arguments: int) -> None:
        command = [sys.executable, "-m", "benchmarks.busy", "--one", name, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.result()

    def start(self) -> None:
        """Start the work."""
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)

    def result(self) -> dict[str, float]:
        """Wait for the end of the work; return wall-clock and processor seconds."""
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def run(self) -> dict[str, float]:
        """Do the work."""
        self.start()
        return self.result()


def serve(name: str, arguments: list[int]) -> None:
    """Run as a worker: do the work at once, and again for each line of input."""
    work = WORK[name](*arguments)
    while True:
        start, used = time.perf_counter(), time.process_time()
        work()
        done = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - used}
        print(json.dumps(done), flush=True)
        if not sys.stdin.readline():
            return


@contextmanager
def spinning(count: int) -> Iterator[None]:
    """Keep ``count`` processes spinning while the block lasts."""
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def slowed(rows: int, spinners: int, repeats: int) -> dict[str, Any]:
    """Time each piece of work on an idle machine and with spinning processes, in turns."""
    workers = {"plain": Worker("plain"), "loop": Worker("loop"), "selection": Worker("selection", rows)}
    idle: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    busy: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    for _ in range(repeats):
        for name, worker in workers.items():
            idle[name].append(worker.run())
        with spinning(spinners):
            for name, worker in workers.items():
                busy[name].append(worker.run())
    result: dict[str, Any] = {}
    for name in workers:
        was, now = (statistics.median(run["seconds"] for run in runs[name]) for runs in (idle, busy))
        result[name] = {"idle": idle[name], "busy": busy[name], "slowdown": now / was}
    for about in result.values():
        about["beside_plain"] = about["slowdown"] / result["plain"]["slowdown"]
    return result


def at_once(rows: int, repeats: int) -> dict[str, Any]:
    """Time four selections one after another, and at the same time."""
    workers = [Worker("selection", rows) for _ in range(SIDE_BY_SIDE)]
    turn, once = [], []
    for _ in range(repeats):
        turn.append(sum(worker.run()["seconds"] for worker in workers))
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.result()
        once.append(time.perf_counter() - start)
    return {"in_turn": turn, "at_once": once, "ratio": statistics.median(once) / statistics.median(turn)}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs="+", help="run as a worker: the name of its work, and the rows of a selection")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the selection that is slowed")
    parser.add_argument("--together", type=int, default=200_000, help="rows of each of four selections at once")
    parser.add_argument("--spinners", type=int, default=4 * len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.one:
        serve(options.one[0], [int(rows) for rows in options.one[1:]])
        return
    result = {
        "spinners": options.spinners,
        "load": os.getloadavg(),
        "slowed": slowed(options.rows, options.spinners, options.repeats),
        "four": at_once(options.together, options.repeats),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
