"""Imports: which files of labels were recorded, and how one is undone as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from spotal.errors import ProjectError
from spotal.numeric.arrays import blocks
from spotal.project.events import EVENTS, not_undone, read_events, write_events
from spotal.project.items import MANY, numbers_of
from spotal.project.journal import last_number
from spotal.project.records import Answer, Event, Import, Suggestion, Undone
from spotal.project.schema import EventRow, ImportRow, ItemRow, SuggestionRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from spotal.project.project import Project

__all__ = ["Imports"]


class Imports:
    """The files of labels that were imported, and the suggestions of models among them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._database = project.database

    def record(
        self, answers: Iterable[Answer], suggestions: Iterable[Suggestion] = (), *, file: str, format: str
    ) -> tuple[list[Event], int]:
        """Record the answers and suggestions of a file as one transaction; the events that are new, and how many
        suggestions were kept.

        Suggestions about items that are held back for the audit are not kept. A file that brings nothing new is not
        recorded as an import.

        Raises
        ------
        ProjectError
            As :meth:`Labels.record`; or a suggestion is of an unknown item or class. Nothing is recorded then.
        """
        listed, guessed = list(answers), list(suggestions)
        settings = self._project.settings
        wrong = next((one for one in guessed if not settings.places(one.label)), None)
        if wrong is not None:
            raise ProjectError(f"label must be one of the project's classes, found {wrong.label!r}; add it by a name")
        with self._database.write() as connection:
            first = last_number(connection) + 1
            events = [event for event, is_new in self._project.labels.append(connection, listed) if is_new]
            numbers = _not_held_back(connection, guessed)
            if not events and not numbers:
                return [], 0
            number = int(connection.execute(select(func.coalesce(func.max(ImportRow.number), 0))).scalar_one()) + 1
            about = {"file": file, "format": format, "first": first, "answers": len(events)}
            connection.execute(
                insert(ImportRow), [{"number": number, "at": datetime.now(UTC), "undone": None, **about}]
            )
            rows = {
                numbers[one.item]: {"label": one.label, "probability": one.probability}
                for one in guessed
                if one.item in numbers
            }
            if rows:
                keys = [{"item": item, "import": number, **row} for item, row in rows.items()]
                connection.execute(insert(SuggestionRow), keys)
        return events, len(rows)

    def all(self) -> list[Import]:
        """Every import, in the order of recording."""
        with self._database.read() as connection:
            return [_import(row) for row in connection.execute(_IMPORTS.order_by(ImportRow.number))]

    def suggestions(self, items: Sequence[int]) -> dict[int, tuple[str, float | None]]:
        """The label and probability that hold for items, by number: those of the newest import that was not undone.

        Items that are held back for the audit, and classes that the project no longer has, are left out.
        """
        query = (
            select(SuggestionRow.item, SuggestionRow.label, SuggestionRow.probability)
            .join(ImportRow, ImportRow.number == SuggestionRow.import_)
            .join(ItemRow, ItemRow.number == SuggestionRow.item)
            .where(ImportRow.undone.is_(None), ItemRow.held_back.is_(None))
            .order_by(SuggestionRow.import_)
        )
        with self._database.read() as connection:
            rows = (
                row
                for part in blocks(len(items), MANY)
                for row in connection.execute(query.where(SuggestionRow.item.in_(items[part])))
            )
            settings = self._project.settings
            return {item: (label, share) for item, label, share in rows if settings.places(label)}

    def undo(self, number: int | None = None, *, dry_run: bool = False) -> Undone | None:
        """Take back what an import recorded. Nothing is deleted: each answer is taken back by a further event.

        An answer is left alone where its annotator answered again after the import. Where the annotator had answered
        before the import, that answer holds again. An import that was undone is left as it is, so undoing it twice does
        nothing.

        Parameters
        ----------
        number : int or None, of the import; None for the last one
        dry_run : bool, whether to say what would be done and do nothing

        Returns
        -------
        Undone, or None where nothing was ever imported

        Raises
        ------
        ProjectError
            There is no import of that number.
        """
        query = _IMPORTS if number is None else _IMPORTS.where(ImportRow.number == number)
        with self._database.read() if dry_run else self._database.write() as connection:
            row = connection.execute(query.order_by(ImportRow.number.desc()).limit(1)).first()
            if row is None:
                if number is None:
                    return None
                raise ProjectError(f"import must be the number of one, found {number}; spotal undo --list shows them")
            found = _import(row)
            if found.undone is not None:
                return Undone(found)
            last = row.first + row.answers - 1
            mine = read_events(connection, EVENTS.where(EventRow.number.between(row.first, last), *not_undone()))
            numbers = numbers_of(connection, [event.item for event in mine])
            words = _words(connection, list(numbers.values()))
            now, at = last_number(connection), datetime.now(UTC)
            undos: list[tuple[int, Event]] = []
            restored = 0
            for event in mine:
                said = words[event.item, event.annotator]
                if said[-1].number != event.number:
                    continue
                before = said[-2] if len(said) > 1 else None
                kind, label = ("withdraw", None) if before is None else (before.kind, before.label)
                restored += kind != "withdraw"
                now += 1
                new = Event(
                    now, event.item, event.annotator, kind, label, at, "import", None, "", event.number, event.content
                )
                undos.append((numbers[event.item], new))
            if not dry_run:
                write_events(connection, undos)
                connection.execute(update(ImportRow).where(ImportRow.number == found.number).values(undone=at))
        return Undone(found, len(undos), restored, len(mine) - len(undos), found.suggestions)


_IMPORTS = select(
    ImportRow,
    select(func.count()).where(SuggestionRow.import_ == ImportRow.number).scalar_subquery().label("suggestions"),
)


def _import(row: Any) -> Import:
    return Import(row.number, row.at, row.file, row.format, row.answers, row.suggestions, row.undone)


def _words(connection: Connection, items: list[int]) -> dict[tuple[str, str], list[Event]]:
    """What each annotator said about these items and did not take back, in the order of recording."""
    words: dict[tuple[str, str], list[Event]] = {}
    for part in blocks(len(items), MANY):
        query = EVENTS.where(EventRow.item.in_(items[part]), *not_undone()).order_by(EventRow.number)
        for event in read_events(connection, query):
            words.setdefault((event.item, event.annotator), []).append(event)
    return words


def _not_held_back(connection: Connection, suggestions: list[Suggestion]) -> dict[str, int]:
    """Numbers of the items of suggestions, without those that are held back."""
    numbers = numbers_of(connection, [one.item for one in suggestions])
    free: set[int] = set()
    known = list(numbers.values())
    for part in blocks(len(known), MANY):
        query = select(ItemRow.number).where(ItemRow.number.in_(known[part]), ItemRow.held_back.is_(None))
        free.update(connection.execute(query).scalars())
    return {name: number for name, number in numbers.items() if number in free}
