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
        Path, typer.Argument(help="Folder of the project, or a folder of images to make a project of.", metavar="DIR")
    ] = Path("."),
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the page; 0 takes any free port. Default: 8642, or a free port if 8642 is in use.",
            min=0,
            max=65535,
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; 0.0.0.0 allows other machines. Everyone needs the token in the printed address."
        ),
    ] = "127.0.0.1",
    annotator: Annotated[
        str | None,
        typer.Option(
            help="Name of the person who labels. Default: your user name; with another --host, the page asks.",
        ),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Open the labeling page of a project. Ctrl-C stops it.

    Each answer is saved before the next item is shown. Several people can use the page at the same time. The first
    batch is chosen at once. When all its items are answered, a button on the page chooses the next batch.

    If the folder holds images and is no project, the page asks for the classes and makes a project beside it:
    photos-labels for photos. The same command opens that project the next time.
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
    images, folder = _find_project(given)

    def ready(address: str) -> None:
        say(console, f"Label at {address}", "bold")
        say(console, "Ctrl-C stops the page; every answer is saved already")

    tasks = TASKS | {"export": Task("writing the labels", f"{__name__}:export", "labels.csv")}
    options: dict[str, Any] = {"host": host, "port": port, "annotator": annotator, "browser": not no_browser}
    if images is not None:
        listing = f"{len(images.paths):,} image{'s' * (len(images.paths) != 1)} in {images.root}"
        say(console, f"{listing}: the page asks for the classes, then makes {folder}")
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
            say(console, f"The first batch of {project.folder} is being chosen; the page shows the progress")
        if counts.open > asked:
            say(console, f"  {counts.waiting()}")

        with suppress(KeyboardInterrupt):  # the normal end
            serve(project, ready, tasks=tasks, **options)
        say(console, f"Stopped; {project.counts().labeled:,} labeled")
        if folder != given:
            say(console, f"Next: spotal status {_short(folder)}", "bold")


def _find_project(folder: Path) -> tuple[Listing | None, Path]:
    """Return the project's folder and, if the project must still be made, the images for it."""
    from spotal.images import find_images
    from spotal.project.project import labels_folder
    from spotal.project.settings import FILE

    place = folder.resolve()
    if (place / FILE).exists() or not place.is_dir() or not place.name:
        return None, folder
    beside = labels_folder(place)
    if (beside / FILE).exists():
        return None, beside
    images = find_images(place)  # with its full name: "." says nothing
    return (images, beside) if images.paths else (None, folder)


def _short(folder: Path) -> str:
    """Return a folder as it is typed in a shell in the current folder."""
    import shlex

    here = Path.cwd()
    return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))


def export(project: Project, progress: Progress, file: Path) -> str:
    """Write all answers for a download from the page, as ``spotal export`` does."""
    from spotal.annotate.files import export_labels

    done = export_labels(project, file)
    return f"{done.answers:,} answers about {done.items:,} items"
