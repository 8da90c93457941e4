"""Command: the base of every command, with --verbose, --quiet and options from environment variables."""

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

from spotal.cli.console import Terminal, quiet, warn, wrong_value
from spotal.errors import InputError, like
from spotal.terminal import visible

__all__ = ["ENVIRONMENT", "PREFIX", "Command", "variables"]

PREFIX = "SPOTAL"
"""Prefix of the environment variables of options: ``SPOTAL_SELECT_BUDGET`` is ``--budget`` of ``spotal select``."""
ENVIRONMENT = "spotal.environment"
"""Key in a context's ``meta`` of the environment variables that set options, by parameter name."""
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
            param.show_envvar = False  # the epilog gives the rule once
        rule = (
            f"An environment variable can set any option: {own[0].envvar} sets {_long(own[0])}. An option on the "
            "command line comes first."
        )
        self.epilog = f"{self.epilog}\n\n{rule}" if self.epilog else rule

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments. An error about a value from the environment names the variable."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except typer.BadParameter as error:
            name = getattr(error.param, "name", None)
            variable = variables(error.ctx).get(str(name)) if error.ctx is not None else None
            if variable is None:
                raise
            raise InputError(
                variable, f"in the environment has a wrong value: {wrong_value(error)}", "correct it or unset it"
            ) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and show log messages on standard error if ``--verbose`` is given."""
        ctx.meta[ENVIRONMENT] = variables(ctx)
        with _logging(ctx.meta.get("spotal.verbose", 0)), quiet(ctx.meta.get("spotal.quiet", False)):
            self._warn_of_unknown()
            return super().invoke(ctx)

    def _warn_of_unknown(self) -> None:
        """Warn of environment variables with this command's prefix that match no option."""
        variables = [str(param.envvar) for param in self.params if param.envvar is not None]
        for name in sorted(os.environ):
            if name.startswith(self.begin) and name not in variables:
                hint = like(name, variables) or "unset it"
                warn(f"{name} in the environment is no option of spotal {self.name}; {hint}")


def _long(param: Any) -> str:
    return str(max(param.opts, key=len))


def variables(ctx: Any) -> dict[str, str]:
    """Return the environment variables that set a command's options, by parameter name."""
    sources = {param: ctx.get_parameter_source(param.name) for param in ctx.command.params}
    return {
        param.name: param.envvar for param, source in sources.items() if getattr(source, "name", "") == "ENVIRONMENT"
    }


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
            help="Print what is being done on standard error; give it twice for more detail.",
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
            help="Print nothing but errors, and JSON if --json is given.",
        ),
    ] = False,
) -> None:
    """Declare the options that all commands have."""


@lru_cache(maxsize=1)
def _shared_params() -> tuple[Any, ...]:
    app = typer.Typer(add_completion=False)
    app.command()(_shared)
    return tuple(get_command(app).params)


def _unwrapped(text: str) -> str:
    """Join the lines of each paragraph, so that the help is wrapped to the terminal's width only."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


class _Handler(logging.Handler):
    """A logging handler that prints each record as one safe line on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.name}: {record.getMessage()}"
        Terminal(stderr=True).print(visible(line), style="dim", soft_wrap=True)


@contextmanager
def _logging(verbose: int) -> Iterator[None]:
    """Print the records of spotal's loggers within the block."""
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
