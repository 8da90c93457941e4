"""Kill a benchmark run again and again, and see that it ends with the same results, bit for bit; and what it costs.

python -m benchmarks.kill [--kills 20] [--workers 2] [--protocol smoke] [--seeds 10]

Runs the protocol once without a break, then starts it anew in another folder and sends SIGKILL to it at random moments,
some before the first round and some in the middle of one, until it was killed so often, then lets it end. Compares the
two stores' results and prints the share of the time that went neither into training, embedding, selection nor testing.
Exits 1 where the results differ or the run ended before it could be killed so often. The source must not change
meanwhile: run it on a copy where others work on it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from spotal.bench import Store, load_protocol, read, summarize
from spotal.bench.jobs import plan


def main() -> int:
    """Print one JSON document; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--protocol", default="smoke")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--random-state", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report = loop(Path(name), options)
    print(json.dumps(report, indent=1))
    return 0 if report["same"] and report["exit"] == 0 and report["kills"] == options.kills else 1


def loop(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The whole run, the killed run, and what came of it."""
    rng = random.Random(options.random_state)
    rounds = sum(job.n_rounds for job in plan([load_protocol(options.protocol).limited(options.seeds)]))
    begun = time.monotonic()
    if start(options, folder / "whole").wait():
        raise SystemExit("the uninterrupted run failed")
    seconds = time.monotonic() - begun
    seen: list[int] = []
    while len(seen) < options.kills and done(folder / "killed") < rounds:
        process = start(options, folder / "killed")
        before = done(folder / "killed")
        more = 0 if rng.random() < 0.2 else rng.randint(1, max(1, rounds // (2 * options.kills)))
        while done(folder / "killed") < before + more and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.random() * (2.0 if more == 0 else 0.1))
        if process.poll() is None and done(folder / "killed") < rounds:
            os.kill(process.pid, signal.SIGKILL)
            seen.append(done(folder / "killed"))
        else:
            process.kill()
        process.wait()
    code = start(options, folder / "killed").wait()
    with Store(folder / "whole") as whole, Store(folder / "killed") as killed:
        return {
            "same": whole.digest() == killed.digest(),
            "exit": code,
            "kills": len(seen),
            "rounds": rounds,
            "rounds_after_each_kill": seen,
            "digests": [whole.digest(), killed.digest()],
            "seconds_uninterrupted": round(seconds, 1),
            "time": summarize(read(whole), whole)["time"],
        }


def start(options: argparse.Namespace, out: Path) -> subprocess.Popen[bytes]:
    """The run as a user starts it."""
    words = ["bench", options.protocol, "--out", str(out), "--cache", str(out.parent / "cache")]
    words += ["--workers", str(options.workers), "--seeds", str(options.seeds)]
    code = "import sys; from spotal.cli.main import main; sys.argv[0] = 'spotal'; main()"
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.DEVNULL)


def done(folder: Path) -> int:
    """Rounds in the store by now."""
    path = folder / "results.sqlite"
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as sqlite:
        try:
            return int(sqlite.execute("SELECT COUNT(*) FROM rounds").fetchone()[0])
        except sqlite3.OperationalError:  # no table yet
            return 0


if __name__ == "__main__":
    sys.exit(main())
