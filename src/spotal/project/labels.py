"""Labels: record what annotators say, and take it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from spotal.errors import ProjectError
from spotal.numeric.arrays import blocks
from spotal.project.class_sets import joined
from spotal.project.events import EVENTS, ON_PAGE, not_undone, read_events, write_events
from spotal.project.items import MANY, found_numbers, is_text, number_of, numbers_of
from spotal.project.journal import last_number
from spotal.project.records import Answer, Event, Undo
from spotal.project.resolved_labels import ResolvedLabels
from spotal.project.schema import EventRow, ItemRow
from spotal.tables.configuration import closest

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

    from spotal.project.settings import Settings

__all__ = ["MOST_CHARACTERS", "SOURCES", "Labels", "check_annotator"]

MOST_CHARACTERS = 100
"""Of an annotator's name, and of the id that the page gives an answer."""
KINDS = ("label", "skip", "none_of_these", "withdraw")
SOURCES = (*ON_PAGE, "label-studio", "import", "cli")

_SOME: Any = bindparam("some", expanding=True)
_CONTENTS = select(ItemRow.number, ItemRow.content).where(ItemRow.number.in_(_SOME))
_EXTERNAL = EVENTS.where(EventRow.external_id.in_(_SOME))
"""Queries of every answer, made once."""


class Labels(ResolvedLabels):
    """The audit trail, and the labels that follow from it (:class:`ResolvedLabels`)."""

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
        """Record one answer: on disk when this returns. The arguments are those of :class:`Answer`.

        An answer holds while its item has the content that was answered; one about a former content is kept, and
        changes nothing.

        An answer with an ``external_id`` that was recorded already from the same source in the same
        ``external_version`` is not recorded again; the event of then is returned.

        Raises
        ------
        ProjectError
            The item or class is none of the project's, an argument is not what it may be, or the same external answer
            and version said something else before.
        """
        answer = Answer(item, annotator, kind, label, source, external_id, external_version, at, content)
        with self._database.write() as connection:
            return self.append(connection, [answer])[0][0]

    def record_all(self, answers: Iterable[Answer]) -> list[Event]:
        """Record many answers as one transaction, all or none; the events that are new. Raises as :meth:`record`."""
        listed = list(answers)
        with self._database.write() as connection:
            done = self.append(connection, listed)
        return [event for event, is_new in done if is_new]

    def record_each(self, answers: Iterable[Answer | Undo]) -> list[Event | ProjectError | None]:
        """Record what several people say as one transaction: one wait for the disk, on which all are on return.

        An answer that cannot be recorded keeps no other from it: its error is returned in its place. For an
        :class:`Undo`, what :meth:`undo` returns.
        """
        done: list[Event | ProjectError | None] = []
        with self._database.write() as connection:
            for is_undo, group in groupby(answers, lambda one: isinstance(one, Undo)):
                if is_undo:
                    done += [_undo(connection, one) for one in group if isinstance(one, Undo)]
                else:
                    told = self._append(connection, [one for one in group if isinstance(one, Answer)])
                    done += [one if isinstance(one, ProjectError) else one[0] for one in told]
        return done

    def withdraw(
        self,
        item: str,
        *,
        annotator: str,
        source: str = "page",
        external_id: str | None = None,
        external_version: str = "",
    ) -> Event:
        """Take back what the annotator said about the item; an event too. Raises as :meth:`record`."""
        return self.record(
            item,
            annotator=annotator,
            kind="withdraw",
            source=source,
            external_id=external_id,
            external_version=external_version,
        )

    def undo(self, annotator: str, *, source: str = "page", external_id: str | None = None) -> Event | None:
        """Take back the annotator's last event from this source, and say again what held before it.

        Undoing once more goes one further back. With an ``external_id`` the event of that answer is taken back, once:
        asked again, nothing happens and the event of then is returned. The event that was recorded, or None where
        nothing is left to undo.
        """
        with self._database.write() as connection:
            return _undo(connection, Undo(annotator, source, external_id))

    def undoable(self, annotator: str, most: int = 20, *, source: str = "page") -> list[Event]:
        """The annotator's last events from this source that :meth:`undo` would take back, newest first."""
        query = _standing(annotator).where(_is_from(source)).limit(most)
        with self._database.read() as connection:
            numbers = [row.number for row in connection.execute(query)]
            return read_events(connection, EVENTS.where(EventRow.number.in_(numbers)).order_by(EventRow.number.desc()))

    def withdrawn(self) -> set[int]:
        """Numbers of the events that count no more: each that was undone, by itself or with its import, and the undos.

        The others are what annotators said and did not take back.
        """
        with self._database.read() as connection:
            stands = set(connection.execute(select(EventRow.number).where(*not_undone())).scalars())
            return set(connection.execute(select(EventRow.number)).scalars()) - stands

    def history(self, item: str | None = None) -> list[Event]:
        """Every event about the item, or about all items, in the order of recording.

        Raises ProjectError where there is no such item.
        """
        query = EVENTS.order_by(EventRow.number)
        with self._database.read() as connection:
            if item is not None:
                query = query.where(EventRow.item == numbers_of(connection, [item])[item])
            return read_events(connection, query)

    def last_event(self) -> int:
        """Number of the last event, 0 before the first. Ask before you read labels to train on."""
        with self._database.read() as connection:
            return last_number(connection)

    def append(self, connection: Connection, answers: list[Answer]) -> list[tuple[Event, bool]]:
        """Record answers within a transaction of the caller's; the event of each, and whether it is new."""
        return _only_good(self._append(connection, answers))

    def _append(self, connection: Connection, answers: list[Answer]) -> list[tuple[Event, bool] | ProjectError]:
        """Record answers; the event of each and whether it is new, or why it was not recorded."""
        numbers = found_numbers(connection, [answer.item for answer in answers])
        contents = _contents(connection, numbers.values())
        known = _known(connection, answers)
        number, now = last_number(connection), datetime.now(UTC)
        done: list[tuple[Event, bool] | ProjectError] = []
        new: list[tuple[int, Event]] = []
        for answer in answers:
            key = (answer.source, answer.external_id, answer.external_version)
            try:
                answer = _checked(answer, self._project.settings)
                item = number_of(numbers, answer.item)
                if key in known:
                    _check_same(known[key], answer)
                    done.append((known[key], False))
                    continue
            except ProjectError as error:
                done.append(error)
                continue
            number += 1
            at = now if answer.at is None else answer.at.astimezone(UTC)
            content = contents[item] if answer.content is None else answer.content
            words = (answer.item, answer.annotator, answer.kind, answer.label)
            event = Event(number, *words, at, *key, undoes=None, content=content)
            if answer.external_id is not None:
                known[key] = event
            done.append((event, True))
            new.append((item, event))
        write_events(connection, new)
        return done


