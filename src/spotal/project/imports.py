"""Imports: the log of imported label files, and undo of a whole import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update

from spotal.errors import ProjectError
from spotal.project.events import EVENTS, not_undone, read_events, write_events
from spotal.project.items import numbers_of
from spotal.project.journal import last_number
from spotal.project.queries import SOME, Part, columns, in_parts
from spotal.project.records import Answer, Event, Import, Suggestion, Undone
from spotal.project.schema import EventRow, ImportRow, ItemRow, SuggestionRow

__all__ = ["Imports"]


class Imports(Part):
    """The imported label files, and the model suggestions that they held."""

    def record(
        self, answers: Iterable[Answer], suggestions: Iterable[Suggestion] = (), *, file: str, format: str
    ) -> tuple[list[Event], int]:
        """Record a file's answers and suggestions in one transaction. Return the new events and the number of
        suggestions recorded.

        Suggestions about items held back for the audit are dropped. A file without anything new is no import.

        Raises
        ------
        ProjectError
            As :meth:`Labels.record`, or the item or class of a suggestion is unknown. Nothing is recorded then.
        """
        guesses = list(suggestions)
        settings = self._project.settings
        wrong = next((guess for guess in guesses if not settings.places(guess.label)), None)
        if wrong is not None:
            raise ProjectError(f"label must be one of the project's classes, found {wrong.label!r}; add it by a name")
        with self._database.write() as connection:
            first = last_number(connection) + 1
            events = [event for event, is_new in self._project.labels.append(connection, list(answers)) if is_new]
            numbers = _not_held_back(connection, guesses)
            if not events and not numbers:
                return [], 0
            number = int(connection.execute(select(func.coalesce(func.max(ImportRow.number), 0))).scalar_one()) + 1
            about = {"file": file, "format": format, "first": first, "answers": len(events)}
            connection.execute(
                insert(ImportRow), [{"number": number, "at": datetime.now(UTC), "undone": None, **about}]
            )
            rows = {
                numbers[guess.item]: {"label": guess.label, "probability": guess.probability}
                for guess in guesses
                if guess.item in numbers
            }
            if rows:
                keys = [{"item": item, "import": number, **row} for item, row in rows.items()]
                connection.execute(insert(SuggestionRow), keys)
        return events, len(rows)

    def all(self) -> list[Import]:
        """Return every import, in the order of recording."""
        return [Import(*row) for row in self._rows(_IMPORTS.order_by(ImportRow.number))]

    def suggestions(self, items: Sequence[int]) -> dict[int, tuple[str, float | None]]:
        """Return the suggested label and its probability, by item number.

        The newest import that was not undone counts. Items held back for the audit and suggestions of a class that
        the project no longer has are left out.
        """
        query = (
            select(SuggestionRow.item, SuggestionRow.label, SuggestionRow.probability)
            .join(ImportRow, ImportRow.number == SuggestionRow.import_)
            .join(ItemRow, ItemRow.number == SuggestionRow.item)
            .where(ImportRow.undone.is_(None), ItemRow.held_back.is_(None), SuggestionRow.item.in_(SOME))
            .order_by(SuggestionRow.import_)
        )
        settings = self._project.settings
        with self._database.read() as connection:
            rows = in_parts(connection, query, items)
            return {item: (label, share) for item, label, share in rows if settings.places(label)}

    def undo(self, number: int | None = None, *, dry_run: bool = False) -> Undone | None:
        """Undo an import. Nothing is deleted: a new event withdraws or replaces each answer.

        An answer is not touched if its annotator answered again after the import. If the annotator had answered before
        the import, that earlier answer becomes valid again. Undoing an import a second time changes nothing.

        Parameters
        ----------
        number : int or None, of the import; None for the last one
        dry_run : bool, whether to only report what would be done

        Returns
        -------
        Undone, or None if nothing was ever imported

        Raises
        ------
        ProjectError
            There is no import with this number.
        """
        query = _IMPORTS if number is None else _IMPORTS.where(ImportRow.number == number)
        with self._database.read() if dry_run else self._database.write() as connection:
            row = connection.execute(query.order_by(ImportRow.number.desc()).limit(1)).first()
            if row is None:
                if number is None:
                    return None
                raise ProjectError(f"import must be the number of one, found {number}; spotal undo --list shows them")
            record = Import(*row)
            if record.undone is not None:
                return Undone(record)
            first = connection.execute(select(ImportRow.first).where(ImportRow.number == record.number)).scalar_one()
            own = EventRow.number.between(first, first + record.answers - 1)
            events = read_events(connection, EVENTS.where(own, *not_undone()))
            numbers = numbers_of(connection, [event.item for event in events])
            history = _history(connection, list(numbers.values()))
            now, at = last_number(connection), datetime.now(UTC)
            undos: list[tuple[int, Event]] = []
            restored = 0
            for event in events:
                answers = history[event.item, event.annotator]
                if answers[-1].number != event.number:
                    continue
                before = answers[-2] if len(answers) > 1 else None
                kind, label = ("withdraw", None) if before is None else (before.kind, before.label)
                restored += kind != "withdraw"
                now += 1
                new = Event(
                    now, event.item, event.annotator, kind, label, at, "import", None, "", event.number, event.content
                )
                undos.append((numbers[event.item], new))
            if not dry_run:
                write_events(connection, undos)
                connection.execute(update(ImportRow).where(ImportRow.number == record.number).values(undone=at))
        return Undone(record, len(undos), restored, len(events) - len(undos), record.suggestions)


_SUGGESTIONS = select(func.count()).where(SuggestionRow.import_ == ImportRow.number).scalar_subquery()
_IMPORTS = select(*columns(ImportRow, Import, suggestions=_SUGGESTIONS))


def _history(connection: Connection, items: list[int]) -> dict[tuple[str, str], list[Event]]:
    """Return the answers that were not undone, by item and annotator, in the order of recording."""
    history: dict[tuple[str, str], list[Event]] = {}
    query = EVENTS.where(EventRow.item.in_(SOME), *not_undone()).order_by(EventRow.number)
    for row in in_parts(connection, query, items):
        event = Event(*row)
        history.setdefault((event.item, event.annotator), []).append(event)
    return history


def _not_held_back(connection: Connection, suggestions: list[Suggestion]) -> dict[str, int]:
    """Return the numbers of the suggested items, by id, without items held back for the audit."""
    numbers = numbers_of(connection, [guess.item for guess in suggestions])
    query = select(ItemRow.number).where(ItemRow.number.in_(SOME), ItemRow.held_back.is_(None))
    allowed = {number for (number,) in in_parts(connection, query, list(numbers.values()))}
    return {name: number for name, number in numbers.items() if number in allowed}
