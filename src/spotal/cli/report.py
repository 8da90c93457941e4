"""``spotal report``: the page of a labeling project, or of a benchmark's run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.bench import report_run
from spotal.cli.console import output, print_json, say
from spotal.errors import InputError

__all__ = ["report"]


def report(
    folder: Annotated[
        Path, typer.Argument(help="A labeling project, or the folder that spotal bench wrote.", metavar="DIR")
    ] = Path("."),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of the page; report.html in the folder by default.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            help="Of a benchmark: also write tables as this Markdown file, with pictures in a folder images beside it."
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(help="Of a benchmark: also write its pictures into this folder, as SVG and PDF.", metavar="DIR"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as one JSON document.")] = False,
) -> None:
    """Write one page that needs no other file: how a project stands, or what a benchmark found.

    A run that is still going on is shown as far as it is, and so is a project.
    """
    from spotal.bench.store import FILE as RUN
    from spotal.project.settings import FILE as PROJECT

    page = folder / "report.html" if out is None else out
    if not (folder / PROJECT).is_file():
        if not (folder / RUN).is_file():
            what = f"it has no {PROJECT} or {RUN}" if folder.is_dir() else "there is no such folder"
            raise InputError(
                "folder",
                f"is neither a labeling project nor a run of spotal bench, {what}",
                "name the folder of one",
                subject=str(folder),
            )
        report_run(folder, page, markdown, as_json, named=out is not None, pictures=plots)
        return
    if markdown is not None:
        raise InputError("markdown", f"is for benchmarks, {folder} is a labeling project", "leave it out")
    if plots is not None:
        raise InputError("plots", f"is for benchmarks, {folder} is a labeling project", "leave it out")
    from spotal.project import Project
    from spotal.project.outputs import check_project_output
    from spotal.project.report import gather, numbers, write_page
    from spotal.storage.outputs import check_unnamed

    with Project.open(folder) as project:
        check_project_output(project, page)
        if out is None:
            check_unnamed(page, "name a file by --out")
        facts = gather(project)
        write_page(facts, project.items.file, page)
    if as_json:
        print_json({**numbers(facts), "report": str(page)})
        return
    say(output(as_json), f"Report: {page.resolve()}")
