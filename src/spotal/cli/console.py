"""Terminal output of all commands: streams, sentences, progress bars, and the handling of errors."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from typer.core import TyperGroup

from spotal.errors import FormatNote, InputError, SkippedWarning, SpotalError, SpotalWarning, reason_of
from spotal.terminal import visible

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

__all__ = [
    "Commands",
    "Terminal",
    "bar",
    "grid",
    "options",
    "output",
    "print_json",
    "progress",
    "quiet",
    "say",
    "seldom",
    "steps",
    "warn",
    "wrong_value",
]

F = TypeVar("F", bound=Callable[..., Any])
FAILED, INTERRUPTED = 2, 130
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)
USAGE: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")
"""Base class of errors about wrong usage. Newer versions of typer have their own copy of click's class."""


class Terminal(Console):
    """A console that prints text literally: markup has no effect, and escape sequences are made visible.

    Every command prints through it, so that the name of a file, class or annotator cannot control the terminal.
    """

    def __init__(self, *, stderr: bool = False, quiet: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, quiet=quiet)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Render as rich does; only the control codes that rich adds are kept."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text, lines=True), segment.style)


class Commands(TyperGroup):
    """A group of commands that exit with 2 and one sentence on an error, and with 130 on Ctrl-C.

    Errors are wrong usage, a SpotalError, and an OSError about a path (name too long, permission denied).
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments."""
        with _usage():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Warnings of spotal are printed as sentences too."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", SpotalWarning)
            default_show = warnings.showwarning
            printed: set[str] = set()

            def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
                if issubclass(category, FormatNote):  # once, even if the file is read several times
                    if str(message) not in printed and not _quiet.get():
                        _line(f"Note: {message}", "")
                    printed.add(str(message))
                elif isinstance(message, SkippedWarning):
                    warn(message.sentence("pass --strict" if "strict" in self._options(ctx) else ""))
                elif issubclass(category, SpotalWarning):
                    warn(str(message))
                else:
                    default_show(visible(str(message), lines=True), category, *place, **options)

            warnings.showwarning = show
            try:
                with _usage():
                    return super().invoke(ctx)
            except KeyboardInterrupt:
                _line("Interrupted.", "bold")
                raise typer.Exit(INTERRUPTED) from None
            except InputError as error:
                _fail(error.sentence(self._options(ctx).get(error.argument, error.argument)))
            except SpotalError as error:
                _fail(str(error))
            except OSError as error:
                if error.filename is None:  # it is not about a path
                    raise
                path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else error.filename
                _fail(f"{path} cannot be used ({reason_of(error)}); check the path and its permissions")

    def _options(self, ctx: Any) -> dict[str, str]:
        """Map argument names to the names that the user typed: options, arguments, environment variables."""
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        if command is None:
            return {}
        own = {str(param.name): _typed_name(param) for param in command.params}
        declared: dict[str, str] = getattr(command.callback, "options", {})
        environment: dict[str, str] = ctx.meta.get("spotal.environment", {})
        return own | declared | environment


def _typed_name(param: Any) -> str:
    """Return an option's long name, or an argument's name as the usage line shows it."""
    usage = str(getattr(param, "metavar", None) or param.name).strip("[].").upper()
    return next((name for name in param.opts if name.startswith("--")), usage)


def options(**names: str) -> Callable[[F], F]:
    """Declare which option sets an argument of the functions that a command calls, if the names differ.

    ``@options(mass_column="--mass")``: an :class:`InputError` about ``mass_column`` is printed about ``--mass``.
    """

    def declare(command: F) -> F:
        vars(command)["options"] = names
        return command

    return declare


def output(as_json: bool) -> Terminal:
    """Return the console for sentences: standard output, or standard error if standard output is for JSON."""
    return Terminal(stderr=as_json, quiet=_quiet.get())


@contextmanager
def quiet(on: bool) -> Iterator[None]:
    """Print nothing but errors and JSON within the block."""
    token = _quiet.set(on)
    try:
        yield
    finally:
        _quiet.reset(token)


def grid(
    head: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    title: str | None = None,
    left: tuple[int, ...] = (0,),
    lined: bool = False,
    wraps: bool = False,
) -> Table:
    """Return a table; the columns ``left`` begin at the left; ``lined`` draws a line below the head."""
    from rich import box
    from rich.table import Table

    style: dict[str, Any] = (
        {"box": box.SIMPLE_HEAD, "padding": (0, 1)} if lined else {"box": None, "padding": (0, 2, 0, 0)}
    )
    made = Table(title=title, title_justify="left", **style)
    for k, name in enumerate(head):
        made.add_column(name, justify="left" if k in left else "right", no_wrap=not wraps)
    for row in rows:
        made.add_row(*row)
    return made


def say(console: Console, text: str, style: str = "") -> None:
    """Print a sentence on one line; only a terminal wraps it."""
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
    """Show progress bars on standard error, and remove them at the end. Show none if it is not a terminal."""
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
        def render(self, task: Any) -> Text:
            return Text("" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f}")

    class Rate(ProgressColumn):
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
    """Add a bar, and return a function that updates it with the amount done and the total (None if unknown)."""
    task = bars.add_task(description, total=None)

    def update(done: int, total: int | None) -> None:
        bars.update(task, completed=done, total=total)

    return update


def seldom(every: float = 60.0) -> Callable[[Callable[[], str]], None]:
    """Return a function that prints the line that another one makes, at most every ``every`` seconds.

    The lines replace bars where standard error is no terminal; on a terminal nothing is printed.
    """
    console, printed = Terminal(stderr=True), time.monotonic()

    def tell(line: Callable[[], str]) -> None:
        nonlocal printed
        if not console.is_terminal and time.monotonic() - printed > every:
            printed = time.monotonic()
            say(console, line())

    return tell


@contextmanager
def steps() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show one bar for the current step. The function takes the step's name, the amount done and the total or None."""
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


def _line(text: str, style: str) -> None:
    Terminal(stderr=True).print(visible(text), style=style, soft_wrap=True)


def _fail(sentence: str) -> NoReturn:
    _line(f"Error: {sentence}", "red")
    raise typer.Exit(FAILED) from None


@contextmanager
def _usage() -> Iterator[None]:
    """End the command with one sentence on wrong usage."""
    try:
        yield
    except USAGE as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command prints its help
            raise
        _fail(_usage_sentence(error))


def _usage_sentence(error: Any) -> str:
    context, param = getattr(error, "ctx", None), getattr(error, "param", None)
    remedy = f"see {context.command_path if context else 'spotal'} --help"
    if param is None:
        return f"{' '.join(error.format_message().split()).rstrip('.')}; {remedy}"
    if type(error).__name__ == "MissingParameter":
        return f"{_typed_name(param)} must be given; {remedy}"
    return f"{_typed_name(param)} has a wrong value: {wrong_value(error)}; {remedy}"


def wrong_value(error: typer.BadParameter) -> str:
    """Return what is wrong with the value of an option, with the value."""
    message = str(error.message).rstrip(".")
    details: list[Any] = getattr(error.__cause__, "errors", list)()  # newer typer uses pydantic
    return message.replace("Input", repr(details[0]["input"]), 1) if details else message
