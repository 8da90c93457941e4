"""``spotal undo``: take back an import of labels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, print_json, say

if TYPE_CHECKING:
    from spotal.project import Import

__all__ = ["undo"]


def undo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project.")] = Path("."),
    number: Annotated[
        int | None,
        typer.Option("--import", metavar="N", help="Which import; the last one by default.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be taken back, and do nothing.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the imports, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Take back the last import of labels as a whole. Doing it twice changes nothing.

    Answers that their annotators changed since stay, and what annotators had said before the import holds again.
    Nothing is deleted: history keeps the import and the undo. Classes that the import added to spotal.toml stay.
    """
    from spotal.project import Project

    console = output(as_json)
    with Project.open(folder) as project:
        imports = project.imports.all()
        if listing:
            if as_json:
                print_json([_plain(one) for one in imports])
                return
            for one in imports:
                say(console, f"{one.number}: {_told(one)}{_when_undone(one)}")
            if not imports:
                say(console, "No import is recorded")
            return
        done = project.imports.undo(number, dry_run=dry_run)
    if as_json:
        found = None if done is None else {**asdict(done), "of": _plain(done.of)}
        print_json({"dry_run": dry_run, "undone": found})
        return
    if done is None:
        say(console, "No import is recorded, so there is nothing to undo")
        return
    if done.of.undone is not None:
        say(
            console, f"Nothing to undo: import {done.of.number} ({_told(done.of)}) was undone {_moment(done.of.undone)}"
        )
        earlier = [one for one in imports if one.undone is None and one.number < done.of.number]
        if earlier and number is None:
            say(console, f"  The one before: spotal undo {folder} --import {earlier[-1].number} ({_told(earlier[-1])})")
        return
    say(console, f"{'Would undo' if dry_run else 'Undid'} import {done.of.number}: {_told(done.of)}", "bold")
    for count, what in (
        (done.withdrawn - done.restored, "answers {are} taken back"),
        (done.restored, "answers {are} taken back, and what their annotators said before holds again"),
        (done.kept, "answers stay as they are: their annotators answered again after the import"),
        (done.suggestions, "suggestions {are} taken back"),
    ):
        if count:
            say(console, f"  {count:,} {what.format(are='would be' if dry_run else 'are')}")


def _told(one: Import) -> str:
    parts = [f"{n:,} {name}" for n, name in ((one.answers, "answers"), (one.suggestions, "suggestions")) if n]
    return f"{' and '.join(parts)} of {one.file} ({one.format}), {_moment(one.at)}"


def _moment(at: Any) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _when_undone(one: Import) -> str:
    return "" if one.undone is None else f"; undone {_moment(one.undone)}"


def _plain(one: Import) -> dict[str, Any]:
    undone = None if one.undone is None else one.undone.isoformat()
    return {**asdict(one), "at": one.at.isoformat(), "undone": undone}
