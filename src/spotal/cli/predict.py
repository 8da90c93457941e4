"""``spotal predict``: write a label for every item to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import output, print_json, say, steps
from spotal.cli.options import AsJson, Folder, KeepFormulas

__all__ = ["predict"]


def predict(
    folder: Folder = Path("."),
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write, .csv or .parquet. Default: predictions.csv in DIR."),
    ] = None,
    keep_formulas: KeepFormulas = False,
    as_json: AsJson = False,
) -> None:
    """Write a label for every item of the project to a file.

    The label is the decision of people if there is one, otherwise the model's prediction. The column 'by' is "person"
    or "model". The columns 'predicted' and 'confidence' hold the model's most likely class and its probability. There
    is also a column for the probability of each class. If labels or items have changed, the model is trained first.
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
                f"  {done.without:,} items have no label: they cannot be read, or people answered none of these",
                "yellow",
            )
