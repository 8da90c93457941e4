"""``spotal undo``: take back an import of labels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, print_json, say
from spotal.cli.options import AsJson, Folder

if TYPE_CHECKING:
    from spotal.project import Import

__all__ = ["undo"]


def undo(
    folder: Folder = Path("."),
    number: Annotated[
        int | None,
        typer.Option("--import", metavar="N", help="Number of the import. Default: the last one."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be undone, and change nothing.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the imports, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Undo the last import of labels. A second undo of the same import changes nothing.

    Answers from before the import are valid again. Answers that people changed after the import are kept. Nothing is
    deleted: the history keeps the import and the undo. Classes that the import added to spotal.toml are kept.
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
                undone = "" if one.undone is None else f"; undone {_moment(one.undone)}"
                say(console, f"{one.number}: {_describe(one)}{undone}")
            if not imports:
                say(console, "No import is recorded")
            return
        done = project.imports.undo(number, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "undone": None if done is None else {**asdict(done), "of": _plain(done.of)}})
        return
    if done is None:
        say(console, "No import is recorded, so there is nothing to undo")
        return
    if done.of.undone is not None:
        say(
            console,
            f"Nothing to undo: import {done.of.number} ({_describe(done.of)}) was undone {_moment(done.of.undone)}",
        )
        earlier = [one for one in imports if one.undone is None and one.number < done.of.number]
        if earlier and number is None:
            before = earlier[-1]
            say(console, f"  The one before: spotal undo {folder} --import {before.number} ({_describe(before)})")
        return
    say(console, f"{'Would undo' if dry_run else 'Undid'} import {done.of.number}: {_describe(done.of)}", "bold")
    for count, what in (
        (done.withdrawn - done.restored, "answers {are} removed"),
        (done.restored, "answers {are} replaced by the earlier answers of the same people"),
        (done.kept, "answers are kept: the same people answered again after the import"),
        (done.suggestions, "suggestions {are} removed"),
    ):
        if count:
            say(console, f"  {count:,} {what.format(are='would be' if dry_run else 'are')}")


def _describe(one: Import) -> str:
    parts = [f"{n:,} {name}" for n, name in ((one.answers, "answers"), (one.suggestions, "suggestions")) if n]
    return f"{' and '.join(parts)} of {one.file} ({one.format}), {_moment(one.at)}"


def _moment(at: Any) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _plain(one: Import) -> dict[str, Any]:
    undone = None if one.undone is None else one.undone.isoformat()
    return {**asdict(one), "at": one.at.isoformat(), "undone": undone}
