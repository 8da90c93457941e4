"""Older defaults of ``SPOT()``, with which some results were measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OLDER = ("bc8ee5da1b2b", "fd44bdf624c8", "2ff52316e499", "99575aa89161")
"""Commits of stored results with the default that used the cube."""
NARROWER = ("5349cb1261ee", "23d74e86bba5")
"""Commits of stored results with the default before the wider cut. Extend these lists when the default changes."""
MARKS = {OLDER: "an older default", NARROWER: "before the wider cut"}
NOTES = {
    OLDER: (
        '**Sections marked "an older default" were measured with `SPOT()` as it was at the commit named there.** That '
        "version mapped the pool to the unit cube and used the design to divide the cube into cells of equal mass. It "
        "then refined the cells by Lloyd steps in the embedding space and selected a row near each center. The current "
        "default does not use the cube. It covers the neighbor graph: "
        "[Research log](research.md#coverage-in-units-of-mass)."
    ),
    NARROWER: (
        '**Sections marked "before the wider cut" were measured with `SPOT()` as it was at the commit named there.** '
        "Since then a row may be covered by more neighbors while labels are few, and samples for fewer than 41 picks "
        "are smaller: [Research log](research.md#how-far-may-a-pick-cover-while-labels-are-few)."
    ),
}


def heading(title: str, origin: dict[str, Any]) -> str:
    """Return a section's heading, with a mark if the section is about an older default."""
    return f"## {title}" + "".join(f" ({mark})" for commits, mark in MARKS.items() if _commit(origin) in commits)


def notes(origins: Iterable[dict[str, Any]]) -> list[str]:
    """Return descriptions of the older defaults that sections are about."""
    found = {_commit(origin) for origin in origins}
    return [note for commits, note in NOTES.items() if found.intersection(commits)]


def is_older(origin: dict[str, Any]) -> bool:
    """Return whether a result of this origin was measured with the default that used the cube."""
    return _commit(origin) in OLDER


def _commit(origin: dict[str, Any]) -> str:
    return str(origin.get("commit", ""))[:12]
