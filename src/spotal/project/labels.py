"""Labels: recording and undoing of annotators' answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, select

from spotal.errors import ProjectError
from spotal.project.class_sets import joined
from spotal.project.events import EVENTS, ON_PAGE, not_undone, read_events, write_events
from spotal.project.items import existing_numbers, is_text, number_of, numbers_of
from spotal.project.journal import last_number
from spotal.project.queries import SOME, in_parts
from spotal.project.records import Answer, Event, Undo
from spotal.project.resolved_labels import ResolvedLabels
from spotal.project.schema import EventRow, ItemRow
from spotal.tables.configuration import closest

if TYPE_CHECKING:
    from spotal.project.settings import Settings

__all__ = ["MOST_CHARACTERS", "SOURCES", "Labels", "check_annotator"]

MOST_CHARACTERS = 100
"""Maximum length of an annotator's name, and of the id that the page gives an answer."""
KINDS = ("label", "skip", "none_of_these", "withdraw")
SOURCES = (*ON_PAGE, "label-studio", "import", "cli")

_CONTENTS = select(ItemRow.number, ItemRow.content).where(ItemRow.number.in_(SOME))
_EXTERNAL = EVENTS.where(EventRow.external_id.in_(SOME))
"""Queries that run for every answer, built once."""


class Labels(ResolvedLabels):
    """The log of answers, and the labels that follow from it (:class:`ResolvedLabels`)."""

    def record(
        self,
        item: str,
        label: str | None = None,
        *,
        annotator: str,
        kind: str = "label",
        source: str = "page",
        external_id: str | None = None,
        external_version: str = "",
        at: datetime | None = None,
        content: str | None = None,
    ) -> Event:
        """Record one answer and flush it to disk. The arguments are those of :class:`Answer`.

        An answer is valid while its item has the content that was answered. An answer about a former content is
        recorded without effect. An answer with the same source, ``external_id`` and ``external_version`` as an earlier
        one is not recorded again; the earlier event is returned.

        Raises
        ------
        ProjectError
            The item or class does not belong to the project, an argument is invalid, or the same external answer and
            version was recorded with another content.
        """
        answer = Answer(item, annotator, kind, label, source, external_id, external_version, at, content)
        with self._database.write() as connection:
            return self.append(connection, [answer])[0][0]

    def record_all(self, answers: Iterable[Answer]) -> list[Event]:
        """Record all answers or none, in one transaction. Return the new events. Raises as :meth:`record`."""
        batch = list(answers)
        with self._database.write() as connection:
            return [event for event, is_new in self.append(connection, batch) if is_new]

    def record_each(self, answers: Iterable[Answer | Undo]) -> list[Event | ProjectError | None]:
        """Record answers of several people in one transaction, with one flush to disk.

        Return for each answer its event, or its error if it cannot be recorded; the others are recorded anyway. For an
        :class:`Undo`, return the result of :meth:`undo`.
        """
        done: list[Event | ProjectError | None] = []
        with self._database.write() as connection:
            for is_undo, group in groupby(answers, lambda one: isinstance(one, Undo)):
                if is_undo:
                    done += [_undo(connection, one) for one in group if isinstance(one, Undo)]
                else:
                    results = self._append(connection, [one for one in group if isinstance(one, Answer)])
                    done += [one if isinstance(one, ProjectError) else one[0] for one in results]
        return done

    def withdraw(self, item: str, *, annotator: str) -> Event:
        """Withdraw the annotator's answer about the item, by a new event. Raises as :meth:`record`."""
        return self.record(item, annotator=annotator, kind="withdraw")

    def undo(self, annotator: str, *, source: str = "page", external_id: str | None = None) -> Event | None:
        """Undo the annotator's last event from this source, and restore the annotator's answer from before it.

        Each further call undoes the event before. With an ``external_id``, the event of that answer is undone once;
        further calls change nothing. Return the event that records the undo, or None if there is nothing to undo.
        """
        with self._database.write() as connection:
            return _undo(connection, Undo(annotator, source, external_id))

    def undoable(self, annotator: str, most: int = 20) -> list[Event]:
        """Return the annotator's last events from the page that :meth:`undo` would undo, newest first."""
        query = _valid_events(annotator).where(_is_from("page")).limit(most)
        with self._database.read() as connection:
            numbers = [row.number for row in connection.execute(query)]
            return read_events(connection, EVENTS.where(EventRow.number.in_(numbers)).order_by(EventRow.number.desc()))

    def withdrawn(self) -> set[int]:
        """Return the numbers of all undone events, singly or with their import, and of the events that undo them."""
        with self._database.read() as connection:
            valid = set(connection.execute(select(EventRow.number).where(*not_undone())).scalars())
            return set(connection.execute(select(EventRow.number)).scalars()) - valid

    def history(self, item: str | None = None) -> list[Event]:
        """Return every event about one item or all items, in order of recording. Raises ProjectError if unknown."""
        query = EVENTS.order_by(EventRow.number)
        with self._database.read() as connection:
            if item is not None:
                query = query.where(EventRow.item == numbers_of(connection, [item])[item])
            return read_events(connection, query)

    def last_event(self) -> int:
        """Return the number of the last event, 0 before the first. Call it before you read labels to train on."""
        with self._database.read() as connection:
            return last_number(connection)

    def append(self, connection: Connection, answers: list[Answer]) -> list[tuple[Event, bool]]:
        """Record answers within the caller's transaction. Return each event and whether it is new."""
        results = self._append(connection, answers)
        for error in results:
            if isinstance(error, ProjectError):
                raise error
        return [one for one in results if not isinstance(one, ProjectError)]

    def _append(self, connection: Connection, answers: list[Answer]) -> list[tuple[Event, bool] | ProjectError]:
        """Record answers. Return each event and whether it is new, or the error that prevented it."""
        numbers = existing_numbers(connection, [answer.item for answer in answers])
        contents = dict(in_parts(connection, _CONTENTS, list(numbers.values())))
        external = _external(connection, answers)
        number, now = last_number(connection), datetime.now(UTC)
        done: list[tuple[Event, bool] | ProjectError] = []
        new: list[tuple[int, Event]] = []
        for answer in answers:
            key = (answer.source, answer.external_id, answer.external_version)
            try:
                answer = _checked(answer, self._project.settings)
                item = number_of(numbers, answer.item)
                if key in external:
                    _check_same(external[key], answer)
                    done.append((external[key], False))
                    continue
            except ProjectError as error:
                done.append(error)
                continue
            number += 1
            at = now if answer.at is None else answer.at.astimezone(UTC)
            content = contents[item] if answer.content is None else answer.content
            fields = (answer.item, answer.annotator, answer.kind, answer.label)
            event = Event(number, *fields, at, *key, undoes=None, content=content)
            if answer.external_id is not None:
                external[key] = event
            done.append((event, True))
            new.append((item, event))
        write_events(connection, new)
        return done