def _only_good(done: list[tuple[Event, bool] | ProjectError]) -> list[tuple[Event, bool]]:
    """All of them, or the first error raised."""
    good = []
    for one in done:
        if isinstance(one, ProjectError):
            raise one
        good.append(one)
    return good


def _undo(connection: Connection, undo: Undo) -> Event | None:
    """Take back an answer, see :meth:`Labels.undo`."""
    mine = _standing(undo.annotator)
    wanted = mine.where(_is_from(undo.source))
    if undo.external_id is not None:
        wanted = wanted.where(EventRow.external_id == undo.external_id)
    last = connection.execute(wanted.limit(1)).first()
    if last is None:
        return None if undo.external_id is None else _undone(connection, undo.annotator, undo.source, undo.external_id)
    of_same = mine.where(EventRow.item == last.item, EventRow.content == last.content)
    before = connection.execute(of_same.where(EventRow.number != last.number).limit(1)).first()
    kind, label = ("withdraw", None) if before is None else (before.kind, before.label)
    item = connection.execute(select(ItemRow.id).where(ItemRow.number == last.item)).scalar_one()
    number, now = last_number(connection) + 1, datetime.now(UTC)
    event = Event(number, item, undo.annotator, kind, label, now, undo.source, None, "", last.number, last.content)
    write_events(connection, [(last.item, event)])
    return event


