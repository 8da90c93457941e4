"""Contents of tables, shared by the terminal, the page and Markdown."""

from __future__ import annotations

from typing import Any

from spotal.bench.protocol import Initial

__all__ = ["HEAD", "NOTE", "first_labels", "harness", "origin_lines", "penalty_rows", "rank_rows", "rows"]

HEAD = (
    "strategy",
    "mean of curve",
    "to random",
    "p",
    "labels saved",
    "final",
    "worst class",
    "calibration",
    "seconds",
    "MiB",
)
NOTE = (
    "Mean of curve: mean of balanced accuracy over the number of labels (area under the learning curve), in percent, "
    "with a bootstrap 95 % interval over seeds. To random: paired difference to random picks, in points, with a 95 % "
    "Student interval. p: paired t test over seeds, with Holm's correction for the strategies of this table. Labels "
    "saved: how many percent fewer labels than random picks the strategy needs to reach their final accuracy; a dash "
    "if it does not reach it. Final: balanced accuracy after the last batch, in percent. Worst class: lowest recall of "
    "a class after the last batch, in percent. Calibration: expected calibration error after the last batch, 15 bins, "
    "in percent. Seconds: time of one query, on one core. MiB: maximum memory that a query added to the process."
)


def first_labels(initial: Initial) -> str:
    """Return the way in which the first labels are selected."""
    if initial.kind == "none":
        return "selected by each strategy"
    return "random" if initial.by is None else f"selected by {initial.by}"


def rows(cell: dict[str, Any]) -> list[list[str]]:
    """Return one row for each strategy, the largest mean of curve first."""
    return [_row(name, found) for name, found in cell["strategies"].items()]


def _row(name: str, strategy: dict[str, Any]) -> list[str]:
    against, final = strategy["against"], strategy["final"]
    gap = p = ""
    if against is not None:
        gap = f"{100 * against['mean']:+.1f}"
        if against["low"] is not None:
            gap += f" [{100 * against['low']:+.1f}, {100 * against['high']:+.1f}]"
            p = _p(against["t_holm"])
    area = strategy["area"]
    spread = f" [{100 * area['low']:.1f}, {100 * area['high']:.1f}]" if len(strategy["seeds"]) > 1 else ""
    saved = "" if against is None else "-" if strategy["saving"] is None else f"{100 * strategy['saving']:.0f} %"
    return [
        name,
        f"{100 * area['mean']:.1f}{spread}",
        gap,
        p,
        saved,
        f"{100 * final['balanced_accuracy']:.1f}",
        f"{100 * final['worst_class_recall']:.1f}",
        f"{100 * final['calibration_error']:.1f}",
        "" if strategy["query_seconds"] is None else f"{strategy['query_seconds']:.2g}",
        "" if strategy["memory_mib"] is None else f"{strategy['memory_mib']:.0f}",
    ]


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def penalty_rows(penalty: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the penalty matrix, with the column means as the last row."""
    names = penalty["strategies"]
    body = [
        [name, *("" if i == j else f"{value:.2f}" for j, value in enumerate(values))]
        for i, (name, values) in enumerate(zip(names, penalty["matrix"], strict=True))
    ]
    return ["beats", *names], [*body, ["beaten, mean", *(f"{value:.2f}" for value in penalty["losses"])]]


def rank_rows(ranks: dict[str, Any]) -> list[list[str]]:
    """Return the strategies and their average ranks."""
    return [[name, f"{rank:.2f}"] for name, rank in ranks["mean"].items()]


def harness(time: dict[str, float]) -> str:
    """Return a sentence with the shares of the time by kind of work."""
    wall = time.get("wall", 0.0)
    if not wall:
        return ""
    parts = ", ".join(
        f"{word} {100 * time.get(name, 0.0) / wall:.1f} %"
        for name, word in (
            ("train", "training"),
            ("encode", "encoders"),
            ("embed", "embedding"),
            ("query", "selection"),
            ("measure", "testing"),
        )
    )
    return f"{wall / 3600:.2f} core hours: {parts}, all else {100 * time['harness_share']:.1f} %."


def origin_lines(summary: dict[str, Any]) -> list[str]:
    """Return a line with commit, machine and versions for each origin of the results."""
    lines = []
    for origin in summary["origins"]:
        machine = origin["machine"]
        commit = origin["commit"] or "no checkout"
        changed = " with changes" if origin["changed"] else ""
        versions = ", ".join(f"{name} {version}" for name, version in origin["versions"].items())
        lines.append(
            f"spotal at {commit[:12]}{changed} (source {origin['source']}); {machine['cpu']}, "
            f"{machine['cores']} cores, {machine['memory_gib']:.0f} GiB, {machine['system']}; {versions}"
        )
    return lines
