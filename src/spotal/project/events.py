"""Events as they lie in the database: what annotators said, in the order of recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Executable, exists, insert, select
from sqlalchemy.orm import aliased

from spotal.project.records import Event
from spotal.project.schema import EventRow, ImportRow, ItemRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["EVENTS", "ON_PAGE", "read_events", "stands_still", "write_events"]

ON_PAGE = ("page", "suggestion")
"""Sources of answers that people gave on the labeling page."""
EVENTS = select(
    EventRow.number,
    ItemRow.id,
    EventRow.annotator,
    EventRow.kind,
    EventRow.label,
    EventRow.at,
    EventRow.source,
    EventRow.external_id,
    EventRow.external_version,
    EventRow.undoes,
    EventRow.content,
).join(ItemRow, ItemRow.number == EventRow.item)


def stands_still() -> tuple[ColumnElement[bool], ...]:
    """Conditions on an event: it undoes nothing, and was not undone, by itself or with the import that brought it."""
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
        names = Event.__dataclass_fields__
        rows = [{name: getattr(event, name) for name in names} | {"item": item} for item, event in events]
        connection.execute(insert(EventRow), rows)


def read_events(connection: Connection, query: Executable) -> list[Event]:
    """The events that a query made from :data:`EVENTS` finds."""
    return [Event(*row) for row in connection.execute(query)]
