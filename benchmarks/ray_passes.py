"""Cost of Ray: seconds of a selection's pass with one and two workers, and bytes that cross the network.

    python -m benchmarks.ray_passes [PART ...] [--rows N] [--dim D] [--out FILE]

Writes JSON and keeps earlier results of other parts; docs/guides/cluster.md quotes it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import ray

import spotal
from spotal.engine import local, using
from spotal.engine.ray import RayEngine
from spotal.strategies import SPOT
from spotal.strategies._sample import rows_needed

REPEATS = 3
BUDGETS = (100, 1_000, 10_000)


class Weighed:
    """An engine that runs passes here, and counts the bytes that a cluster would receive and a task would return."""

    def __init__(self) -> None:
        self.sent = self.partial = 0

    def run(self, task: Any, pool: Any, *, threads: int = 1) -> Any:
        """Run the pass in this process."""
        self.sent = len(ray.cloudpickle.dumps(task)) - len(ray.cloudpickle.dumps(task.where))
        partial = None
        for batch in pool.batches():
            piece = task.map(batch)
            partial = piece if partial is None else task.merge(partial, piece)
        self.partial = len(ray.cloudpickle.dumps(partial))
        return task.finish(partial)


def made(folder: str, rows: int, dim: int) -> Any:
    """Make a pool of clusters in a memory-mapped file."""
    path = Path(folder, "pool.npy")
    pool = np.lib.format.open_memmap(path, "w+", np.float16, (rows, dim))
    rng = np.random.default_rng(0)
    turn = rng.normal(size=(16, dim)).astype(np.float32)
    for start in range(0, rows, 100_000):
        some = rng.normal(size=(min(100_000, rows - start), 16)).astype(np.float32)
        pool[start : start + len(some)] = (some + 3 * rng.integers(0, 3, (len(some), 1))) @ turn
    pool.flush()
    return np.load(path, mmap_mode="r")


def timed(pool: Any, budget: int, expected: Any = None) -> float:
    """Return the seconds of the pass that draws a selection's sample, and check the picks."""
    picks = SPOT().query(pool, budget, random_state=0)
    assert expected is None or np.array_equal(picks.indices, expected)
    print(f"{picks.timings['sample']:.2f} s", file=sys.stderr, flush=True)
    return picks.timings["sample"]


def seconds(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure the seconds of the pass, in this process and on Ray."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        pool = made(folder, asked.rows, asked.dim)
        expected = SPOT().query(pool, asked.budget, random_state=0).indices
        for threads in (1, 2):

            def here(task: Any, pool: Any, *, threads: int, own: int = threads) -> Any:
                return local.run(task, pool, threads=own)

            with using(here):
                times[f"this process, threads: {threads}"] = [timed(pool, asked.budget) for _ in range(REPEATS)]
        for workers in (1, 2):
            with RayEngine(num_cpus=workers) as engine, using(engine.run):
                timed(pool, asked.budget, expected)  # starts the workers
                some = [timed(pool, asked.budget, expected) for _ in range(REPEATS)]
                times[f"Ray, workers: {workers}"] = some
    return {
        "rows": asked.rows, "dim": asked.dim, "dtype": "float16", "budget": asked.budget, "repeats": REPEATS,
        "seconds": times, "medians": {name: statistics.median(some) for name, some in times.items()},
    }  # fmt: skip


def network(asked: argparse.Namespace) -> dict[str, Any]:
    """Count the bytes that a cluster receives, and the bytes that a task returns."""
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        pool = made(folder, 1_100_000, asked.dim)
        for budget in BUDGETS:
            weighed = Weighed()
            with using(weighed.run):
                timed(pool, budget)
            sizes[budget] = {
                "task": weighed.sent,
                "partial": weighed.partial,
                "partial_a_row": weighed.partial / rows_needed(1_100_000, 0, budget),
            }
    return {"bytes": sizes}


PARTS = {"seconds": seconds, "sizes": network}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}; all by default"
    )
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--budget", type=int, default=1_000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ray.json"))
    asked = parser.parse_args()
    result = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    for part in asked.parts or PARTS:
        measured = PARTS[part](asked)
        print(json.dumps(measured, indent=1))
        result |= measured
        result.setdefault("dates", {})[part] = datetime.now(UTC).date().isoformat()
    result |= {
        "cores": os.cpu_count(), "python": platform.python_version(), "ray": ray.__version__,
        "spotal": spotal.__version__,
    }  # fmt: skip
    asked.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
