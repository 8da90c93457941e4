"""Content: comparison of the items and labels with spotal.toml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from spotal.project.doctor.base import Finding
from spotal.tables import listed
from spotal.tables.configuration import closest

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["check_content"]


def check_content(project: Project) -> Iterator[Finding]:
    """Yield settings that do not fit the items and labels."""
    from spotal.strategies import get, names

    check, settings = "settings", project.settings
    items = list(project.items)
    kinds = Counter(item.kind for item in items)
    if kinds.keys() - {settings.data.kind}:
        text = ", ".join(f"{count} of kind {kind}" for kind, count in sorted(kinds.items()))
        yield Finding(check, f"kind is {settings.data.kind!r} in spotal.toml and the items are {text}; correct it")
    if settings.many and settings.strategy in names() and not get(settings.strategy).multilabel:
        yield Finding(check, f"strategy {settings.strategy!r} does not support several classes per item; use 'spot'")
    if settings.strategy not in names():
        yield Finding(check, f"strategy {settings.strategy!r} is unknown; {closest(settings.strategy, names())}")
    standings = project.labels.standings().values()
    used = Counter(name for row in standings for name in settings.parted(row.label))
    removed = sorted((name, count) for name, count in used.items() if name not in settings.classes)
    if removed:
        text = ", ".join(f"{name!r} ({count} labels)" for name, count in removed)
        yield Finding(
            check, f"classes that are in use are not in spotal.toml: {text}; add them there, or label these items again"
        )
    imported = {event.item for event in project.labels.history() if event.source == "import"}
    held = [row.item for row in standings if row.held_back and row.item in imported]
    if held:
        yield Finding(
            check,
            f"{len(held)} items held back for the audit have imported labels, which no model trains on: {listed(held)}",
            note=True,
        )
