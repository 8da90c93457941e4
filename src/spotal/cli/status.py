"""``spotal status``: show a project's progress, its model's accuracy, and whether to continue."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.cli.console import grid, output, print_json, say
from spotal.cli.next import another_person
from spotal.cli.options import AsJson, Folder
from spotal.terminal import percent

if TYPE_CHECKING:
    from rich.table import Table

    from spotal.project import Counts
    from spotal.project.status import Status

__all__ = ["status"]

WIDTH = 40
"""Width of the learning curve in characters."""
MOST_ROWS = 12
NAMES = {
    "class_accuracy": "single classes right",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "balanced_accuracy": "balanced accuracy of the classes",
    "mean_average_precision": "mean average precision",
}
"""Names of the figures for items with several classes."""


def status(
    folder: Folder = Path("."),
    as_json: AsJson = False,
) -> None:
    """Show a project's progress, its model's accuracy, and what more labels would gain.

    Accuracy is measured on random items that are never trained on. Intervals are 95 % confidence intervals.
    """
    from spotal.project import Project
    from spotal.project.status import read_status

    with Project.open(folder) as project:
        state = read_status(project)
    if as_json:
        print_json(asdict(state))
        return
    console = output(False)
    console.print(_counts(state.counts))
    for line in _progress(state.counts):
        say(console, line)
    if state.classes:
        console.print(_classes(state))
    if state.curve:
        console.print(_curve(state.curve))
    for line in _sentences(state):
        say(console, line)
    for line in state.set_aside:
        say(console, line, "yellow")
    if state.verdict is not None:
        style = "bold green" if state.verdict.met else ""
        say(console, f"{'Stop' if state.verdict.met else 'Go on'}: {state.verdict.sentence}", style)
    command = _next(state)
    person = another_person(state.counts) if command == "label" and not state.counts.conflicts else ""
    say(console, f"Next: spotal {command} {folder}{person}", "bold")


def _counts(counts: Counts) -> Table:
    rows = [
        ("in the pool", counts.items),
        ("labeled", counts.labeled),
        ("none of these", counts.none_of_these),
        ("skipped", counts.skipped),
        ("in conflict", counts.conflicts),
        ("missing from the data", counts.missing),
    ]
    shown = ((name, f"{figure:,}") for k, (name, figure) in enumerate(rows) if figure or k < 2)
    return grid(("", "items"), shown, lined=True)


def _progress(counts: Counts) -> list[str]:
    of = "" if counts.budget is None else f" of {counts.budget:,.10g}"
    people = f", {counts.overlap} people per item" if counts.overlap > 1 else ""
    given = f"{counts.spent:,}{of if counts.cost is None else ''} answer{'s' * (counts.spent != 1)}{people}"
    price = "" if counts.cost is None else f", for {counts.cost:,.10g}{of}"
    lines = [f"Asked in {counts.rounds:,} round{'s' * (counts.rounds != 1)}: {given}{price}"]
    return lines + [f"  {counts.waiting()}"] * bool(counts.open)


def _classes(state: Status) -> Table:
    estimated = any(row.expected is not None for row in state.classes.values())
    rows = []
    for name, row in state.classes.items():
        size = "" if row.expected is None else f"{row.expected:,.0f} ({row.low:,.0f} to {row.high:,.0f})"
        rows.append((name, f"{row.labels:,}", *[size] * estimated))
    return grid(("class", "labels", *["in the pool, 95 % interval"] * estimated), rows, lined=True)


def _curve(curve: list[Any]) -> Table:
    """Draw the learning curve with labels downward: a dot for each accuracy, a line for its interval."""
    rows = []
    step = -(-len(curve) // MOST_ROWS)
    for point in curve[(len(curve) - 1) % step :: step]:
        at = [round(value * (WIDTH - 1)) for value in (point.low, point.value, point.high)]
        marks = "".join("●" if k == at[1] else "─" if at[0] <= k <= at[2] else " " for k in range(WIDTH))
        rows.append((f"{point.labels:,}", percent(point.value, point.low, point.high), marks))
    return grid(("labels", "accuracy", "0 %" + "100 %".rjust(WIDTH - 3)), rows, left=(0, 2), lined=True)


def _sentences(state: Status) -> list[str]:
    lines = []
    if state.model is not None:
        lines.append(f"Model: {state.model}, trained on {state.n_trained:,} labels")
        if state.stale:
            lines.append("  labels or items have changed since")
    if not state.curve:
        needs = "a trained model and answered audit items" if state.counts.held_back else "items that are held back"
        lines.append(f"Accuracy: not known yet; it needs {needs}")
    now = state.accuracy
    if now is not None:
        of = "of the pool with all classes right" if state.sets else "of the pool"
        lines.append(f"Accuracy: {percent(now.value, now.low, now.high)} {of}, by {now.n:,} random items")
    lines += [
        f"  {NAMES[name]} {percent(one.value, one.low, one.high)}" for name, one in state.sets.items() if name in NAMES
    ]
    ahead = state.forecast
    if ahead.gain is None:
        lines.append(f"The next {ahead.labels} labels to train on: {ahead.why}")
    else:
        low, high = 100 * (ahead.low or 0), 100 * (ahead.high or 0)
        lines.append(
            f"The next {ahead.labels} labels to train on: {100 * ahead.gain:+.1f} points of accuracy expected "
            f"({low:+.1f} to {high:+.1f})"
        )
    cover = state.coverage
    if cover:
        lines.append(
            f"Coverage: mean distance from an item to its nearest label {cover['transport_cost']:.3f}, "
            f"{cover['transport_cost_random']:.3f} with random labels (smaller is better)"
        )
    if state.stability is not None:
        lines.append(f"Predictions that did not change in the last two trainings: {100 * state.stability:.1f} %")
    for pair in state.agreement:
        kappa = ""
        if pair.kappa is not None:
            kappa = f", kappa {pair.kappa:.2f} ({pair.kappa_low:.2f} to {pair.kappa_high:.2f})"
        lines.append(
            f"Agreement of {pair.first} and {pair.second} in their first answers: "
            f"{percent(pair.share, pair.low, pair.high)} of {pair.items:,} items{kappa}"
        )
    return lines


def _next(state: Status) -> str:
    if state.counts.open or state.counts.conflicts:
        return "label"
    counts = state.counts
    spent = counts.left is not None and (counts.left == 0 if counts.cost is not None else counts.left < counts.overlap)
    return "predict" if spent or (state.verdict is not None and state.verdict.met) else "next"
