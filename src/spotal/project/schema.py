"""Tables of the project's database, explained in :mod:`spotal.project`.

A change here needs a new file in ``migrations/versions``. A test compares both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    column,
    table,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "FORMER",
    "REFILL",
    "REVISION",
    "TRIGGERS",
    "VIEWS",
    "Base",
    "EventRow",
    "ImportRow",
    "ItemRow",
    "MetricRow",
    "ModelRow",
    "PickRow",
    "RoundRow",
    "StandingRow",
    "SuggestionRow",
    "VouchedRow",
    "latest",
    "set_aside",
    "standings",
    "valid",
]

REVISION = "0004"
"""The newest file of ``migrations/versions``; revisions are numbered in order."""
FORMER = "former:"
"""Prefix of contents that revision 0001 wrote, from file times or numbers in their own type."""


class Moment(TypeDecorator[datetime]):
    """A time in UTC as ISO 8601 text with microseconds, so that text order is time order."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Convert to text."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Convert from text."""
        return None if value is None else _moment(value)


@lru_cache(1024)
def _moment(text: str) -> datetime:
    """Return the time of a text: one object for many items that were added together."""
    return datetime.fromisoformat(text)


class Base(DeclarativeBase):
    """Base class of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON(none_as_null=True), datetime: Moment()}  # noqa: RUF012


class ItemRow(Base):
    """A thing that can be labeled. Never deleted. ``number`` counts from 0 without gaps.

    ``content`` is a hash, and ``changed`` the time of its last change. A file is read again if its ``stamp`` differs;
    the stamp of row 0 is that of a whole table.
    """

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("kind IN ('image', 'text', 'embedding')", name="kind"),
        Index("ix_items_missing", "number", sqlite_where=text("missing")),
        Index("ix_items_changed", "changed"),
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    path: Mapped[str | None]
    row: Mapped[int | None]
    text: Mapped[str | None]
    content: Mapped[str]
    missing: Mapped[bool] = mapped_column(default=False)
    held_back: Mapped[float | None]
    added: Mapped[datetime]
    stamp: Mapped[str | None]
    changed: Mapped[datetime | None]


class RoundRow(Base):
    """One batch of picks. ``population`` and ``reserve`` describe the draw of its audit picks."""

    __tablename__ = "rounds"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    strategy: Mapped[str]
    n_labeled: Mapped[int]
    model: Mapped[int | None] = mapped_column(ForeignKey("models.number"))
    reserve: Mapped[int]
    drawn: Mapped[int]
    population: Mapped[int]
    about: Mapped[dict[str, Any]]


class PickRow(Base):
    """An item that people are asked about. Each item is picked at most once."""

    __tablename__ = "picks"
    __table_args__ = (CheckConstraint("role IN ('query', 'audit')", name="role"), UniqueConstraint("round", "rank"))
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    round: Mapped[int] = mapped_column(ForeignKey("rounds.number"))
    rank: Mapped[int]
    role: Mapped[str]
    mass: Mapped[float | None]
    stands_for: Mapped[int | None]
    uncertainty: Mapped[float | None]
    about: Mapped[dict[str, Any]]


class EventRow(Base):
    """One answer of an annotator about one content of an item. Rows are never changed or deleted."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint("kind IN ('label', 'skip', 'none_of_these', 'withdraw')", name="kind"),
        CheckConstraint("(kind = 'label') = (label IS NOT NULL)", name="label"),
        UniqueConstraint("source", "external_id", "external_version"),
        Index(None, "item", "annotator", "number"),
        Index(None, "annotator", "number"),
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    item: Mapped[int] = mapped_column(ForeignKey("items.number"))
    annotator: Mapped[str]
    kind: Mapped[str]
    label: Mapped[str | None]
    at: Mapped[datetime]
    source: Mapped[str]
    external_id: Mapped[str | None]
    external_version: Mapped[str]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("events.number"), unique=True)
    content: Mapped[str]


class VouchedRow(Base):
    """A confirmation that answers about a former ``content`` of an item are valid for its content ``now``."""

    __tablename__ = "vouched"
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(primary_key=True)
    now: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class StandingRow(Base):
    """The state of an item by its events: its row of the view ``tally``, updated by a trigger."""

    __tablename__ = "standings"
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(index=True)
    label: Mapped[str | None]
    votes: Mapped[int]
    voters: Mapped[int]
    heard: Mapped[int]


class ImportRow(Base):
    """An imported label file. Its answers are ``answers`` consecutive events from number ``first``."""

    __tablename__ = "imports"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    file: Mapped[str]
    format: Mapped[str]
    first: Mapped[int]
    answers: Mapped[int]
    undone: Mapped[datetime | None]


class SuggestionRow(Base):
    """A predicted label from a file. The newest import that was not undone counts."""

    __tablename__ = "suggestions"
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    import_: Mapped[int] = mapped_column("import", ForeignKey("imports.number"), primary_key=True, autoincrement=False)
    label: Mapped[str]
    probability: Mapped[float | None]


class ModelRow(Base):
    """A trained model or embedder, and its files."""

    __tablename__ = "models"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    name: Mapped[str]
    n_labeled: Mapped[int]
    events: Mapped[int]
    weights: Mapped[str | None]
    embeddings: Mapped[str | None]
    predictions: Mapped[str | None]
    about: Mapped[dict[str, Any]]


class MetricRow(Base):
    """A metric of a model, with an interval if it is an estimate."""

    __tablename__ = "metrics"
    model: Mapped[int] = mapped_column(ForeignKey("models.number"), primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    value: Mapped[float]
    low: Mapped[float | None]
    high: Mapped[float | None]


_VALID = """
CREATE VIEW valid AS
SELECT e.* FROM events e JOIN items i ON i.number = e.item
WHERE e.content = i.content
   OR EXISTS (SELECT 1 FROM vouched v WHERE v.item = e.item AND v.content = e.content AND v.now = i.content)
