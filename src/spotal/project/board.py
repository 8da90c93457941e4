"""Board: the state of every item that was picked or answered, kept in memory for the labeling page.

Reading a whole project takes time in proportion to its size. A board reads it once. From then on it reads only the
items that were answered since, whoever recorded the answer: another thread, a command, Label Studio.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, case, func, select

from spotal.project.counting import HEARD, POOL, TOUCHED, counts_of, shares, untouched
from spotal.project.items import MANY
from spotal.project.rounds import awaited, is_open
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
    from sqlalchemy import Connection

    from spotal.project.project import Project
    from spotal.project.records import Counts

__all__ = ["MOST_TASKS", "Board", "Glance", "Place"]

MOST_TASKS = 200
"""Items that one look brings to be answered; more follow when these are answered."""
MOST_CHANGES = 5_000
"""Events since the last look beyond which everything is told anew."""

_NOW = select(
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
"""The last event; then what changes with rounds, models, their figures, imports, items, and which of these are
missing, have other contents, or are vouched for."""
_NEW = select(EventRow.number, EventRow.item).where(EventRow.number > bindparam("event")).order_by(EventRow.number)
_SOME = ItemRow.number.in_(bindparam("numbers", expanding=True))
_VOICES = select(latest.c.item, latest.c.annotator).select_from(POOL).join(latest, latest.c.item == ItemRow.number)


class Place(NamedTuple):
    """Where an item stands.

    number : int, of the item; order : int, of its pick in the order of asking, -1 where there is none
    state, label : as in :class:`~spotal.project.Standing`; state is "" where nobody has spoken
    is_open, is_tied : bool, whether it waits for more answers, and whether it waits for somebody to settle a conflict
    heard : frozenset of those who have answered, where it is open
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
        """Whether the annotator is to be asked."""
        return self.is_tied or (self.is_open and annotator not in self.heard)


@dataclass(frozen=True)
class Glance:
    """What one look at a board brings.

    version : str, to be shown at the next look; epoch : str, changes when more than answers did
    is_whole : bool, whether all is told; else what has changed since the last look
    counts : Counts; awaited : int, answers that are missing in the newest round
    tasks : list of Place, to be asked about and told in full, in order: conflicts and those beyond the last look's end
    still : list of int, numbers up to the last look's end that are to be asked about, again or still
    gone : list of int, numbers that are not to be asked about any more
    places : list of Place, all that have changed
    end : int, up to which place in the order all has been told
    """

    version: str
    epoch: str
    is_whole: bool
    counts: Counts
    awaited: int
    tasks: list[Place]
    still: list[int]
    gone: list[int]
    places: list[Place]
    end: int


