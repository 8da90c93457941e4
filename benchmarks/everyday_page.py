"""The section on everyday pools of docs/evidence/performance.md, from ``benchmarks.scale everyday``."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from benchmarks.evidence import defaults

SPOT = "spotal SPOT"
MODES = {"one": "one thread", "all": "all threads", "busy": "all threads, busy machine"}


def everyday(parts: dict[str, Any]) -> str:
    """Write a table for each width, budget and mode: wall-clock seconds, a column for each size of the pool."""
    part = parts.get("everyday", {})
    results = part.get("results", [])
    if not results:
        return ""
    text = (
        f"{defaults.heading('Everyday pools', part.get('origin', {}))}\n\n"
        "Wall-clock time in seconds, the median of three runs. Each method has its own process, which selects once "
        "before it is measured. KMeans is scikit-learn's k-means with one initialization: the number of clusters is "
        "the budget, and the row nearest to each center is selected. The last column is SPOT's time divided by that of "
        "KMeans, for each size at which both were measured. A dash: stopped at the time limit, or not run. Busy "
        "machine: four other processes per core compute all the time."
    )
    for (classes, dim, budget), rows in groupby(sorted(results, key=_setting), key=lambda row: _setting(row)[:3]):
        listed = list(rows)
        sizes = sorted({row["rows"] for row in listed})
        what = f"a round with {classes:,} classes and {budget:,} labels" if classes else "no labels"
        text += f"\n\n**{dim} numbers per row, budget {budget:,}, {what}**\n\n"
        text += "| method | " + " | ".join(f"{n:,}" for n in sizes) + " | / k-means |\n"
        text += "|---" * (len(sizes) + 2) + "|"
        for mode in MODES:
            seconds = {(row["name"], row["rows"]): row.get("seconds") for row in listed if row["mode"] == mode}
            for name in dict.fromkeys(name for name, _ in seconds):
                cells = [_cell(seconds.get((name, n))) for n in sizes]
                both = [(seconds.get((SPOT, n)), seconds.get(("KMeans", n))) for n in sizes]
                ratios = [f"{ours / theirs:.2f}" for ours, theirs in both if ours and theirs]
                text += f"\n| {name}, {MODES[mode]} | " + " | ".join(cells)
                text += f" | {', '.join(ratios) if name == SPOT else ''} |"
    return text


def _setting(row: dict[str, Any]) -> tuple[int, int, int, str, int]:
    return row["classes"], row["dim"], row["budget"], row["mode"], row["rows"]


def _cell(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.3g}"
