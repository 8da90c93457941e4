"""``spotal import`` and ``spotal export``: exchange labels with other tools through files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import options, output, print_json, say
from spotal.cli.options import AsJson, Delimiter, Encoding, Folder, KeepFormulas

__all__ = ["export_labels", "import_labels"]

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="Format: csv, jsonl, label-studio, coco or hugging-face. Default: detected from the file's name.",
    ),
]


@options(path="FILE")
def import_labels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File or folder of labels.")],
    folder: Folder = Path("."),
    format: Format = None,
    annotator: Annotated[
        str, typer.Option(metavar="NAME", help="Name to record for labels if the file names no person.")
    ] = "import",
    id_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column that holds the items' ids.")] = None,
    label_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column that holds the labels.")] = None,
    add_classes: Annotated[bool, typer.Option("--add-classes", help="Add new classes to spotal.toml.")] = False,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out labels of unknown items and unknown classes.")
    ] = False,
    people_only: Annotated[
        bool, typer.Option("--people-only", help="Leave out predictions of a model, for example from spotal predict.")
    ] = False,
    suggestions: Annotated[
        bool, typer.Option("--suggestions", help="Import predictions of a model as suggestions, for people to confirm.")
    ] = False,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    as_json: AsJson = False,
) -> None:
    """Import the labels of a file into a project: all of them, or none if there is an error.

    A second import of the same file changes nothing. If the file holds an item's text or image, it must be the same as
    in the project. 'spotal undo' undoes an import.
    """
    from spotal.annotate.files import import_labels
    from spotal.project import Project
    from spotal.tables import Dialect

    with Project.open(folder) as project:
        done = import_labels(
            project, file, format=format, annotator=annotator, id_column=id_column, label_column=label_column,
            add_classes=add_classes, skip_unknown=skip_unknown, people_only=people_only, suggestions=suggestions,
            dialect=Dialect(encoding, delimiter),
        )  # fmt: skip
    if as_json:
        print_json({"file": str(file), **asdict(done)})
        return
    console = output(as_json)
    say(console, f"Recorded {done.recorded:,} of {done.answers:,} answers in {file} ({done.format})", "bold")
    for count, what in (
        (done.known, "were recorded before"),
        (done.older, "are older than a newer answer of the same person"),
        (done.left_out, "are about unknown items or classes, and were left out"),
        (done.held_back, "are about items held back for the audit, which are never trained on"),
        (done.guesses - done.suggested, "more are predictions of a model, and were left out"),
        (done.suggested, "more are predictions of a model, kept as suggestions that people confirm on the page"),
    ):
        if count:
            say(console, f"  {count:,} {what}")
    if done.added_classes:
        say(console, f"  classes added to spotal.toml: {', '.join(done.added_classes)}")


@options(path="FILE")
def export_labels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File or folder to write.")],
    folder: Folder = Path("."),
    format: Format = None,
    majority: Annotated[
        bool, typer.Option("--majority", help="Write one label per item, the majority's, instead of each person's.")
    ] = False,
    keep_formulas: KeepFormulas = False,
    as_json: AsJson = False,
) -> None:
    """Export the labels of a project to a file in another tool's format."""
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
