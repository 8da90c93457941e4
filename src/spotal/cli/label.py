"""``spotal label``: the labeling page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spotal.cli.console import output, say

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

    Every answer is on disk before the next item shows. Several people may use the page at once.
    """
    import getpass
    from contextlib import suppress

    from spotal.project import Project
    from spotal.project.labels import check_annotator
    from spotal.web import serve
    from spotal.web.guard import is_loopback

    console = output(False)
    if annotator is None and is_loopback(host):
        with suppress(OSError, KeyError):  # a user without a name
            annotator = getpass.getuser()
    if annotator is not None:
        check_annotator(annotator)
    with Project.open(folder) as project:
        asked, counts = len(project.rounds.batch(annotator)), project.counts()
        say(console, f"{asked:,} to answer in {project.folder}, {counts.labeled:,} labeled")
        if counts.open > asked:
            say(console, f"  {counts.waiting()}")

        def ready(address: str) -> None:
            say(console, f"Label at {address}", "bold")
            say(console, "Ctrl-C stops the page; every answer is on disk already")

        with suppress(KeyboardInterrupt):  # how it is meant to end
            serve(project, ready, host=host, port=port, annotator=annotator, browser=not no_browser)
        say(console, f"Stopped; {project.counts().labeled:,} labeled")