def _undo(connection: Connection, undo: Undo) -> Event | None:
    """Undo an answer, see :meth:`Labels.undo`."""
    own = _valid_events(undo.annotator)
    wanted = own.where(_is_from(undo.source))
    if undo.external_id is not None:
        wanted = wanted.where(EventRow.external_id == undo.external_id)
    last = connection.execute(wanted.limit(1)).first()
    if last is None:
        return None if undo.external_id is None else _undone(connection, undo.annotator, undo.source, undo.external_id)
    of_same = own.where(EventRow.item == last.item, EventRow.content == last.content)
    before = connection.execute(of_same.where(EventRow.number != last.number).limit(1)).first()
    kind, label = ("withdraw", None) if before is None else (before.kind, before.label)
    item = connection.execute(select(ItemRow.id).where(ItemRow.number == last.item)).scalar_one()
    number, now = last_number(connection) + 1, datetime.now(UTC)
    event = Event(number, item, undo.annotator, kind, label, now, undo.source, None, "", last.number, last.content)
    write_events(connection, [(last.item, event)])
    return event


def _external(connection: Connection, answers: list[Answer]) -> dict[tuple[str, str | None, str], Event]:
    """Return the recorded events with an external id of these answers, by source, id and version."""
    ids = [name for name in {answer.external_id for answer in answers} if name is not None and is_text(name)]
    events = (Event(*row) for row in in_parts(connection, _EXTERNAL, ids))
    return {(event.source, event.external_id, event.external_version): event for event in events}


