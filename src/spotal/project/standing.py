"""Standings: the state of each item (labeled, skipped, in conflict, ...), from the answers to its present content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import TableClause, bindparam, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute

from spotal.project.agreement import agreements, first_answers
from spotal.project.events import EVENTS, read_events, stands_still
from spotal.project.items import numbers_of
from spotal.project.records import Agreement, Conflict, Event, Standing
from spotal.project.schema import EventRow, ItemRow, VouchedRow, latest, set_aside, standings, valid

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from spotal.project.project import Project

__all__ = ["Standings"]


class Standings:
    """The labels that follow from the events: by item, by annotator, and which of them hold."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._database = project.database

    def standings(self) -> dict[str, Standing]:
        """Return the state of every item that anybody has answered, by id, in the order of the items."""
        with self._database.read() as connection:
            return {row.item: row for row in _standings(connection)}

    def current(self) -> dict[str, Standing]:
        """Return the items that a model may be trained on, by id in order: decided, and not held back for the audit."""
        decided = self._project.settings.decided
        return {name: row for name, row in self.standings().items() if row.state in decided and not row.held_back}

    def words(self) -> list[Event]:
        """Return the last answer of each annotator to each item's present content, in the order of recording."""
        return self._events(latest, EventRow.number)

    def _valid(self) -> list[Event]:
        """Every event about the present content of its item, in the order of recording."""
        return self._events(valid, EventRow.number)

    def confirmed(self) -> set[int]:
        """Numbers of the items whose label was confirmed.

        One person gave it twice, or more people than ``overlap`` asks for gave it. Answers that were taken back, and
        answers to a former content, do not count.
        """
        given = (
            select(EventRow.item, EventRow.annotator, func.count())
            .join(standings, standings.c.item == EventRow.item)
            .where(standings.c.state == "labeled", EventRow.kind == "label", EventRow.label == standings.c.label)
            .where(EventRow.number.in_(select(valid.c.number)), *stands_still())
            .group_by(EventRow.item, EventRow.annotator)
        )
        people: Counter[int] = Counter()
        twice: set[int] = set()
        with self._database.read() as connection:
            for item, _, times in connection.execute(given):
                people[item] += 1
                if times > 1:
                    twice.add(item)
        return twice | {item for item, count in people.items() if count > self._project.settings.overlap}

    def set_aside(self) -> list[Event]:
        """Answers that do not hold since their items' contents have changed, in the order of the items.

        They are those of items of whose present content nobody has spoken yet; these items are asked again.
        """
        return self._events(set_aside, EventRow.item, EventRow.number)

    def _events(self, view: TableClause, *order: InstrumentedAttribute[int]) -> list[Event]:
        query = EVENTS.where(EventRow.number.in_(select(view.c.number))).order_by(*order)
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
