"""What the commands share on the terminal: streams, progress bars, sentences, and how an error ends a command."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from spotal.errors import FormatNote, SpotalError, SpotalWarning

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Commands", "duration", "output", "print_json", "progress", "say", "steps", "warn"]

FAILED, INTERRUPTED = 2, 130


class Commands(TyperGroup):
    """A group of commands that end in one sentence and exit 2 on a SpotalError, and exit 130 on Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; spotal's own warnings come as sentences too."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", SpotalWarning)
            shown = warnings.showwarning
            told: set[str] = set()

            def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
                if issubclass(category, FormatNote):  # once, however often the file is read
                    if str(message) not in told:
                        _line(f"Note: {message}", "")
                    told.add(str(message))
                elif issubclass(category, SpotalWarning):
                    warn(str(message).replace("pass strict=True", "pass --strict"))
                else:
                    shown(message, category, *place, **options)

            warnings.showwarning = show
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                _line("Interrupted.", "bold")
                raise typer.Exit(INTERRUPTED) from None
            except SpotalError as error:
                _line(f"Error: {error}", "red")
                raise typer.Exit(FAILED) from None


def output(as_json: bool) -> Console:
    """Where a command talks to a person: standard output, or standard error where that is kept for JSON."""
    return Console(stderr=as_json, highlight=False)


def say(console: Console, text: str, style: str = "") -> None:
    """Print a sentence as it is: no markup in it counts, and no line is broken where nobody watches."""
    console.print(text, style=style, markup=False, soft_wrap=not console.is_terminal)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    _line(f"Warning: {text}", "yellow")


def print_json(document: Any) -> None:
    """Print one JSON document, and nothing else, to standard output."""
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress bars on standard error, gone when done; none where standard error is no terminal."""
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Count(ProgressColumn):
        """How much is done, where it is known how much there is."""

        def render(self, task: Any) -> Text:
            return Text("" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f}")

    class Rate(ProgressColumn):
        """How much is done in a second."""

        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.total is not None and task.speed else "")

    console = Console(stderr=True)
    text = TextColumn("{task.description}", markup=False)
    columns = (
        SpinnerColumn(),
        text,
        BarColumn(),
        Count(),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield bars


def bar(bars: Progress, description: str) -> Callable[[int, int | None], None]:
    """A bar as a function of what is done and of how much there is, if that is known."""
    task = bars.add_task(description, total=None)

    def update(done: int, total: int | None) -> None:
        bars.update(task, completed=done, total=total)

    return update


@contextmanager
def steps() -> Iterator[Callable[[str, int, int | None], None]]:
    """One bar for what is done now, as a function of what that is, how much is done, and of how much or None."""
    with progress() as bars:
        now: tuple[str, Any] = ("", None)

        def show(what: str, done: int, total: int | None) -> None:
            nonlocal now
            if what != now[0]:
                if now[1] is not None:
                    bars.remove_task(now[1])
                now = what, bars.add_task(what, total=total)
            bars.update(now[1], completed=done, total=total)

        yield show


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _line(text: str, style: str) -> None:
    Console(stderr=True, highlight=False).print(text, style=style, markup=False, soft_wrap=True)
