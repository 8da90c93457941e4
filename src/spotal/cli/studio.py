"""``spotal push``, ``spotal pull`` and ``spotal serve``: label in Label Studio, in spotal's order."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spotal.cli.console import output, print_json, say, warn
from spotal.errors import InputError, LabelStudioError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.annotate import LabelStudio, Pulled
    from spotal.project import Project

__all__ = ["pull", "push", "serve"]

Folder = Annotated[
    Path, typer.Argument(help="The project's folder, the current one by default.", metavar="DIR", show_default=False)
]
Url = Annotated[
    str | None,
    typer.Option(help="Label Studio's address; by default LABEL_STUDIO_URL, or the last one.", show_default=False),
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer of Label Studio.")]
Images = Annotated[
    str | None,
    typer.Option(
        help="How images get there: upload, the way at first, or local where the server may read the folder.",
        metavar="upload|local",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def push(
    folder: Folder = Path("."),
    url: Url = None,
    project: Annotated[
        str | None,
        typer.Option(
            help="A Label Studio project to adopt, by its number, or new for another one of our own.",
            metavar="NUMBER|new",
            show_default=False,
        ),
    ] = None,
    images: Images = None,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Bring the batch to Label Studio: tasks in our order, with what the model thinks of them.

    The first push makes a Label Studio project, unless one is adopted by --project. The token is read from the
    environment variable LABEL_STUDIO_API_KEY and never written down. May be repeated: no task is added twice.
    """
    from spotal.project import Project

    if project is not None and project != "new" and not project.isdecimal():
        raise InputError(
            "project", must="be a number or new", found=repr(project), remedy="the number is in the project's address"
        )
    console = output(as_json)
    with Project.open(folder) as opened:
        tool = _tool(opened, url, timeout)
        number = int(project) if project is not None and project.isdecimal() else None
        tool.connect(number, new=project == "new", images=_images(images))
        report = tool.push()
    if as_json:
        print_json({**asdict(report), "page": tool.page})
        return
    if report.closed:
        say(console, f"{report.closed:,} tasks were answered elsewhere and are shown no more")
    if not report.new and not report.known:
        say(console, "Nothing waits for an answer; spotal next chooses what does")
        return
    there = f", {report.known:,} were there" if report.known else ""
    say(console, f"Pushed {report.new:,} new tasks{there}", "bold")
    if report.guesses:
        say(console, f"  {report.guesses:,} of them show the model's newest guess")
    if report.reopened:
        say(console, f"  {report.reopened:,} are shown to one more person: in conflict, or withdrawn")
    say(console, f"Label at {tool.page}, then: spotal pull {folder}")


def pull(
    folder: Folder = Path("."),
    url: Url = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Look at every task, not only those that changed since the last pull.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 10.0,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Record what people said in Label Studio: new, changed and deleted annotations, and skipped tasks.

    Who said it is known by their e-mail address there. May be repeated, and interrupted, at any time.
    """
    from spotal.project import Project

    if watch and as_json:
        raise InputError("as_json", "is for one pull, found it with --watch", "leave one out")
    console = output(as_json)
    with Project.open(folder) as opened:
        tool = _tool(opened, url, timeout)
        report = tool.pull(everything=everything)
        if as_json:
            print_json(asdict(report))
            return
        _print(console, report)
        if not watch:
            left = opened.counts().open
            waits = f"{left:,} wait for an answer still. " if left else ""
            say(console, f"{waits}Next: spotal {'pull' if left else 'next'} {folder}")
        while watch:
            time.sleep(every)
            try:
                report = tool.pull()
            except LabelStudioError as error:
                if not error.temporary:
                    raise
                warn(f"{error}")
                continue
            if report.events:
                _print(console, report)


def serve(
    folder: Folder = Path("."),
    label_studio: Annotated[
        bool, typer.Option("--label-studio", help="Serve Label Studio: predictions, and batch after batch.")
    ] = False,
    url: Url = None,
    images: Images = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for a free one.")] = 9090,
    public_url: Annotated[
        str | None,
        typer.Option(help="Where Label Studio finds this server, if not at host and port.", show_default=False),
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks where Label Studio is silent.")] = 10,
    timeout: Timeout = 60.0,
) -> None:
    """Serve Label Studio until interrupted: when a batch is answered, the next one is chosen and pushed.

    Label Studio is told of this server as its ML backend, and shows its predictions.
    """
    from spotal.annotate.label_studio import serve as run
    from spotal.project import Project, next_batch

    if not label_studio:
        raise InputError(
            "label_studio",
            must="be given, the only one that spotal serve serves",
            remedy="our own page is spotal label",
        )
    console = output(False)
    with Project.open(folder) as opened:
        tool = _tool(opened, url, timeout)
        tool.connect(images=_images(images))
        run(
            tool,
            advance=next_batch,
            host=host,
            port=port,
            url=public_url,
            every=every,
            say=lambda text: say(console, text),
        )


def _tool(project: Project, url: str | None, timeout: float) -> LabelStudio:
    from spotal.annotate import LabelStudio

    return LabelStudio(project, url=url, timeout=timeout)


def _images(mode: str | None) -> str | None:
    if mode not in (None, "upload", "local"):
        raise InputError("images", must="be upload or local", found=repr(mode))
    return mode


def _print(console: Console, report: Pulled) -> None:
    parts = [f"{report.new:,} new", f"{report.changed:,} changed", f"{report.withdrawn:,} withdrawn"]
    among = [f"{n:,} {name}" for n, name in ((report.skipped, "skipped"), (report.none_of_these, "none of these")) if n]
    say(console, f"Pulled {', '.join(parts)} answers" + (f" ({', '.join(among)})" if among else ""), "bold")
    for sentence in report.unread[:5]:
        warn(f"{sentence}; it counts as no answer")
    if len(report.unread) > 5:
        warn(f"{len(report.unread) - 5:,} more annotations count as no answer")
    if report.set_aside:
        warn(
            f"{report.set_aside:,} answers are about items that changed after the push; they are set aside, "
            "and these items are asked again"
        )
    if report.strangers:
        say(console, f"  {report.strangers:,} tasks there are none of this project's")
