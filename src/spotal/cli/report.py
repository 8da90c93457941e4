"""``spotal report``: write a page about a labeling project or a benchmark's run."""

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
        Path, typer.Argument(help="Folder of a labeling project, or of a run of spotal bench.", metavar="DIR")
    ] = Path("."),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of the page. Default: report.html in the folder.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            help="For a benchmark: also write this Markdown file of tables, and pictures in a folder images beside it."
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(help="For a benchmark: also write pictures as SVG and PDF into this folder.", metavar="DIR"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as one JSON document.")] = False,
) -> None:
    """Write one HTML page about a labeling project, or about the results of a benchmark.

    The page needs no other file. It can be written at any time, also while a benchmark is running.
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
    for name, path in (("markdown", markdown), ("plots", plots)):
        if path is not None:
            raise InputError(name, f"is for benchmarks, {folder} is a labeling project", "leave it out")
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
