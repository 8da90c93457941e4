"""Sentences about what a look through the data found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from spotal.project.records import Added, Event
from spotal.tables import listed

__all__ = ["told", "told_aside", "told_empty"]


def told(found: Added) -> Iterator[str]:
    """What a person should know of items that moved, were renamed, or cannot be told apart."""
    if found.moved:
        yield f"{_count(found.moved, 'row')} moved; their labels went with them"
    if found.renamed:
        pairs = [f"{before} to {now}" for now, before in found.renamed.items()]
        yield f"{_count(pairs, 'item')} renamed, found again by content; their labels went along: {listed(pairs)}"
    if found.unclear:
        yield (
            f"{_count(found.unclear, 'item')} had equal content and differing labels, and fewer are left: which ones "
            f"cannot be known, so their labels are not trained on and what is left is new: {listed(found.unclear)}"
        )


def told_aside(events: Sequence[Event]) -> Iterator[str]:
    """How many answers are set aside, of which items, and what to do."""
    items = list(dict.fromkeys(event.item for event in events))
    if items:
        yield (
            f"{_count(events, 'label')} set aside and not trained on, since {_count(items, 'item')} changed after "
            f"being labeled: {listed(items)}; label them anew, or, where each label still holds, keep all by spotal "
            "next --keep-changed"
        )


def told_empty(found: Added) -> Iterator[str]:
    """How many texts were left out."""
    if found.empty:
        yield f"{_count(found.empty, 'empty text')} left out: {listed(found.empty)}"


def _count(many: Collection[object], one: str) -> str:
    return f"{len(many):,} {one}{'s' * (len(many) != 1)}"
