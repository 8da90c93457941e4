"""Resolved labels: the state of each item (labeled, skipped, in conflict, ...), from the answers to its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import TableClause, bindparam, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute

from spotal.project.agreement import agreements, first_answers
from spotal.project.events import EVENTS, not_undone
from spotal.project.items import numbers_of
from spotal.project.queries import Part, columns
from spotal.project.records import Agreement, Conflict, Event, Standing
from spotal.project.schema import EventRow, ItemRow, StandingRow, VouchedRow, latest, set_aside, standings, valid

__all__ = ["ResolvedLabels"]


_HELD_BACK = ItemRow.held_back.is_not(None).label("is_held_back")
_STANDINGS = (
    select(*columns(StandingRow, Standing, item=ItemRow.id, number=ItemRow.number, held_back=_HELD_BACK))
    .join(ItemRow, ItemRow.number == StandingRow.item)
    .order_by(ItemRow.number)
)


class ResolvedLabels(Part):
    """The labels that follow from the answers: by item and by annotator."""

    def standings(self) -> dict[str, Standing]:
        """Return the state of every answered item, by id, in the order of the items."""
        return {row.id: Standing(*row) for row in self._rows(_STANDINGS)}

    def current(self) -> dict[str, Standing]:
        """Return the items that a model may be trained on, by id in order: decided, and not held back for the audit."""
        decided = self._project.settings.decided
        return {name: row for name, row in self.standings().items() if row.state in decided and not row.held_back}

    def words(self) -> list[Event]:
        """Return the last answer of each annotator to each item's present content, in the order of recording."""
        return self._events(latest, EventRow.number)

    def confirmed(self) -> set[int]:
        """Return the numbers of the items with a confirmed label.

        A label is confirmed when one person gave it twice, or when more people than ``overlap`` gave it. Answers that
        were taken back and answers to an earlier content do not count.
        """
        given = (
            select(EventRow.item, EventRow.annotator, func.count())
            .join(standings, standings.c.item == EventRow.item)
            .where(standings.c.state == "labeled", EventRow.kind == "label", EventRow.label == standings.c.label)
            .where(EventRow.number.in_(select(valid.c.number)), *not_undone())
            .group_by(EventRow.item, EventRow.annotator)
        )
        rows = self._rows(given)
        people = Counter(item for item, _, _ in rows)
        twice = {item for item, _, times in rows if times > 1}
        return twice | {item for item, count in people.items() if count > self._project.settings.overlap}

    def set_aside(self) -> list[Event]:
        """Return the answers that are not used because their items' contents changed, in the order of the items.

        Answers are listed until somebody answers the item's present content. Their items are shown again for labeling.
        """
        return self._events(set_aside, EventRow.item, EventRow.number)

    def _events(self, view: TableClause, *order: InstrumentedAttribute[int]) -> list[Event]:
        return [
            Event(*row) for row in self._rows(EVENTS.where(EventRow.number.in_(select(view.c.number))).order_by(*order))
        ]

    def keep(self, items: Iterable[str] | None = None) -> list[str]:
        """Confirm that answers that were set aside are right for the present contents of their items.

        Parameters
        ----------
        items : iterable of str or None, ids; None for all items with answers that are set aside

        Returns
        -------
        list of str, ids of the items whose answers are used again

        Raises
        ------
        ProjectError
            An item is not in the project.
        """
        query = select(set_aside.c.item, set_aside.c.content, ItemRow.content, ItemRow.id).distinct()
        with self._database.write() as connection:
            wanted = None if items is None else numbers_of(connection, items)
            rows = connection.execute(query.join(ItemRow, ItemRow.number == set_aside.c.item)).all()
            rows = [row for row in rows if wanted is None or row.id in wanted]
            if rows:
                now = datetime.now(UTC)
                vouched = [{"item": item, "content": was, "now": is_now, "at": now} for item, was, is_now, _ in rows]
                connection.execute(insert(VouchedRow), vouched)
                unchanged = update(ItemRow).where(ItemRow.number == bindparam("key")).values(changed=None)
                connection.execute(unchanged, [{"key": row.item} for row in rows])
        return list(dict.fromkeys(row.id for row in rows))

    def conflicts(self, items: Iterable[int] | None = None) -> list[Conflict]:
        """Return the items on which annotators are tied, with the last answer of each, skips left out.

        Parameters
        ----------
        items : iterable of int or None, numbers of items to look at, at most a few hundred; None for all
        """
        tied = select(standings.c.item).where(standings.c.state == "conflict")
        if items is not None:
            tied = tied.where(standings.c.item.in_(list(items)))
        answers = (
            select(latest.c.item, latest.c.annotator, latest.c.label)
            .where(latest.c.item.in_(tied), latest.c.kind != "skip")
            .order_by(latest.c.item, latest.c.number)
        )
        votes: dict[int, dict[str, str | None]] = {}
        for item, annotator, label in self._rows(answers):
            votes.setdefault(item, {})[annotator] = label
        return [Conflict(item, votes[item.number]) for item in self._project.items.at(votes)]

    def annotators(self) -> dict[str, int]:
        """Return the number of items that each annotator has answered, by name, by their last answers."""
        counted = (
            select(EventRow.annotator, func.count(latest.c.number))
            .outerjoin(latest, latest.c.number == EventRow.number)
            .group_by(EventRow.annotator)
            .order_by(EventRow.annotator)
        )
        return dict(self._rows(counted))

    def sources(self) -> dict[str, int]:
        """Count the last answers, skips left out, by source, the most frequent first."""
        counted = (
            select(EventRow.source, func.count())
            .join(latest, latest.c.number == EventRow.number)
            .where(latest.c.kind != "skip")
            .group_by(EventRow.source)
            .order_by(func.count().desc(), EventRow.source)
        )
        return {source: int(n) for source, n in self._rows(counted)}

    def agreement(self) -> list[Agreement]:
        """Compute how often every two annotators agree: :func:`~spotal.project.agreement.agreements` of first answers.

        "None of these" counts as a class. Skips and answers that settle a conflict do not count.
        """
        return agreements(first_answers(self._events(valid, EventRow.number), self._project.settings.overlap))
