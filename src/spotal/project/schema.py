"""Tables of the project's database. What they mean is said in :mod:`spotal.project`.

A change here needs a new file in ``migrations/versions``; a test compares the two.
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
"""How contents begin that revision 0001 wrote, by file times or in the numbers' own type."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC as ISO 8601 text, to the microsecond, so that text order is time order."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """From text."""
        return None if value is None else _moment(value)


@lru_cache(1024)
def _moment(text: str) -> datetime:
    """The moment of a text; one object for the many items that were added together."""
    return datetime.fromisoformat(text)


class Base(DeclarativeBase):
    """All tables."""

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
    """A thing that can be labeled. Never deleted; ``number`` counts from 0 without gaps.

    ``content`` is a hash; ``stamp`` tells whether a file must be read again to know it, that of row 0 for all rows of a
    table; ``changed`` is when it last became another one.
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
    """An item that people were asked about; an item is picked once at most."""

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
    """What one annotator said about one content of one item, at one time. Rows are added, never changed or deleted."""

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
    """A person's word, or proof, that answers about a former ``content`` of an item hold for its content ``now``."""

    __tablename__ = "vouched"
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(primary_key=True)
    now: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class StandingRow(Base):
    """Where an item stands by its events: its row of the view ``tally``, kept by a trigger."""

    __tablename__ = "standings"
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(index=True)
    label: Mapped[str | None]
    votes: Mapped[int]
    voters: Mapped[int]
    heard: Mapped[int]


class ImportRow(Base):
    """A file of labels that was imported. Its ``answers`` are the events numbered ``first`` and on, without a gap."""

    __tablename__ = "imports"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    file: Mapped[str]
    format: Mapped[str]
    first: Mapped[int]
    answers: Mapped[int]
    undone: Mapped[datetime | None]


class SuggestionRow(Base):
    """A label that a model guessed, as a file said. The newest import that was not undone counts."""

    __tablename__ = "suggestions"
    item: Mapped[int] = mapped_column(ForeignKey("items.number"), primary_key=True, autoincrement=False)
    import_: Mapped[int] = mapped_column("import", ForeignKey("imports.number"), primary_key=True, autoincrement=False)
    label: Mapped[str]
    probability: Mapped[float | None]


class ModelRow(Base):
    """A trained model or embedder, and the files that it left."""

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
    """A figure of a model, with an interval where it is an estimate."""

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
"""Events that are about the present content of their items."""

_LATEST = """
CREATE VIEW latest AS
SELECT e.* FROM valid e
WHERE e.kind != 'withdraw'
  AND NOT EXISTS (SELECT 1 FROM valid l WHERE l.item = e.item AND l.annotator = e.annotator AND l.number > e.number)
"""
"""The last word of each annotator on the present content of each item, unless it was withdrawn."""

_SET_ASIDE = """
CREATE VIEW set_aside AS
SELECT e.* FROM events e JOIN items i ON i.number = e.item
WHERE e.kind IN ('label', 'none_of_these') AND NOT i.missing
  AND NOT EXISTS (SELECT 1 FROM events l WHERE l.item = e.item AND l.annotator = e.annotator AND l.number > e.number)
  AND NOT EXISTS (SELECT 1 FROM latest l WHERE l.item = e.item)
"""
"""Last words about a former content of an item, of whose present content nobody has spoken yet."""

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
"""Where each item that anybody spoke about stands: the majority of the last words; ties are conflicts.

Asked about one item, it reads the events of that item alone: windows by item let the condition through.
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
"""The audit trail is append-only: the database refuses to change or delete an event, whoever asks. An item's
standing is worked out anew with each event, change of its content, and word that vouches for it, whoever writes.
"""

VIEWS = {"valid": _VALID, "latest": _LATEST, "tally": _TALLY, "set_aside": _SET_ASIDE}

REFILL = (
    "DELETE FROM standings",
    "INSERT INTO standings (item, state, label, votes, voters, heard) "
    "SELECT item, state, label, votes, voters, heard FROM tally",
)
"""Work out all standings anew."""

valid, latest, set_aside = (
    table(name, *(column(part) for part in ("number", "item", "annotator", "kind", "label", "content")))
    for name in ("valid", "latest", "set_aside")
)
standings = StandingRow.__table__
