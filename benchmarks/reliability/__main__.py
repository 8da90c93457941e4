"""Measure reliability: kill loop, killed benchmark runs, load test, mutation fuzz and full-disk sweep.

    python -m benchmarks.reliability [kill runs load fuzz disk] [--quick]
    python -m benchmarks.reliability fuzz --count 500 --only "labels coco" --first-seed 1000
    python -m benchmarks.reliability --replay "pool.npz:17" [--keep FOLDER]
    python -m benchmarks.reliability fuzz --first-seed 89 --minutes 60 --add
    python -m benchmarks.reliability --again

Writes benchmarks/reliability/results/PART.json and docs/evidence/reliability.md, unless --quick is given. Uses only
scratch folders and the loopback interface. Exits 1 if a part finds a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.reliability.common import RESULTS, origin, save
from benchmarks.reliability.disk import disk_full
from benchmarks.reliability.fuzz import again, fuzz, replay
from benchmarks.reliability.kill import kill_loop
from benchmarks.reliability.load import load_test
from benchmarks.reliability.runs import killed_runs
from benchmarks.reliability.write import write

FAULTS = ("lost", "harmed", "faults", "failures")
"""Keys of a part's result that must be empty or 0."""


def main() -> int:
    """Run the requested parts; return 1 if one of them finds a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="kill, runs, load, fuzz or disk; all by default")
    parser.add_argument("--quick", action="store_true", help="small versions of all, which take minutes")
    parser.add_argument("--count", type=int, help="kills, or mutations")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--add", action="store_true", help="with kill and fuzz: add to earlier results")
    parser.add_argument("--only", default="", help="with fuzz: inputs whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="with fuzz: cases at a time")
    parser.add_argument("--minutes", type=float, default=600, help="with kill and fuzz: start nothing after this time")
    parser.add_argument("--replay", metavar="INPUT:SEED", help="run one case of the fuzz again")
    parser.add_argument("--again", action="store_true", help="run failed cases of the fuzz again, and record it")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="a new folder for scratch files, which is not removed"
    )
    parser.add_argument("--write", action="store_true", help="only write docs/evidence/reliability.md from the results")
    options = parser.parse_args()
    if options.write:
        write()
        return 0
    if options.again:
        path = RESULTS / "fuzz.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["again"] = {**origin(), **again(document["failures"])}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(document["again"], indent=1))
        write()
        return 1 if document["again"]["failures"] else 0
    if options.replay:
        name, _, seed = options.replay.rpartition(":")
        result = replay(name, int(seed), options.keep)
        print("\n".join(result.pop("said")))
        print(json.dumps(result, indent=1))
        return 1 if result["failures"] else 0
    parts = _parts(options)
    unknown = set(options.parts) - set(parts)
    if unknown:
        parser.error(f"PART must be one of {', '.join(parts)}, found {', '.join(sorted(unknown))}")
    wrong = False
    for name in options.parts or parts:
        about = origin()
        result = parts[name]()
        faults = {key: result[key] for key in FAULTS if result.get(key)}
        wrong |= bool(faults)
        print(json.dumps({"part": name, **result}, indent=1))
        if not options.quick and not options.only:
            save(name, result, about, options.add)
    if not options.quick and not options.only:
        write()
    return 1 if wrong else 0


def _parts(options: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    quick, count, first, keep = options.quick, options.count, options.first_seed, options.keep
    minutes = options.minutes
    load = {"people": 10, "batches": (50,), "seconds": 3, "items": 200} if quick else {}
    return {
        "kill": lambda: kill_loop(count or (10 if quick else 1_000), first, minutes=minutes, folder=keep),
        "runs": lambda: killed_runs(count or (3 if quick else 20), seeds=2 if quick else 10, seed=first, folder=keep),
        "load": lambda: load_test(**load, folder=keep),  # type: ignore[arg-type]
        "fuzz": lambda: fuzz(
            count or (100 if quick else 10_000),
            first=first,
            only=options.only,
            jobs=options.jobs,
            minutes=minutes,
            folder=keep,
        ),
        "disk": lambda: disk_full(quick=quick, folder=keep),
    }


if __name__ == "__main__":
    sys.exit(main())
