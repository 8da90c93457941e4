"""Events: the table of all answers, in the order of recording."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Executable, exists, insert, select
from sqlalchemy.orm import aliased

from spotal.project.queries import columns
from spotal.project.records import Event
from spotal.project.schema import EventRow, ImportRow, ItemRow

__all__ = ["EVENTS", "ON_PAGE", "not_undone", "read_events", "write_events"]

ON_PAGE = ("page", "suggestion")
"""Sources of answers from the labeling page."""
_NAMES = tuple(Event.__dataclass_fields__)
EVENTS = select(*columns(EventRow, Event, item=ItemRow.id)).join(ItemRow, ItemRow.number == EventRow.item)


def not_undone() -> tuple[ColumnElement[bool], ...]:
    """Return conditions on an event: it undoes nothing, and neither it nor the import that brought it was undone."""
    undo = aliased(EventRow)
    within = EventRow.number.between(ImportRow.first, ImportRow.first + ImportRow.answers - 1)
    return (
        EventRow.undoes.is_(None),
        ~exists().where(undo.undoes == EventRow.number),
        ~exists().where(ImportRow.undone.is_not(None), within),
    )


def write_events(connection: Connection, events: list[tuple[int, Event]]) -> None:
    """Add events, each with the number of its item."""
    if events:
        rows = [{name: getattr(event, name) for name in _NAMES} | {"item": item} for item, event in events]
        connection.execute(insert(EventRow), rows)


def read_events(connection: Connection, query: Executable) -> list[Event]:
    """Run a query made from :data:`EVENTS` and return its events."""
    return [Event(*row) for row in connection.execute(query)]
