"""``spotal predict``: a label for every item, to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import KeepFormulas, output, print_json, say, steps

__all__ = ["predict"]


def predict(
    folder: Annotated[Path, typer.Argument(help="The project.", metavar="DIR")] = Path("."),
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write, .csv or .parquet; predictions.csv in DIR by default."),
    ] = None,
    keep_formulas: KeepFormulas = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Write a label for every item of the project.

    One row an item: id; label, a person's where there is one and else the model's; by, "person" or "model"; predicted
    and confidence, the model's likeliest class and its probability; and the probability of each class. Trains first
    where labels or items have changed since the last training.
    """
    from spotal.project import Project
    from spotal.project.outputs import check_project_output
    from spotal.project.predict import write_predictions
    from spotal.storage.outputs import check_unnamed

    target = folder / "predictions.csv" if out is None else out
    with Project.open(folder) as project:
        check_project_output(project, target)
        if out is None:
            check_unnamed(target, "name a file by --out")
        with steps() as show:
            done = write_predictions(project, target, on_progress=show, escape_formulas=not keep_formulas)
        if as_json:
            print_json(
                {"out": str(target), "items": done.items, "by_people": done.by_people, "by_model": done.by_model}
            )
            return
        console = output(False)
        say(console, f"Wrote {target}: {done.by_people:,} labels by people, {done.by_model:,} by the model", "bold")
        if done.without:
            say(
                console,
                f"  {done.without:,} items have none: they cannot be read, or people said none of these",
                "yellow",
            )
