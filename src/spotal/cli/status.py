"""``spotal status``: how far a project is, how good its model, and whether to go on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, print_json, say
from spotal.cli.next import another_person
from spotal.cli.train import share

if TYPE_CHECKING:
    from rich.table import Table

    from spotal.project import Counts
    from spotal.project.status import ClassCount, Status

__all__ = ["status"]

WIDTH = 40
"""Characters of the curve from 0 to 100 %."""
MOST_ROWS = 12
NAMES = {
    "class_accuracy": "single classes right",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "balanced_accuracy": "balanced accuracy of the classes",
    "mean_average_precision": "mean average precision",
}
"""Figures of items that may have several classes, in words."""


def status(
    folder: Annotated[Path, typer.Argument(help="The project.", metavar="DIR")] = Path("."),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Show how far the project is, how accurate its model, and what more labels would buy.

    Accuracy is measured on random items that are never trained on; intervals hold with 95 %.
    """
    from spotal.project import Project
    from spotal.project.status import read_status

    with Project.open(folder) as project:
        found = read_status(project)
    if as_json:
        print_json(asdict(found))
        return
    console = output(False)
    console.print(_counts(found.counts))
    for line in _progress(found.counts):
        say(console, line)
    if found.classes:
        console.print(_classes(found))
    if found.curve:
        console.print(_curve(found.curve))
    for line in _sentences(found):
        say(console, line)
    for line in found.set_aside:
        say(console, line, "yellow")
    if found.verdict is not None:
        style = "bold green" if found.verdict.met else ""
        say(console, f"{'Stop' if found.verdict.met else 'Go on'}: {found.verdict.sentence}", style)
    command = _next(found)
    person = another_person(found.counts) if command == "label" and not found.counts.conflicts else ""
    say(console, f"Next: spotal {command} {folder}{person}", "bold")


def _counts(counts: Counts) -> Table:
    table = _table("", "items")
    rows = [
        ("in the pool", counts.items),
        ("labeled", counts.labeled),
        ("none of these", counts.none_of_these),
        ("skipped", counts.skipped),
        ("in conflict", counts.conflicts),
        ("missing from the data", counts.missing),
    ]
    for k, (name, figure) in enumerate(rows):
        if figure or k < 2:
            table.add_row(name, f"{figure:,}")
    return table


def _progress(counts: Counts) -> list[str]:
    """Rounds, answers and their budget, and what is waited for."""
    of = "" if counts.budget is None else f" of {counts.budget:,.10g}"
    people = f", {counts.overlap} people an item" if counts.overlap > 1 else ""
    given = f"{counts.spent:,}{of if counts.cost is None else ''} answer{'s' * (counts.spent != 1)}{people}"
    price = "" if counts.cost is None else f", for {counts.cost:,.10g}{of}"
    lines = [f"Asked in {counts.rounds:,} round{'s' * (counts.rounds != 1)}: {given}{price}"]
    return lines + [f"  {counts.waiting()}"] * bool(counts.open)


def _classes(found: Status) -> Table:
    known = any(row.expected is not None for row in found.classes.values())
    table = _table("class", "labels", *["in the pool, 95 % interval"] * known)
    for name, row in found.classes.items():
        table.add_row(name, f"{row.labels:,}", *[expected(row)] * known)
    return table


def expected(row: ClassCount) -> str:
    """How many items are of a class, and the interval."""
    return "" if row.expected is None else f"{row.expected:,.0f} ({row.low:,.0f} to {row.high:,.0f})"


def _curve(curve: list[Any]) -> Table:
    """The learning curve on its side: a dot for each accuracy, a line for its interval."""
    table = _table("labels", "accuracy", "0 %" + "100 %".rjust(WIDTH - 3))
    step = -(-len(curve) // MOST_ROWS)
    for point in curve[(len(curve) - 1) % step :: step]:
        at = [round(value * (WIDTH - 1)) for value in (point.low, point.value, point.high)]
        marks = "".join("●" if k == at[1] else "─" if at[0] <= k <= at[2] else " " for k in range(WIDTH))
        table.add_row(f"{point.labels:,}", share(point.value, point.low, point.high), marks)
    return table


def _table(*names: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for k, name in enumerate(names):
        table.add_column(name, justify="left" if k == 0 or name.startswith("0 %") else "right", no_wrap=True)
    return table


def _sentences(found: Status) -> list[str]:
    lines = []
    if found.model is not None:
        lines.append(f"Model: {found.model}, trained on {found.n_trained:,} labels")
        if found.stale:
            lines.append("  labels or items have changed since")
    if not found.curve:
        needs = "a trained model and answered audit items" if found.counts.held_back else "items that are held back"
        lines.append(f"Accuracy: not known yet; it needs {needs}")
    now = found.accuracy
    if now is not None:
        of = "of the pool with all classes right" if found.sets else "of the pool"
        lines.append(f"Accuracy: {share(now.value, now.low, now.high)} {of}, by {now.n:,} random items")
    lines += [
        f"  {NAMES[name]} {share(one.value, one.low, one.high)}" for name, one in found.sets.items() if name in NAMES
    ]
    ahead = found.forecast
    if ahead.gain is None:
        lines.append(f"The next {ahead.labels} labels to train on: {ahead.why}")
    else:
        low, high = 100 * (ahead.low or 0), 100 * (ahead.high or 0)
        lines.append(
            f"The next {ahead.labels} labels to train on: {100 * ahead.gain:+.1f} points of accuracy expected "
            f"({low:+.1f} to {high:+.1f})"
        )
    cover = found.coverage
    if cover:
        lines.append(
            f"Coverage: transport cost {cover['transport_cost']:.3f} from the pool to its labels, "
            f"{cover['transport_cost_random']:.3f} to as many random ones (less is better)"
        )
    if found.stability is not None:
        lines.append(f"Predictions that stayed in the last two trainings: {100 * found.stability:.1f} %")
    for pair in found.agreement:
        kappa = ""
        if pair.kappa is not None:
            kappa = f", kappa {pair.kappa:.2f} ({pair.kappa_low:.2f} to {pair.kappa_high:.2f})"
        lines.append(
            f"Agreement of {pair.first} and {pair.second} at first: {share(pair.share, pair.low, pair.high)} "
            f"of {pair.items:,} items{kappa}"
        )
    return lines


def _next(found: Status) -> str:
    if found.counts.open or found.counts.conflicts:
        return "label"
    counts = found.counts
    spent = counts.left is not None and (counts.left == 0 if counts.cost is not None else counts.left < counts.overlap)
    return "predict" if spent or (found.verdict is not None and found.verdict.met) else "next"
