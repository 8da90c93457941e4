"""Older defaults of ``SPOT()``, with which some results were measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OLDER = ("bc8ee5da1b2b", "fd44bdf624c8", "2ff52316e499", "99575aa89161")
"""Commits of stored results with an older default. Extend it when the default changes."""
NOTE = (
    '**Sections marked "an older default" were measured with `SPOT()` as it was at the commit named there.** That '
    "version mapped the pool to the unit cube and used the design to divide the cube into cells of equal mass. It then "
    "refined the cells by Lloyd steps in the embedding space and selected a row near each center. The current default "
    "does not use the cube. It covers the neighbor graph: [Research log](research.md#coverage-in-units-of-mass)."
)


def heading(title: str, origin: dict[str, Any]) -> str:
    """Return a section's heading, with a mark if the section is about an older default."""
    return f"## {title}" + (" (an older default)" if is_older(origin) else "")


def notes(origins: Iterable[dict[str, Any]]) -> list[str]:
    """Return a description of the older default if a section is about it."""
    return [NOTE] if any(map(is_older, origins)) else []


def is_older(origin: dict[str, Any]) -> bool:
    """Return whether a result of this origin was measured with an older default."""
    return str(origin.get("commit", ""))[:12] in OLDER
