"""``spotal label``: the labeling page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spotal.cli.console import output, say

if TYPE_CHECKING:
    from spotal.project import Project
    from spotal.project.learning import Progress

__all__ = ["label"]


def label(
    folder: Annotated[Path, typer.Argument(help="The project.", metavar="DIR")] = Path("."),
    port: Annotated[
        int | None,
        typer.Option(help="0 for a free one; without it 8642, or a free one where that is in use.", min=0, max=65535),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; 0.0.0.0 lets other machines in. All need the printed address's token."
        ),
    ] = "127.0.0.1",
    annotator: Annotated[
        str | None,
        typer.Option(help="Who answers; without it your user name, or, where other machines may come, asked."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Open the labeling page of a project, until Ctrl-C.

    Every answer is on disk before the next item shows. Several people may use the page at once. When a batch is
    answered the page chooses the next; where there is none yet, the first one is chosen at once.
    """
    import getpass
    from contextlib import suppress

    from spotal.project import Project
    from spotal.project.labels import check_annotator
    from spotal.web import TASKS, Task, serve
    from spotal.web.guard import is_loopback

    console = output(False)
    if annotator is None and is_loopback(host):
        with suppress(OSError, KeyError):  # a user without a name
            annotator = getpass.getuser()
    if annotator is not None:
        check_annotator(annotator)
    with Project.open(folder) as project:
        asked, counts = len(project.rounds.batch(annotator)), project.counts()
        if len(project.rounds):
            say(console, f"{asked:,} to answer in {project.folder}, {counts.labeled:,} labeled")
        else:
            say(console, f"The first batch of {project.folder} is being chosen; the page shows how far it is")
        if counts.open > asked:
            say(console, f"  {counts.waiting()}")

        def ready(address: str) -> None:
            say(console, f"Label at {address}", "bold")
            say(console, "Ctrl-C stops the page; every answer is on disk already")

        tasks = TASKS | {"export": Task("writing the labels", f"{__name__}:export", "labels.csv")}
        with suppress(KeyboardInterrupt):  # how it is meant to end
            serve(project, ready, host=host, port=port, annotator=annotator, browser=not no_browser, tasks=tasks)
        say(console, f"Stopped; {project.counts().labeled:,} labeled")


def export(project: Project, progress: Progress, file: Path) -> str:
    """Write who said what for the page's download, as ``spotal export`` does."""
    from spotal.annotate.files import export_labels

    done = export_labels(project, file)
    return f"{done.answers:,} answers about {done.items:,} items"
