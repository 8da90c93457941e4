"""``spotal label``: the labeling page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spotal.cli.console import output, say

if TYPE_CHECKING:
    from spotal.images import Listing
    from spotal.project import Project
    from spotal.project.learning import Progress

__all__ = ["label"]


def label(
    folder: Annotated[
        Path, typer.Argument(help="The project, or a folder of images to make one of.", metavar="DIR")
    ] = Path("."),
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

    For a folder of images that is no project, the page asks for the classes and makes a project beside it: photos/ gets
    photos-labels/, with the usual settings. The same command goes on with it the next time.
    """
    import getpass
    from contextlib import suppress

    from spotal.project import Project
    from spotal.project.labels import check_annotator
    from spotal.web import TASKS, Task, serve, serve_setup
    from spotal.web.guard import is_loopback

    console = output(False)
    if annotator is None and is_loopback(host):
        with suppress(OSError, KeyError):  # a user without a name
            annotator = getpass.getuser()
    if annotator is not None:
        check_annotator(annotator)
    given = folder
    images, folder = _found(given)

    def ready(address: str) -> None:
        say(console, f"Label at {address}", "bold")
        say(console, "Ctrl-C stops the page; every answer is on disk already")

    tasks = TASKS | {"export": Task("writing the labels", f"{__name__}:export", "labels.csv")}
    options: dict[str, Any] = {"host": host, "port": port, "annotator": annotator, "browser": not no_browser}
    if images is not None:
        say(
            console,
            f"{len(images.paths):,} images in {images.root}: the page asks for the classes, then makes {folder}",
        )
        labeled = serve_setup(images, folder, ready, tasks=tasks, **options)
        say(console, f"Stopped; {labeled:,} labeled" if labeled >= 0 else "Stopped; no project was made")
        if labeled >= 0:
            say(console, f"Next: spotal status {_short(folder)}", "bold")
        return
    with Project.open(folder) as project:
        asked, counts = len(project.rounds.batch(annotator)), project.counts()
        if len(project.rounds):
            say(console, f"{asked:,} to answer in {project.folder}, {counts.labeled:,} labeled")
        else:
            say(console, f"The first batch of {project.folder} is being chosen; the page shows how far it is")
        if counts.open > asked:
            say(console, f"  {counts.waiting()}")

        with suppress(KeyboardInterrupt):  # how it is meant to end
            serve(project, ready, tasks=tasks, **options)
        say(console, f"Stopped; {project.counts().labeled:,} labeled")
        if folder != given:
            say(console, f"Next: spotal status {_short(folder)}", "bold")


def _found(folder: Path) -> tuple[Listing | None, Path]:
    """The folder of the project; and, where it is still to be made, the images that it will be about."""
    from spotal.images import find_images
    from spotal.project.project import labels_folder
    from spotal.project.settings import FILE

    place = folder.resolve()
    if (place / FILE).exists() or not place.is_dir() or not place.name:
        return None, folder
    beside = labels_folder(place)
    if (beside / FILE).exists():
        return None, beside
    images = find_images(folder)
    return (images, beside) if images.paths else (None, folder)


def _short(folder: Path) -> str:
    """A folder as it is typed from here."""
    import shlex

    here = Path.cwd()
    return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))


def export(project: Project, progress: Progress, file: Path) -> str:
    """Write who said what for the page's download, as ``spotal export`` does."""
    from spotal.annotate.files import export_labels

    done = export_labels(project, file)
    return f"{done.answers:,} answers about {done.items:,} items"
