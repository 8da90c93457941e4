"""Item states: the state of every picked or answered item, cached in memory for the labeling page.

Reading a whole project takes time in proportion to its size. A board reads it once. From then on it reads only the
items that were answered since, whoever recorded the answer: another thread, a command, Label Studio.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, func, select

from spotal.project.counting import HEARD, POOL, TOUCHED, awaited, counts_of, is_open, shares, untouched
from spotal.project.queries import MANY
from spotal.project.schema import (
    EventRow,
    ImportRow,
    ItemRow,
    MetricRow,
    ModelRow,
    PickRow,
    RoundRow,
    VouchedRow,
    latest,
    standings,
)

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Counts

__all__ = ["MOST_TASKS", "Board", "BoardUpdate", "ItemState"]

MOST_TASKS = 200
"""Maximum number of tasks in one update. More follow when these are answered."""
MOST_CHANGES = 5_000
"""Maximum number of events in a partial update. After more events the update is whole."""

_EPOCH = select(
    *(
        query.scalar_subquery()
        for query in (
            select(func.coalesce(func.max(EventRow.number), 0)),
            select(func.coalesce(func.max(RoundRow.number), -1)),
            select(func.coalesce(func.max(ModelRow.number), -1)),
            select(func.max(MetricRow.at)),
            select(func.count(ImportRow.number) + func.count(ImportRow.undone)),
            select(func.coalesce(func.max(ItemRow.number), -1)),
            select(func.count()).where(ItemRow.missing),
            select(func.total(ItemRow.number)).where(ItemRow.missing),
            select(func.max(ItemRow.changed)),
            select(func.count()).select_from(VouchedRow),
        )
    )
)
"""The number of the last event, then values that change with rounds, models, metrics, imports and the data."""
_NEW = select(EventRow.number, EventRow.item).where(EventRow.number > bindparam("event")).order_by(EventRow.number)
_SOME = ItemRow.number.in_(bindparam("numbers", expanding=True))
_ANSWERED_BY = select(latest.c.item, latest.c.annotator).select_from(POOL).join(latest, latest.c.item == ItemRow.number)


class ItemState(NamedTuple):
    """The state of one item.

    number : int, of the item; order : int, position of its pick among all picks, -1 without a pick
    state, label : as in :class:`~spotal.project.Standing`; state is "" without an answer
    is_open, is_tied : bool, whether the item waits for more answers, and for somebody to settle a conflict
    heard : frozenset of the annotators who have answered, while it is open
    awaited : int, missing answers, where the pick is of the newest round
    shares : the item's part of each figure, see :func:`~spotal.project.counting.shares`
    """

    number: int
    order: int
    state: str
    label: str | None
    is_open: bool
    is_tied: bool
    heard: frozenset[str]
    awaited: int
    shares: tuple[Any, ...]

    def waits_for(self, annotator: str | None) -> bool:
        """Return whether the annotator is asked about the item."""
        return self.is_tied or (self.is_open and annotator not in self.heard)


@dataclass(frozen=True)
class BoardUpdate:
    """The changes since a page's last update, or the whole state.

    version : str, passed to the next :meth:`Board.look`; epoch : str, changes when more than answers changed
    is_whole : bool, whether this is the whole state
    counts : Counts; awaited : int, missing answers in the newest round
    tasks : list of ItemState, new tasks in order: conflicts, and picks after the last update's ``end``
    still : list of int, changed items up to the last update's ``end`` that wait for an answer
    gone : list of int, changed items that no longer wait for an answer
    changed : list of ItemState, all changed items
    end : int, position of the last pick that was sent
    """

    version: str
    epoch: str
    is_whole: bool
    counts: Counts
    awaited: int
    tasks: list[ItemState]
    still: list[int]
    gone: list[int]
    changed: list[ItemState]
    end: int


class Board:
    """The cached item states of an open project; threads may share it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = Lock()
        self._visit = secrets.token_hex(4)  # settings may differ from those of an earlier run
        self._epoch: tuple[Any, ...] | None = None
        self._event = self._first_event = 0
        self._counts: Counts | None = None
        settings = project.settings
        figures, is_asked = shares(settings), is_open(settings.overlap)
        is_tied = and_(func.coalesce(standings.c.state, "") == "conflict", ~ItemRow.missing, ~is_asked)
        self._names = list(figures)
        states = select(
            ItemRow.number,
            func.coalesce(standings.c.state, ""),
            standings.c.label,
            case((is_asked, 1), else_=0),
            case((is_tied, 1), else_=0),
            case((PickRow.round == bindparam("round"), awaited(settings.overlap)), else_=0),
            *figures.values(),
        ).select_from(POOL)
        answered_by = _ANSWERED_BY.where(is_asked, HEARD > 0)
        self._all = states.where(TOUCHED), answered_by.where(TOUCHED)
        self._some = states.where(_SOME), answered_by.where(_SOME)

    def catch_up(self) -> None:
        """Read new answers, all from one state of the database."""
        with self._lock:
            self._catch_up()

    def look(
        self, annotator: str | None, known: str | None = None, end: int = -1, more: int = 0, *, fresh: bool = True
    ) -> BoardUpdate | None:
        """Return the update for an annotator's page; None if nothing changed and no more tasks are requested.

        Parameters
        ----------
        annotator : str or None
        known : str or None, ``version`` of the page's last update. Without a valid version, the whole state is
            returned.
        end : int, ``end`` of the last update; more : int, number of tasks wanted after it
        fresh : bool, whether to read new answers first, as :meth:`catch_up` does
        """
        with self._lock:
            if fresh or self._epoch is None:
                self._catch_up()
            epoch = "-".join([self._visit, *map(str, self._epoch or ())])
            name = f"{epoch}:{annotator or ''}"
            version = f"{self._event}:{name}"
            since = self._changed_since(known, name)
            more = min(max(more, 0), MOST_TASKS)
            if since is None:
                tied = sorted((self._states[number] for number in self._tied), key=_in_order)
                picks, end = self._next_open(annotator, -1, max(0, MOST_TASKS - len(tied)))
                counts = self._current_counts()
                return BoardUpdate(version, epoch, True, counts, self._awaited, tied + picks, [], [], [], end)
            end = min(max(end, -1), len(self._order) - 1)
            picks, new_end = self._next_open(annotator, end, more) if more else ([], end)
            if not since and not picks:
                return None
            states = [self._states[number] for number in since]
            waiting = [state for state in states if state.waits_for(annotator)]
            tasks = [state for state in states if state.is_tied] + picks
            still = [state.number for state in waiting if state.order <= end and not state.is_tied]
            gone = [state.number for state in states if not state.waits_for(annotator)]
            counts = self._current_counts()
            return BoardUpdate(version, epoch, False, counts, self._awaited, tasks, still, gone, states, new_end)

    def places(self) -> list[ItemState]:
        """Return the states of all picked or answered items."""
        with self._lock:
            self._catch_up()
            return list(self._states.values())

    def _changed_since(self, version: str | None, name: str) -> list[int] | None:
        """Return the numbers of items answered since a version; None for a whole update."""
        event, _, rest = (version or "").partition(":")
        if rest != name or not (event.isascii() and event.isdigit() and len(event) < 19):
            return None
        first = bisect_right(self._events, int(event))
        if not self._first_event <= int(event) <= self._event or len(self._events) - first > MOST_CHANGES:
            return None
        return list(dict.fromkeys(self._items[first:]))

    def _next_open(self, annotator: str | None, after: int, most: int) -> tuple[list[ItemState], int]:
        """Return the next picks that wait for the annotator, and the last position that was looked at."""
        picks: list[ItemState] = []
        for order in range(max(after + 1, self._first_open), len(self._order)):
            if len(picks) == most:
                return picks, order - 1
            state = self._states[self._order[order]]
            if state.is_open and state.waits_for(annotator):
                picks.append(state)
        return picks, len(self._order) - 1

    def _current_counts(self) -> Counts:
        if self._counts is None:
            totals = (total if isinstance(total, int) else float(total) for total in self._sums)
            sums = dict(zip(self._names, totals, strict=True))
            waits = {heard: items for heard, items in sorted(self._waits.items()) if items}
            self._counts = counts_of(self._project.settings, sums, waits, self._round + 1)
        return self._counts

    def _catch_up(self) -> None:
        with self._project.database.read() as connection:
            event, *epoch = connection.execute(_EPOCH).one()
            if tuple(epoch) != self._epoch:
                return self._read_all(connection, event, tuple(epoch))
            if event == self._event:
                return
            new = connection.execute(_NEW, {"event": self._event}).all()
            touched = {item for _, item in new}
            if not touched <= self._states.keys():  # an import answered items that were never picked, which is rare
                return self._read_all(connection, event, tuple(epoch))
            numbers = sorted(touched)
            for start in range(0, len(numbers), MANY):
                self._read(connection, self._some, {"numbers": numbers[start : start + MANY]})
            self._events += [number for number, _ in new]
            self._items += [item for _, item in new]
            self._event = event

    def _read_all(self, connection: Connection, event: int, epoch: tuple[Any, ...]) -> None:
        picks = select(PickRow.item).order_by(PickRow.round, PickRow.rank)
        self._order: list[int] = list(connection.execute(picks).scalars())
        self._orders = {number: order for order, number in enumerate(self._order)}
        self._states: dict[int, ItemState] = {}
        self._tied: set[int] = set()
        self._waits: Counter[int] = Counter()
        self._awaited, self._first_open, self._round = 0, 0, epoch[0]
        self._event = self._first_event = event
        self._events: list[int] = []
        self._items: list[int] = []
        rest = untouched(connection)
        self._sums = [rest.get(name, 0) for name in self._names]
        self._counts = None
        self._read(connection, self._all, {})
        self._epoch = epoch

    def _read(self, connection: Connection, queries: tuple[Any, Any], values: dict[str, Any]) -> None:
        states, answered_by = queries
        heard: dict[int, set[str]] = {}
        if self._project.settings.overlap > 1:
            for item, annotator in connection.execute(answered_by, values):
                heard.setdefault(item, set()).add(annotator)
        rows = connection.execute(states, values | {"round": self._round})
        for number, state, label, is_asked, is_tied, missing, *figures in rows:
            order, people = self._orders.get(number, -1), frozenset(heard.get(number, ()))
            parts = tuple(map(_exact, figures))
            self._put(ItemState(number, order, state, label, bool(is_asked), bool(is_tied), people, missing, parts))

    def _put(self, state: ItemState) -> None:
        before = self._states.get(state.number)
        self._counts = None
        for one, sign in ((before, -1), (state, 1)):
            if one is not None:
                self._sums = [total + sign * share for total, share in zip(self._sums, one.shares, strict=True)]
                self._awaited += sign * one.awaited
                self._waits[len(one.heard)] += sign * one.is_open
        self._states[state.number] = state
        (self._tied.add if state.is_tied else self._tied.discard)(state.number)
        if state.is_open:
            self._first_open = min(self._first_open, state.order)
        while self._first_open < len(self._order) and self._is_closed(self._order[self._first_open]):
            self._first_open += 1

    def _is_closed(self, number: int) -> bool:
        state = self._states.get(number)
        return state is not None and not state.is_open


def _in_order(state: ItemState) -> tuple[bool, int, int]:
    return state.order < 0, state.order, state.number


def _exact(value: float) -> int | Fraction:
    """Return a number that can be added and subtracted without rounding."""
    return int(value) if value == int(value) else Fraction(value)
