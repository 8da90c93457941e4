"""Run parts of the evidence and write the document: ``python -m benchmarks.evidence [PART ...] [--quick]``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

PARTS = ("uniformity", "convergence", "coverage", "loop")


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, run the parts, and write the page from the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}, write; all by default")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes, 2 by default")
    parser.add_argument("--strategies", help="of the rounds, separated by commas; the others' results stay")
    parser.add_argument("--results", type=Path, help="folder of the JSON files")
    parser.add_argument("--docs", type=Path, help="folder of published-method.md and images/")
    asked = parser.parse_args(arguments)
    unknown = set(asked.parts) - {*PARTS, "write"}
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from {', '.join((*PARTS, 'write'))}")

    from importlib import import_module

    from benchmarks.evidence.common import RESULTS, ROOT, save
    from benchmarks.evidence.write import write

    # a quick run must not overwrite the real evidence
    scratch = ROOT / "build" / "evidence-quick"
    results = asked.results or (scratch if asked.quick else RESULTS)
    docs = asked.docs or (scratch if asked.quick else ROOT / "docs" / "evidence")
    parts = asked.parts or [*PARTS, "write"]
    for part in PARTS:
        if part not in parts:
            continue
        start = time.perf_counter()
        module = import_module(f"benchmarks.evidence.{part}")
        options = {"strategies": asked.strategies.split(",")} if part == "loop" and asked.strategies else {}
        result = module.run(quick=asked.quick, workers=asked.workers, **options)
        result["origin"] |= {"seconds": time.perf_counter() - start, "workers": asked.workers, "quick": asked.quick}
        print(f"{part}: {result['origin']['seconds']:.0f} s, {save(part, result, results)}")
    if "write" in parts:
        print(write(results, docs))


if __name__ == "__main__":
    main()
