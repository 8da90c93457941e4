"""Labels: what annotators said, and where each item stands by it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, func, insert, select, update
from sqlalchemy.orm import aliased

from spotal._check import closest
from spotal.errors import ProjectError
from spotal.project.agreement import agreements, first_answers
from spotal.project.items import MANY, found_numbers, is_text, number_of, numbers_of
from spotal.project.journal import last_number
from spotal.project.records import Agreement, Answer, Conflict, Event, Standing, Undo
from spotal.project.schema import EventRow, ImportRow, ItemRow, VouchedRow, latest, set_aside, standings, valid

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

    from spotal.project.project import Project

__all__ = [
    "EVENTS",
    "MOST_CHARACTERS",
    "SOURCES",
    "Labels",
    "check_annotator",
    "read_events",
    "stands_still",
    "write_events",
]

MOST_CHARACTERS = 100
"""Of an annotator's name, and of the id that the page gives an answer."""
KINDS = ("label", "skip", "none_of_these", "withdraw")
SOURCES = ("page", "label-studio", "import", "cli")

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
_SOME: Any = bindparam("some", expanding=True)
_CONTENTS = select(ItemRow.number, ItemRow.content).where(ItemRow.number.in_(_SOME))
_EXTERNAL = EVENTS.where(EventRow.external_id.in_(_SOME))
"""Queries of every answer, made once."""


