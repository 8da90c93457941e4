"""Sentences for people about changes of the data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from spotal.project.records import Added, Event
from spotal.tables import listed

__all__ = ["describe_changes", "describe_empty", "describe_set_aside"]


def describe_changes(report: Added) -> Iterator[str]:
    """Describe items that moved, were renamed, or have ambiguous labels."""
    if report.moved:
        yield f"{_count(report.moved, 'row')} moved; their labels went with them"
    if report.renamed:
        pairs = [f"{before} to {now}" for now, before in report.renamed.items()]
        yield f"{_count(pairs, 'item')} renamed, found again by content; their labels went along: {listed(pairs)}"
    if report.unclear:
        yield (
            f"{_count(report.unclear, 'item')} had equal content and different labels, and some of them are gone; it "
            "is unknown which, so their labels are not used, and the remaining items count as new: "
            f"{listed(report.unclear)}"
        )


def describe_set_aside(events: Sequence[Event]) -> Iterator[str]:
    """Describe answers that were set aside: their number, their items, and what to do."""
    items = list(dict.fromkeys(event.item for event in events))
    if items:
        yield (
            f"{_count(events, 'label')} set aside and not trained on, since {_count(items, 'item')} changed after "
            f"being labeled: {listed(items)}; label them again, or, if every label is still right, keep all by spotal "
            "next --keep-changed"
        )


def describe_empty(report: Added) -> Iterator[str]:
    """Describe empty texts that were left out."""
    if report.empty:
        yield f"{_count(report.empty, 'empty text')} left out: {listed(report.empty)}"


def _count(many: Collection[object], one: str) -> str:
    return f"{len(many):,} {one}{'s' * (len(many) != 1)}"