class Board:
    """A board over an open project; may be shared by threads."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = Lock()
        self._visit = secrets.token_hex(4)  # settings may differ from those of an earlier run
        self._epoch: tuple[Any, ...] | None = None
        self._event = self._from = 0
        self._counted: Counts | None = None
        settings = project.settings
        figures, is_asked = shares(settings), is_open(settings.overlap)
        is_tied = and_(func.coalesce(standings.c.state, "") == "conflict", ~ItemRow.missing, ~is_asked)
        self._names = list(figures)
        places = select(
            ItemRow.number,
            func.coalesce(standings.c.state, ""),
            standings.c.label,
            case((is_asked, 1), else_=0),
            case((is_tied, 1), else_=0),
            case((PickRow.round == bindparam("round"), awaited(settings.overlap)), else_=0),
            *figures.values(),
        ).select_from(POOL)
        voices = _VOICES.where(is_asked, HEARD > 0)
        self._all = places.where(TOUCHED), voices.where(TOUCHED)
        self._some = places.where(_SOME), voices.where(_SOME)

    def catch_up(self) -> None:
        """Read what is new, as one state of the database."""
        with self._lock:
            self._catch_up()

    def look(
        self, annotator: str | None, known: str | None = None, end: int = -1, more: int = 0, *, fresh: bool = True
    ) -> Glance | None:
        """What an annotator is to be shown; None where the version ``known`` is this one still and no more is asked.

        Parameters
        ----------
        known : str or None, ``version`` of the annotator's last look; of another one everything is told
        end : int, ``end`` of the last look; more : int, how many tasks beyond it are wanted
        fresh : bool, whether to read what is new before; else as of the last look, or :meth:`catch_up`
        """
        with self._lock:
            if fresh or self._epoch is None:
                self._catch_up()
            epoch = "-".join([self._visit, *map(str, self._epoch or ())])
            name = f"{epoch}:{annotator or ''}"
            version = f"{self._event}:{name}"
            since = self._since(known, name)
            more = min(max(more, 0), MOST_TASKS)
            if since is None:
                tied = sorted((self._places[number] for number in self._tied), key=_in_order)
                picks, end = self._open(annotator, -1, max(0, MOST_TASKS - len(tied)))
                return Glance(version, epoch, True, self._counts(), self._awaited, tied + picks, [], [], [], end)
            end = min(max(end, -1), len(self._order) - 1)
            picks, further = self._open(annotator, end, more) if more else ([], end)
            if not since and not picks:
                return None
            places = [self._places[number] for number in since]
            waiting = [place for place in places if place.waits_for(annotator)]
            return Glance(
                version,
                epoch,
                False,
                self._counts(),
                self._awaited,
                [place for place in places if place.is_tied] + picks,
                [place.number for place in waiting if place.order <= end and not place.is_tied],
                [place.number for place in places if not place.waits_for(annotator)],
                places,
                further,
            )

    def places(self) -> list[Place]:
        """All items that were picked or spoken about."""
        with self._lock:
            self._catch_up()
            return list(self._places.values())

    def _since(self, known: str | None, name: str) -> list[int] | None:
        """Numbers of the items spoken about since a version; None where that is not known."""
        event, _, rest = (known or "").partition(":")
        if rest != name or not (event.isascii() and event.isdigit() and len(event) < 19):
            return None
        first = bisect_right(self._events, int(event))
        if not self._from <= int(event) <= self._event or len(self._events) - first > MOST_CHANGES:
            return None
        return list(dict.fromkeys(self._items[first:]))

    def _open(self, annotator: str | None, after: int, most: int) -> tuple[list[Place], int]:
        """The next picks that wait for the annotator, and up to where in the order that is."""
        found: list[Place] = []
        for order in range(max(after + 1, self._first), len(self._order)):
            if len(found) == most:
                return found, order - 1
            place = self._places[self._order[order]]
            if place.is_open and place.waits_for(annotator):
                found.append(place)
        return found, len(self._order) - 1

    def _counts(self) -> Counts:
        if self._counted is None:
            self._counted = self._count()
        return self._counted

    def _count(self) -> Counts:
        totals = (total if isinstance(total, int) else float(total) for total in self._sums)
        sums = dict(zip(self._names, totals, strict=True))
        waits = {heard: items for heard, items in sorted(self._waits.items()) if items}
        return counts_of(self._project.settings, sums, waits, self._round + 1)

    def _catch_up(self) -> None:
        with self._project.database.read() as connection:
            event, *epoch = connection.execute(_NOW).one()
            if tuple(epoch) != self._epoch:
                return self._read_all(connection, event, tuple(epoch))
            if event == self._event:
                return
            new = connection.execute(_NEW, {"event": self._event}).all()
            touched = {item for _, item in new}
            if not touched <= self._places.keys():  # about items that were never picked: an import, which is rare
                return self._read_all(connection, event, tuple(epoch))
            for place in self._read(connection, touched):
                self._put(place)
            self._events += [number for number, _ in new]
            self._items += [item for _, item in new]
            self._event = event

    def _read_all(self, connection: Connection, event: int, epoch: tuple[Any, ...]) -> None:
        picks = select(PickRow.item).order_by(PickRow.round, PickRow.rank)
        self._order: list[int] = list(connection.execute(picks).scalars())
        self._orders = {number: order for order, number in enumerate(self._order)}
        self._places: dict[int, Place] = {}
        self._tied: set[int] = set()
        self._waits: Counter[int] = Counter()
        self._awaited, self._first, self._round = 0, 0, epoch[0]
        self._event = self._from = event
        self._events: list[int] = []
        self._items: list[int] = []
        rest = untouched(connection)
        self._sums = [rest.get(name, 0) for name in self._names]
        self._counted = None
        for place in self._found(connection, self._all, {}):
            self._put(place)
        self._epoch = epoch

    def _read(self, connection: Connection, numbers: Iterable[int]) -> Iterator[Place]:
        """Places of these items."""
        listed = sorted(numbers)
        for start in range(0, len(listed), MANY):
            yield from self._found(connection, self._some, {"numbers": listed[start : start + MANY]})

    def _found(self, connection: Connection, queries: tuple[Any, Any], values: dict[str, Any]) -> Iterator[Place]:
        places, voices = queries
        heard: dict[int, set[str]] = {}
        if self._project.settings.overlap > 1:
            for item, annotator in connection.execute(voices, values):
                heard.setdefault(item, set()).add(annotator)
        found = connection.execute(places, values | {"round": self._round})
        for number, state, label, is_asked, is_tied, missing, *figures in found:
            yield Place(
                number,
                self._orders.get(number, -1),
                state,
                label,
                bool(is_asked),
                bool(is_tied),
                frozenset(heard.get(number, ())),
                missing,
                tuple(map(_exact, figures)),
            )

    def _put(self, place: Place) -> None:
        """Replace what is known about an item."""
        before = self._places.get(place.number)
        self._counted = None
        for one, sign in ((before, -1), (place, 1)):
            if one is not None:
                self._sums = [total + sign * share for total, share in zip(self._sums, one.shares, strict=True)]
                self._awaited += sign * one.awaited
                self._waits[len(one.heard)] += sign * one.is_open
        self._places[place.number] = place
        (self._tied.add if place.is_tied else self._tied.discard)(place.number)
        if place.is_open:
            self._first = min(self._first, place.order)
        while self._first < len(self._order) and self._is_over(self._order[self._first]):
            self._first += 1

    def _is_over(self, number: int) -> bool:
        place = self._places.get(number)
        return place is not None and not place.is_open


def _in_order(place: Place) -> tuple[bool, int, int]:
    return place.order < 0, place.order, place.number


def _exact(value: float) -> int | Fraction:
    """A number that can be added and taken away again without a trace."""
    return int(value) if value == int(value) else Fraction(value)
