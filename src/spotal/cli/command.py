"""Command: --verbose, --quiet, options from the environment, and help that is wrapped once, for every command."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption
from typer.main import get_command

from spotal.cli.console import Terminal, quiet, warn
from spotal.errors import InputError, like
from spotal.terminal import visible

__all__ = ["ENVIRONMENT", "PREFIX", "Command", "variables"]

PREFIX = "SPOTAL"
"""How the environment variables of options begin: ``SPOTAL_SELECT_BUDGET`` is ``--budget`` of ``spotal select``."""
ENVIRONMENT = "spotal.environment"
"""The entry of a context's ``meta`` with the variables that gave options, by the options' parameter names."""
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class Command(TyperCommand):
    """A command of spotal."""

    def __init__(self, *words: Any, **settings: Any) -> None:
        settings["params"] = [*settings.get("params", []), *_shared_params()]
        settings["help"] = _unwrapped(settings.get("help") or "")
        super().__init__(*words, **settings)
        self.begin = begin = f"{PREFIX}_{str(self.name).upper().replace('-', '_')}_"
        own = [param for param in self.params if isinstance(param, TyperOption) and param.envvar is None]
        for param in own:
            param.envvar = begin + _long(param)[2:].upper().replace("-", "_")
            param.show_envvar = False  # the epilog says the rule once
        rule = (
            f"Each option can be set by an environment variable, {_long(own[0])} by {own[0].envvar}; what the command "
            "line says comes first."
        )
        self.epilog = f"{self.epilog}\n\n{rule}" if self.epilog else rule

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments; an environment variable with a wrong value is one sentence that names it."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except typer.BadParameter as error:
            name = getattr(error.param, "name", None)
            variable = variables(error.ctx).get(str(name)) if error.ctx is not None else None
            if variable is None:
                raise
            raise InputError(
                variable,
                f"in the environment has a wrong value: {error.message.rstrip('.')}",
                "correct it or unset it",
            ) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command, with log messages on standard error where they are asked for."""
        ctx.meta[ENVIRONMENT] = variables(ctx)
        with _logging(ctx.meta.get("spotal.verbose", 0)), quiet(ctx.meta.get("spotal.quiet", False)):
            self._warn_of_unknown()
            return super().invoke(ctx)

    def _warn_of_unknown(self) -> None:
        """Warn of environment variables that begin as this command's do and are none of its options."""
        known = [str(param.envvar) for param in self.params if param.envvar is not None]
        for name in sorted(os.environ):
            if name.startswith(self.begin) and name not in known:
                hint = like(name, known) or "unset it"
                warn(f"{name} in the environment is no option of spotal {self.name}; {hint}")


def _long(param: Any) -> str:
    """Return the long form of an option."""
    return str(max(param.opts, key=len))


def variables(ctx: Any) -> dict[str, str]:
    """Return the environment variables that gave a command's options, by the options' parameter names."""
    found = {}
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name)
        if source is not None and source.name == "ENVIRONMENT":
            found[param.name] = param.envvar
    return found


def _keep(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> None:
    ctx.meta[f"spotal.{param.name}"] = value


def _shared(
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            expose_value=False,
            callback=_keep,
            envvar=f"{PREFIX}_VERBOSE",
            help="Say on standard error what is done; twice for more.",
            show_default=False,
        ),
    ] = 0,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            expose_value=False,
            callback=_keep,
            envvar=f"{PREFIX}_QUIET",
            help="Print errors only, and JSON where it is asked for.",
        ),
    ] = False,
) -> None:
    """Declare the options that all commands have."""


@lru_cache(maxsize=1)
def _shared_params() -> tuple[Any, ...]:
    """Make the parameters that ``_shared`` declares."""
    app = typer.Typer(add_completion=False)
    app.command()(_shared)
    return tuple(get_command(app).params)


def _unwrapped(text: str) -> str:
    """Join the lines of each paragraph, since the terminal's width breaks them anew."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


class _Handler(logging.Handler):
    """Log records as lines on standard error, safe to print."""

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.name}: {record.getMessage()}"
        Terminal(stderr=True).print(visible(line), style="dim", soft_wrap=True)


@contextmanager
def _logging(verbose: int) -> Iterator[None]:
    """Show the records of spotal's loggers while the command runs."""
    if not verbose:
        yield
        return
    logger, handler = logging.getLogger("spotal"), _Handler()
    before = logger.level
    logger.setLevel(_LEVELS[min(verbose, 2)])
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
