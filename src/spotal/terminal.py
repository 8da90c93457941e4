"""Text for people: outside text, such as file names and labels, escaped for a terminal; times in words."""

from __future__ import annotations

import logging
import re
from typing import Any

__all__ = ["VisibleFormatter", "duration", "percent", "server_log", "visible"]

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and newline, marks that reorder text, line separators, lone surrogates."""


def visible(text: str, *, lines: bool = False) -> str:
    r"""Replace every character that controls a terminal by its escape, such as ``\x1b``.

    Parameters
    ----------
    text : str
    lines : bool, whether newlines and tabs are not replaced

    Examples
    --------
    >>> print(visible("photos/\x1b[2Jgull.png"))
    photos/\x1b[2Jgull.png
    """
    if not lines:
        text = text.replace("\n", "\\n").replace("\t", "\\t")
    return HIDDEN.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def duration(seconds: float, exact: float = 0) -> str:
    """Return a time in words: seconds (with one decimal below ``exact``), minutes or hours."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < exact else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def percent(value: float, low: float | None = None, high: float | None = None) -> str:
    """Return a share in percent, with its interval if there is one."""
    around = "" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})"
    return f"{100 * value:.1f} %{around}"


class VisibleFormatter(logging.Formatter):
    """A log formatter that escapes control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text and traceback, escaped."""
        return visible(super().format(record), lines=True)


def server_log(level: str) -> dict[str, Any]:
    """Return the logging configuration for uvicorn: lines of at least ``level`` go to stderr, escaped."""
    formatter = {"()": VisibleFormatter, "fmt": "%(levelname)s: %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"visible": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "visible"}},
        "loggers": {"uvicorn": {"handlers": ["stderr"], "level": level.upper(), "propagate": False}},
    }
