"""What the commands share on the terminal: streams, progress bars, sentences, and how an error ends a command."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.segment import Segment
from typer.core import TyperGroup

from spotal.errors import FormatNote, InputError, SkippedWarning, SpotalError, SpotalWarning
from spotal.terminal import visible

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = [
    "Commands",
    "KeepFormulas",
    "Terminal",
    "duration",
    "options",
    "output",
    "print_json",
    "progress",
    "quiet",
    "say",
    "steps",
    "warn",
]

KeepFormulas = Annotated[
    bool,
    typer.Option(
        "--keep-formulas",
        help="Write texts such as =1+1 to .csv as they are; without it a quote before them keeps spreadsheets from "
        "running them.",
    ),
]
F = TypeVar("F", bound=Callable[..., Any])
FAILED, INTERRUPTED = 2, 130
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)
USAGE: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")
"""Base of typer's errors about wrong usage: click's, or that of the copy of click that newer versions of typer have."""


class Terminal(Console):
    """A console that prints text as it is: no markup in it counts, and no escape sequence in it reaches the terminal.

    Every command prints through one of these, so that no name of a file, class or annotator can move the cursor, hide
    a line or change a title.
    """

    def __init__(self, *, stderr: bool = False, quiet: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, quiet=quiet)

    def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
        """Render as rich does; the control codes that stay are those of rich itself."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text, lines=True), segment.style)


class Commands(TyperGroup):
    """A group of commands that end in one sentence and exit 2 on a SpotalError, and exit 130 on Ctrl-C.

    So they do on what the system says of a path: its name is too long, a folder may not be entered.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments."""
        with _usage():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; spotal's own warnings come as sentences too."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", SpotalWarning)
            shown = warnings.showwarning
            told: set[str] = set()

            def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
                if issubclass(category, FormatNote):  # once, however often the file is read
                    if str(message) not in told and not _quiet.get():
                        _line(f"Note: {message}", "")
                    told.add(str(message))
                elif isinstance(message, SkippedWarning):
                    warn(message.sentence("pass --strict" if "strict" in self._options(ctx) else ""))
                elif issubclass(category, SpotalWarning):
                    warn(str(message))
                else:
                    shown(visible(str(message), lines=True), category, *place, **options)

            warnings.showwarning = show
            try:
                with _usage():
                    return super().invoke(ctx)
            except KeyboardInterrupt:
                _line("Interrupted.", "bold")
                raise typer.Exit(INTERRUPTED) from None
            except InputError as error:
                _line(f"Error: {self._in_options(ctx, error)}", "red")
                raise typer.Exit(FAILED) from None
            except SpotalError as error:
                _line(f"Error: {error}", "red")
                raise typer.Exit(FAILED) from None
            except OSError as error:
                if error.filename is None:  # it is not about a path
                    raise
                reason = (error.strerror or str(error)).lower()
                path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else error.filename
                _line(f"Error: {path} cannot be used ({reason}); check the path and its permissions", "red")
                raise typer.Exit(FAILED) from None

    def _in_options(self, ctx: Any, error: InputError) -> str:
        """The sentence of an error with the name that the command has for the argument, if it has one."""
        return error.sentence(self._options(ctx).get(error.argument, error.argument))

    def _options(self, ctx: Any) -> dict[str, str]:
        """What the command calls arguments: its own parameters, and those that it declares by :func:`options`."""
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        if command is None:
            return {}
        own: dict[str, str] = {}
        for one in map(vars, command.params):  # an option by its long name, an argument as the usage has it
            usage = str(one.get("metavar") or one["name"]).strip("[].").upper()
            own[one["name"]] = next((name for name in one["opts"] if name.startswith("--")), usage)
        named: dict[str, str] = getattr(command.callback, "options", {})
        given: dict[str, str] = ctx.meta.get("spotal.environment", {})
        return own | named | given


def options(**names: str) -> Callable[[F], F]:
    """Declare what a command calls arguments of the functions behind it, where it has no parameter of that name.

    ``@options(mass_column="--mass")``: an :class:`InputError` about ``mass_column`` is printed about ``--mass``.
    """

    def declare(command: F) -> F:
        vars(command)["options"] = names
        return command

    return declare


def output(as_json: bool) -> Terminal:
    """Where a command talks to a person: standard output, or standard error where that is kept for JSON."""
    return Terminal(stderr=as_json, quiet=_quiet.get())


@contextmanager
def quiet(on: bool) -> Iterator[None]:
    """Print errors only, and JSON, within the block."""
    token = _quiet.set(on)
    try:
        yield
    finally:
        _quiet.reset(token)


def say(console: Console, text: str, style: str = "") -> None:
    """Print a sentence on one line, which is not broken where nobody watches."""
    console.print(visible(text), style=style, soft_wrap=not console.is_terminal)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    if _quiet.get():
        return
    _line(f"Warning: {text}", "yellow")


def print_json(document: object) -> None:
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

    console = Terminal(stderr=True)
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
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal or _quiet.get()) as bars:
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
    Terminal(stderr=True).print(visible(text), style=style, soft_wrap=True)


@contextmanager
def _usage() -> Iterator[None]:
    """Make the arguments that a message about wrong usage repeats safe to print."""
    try:
        yield
    except USAGE as error:
        vars(error)["message"] = visible(error.message, lines=True)
        raise
