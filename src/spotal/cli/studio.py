"""``spotal push``, ``spotal pull`` and ``spotal serve``: label a project's items in Label Studio."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spotal.cli.console import output, print_json, say, warn
from spotal.cli.options import AsJson, Folder
from spotal.errors import InputError, LabelStudioError

if TYPE_CHECKING:
    from rich.console import Console

    from spotal.annotate import LabelStudio, Pulled
    from spotal.project import Project

__all__ = ["pull", "push", "serve"]

Url = Annotated[
    str | None,
    typer.Option(help="Address of Label Studio. Default: the variable LABEL_STUDIO_URL, or the last address."),
]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a reply of Label Studio.")]
Images = Annotated[
    str | None,
    typer.Option(
        help="How Label Studio gets the images: upload (the default), or local if its server can read the folder.",
        metavar="upload|local",
    ),
]


def push(
    folder: Folder = Path("."),
    url: Url = None,
    project: Annotated[
        str | None,
        typer.Option(
            help="Number of a Label Studio project to use, or new to make another one.",
            metavar="NUMBER|new",
        ),
    ] = None,
    images: Images = None,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Send the batch to Label Studio as tasks, with the model's predictions.

    The first push makes a Label Studio project, unless --project names one. The token is read from the environment
    variable LABEL_STUDIO_API_KEY and never stored. The command can be repeated: no task is added twice.
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
        say(console, f"{report.closed:,} tasks were answered outside Label Studio and are not shown any more")
    if not report.new and not report.known:
        say(console, "Nothing waits for an answer; spotal next chooses a new batch")
        return
    before = f", {report.known:,} were there before" if report.known else ""
    say(console, f"Pushed {report.new:,} new tasks{before}", "bold")
    if report.guesses:
        say(console, f"  {report.guesses:,} of them show the model's newest prediction")
    if report.reopened:
        say(console, f"  {report.reopened:,} are shown to one more person: people disagree, or an answer was withdrawn")
    say(console, f"Label at {tool.page}, then: spotal pull {folder}")


def pull(
    folder: Folder = Path("."),
    url: Url = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Read every task, not only those that changed since the last pull.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat the pull until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two pulls of --watch.")] = 10.0,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Record the answers from Label Studio: new, changed and deleted annotations, and skipped tasks.

    Annotators are recorded under their e-mail addresses in Label Studio. The command can be stopped and repeated at any
    time.
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
            unanswered = opened.counts().open
            waits = f"{unanswered:,} items still wait for an answer. " if unanswered else ""
            say(console, f"{waits}Next: spotal {'pull' if unanswered else 'next'} {folder}")
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
        bool, typer.Option("--label-studio", help="Serve Label Studio. This option must be given.")
    ] = False,
    url: Url = None,
    images: Images = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free port.")] = 9090,
    public_url: Annotated[
        str | None,
        typer.Option(
            help="Address of this server as Label Studio reaches it, if it differs from --host and --port.",
        ),
    ] = None,
    every: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two checks when Label Studio sends no messages.")
    ] = 10,
    timeout: Timeout = 60.0,
) -> None:
    """Keep Label Studio supplied with batches until Ctrl-C: when a batch is answered, choose and push the next one.

    The server registers itself in Label Studio as an ML backend, and Label Studio shows its predictions.
    """
    from spotal.annotate.label_studio import serve as run
    from spotal.project import Project, next_batch

    if not label_studio:
        raise InputError(
            "label_studio",
            must="be given, as spotal serve serves nothing else",
            remedy="to label on spotal's own page run spotal label",
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
    kinds = [f"{n:,} {name}" for n, name in ((report.skipped, "skipped"), (report.none_of_these, "none of these")) if n]
    say(console, f"Pulled {', '.join(parts)} answers" + (f" ({', '.join(kinds)})" if kinds else ""), "bold")
    for sentence in report.unread[:5]:
        warn(f"{sentence}; it is not counted as an answer")
    if len(report.unread) > 5:
        warn(f"{len(report.unread) - 5:,} more annotations are not counted as answers")
    if report.set_aside:
        warn(
            f"{report.set_aside:,} answers are about items that changed after the push; they are set aside, "
            "and these items are asked again"
        )
    if report.strangers:
        say(console, f"  {report.strangers:,} tasks in Label Studio do not belong to this project")
