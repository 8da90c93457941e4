"""Repeated kills of a benchmark run: its results must equal those of a run without kills, bit for bit.

The protocol runs once without kills. In another folder, SIGKILL ends it at random moments, some before the first round
and some within a round; then it runs to its end. The source must not change meanwhile.
"""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.reliability.common import scratch
from benchmarks.reliability.process import Forked, prepare, start

__all__ = ["killed_runs"]


def killed_runs(
    kills: int, *, seeds: int = 10, workers: int = 2, protocol: str = "smoke", seed: int = 0, folder: Path | None = None
) -> dict[str, Any]:
    """Kill ``spotal bench`` repeatedly; return whether the results are equal, and the rounds after each kill."""
    prepare()
    from spotal.bench import Store, load_protocol
    from spotal.bench.jobs import plan

    rng = random.Random(f"runs:{seed}")
    rounds = sum(job.n_rounds for job in plan([load_protocol(protocol).limited(seeds)]))
    begun = time.monotonic()
    with scratch(folder) as place:

        def begin(name: str) -> Forked:
            words = f"bench {protocol} --out {name} --cache cache --workers {workers} --seeds {seeds}"
            return start(words, place, place / f"said-{name}")

        whole = begin("whole")
        whole.wait()
        if whole.code:
            raise SystemExit(f"the run without kills failed:\n{whole.output()}")
        seen: list[int] = []
        while len(seen) < kills and _done(place / "killed") < rounds:
            run, before = begin("killed"), _done(place / "killed")
            more = 0 if rng.random() < 0.2 else rng.randint(1, max(1, rounds // (2 * kills)))
            while _done(place / "killed") < before + more and not run.done():
                time.sleep(0.01)
            run.wait(rng.random() * (2.0 if more == 0 else 0.1))
            if _done(place / "killed") < rounds and run.kill():
                seen.append(_done(place / "killed"))
            else:
                run.kill()
        last = begin("killed")
        last.wait()
        with Store(place / "whole") as one, Store(place / "killed") as other:
            same = one.digest() == other.digest()
    faults = [] if same else ["the killed run has other results"]
    faults += [f"the last run ended with exit {last.code}"] if last.code else []
    return {
        "kills": len(seen),
        "seed": seed,
        "rounds": rounds,
        "rounds_after_each_kill": seen,
        "same": same,
        "faults": faults,
        "seconds": round(time.monotonic() - begun),
    }


def _done(folder: Path) -> int:
    """Number of finished rounds in the store."""
    path = folder / "results.sqlite"
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as store:
        try:
            return int(store.execute("SELECT COUNT(*) FROM rounds").fetchone()[0])
        except sqlite3.OperationalError:  # the table does not exist yet
            return 0