def _valid_events(annotator: str) -> Select[Any]:
    """Return a query for the annotator's events that were not undone, newest first."""
    return select(EventRow).where(EventRow.annotator == annotator, *not_undone()).order_by(EventRow.number.desc())


def _is_from(source: str) -> ColumnElement[bool]:
    """Return the condition that an event came from a source; "page" includes confirmed suggestions."""
    return EventRow.source.in_(ON_PAGE if source == "page" else (source,))


def _undone(connection: Connection, annotator: str, source: str, external_id: str) -> Event | None:
    """Return the event that undid an answer, or None."""
    answer = select(EventRow.number).where(
        EventRow.annotator == annotator, _is_from(source), EventRow.external_id == external_id
    )
    return next(iter(read_events(connection, EVENTS.where(EventRow.undoes.in_(answer)))), None)


def check_annotator(name: str) -> None:
    """Raise ProjectError unless ``name`` is printable, on one line and at most 100 characters long."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ProjectError(f"annotator must be a visible name of one line, found {name!r:.60}; give a name")
    if len(name) > MOST_CHARACTERS:
        raise ProjectError(
            f"annotator must be a name of at most {MOST_CHARACTERS} characters, found {len(name):,} ({name!r:.30}...); "
            "give a shorter one"
        )


def _checked(answer: Answer, settings: Settings) -> Answer:
    """Return the answer, with a set's classes in the project's order. Raises ProjectError if it is invalid."""
    for name, value, choices in (("kind", answer.kind, KINDS), ("source", answer.source, SOURCES)):
        if value not in choices:
            raise ProjectError(f"{name} must be one of {', '.join(choices)}, found {value!r}")
    check_annotator(answer.annotator)
    for name, text in (("external_id", answer.external_id), ("external_version", answer.external_version)):
        if text is not None and not is_text(text):
            raise ProjectError(f"{name} must be text, found half a character in {text!r:.60}; correct it")
    if answer.kind != "label" and answer.label is not None:
        raise ProjectError(f"label must be left out of an answer of kind {answer.kind!r}, found {answer.label!r}")
    names = settings.parted(answer.label) if isinstance(answer.label, str) else ()
    wrong = [name for name in names if name not in settings.classes]
    if answer.kind == "label" and (wrong or not names):
        label = wrong[0] if wrong else answer.label
        raise ProjectError(
            f"label must be one of the project's classes, found {label!r:.60}; {closest(label, settings.classes)}"
        )
    if answer.at is not None and answer.at.tzinfo is None:
        raise ProjectError(f"at must have a time zone, found {answer.at}; give it in UTC")
    if answer.content is not None and not is_text(answer.content):
        raise ProjectError(
            f"content must be that of an item, found {answer.content!r}; leave it out for the present one"
        )
    return replace(answer, label=joined(names)) if settings.many and answer.kind == "label" else answer


def _check_same(event: Event, answer: Answer) -> None:
    before = (event.item, event.annotator, event.kind, event.label)
    now = (answer.item, answer.annotator, answer.kind, answer.label)
    if before != now:
        raise ProjectError(
            f"answer {answer.external_id!r} from {answer.source}, version {answer.external_version!r}, was recorded as "
            f"{before} and now says {now}; give a changed answer another external_version"
        )
