"""What ``SPOT()`` was when results were measured, where that is not what it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FIRST = (
    "That default carried (1 - margin)^2 x distance to labels, and refined cells by five Lloyd steps to plain means. "
    "Today's tempers the margin by what held-out labels say, keeps centers to dense mass while labels are few, and "
    "takes four times as many steps for at most 100 picks then"
)
OLDER = {"bc8ee5da1b2b": FIRST, "fd44bdf624c8": FIRST}
"""By the commits of results that are kept: add theirs when the default changes."""


def heading(title: str, origin: dict[str, Any]) -> str:
    """A section's heading, which says so where the section is about an older default."""
    return f"## {title}" + (" (an older default)" if _was(origin) else "")


def notes(origins: Iterable[dict[str, Any]]) -> list[str]:
    """What the older defaults of some sections were."""
    told = dict.fromkeys(was for was in map(_was, origins) if was)
    return [
        f'**Sections marked "an older default" were measured with `SPOT()` as it was at their commit.** {was}: '
        "[benchmarks.md](benchmarks.md) has its learning curves, [research.md](research.md) how it came about."
        for was in told
    ]


def _was(origin: dict[str, Any]) -> str | None:
    return OLDER.get(str(origin.get("commit", ""))[:12])