class Labels:
    """The audit trail, and the labels that follow from it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._database = project.database

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
        query = _standing(annotator).where(EventRow.source == source).limit(most)
        with self._database.read() as connection:
            numbers = [row.number for row in connection.execute(query)]
            return read_events(connection, EVENTS.where(EventRow.number.in_(numbers)).order_by(EventRow.number.desc()))

    def withdrawn(self) -> set[int]:
        """Numbers of the events that count no more: each that was undone, by itself or with its import, and the undos.

        The others are what annotators said and did not take back.
        """
        with self._database.read() as connection:
            stands = set(connection.execute(select(EventRow.number).where(*stands_still())).scalars())
            return set(connection.execute(select(EventRow.number)).scalars()) - stands

    def standings(self) -> dict[str, Standing]:
        """Where every item stands that anybody has spoken about, by id, in the order of the items."""
        with self._database.read() as connection:
            return {row.item: row for row in _standings(connection)}

    def current(self) -> dict[str, Standing]:
        """What a model may be trained on, by id in the order of the items: labeled, and not held back for the audit."""
        return {name: row for name, row in self.standings().items() if row.state == "labeled" and not row.held_back}

    def words(self) -> list[Event]:
        """The last word of each annotator about each item's present content, in the order of recording."""
        query = EVENTS.where(EventRow.number.in_(select(latest.c.number))).order_by(EventRow.number)
        with self._database.read() as connection:
            return read_events(connection, query)

    def _valid(self) -> list[Event]:
        """Every event about the present content of its item, in the order of recording."""
        query = EVENTS.where(EventRow.number.in_(select(valid.c.number))).order_by(EventRow.number)
        with self._database.read() as connection:
            return read_events(connection, query)

    def set_aside(self) -> list[Event]:
        """Answers that do not hold since their items' contents have changed, in the order of the items.

        They are those of items of whose present content nobody has spoken yet; these items are asked again.
        """
        query = EVENTS.where(EventRow.number.in_(select(set_aside.c.number))).order_by(EventRow.item, EventRow.number)
        with self._database.read() as connection:
            return read_events(connection, query)

    def keep(self, items: Iterable[str] | None = None) -> list[str]:
        """Vouch that the answers set aside hold for their items' present contents.

        Parameters
        ----------
        items : iterable of str or None, ids; None for all items with answers that are set aside

        Returns
        -------
        list of str, ids of the items whose answers hold again

        Raises
        ------
        ProjectError
            An item is none of the project's.
        """
        kept = select(set_aside.c.item, set_aside.c.content, ItemRow.content, ItemRow.id).distinct()
        with self._database.write() as connection:
            wanted = None if items is None else numbers_of(connection, items)
            rows = connection.execute(kept.join(ItemRow, ItemRow.number == set_aside.c.item)).all()
            rows = [row for row in rows if wanted is None or row.id in wanted]
            if rows:
                now = datetime.now(UTC)
                vouched = [{"item": item, "content": was, "now": is_now, "at": now} for item, was, is_now, _ in rows]
                connection.execute(insert(VouchedRow), vouched)
                whole = update(ItemRow).where(ItemRow.number == bindparam("key")).values(changed=None)
                connection.execute(whole, [{"key": row.item} for row in rows])
        return list(dict.fromkeys(row.id for row in rows))

    def conflicts(self, items: Iterable[int] | None = None) -> list[Conflict]:
        """Items on which annotators are tied, with the last word of each who decided.

        Parameters
        ----------
        items : iterable of int or None, numbers of items to look at, at most a few hundred; None for all
        """
        tied = select(standings.c.item).where(standings.c.state == "conflict")
        if items is not None:
            tied = tied.where(standings.c.item.in_(list(items)))
        words = (
            select(latest.c.item, latest.c.annotator, latest.c.label)
            .where(latest.c.item.in_(tied), latest.c.kind != "skip")
            .order_by(latest.c.item, latest.c.number)
        )
        votes: dict[int, dict[str, str | None]] = {}
        with self._database.read() as connection:
            for item, annotator, label in connection.execute(words):
                votes.setdefault(item, {})[annotator] = label
        return [Conflict(item, votes[item.number]) for item in self._project.items.at(votes)]

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

    def annotators(self) -> dict[str, int]:
        """Who has said something, and about how many items their last word stands, by name."""
        counted = (
            select(EventRow.annotator, func.count(latest.c.number))
            .outerjoin(latest, latest.c.number == EventRow.number)
            .group_by(EventRow.annotator)
            .order_by(EventRow.annotator)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def sources(self) -> dict[str, int]:
        """Answers that stand, skips left out, counted by where they came from, most first."""
        counted = (
            select(EventRow.source, func.count())
            .join(latest, latest.c.number == EventRow.number)
            .where(latest.c.kind != "skip")
            .group_by(EventRow.source)
            .order_by(func.count().desc(), EventRow.source)
        )
        with self._database.read() as connection:
            return {source: int(n) for source, n in connection.execute(counted)}

    def agreement(self) -> list[Agreement]:
        """How far every two annotators agree: :func:`~spotal.project.agreement.agreements` of their first answers.

        "None of these" counts as a class, skips do not count; what was said to settle a conflict does not either.
        """
        return agreements(first_answers(self._valid(), self._project.settings.overlap))

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
                _check(answer, self._project.settings.classes)
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
    wanted = mine.where(EventRow.source == undo.source)
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
    for start in range(0, len(wanted), MANY):
        rows = connection.execute(_CONTENTS, {"some": wanted[start : start + MANY]})
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
    return select(EventRow).where(EventRow.annotator == annotator, *stands_still()).order_by(EventRow.number.desc())


def stands_still() -> tuple[ColumnElement[bool], ...]:
    """Conditions on an event: it undoes nothing, and was not undone, by itself or with the import that brought it."""
    undo = aliased(EventRow)
    within = EventRow.number.between(ImportRow.first, ImportRow.first + ImportRow.answers - 1)
    return (
        EventRow.undoes.is_(None),
        ~exists().where(undo.undoes == EventRow.number),
        ~exists().where(ImportRow.undone.is_not(None), within),
    )


def _undone(connection: Connection, annotator: str, source: str, external_id: str) -> Event | None:
    """The event that took back an answer, None where there is no such answer."""
    answer = select(EventRow.number).where(
        EventRow.annotator == annotator, EventRow.source == source, EventRow.external_id == external_id
    )
    return next(iter(read_events(connection, EVENTS.where(EventRow.undoes.in_(answer)))), None)


def write_events(connection: Connection, events: list[tuple[int, Event]]) -> None:
    """Add events, each with the number of its item."""
    if events:
        names = Event.__dataclass_fields__
        rows = [{name: getattr(event, name) for name in names} | {"item": item} for item, event in events]
        connection.execute(insert(EventRow), rows)


def read_events(connection: Connection, query: Any) -> list[Event]:
    """The events that a query made from :data:`EVENTS` finds."""
    return [Event(*row) for row in connection.execute(query)]


def _standings(connection: Connection) -> list[Standing]:
    query = (
        select(
            ItemRow.id,
            ItemRow.number,
            standings.c.state,
            standings.c.label,
            standings.c.votes,
            standings.c.voters,
            ItemRow.held_back.is_not(None).label("is_held_back"),
        )
        .join(ItemRow, ItemRow.number == standings.c.item)
        .order_by(ItemRow.number)
    )
    return [Standing(*row) for row in connection.execute(query)]


def check_annotator(name: str) -> None:
    """Raise ProjectError unless ``name`` can be an annotator's: visible, in one line, at most 100 characters."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ProjectError(f"annotator must be a visible name of one line, found {name!r:.60}; give a name")
    if len(name) > MOST_CHARACTERS:
        raise ProjectError(
            f"annotator must be a name of at most {MOST_CHARACTERS} characters, found {len(name):,} ({name!r:.30}...); "
            "give a shorter one"
        )


def _check(answer: Answer, classes: tuple[str, ...]) -> None:
    for name, value, known in (("kind", answer.kind, KINDS), ("source", answer.source, SOURCES)):
        if value not in known:
            raise ProjectError(f"{name} must be one of {', '.join(known)}, found {value!r}")
    check_annotator(answer.annotator)
    for name, text in (("external_id", answer.external_id), ("external_version", answer.external_version)):
        if text is not None and not is_text(text):
            raise ProjectError(f"{name} must be text, found half a character in {text!r:.60}; correct it")
    if answer.kind != "label" and answer.label is not None:
        raise ProjectError(f"label must be left out of an answer of kind {answer.kind!r}, found {answer.label!r}")
    if answer.kind == "label" and answer.label not in classes:
        raise ProjectError(
            f"label must be one of the project's classes, found {answer.label!r:.60}; {closest(answer.label, classes)}"
        )
    if answer.at is not None and answer.at.tzinfo is None:
        raise ProjectError(f"at must have a time zone, found {answer.at}; give it in UTC")
    if answer.content is not None and not is_text(answer.content):
        raise ProjectError(
            f"content must be that of an item, found {answer.content!r}; leave it out for the present one"
        )


def _check_same(known: Event, answer: Answer) -> None:
    before = (known.item, known.annotator, known.kind, known.label)
    now = (answer.item, answer.annotator, answer.kind, answer.label)
    if before != now:
        raise ProjectError(
            f"answer {answer.external_id!r} from {answer.source}, version {answer.external_version!r}, was recorded as "
            f"{before} and now says {now}; give a changed answer another external_version"
        )
