"""``spotal next``: choose the next batch to label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spotal.cli.console import output, print_json, say, steps
from spotal.cli.options import AsJson, Folder
from spotal.errors import FinishedError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.project import Counts, Project, Round

__all__ = ["another_person", "next_"]


def next_(
    folder: Folder = Path("."),
    n: Annotated[
        float | None,
        typer.Option(
            "-n",
            "--batch",
            help="Number of items, or amount of money if labels have prices. Default: batch_size of the "
            "project's settings.",
        ),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Choose a new batch even if the last one has no answers yet or it is time to stop."
        ),
    ] = False,
    keep_changed: Annotated[
        bool, typer.Option("--keep-changed", help="Keep the labels of items that changed after they were labeled.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Choose the next batch to label.

    Look for new items, train on the labels so far, and choose a batch. If the last batch still waits for answers, it is
    shown again. The command can be stopped and repeated at any time.
    """
    from spotal.project import Project, next_batch

    with Project.open(folder) as project:
        items, rounds = len(project.items), len(project.rounds)
        chosen, reason = None, None
        try:
            with steps() as show:
                chosen = next_batch(project, n, anyway=anyway, keep_changed=keep_changed, on_progress=show)
        except FinishedError as error:
            reason = str(error)
        new = len(project.items) - items
        is_new = chosen is not None and chosen.number >= rounds
        if as_json:
            _print_json(project, chosen, is_new, new, reason)
            return
        console = output(False)
        if new:
            say(console, f"Found {new:,} new items")
        if chosen is None:
            say(console, f"Nothing chosen: {reason}", "bold")
            say(console, f"Next: spotal status {folder}, spotal predict {folder}")
            return
        _print(console, project, chosen, is_new, folder)


def _print_json(project: Project, chosen: Round | None, is_new: bool, new: int, reason: str | None) -> None:
    batch = project.rounds.batch() if chosen else []
    print_json(
        {
            "round": None if chosen is None else chosen.number,
            "is_new": is_new,
            "finished": reason,
            "new_items": new,
            "n_labeled": None if chosen is None else chosen.n_labeled,
            "to_answer": [task.item.id for task in batch],
        }
    )


def _print(console: Console, project: Project, chosen: Round, is_new: bool, folder: Path) -> None:
    counts = project.counts()
    if is_new:
        audit = f", {chosen.n_audit} of them at random to measure accuracy" if chosen.n_audit else ""
        how = f"by {chosen.strategy}" + (f", after {chosen.n_labeled:,} labels" if chosen.n_labeled else "")
        spent = counts.overlap * sum(pick.about.get("cost", 0.0) for pick in project.rounds.picks(chosen.number))
        price = f" for {spent:,.10g}" if counts.cost is not None else ""
        say(console, f"Round {chosen.number + 1}: chose {chosen.n_picks} items{price} {how}{audit}", "bold")
        if "note" in chosen.about:
            say(console, f"  {chosen.about['note']}", "yellow")
    else:
        missing = sum((counts.overlap - answered) * items for answered, items in counts.waits.items())
        answers = f"{missing:,} answer{'s' * (missing != 1)}"
        say(console, f"Round {chosen.number + 1} still waits for {answers}: nothing new chosen", "bold")
        if counts.overlap > 1:
            say(console, f"  {counts.waiting()}")
        say(console, "  to choose more anyway: --anyway")
    disputed = sum(task.conflict for task in project.rounds.batch())
    if disputed:
        say(console, f"  people disagree on {disputed:,} item{'s' * (disputed != 1)}; these come first")
    if counts.budget is not None:
        used = counts.spent if counts.cost is None else counts.cost
        say(console, f"  {used:,.10g} of the budget of {counts.budget:,.10g} answered")
    elif counts.cost is not None:
        say(console, f"  {counts.cost:,.10g} answered")
    say(console, f"Next: spotal label {folder}{another_person(counts)}")


def another_person(counts: Counts) -> str:
    """Return the option to add to ``spotal label`` if the missing answers must come from another person."""
    return " --annotator NAME" if counts.waits and 0 not in counts.waits else ""
