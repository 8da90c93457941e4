"""``spotal import`` and ``spotal export``: labels from and to files of other tools."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import KeepFormulas, options, output, print_json, say
from spotal.cli.dialect import Delimiter, Encoding, dialect_of

__all__ = ["export_labels", "import_labels"]

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The project.")]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="csv, jsonl, label-studio, coco or hugging-face; by default what the file's name means.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


@options(path="FILE")
def import_labels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File or folder of labels.", show_default=False)],
    folder: Folder = Path("."),
    format: Format = None,
    annotator: Annotated[
        str, typer.Option(metavar="NAME", help="Who said what the file attributes to nobody.")
    ] = "import",
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of the items' ids.", show_default=False)
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of the labels.", show_default=False)
    ] = None,
    add_classes: Annotated[bool, typer.Option("--add-classes", help="Add new classes to spotal.toml.")] = False,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out labels of items or classes that the project lacks.")
    ] = False,
    people_only: Annotated[
        bool, typer.Option("--people-only", help="Leave out labels that a model guessed, such as those of predict.")
    ] = False,
    suggestions: Annotated[
        bool, typer.Option("--suggestions", help="Keep labels that a model guessed as guesses for people to confirm.")
    ] = False,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: Json = False,
) -> None:
    """Record the labels of a file in a project: all of them or none. Doing it twice changes nothing.

    What the file holds of an item, its text or image, must be what the project has. spotal undo takes an import back.
    """
    from spotal.annotate.files import import_labels
    from spotal.project import Project

    with Project.open(folder) as project:
        done = import_labels(
            project, file, format=format, annotator=annotator, id_column=id_column, label_column=label_column,
            add_classes=add_classes, skip_unknown=skip_unknown, people_only=people_only, suggestions=suggestions,
            dialect=dialect_of(encoding, delimiter),
        )  # fmt: skip
    if as_json:
        print_json({"file": str(file), **asdict(done)})
        return
    console = output(as_json)
    say(console, f"Recorded {done.recorded:,} of {done.answers:,} answers in {file} ({done.format})", "bold")
    for count, what in (
        (done.known, "were there already"),
        (done.older, "are older than what their annotator said since"),
        (done.left_out, "are about items or classes that the project lacks, and were left out"),
        (done.held_back, "are about items held back for the audit, which are never trained on"),
        (done.guesses - done.suggested, "more are guesses of a model, and were left out"),
        (done.suggested, "more are guesses of a model, kept as suggestions that people confirm on the page"),
    ):
        if count:
            say(console, f"  {count:,} {what}")
    if done.added_classes:
        say(console, f"  classes added to spotal.toml: {', '.join(done.added_classes)}")


@options(path="FILE")
def export_labels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File or folder to write.", show_default=False)],
    folder: Folder = Path("."),
    format: Format = None,
    majority: Annotated[
        bool, typer.Option("--majority", help="One label an item, the one that stands; without it, every annotator's.")
    ] = False,
    keep_formulas: KeepFormulas = False,
    as_json: Json = False,
) -> None:
    """Write the labels of a project to a file of another tool's format."""
    from spotal.annotate.files import export_labels
    from spotal.project import Project

    with Project.open(folder) as project:
        done = export_labels(project, file, format=format, majority=majority, escape_formulas=not keep_formulas)
    if as_json:
        print_json({"file": str(file), **asdict(done)})
        return
    say(
        output(as_json),
        f"Wrote {done.answers:,} answer{'s' * (done.answers != 1)} about {done.items:,} item{'s' * (done.items != 1)} "
        f"to {file} ({done.format})",
        "bold",
    )