"""
"""Events about the present content of their items."""

_LATEST = """
CREATE VIEW latest AS
SELECT e.* FROM valid e
WHERE e.kind != 'withdraw'
  AND NOT EXISTS (SELECT 1 FROM valid l WHERE l.item = e.item AND l.annotator = e.annotator AND l.number > e.number)
"""
"""The last answer of each annotator about the present content of each item, unless withdrawn."""

_SET_ASIDE = """
CREATE VIEW set_aside AS
SELECT e.* FROM events e JOIN items i ON i.number = e.item
WHERE e.kind IN ('label', 'none_of_these') AND NOT i.missing
  AND NOT EXISTS (SELECT 1 FROM events l WHERE l.item = e.item AND l.annotator = e.annotator AND l.number > e.number)
  AND NOT EXISTS (SELECT 1 FROM latest l WHERE l.item = e.item)
"""
"""Last answers about a former content of items whose present content has no answer yet."""

_TALLY = """
CREATE VIEW tally AS
WITH counted AS (
  SELECT item, kind, label, COUNT(*) AS said, CASE kind WHEN 'skip' THEN 0 ELSE COUNT(*) END AS votes
  FROM latest GROUP BY item, kind, label
), ranked AS (
  SELECT *, ROW_NUMBER() OVER best AS place, LEAD(votes) OVER best AS next, SUM(votes) OVER best AS voters,
         SUM(said) OVER best AS heard
  FROM counted WINDOW best AS (
    PARTITION BY item ORDER BY votes DESC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
)
SELECT item,
       CASE WHEN votes = 0 THEN 'skipped' WHEN votes = next THEN 'conflict' WHEN kind = 'label' THEN 'labeled'
         ELSE kind END AS state,
       CASE WHEN votes > 0 AND votes IS NOT next THEN label END AS label, votes, voters, heard
FROM ranked WHERE place = 1
"""
"""The state of each item with answers, by majority of the last answers. Ties are conflicts.

A query about one item reads only its events, because windows by item let SQLite apply the condition first.
"""

TRIGGERS = (
    *(
        f"CREATE TRIGGER events_no_{verb} BEFORE {verb.upper()} ON events "
        "BEGIN SELECT RAISE(ABORT, 'label events are never changed or deleted'); END"
        for verb in ("update", "delete")
    ),
    *(
        f"CREATE TRIGGER {name} AFTER {what} BEGIN "
        f"DELETE FROM standings WHERE item = {item}; "
        "INSERT INTO standings (item, state, label, votes, voters, heard) "
        f"SELECT item, state, label, votes, voters, heard FROM tally WHERE item = {item}; END"
        for name, what, item in (
            ("events_counted", "INSERT ON events", "NEW.item"),
            ("items_recounted", "UPDATE OF content ON items WHEN NEW.content IS NOT OLD.content", "NEW.number"),
            ("vouched_recounted", "INSERT ON vouched", "NEW.item"),
        )
    ),
)
"""The event log is append-only: the database refuses to change or delete an event. An item's state is updated after
each event, change of content and confirmation.
"""

VIEWS = {"valid": _VALID, "latest": _LATEST, "tally": _TALLY, "set_aside": _SET_ASIDE}

REFILL = (
    "DELETE FROM standings",
    "INSERT INTO standings (item, state, label, votes, voters, heard) "
    "SELECT item, state, label, votes, voters, heard FROM tally",
)
"""Statements that compute all states again."""

valid, latest, set_aside = (
    table(name, *(column(part) for part in ("number", "item", "annotator", "kind", "label", "content")))
    for name in ("valid", "latest", "set_aside")
)
standings = StandingRow.__table__