def _contents(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """The present content of each of these items."""
    wanted, found = list(numbers), dict[int, str]()
    for part in blocks(len(wanted), MANY):
        rows = connection.execute(_CONTENTS, {"some": wanted[part]})
        found.update((number, content) for number, content in rows)
    return found


def _known(connection: Connection, answers: list[Answer]) -> dict[tuple[str, str | None, str], Event]:
    """Events of answers that live elsewhere too, by source, id and version."""
    given = {answer.external_id for answer in answers if answer.external_id is not None}
    ids = [name for name in given if is_text(name)]
    known: dict[tuple[str, str | None, str], Event] = {}
    for start in range(0, len(ids), MANY):
        for row in connection.execute(_EXTERNAL, {"some": ids[start : start + MANY]}):
            event = Event(*row)
            known[event.source, event.external_id, event.external_version] = event
    return known


def _standing(annotator: str) -> Select[Any]:
    """The annotator's own events that no undo took back, newest first."""
    return select(EventRow).where(EventRow.annotator == annotator, *not_undone()).order_by(EventRow.number.desc())


def _is_from(source: str) -> ColumnElement[bool]:
    """Whether an event came from there; what was confirmed on the page came from the page too."""
    return EventRow.source.in_(ON_PAGE if source == "page" else (source,))


def _undone(connection: Connection, annotator: str, source: str, external_id: str) -> Event | None:
    """The event that took back an answer, None where there is no such answer."""
    answer = select(EventRow.number).where(
        EventRow.annotator == annotator, _is_from(source), EventRow.external_id == external_id
    )
    return next(iter(read_events(connection, EVENTS.where(EventRow.undoes.in_(answer)))), None)


def check_annotator(name: str) -> None:
    """Raise ProjectError unless ``name`` can be an annotator's: visible, in one line, at most 100 characters."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ProjectError(f"annotator must be a visible name of one line, found {name!r:.60}; give a name")
    if len(name) > MOST_CHARACTERS:
        raise ProjectError(
            f"annotator must be a name of at most {MOST_CHARACTERS} characters, found {len(name):,} ({name!r:.30}...); "
            "give a shorter one"
        )


def _checked(answer: Answer, settings: Settings) -> Answer:
    """The answer, the classes of a set in their order. Raises ProjectError where it is none."""
    for name, value, known in (("kind", answer.kind, KINDS), ("source", answer.source, SOURCES)):
        if value not in known:
            raise ProjectError(f"{name} must be one of {', '.join(known)}, found {value!r}")
    check_annotator(answer.annotator)
    for name, text in (("external_id", answer.external_id), ("external_version", answer.external_version)):
        if text is not None and not is_text(text):
            raise ProjectError(f"{name} must be text, found half a character in {text!r:.60}; correct it")
    if answer.kind != "label" and answer.label is not None:
        raise ProjectError(f"label must be left out of an answer of kind {answer.kind!r}, found {answer.label!r}")
    names = settings.parted(answer.label) if isinstance(answer.label, str) else ()
    wrong = [name for name in names if name not in settings.classes]
    if answer.kind == "label" and (wrong or not names):
        found = wrong[0] if wrong else answer.label
        raise ProjectError(
            f"label must be one of the project's classes, found {found!r:.60}; {closest(found, settings.classes)}"
        )
    if answer.at is not None and answer.at.tzinfo is None:
        raise ProjectError(f"at must have a time zone, found {answer.at}; give it in UTC")
    if answer.content is not None and not is_text(answer.content):
        raise ProjectError(
            f"content must be that of an item, found {answer.content!r}; leave it out for the present one"
        )
    return replace(answer, label=joined(names)) if settings.many and answer.kind == "label" else answer


def _check_same(known: Event, answer: Answer) -> None:
    before = (known.item, known.annotator, known.kind, known.label)
    now = (answer.item, answer.annotator, answer.kind, answer.label)
    if before != now:
        raise ProjectError(
            f"answer {answer.external_id!r} from {answer.source}, version {answer.external_version!r}, was recorded as "
            f"{before} and now says {now}; give a changed answer another external_version"
        )
