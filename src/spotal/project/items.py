"""Items: the project's pool, which grows and never shrinks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import and_, bindparam, case, func, select, update

from spotal.errors import ProjectError
from spotal.numeric.arrays import blocks
from spotal.project.arrivals import Arrivals
from spotal.project.collection import uncollected
from spotal.project.records import Added, Found, Item
from spotal.project.schema import ItemRow, PickRow, standings
from spotal.project.sources import location

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from spotal.project.project import Project

__all__ = ["MANY", "Items", "Present", "numbers_of"]

MANY = 500
"""Values that one query names."""
AT_ONCE = 10_000
"""Rows that are read at a time."""

_COLUMNS = (
    ItemRow.number,
    ItemRow.id,
    ItemRow.kind,
    ItemRow.content,
    ItemRow.path,
    ItemRow.row,
    ItemRow.text,
    ItemRow.missing,
    ItemRow.held_back.is_not(None).label("is_held_back"),
    ItemRow.added,
)
_FREE = (
    ItemRow.held_back.is_(None),
    ~ItemRow.missing,
    ItemRow.number.not_in(select(PickRow.item)),
    ItemRow.number.not_in(select(standings.c.item)),
)
_SOME: Any = bindparam("some", expanding=True)
_NAMES = select(ItemRow.number, ItemRow.id).where(ItemRow.number.in_(_SOME))
_NUMBERS = select(ItemRow.id, ItemRow.number).where(ItemRow.id.in_(_SOME))
"""Queries of every answer, made once."""


class Present(Sequence[Item]):
    """Items that are not missing. Their columns are there; each :class:`Item` is made when one is first asked for.

    numbers : int64 (n,), ascending; rows : int64 (n,), in a table or array, -1 where there is none; contents : n hashes
    """

    def __init__(
        self, items: Items, numbers: NDArray[np.int64], rows: NDArray[np.int64], contents: Sequence[str]
    ) -> None:
        self._items, self.numbers, self.rows, self.contents = items, numbers, rows, contents

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: Any) -> Any:
        return self._listed[place]

    @cached_property
    def _listed(self) -> list[Item]:
        wanted = set(self.numbers.tolist())
        return [item for item in self._items if item.number in wanted]

    def take(self, places: NDArray[np.int64]) -> Present:
        """Those at these places, which ascend."""
        contents = [self.contents[place] for place in places.tolist()]
        return Present(self._items, self.numbers[places], self.rows[places], contents)


class Items:
    """The pool. Iterating gives every :class:`Item` in the order of its number, ``len`` their count."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._database = project.database

    def __len__(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(ItemRow)).scalar_one())

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all(select(*_COLUMNS)))

    def __contains__(self, item: object) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(ItemRow.number).where(ItemRow.id == item)).first() is not None

    def get(self, item: str) -> Item:
        """The item of that id. Raises ProjectError where there is none."""
        return self.named([item])[0]

    def named(self, ids: Iterable[str]) -> list[Item]:
        """The items of these ids, in this order. Raises ProjectError where there is none."""
        wanted = list(ids)
        found = {item.id: item for item in self._where(ItemRow.id, wanted)}
        unknown = next((name for name in wanted if name not in found), None)
        if unknown is not None:
            raise ProjectError(_unknown(unknown))
        return [found[name] for name in wanted]

    def at(self, numbers: Iterable[int]) -> list[Item]:
        """The items of these numbers, in this order. Raises ProjectError where there is none."""
        wanted = [int(number) for number in numbers]
        found = {item.number: item for item in self._where(ItemRow.number, [n for n in wanted if 0 <= n < 2**63])}
        unknown = next((number for number in wanted if number not in found), None)
        if unknown is not None:
            raise ProjectError(f"numbers must be those of items, 0 to {len(self) - 1}, found {unknown}")
        return [found[number] for number in wanted]

    def ids(self, numbers: Iterable[int]) -> dict[int, str]:
        """The ids of the items of these numbers; those that no item has are left out."""
        wanted = [number for number in numbers if 0 <= number < 2**63]
        found: dict[int, str] = {}
        with self._database.read() as connection:
            for part in blocks(len(wanted), MANY):
                rows = connection.execute(_NAMES, {"some": wanted[part]})
                found.update((number, name) for number, name in rows)
        return found

    def present(self) -> Present:
        """The items that are not missing: their numbers, rows and contents."""
        query = select(ItemRow.number, ItemRow.row, ItemRow.content).where(~ItemRow.missing).order_by(ItemRow.number)
        numbers: list[NDArray[np.int64]] = []
        rows: list[NDArray[np.int64]] = []
        contents: list[str] = []
        with uncollected(), self._database.read() as connection:
            cursor: Any = connection.execute(query).cursor  # the driver's own rows: a third of the time
            while some := cursor.fetchmany(AT_ONCE):
                part = list(zip(*some, strict=True))
                numbers.append(np.asarray(part[0], np.int64))
                rows.append(np.asarray([-1 if row is None else row for row in part[1]], np.int64))
                contents += part[2]
        none = [np.empty(0, np.int64)]
        return Present(self, np.concatenate(numbers or none), np.concatenate(rows or none), contents)

    def of_content(self, content: str) -> list[Item]:
        """The items of that content that are not missing."""
        return self._all(select(*_COLUMNS).where(ItemRow.content == content, ~ItemRow.missing))

    def candidates(self) -> list[Item]:
        """What a strategy may pick: present, not held back, never picked, and nobody has spoken about it."""
        return self._all(select(*_COLUMNS).where(*_FREE))

    def candidate_numbers(self) -> NDArray[np.int64]:
        """Numbers of the :meth:`candidates`, ascending; int64 (m,)."""
        with self._database.read() as connection:
            cursor: Any = connection.execute(select(ItemRow.number).where(*_FREE).order_by(ItemRow.number)).cursor
            return np.fromiter((number for (number,) in cursor), np.int64)

    @property
    def location(self) -> Path:
        """Where the data are: a folder of images, or a file."""
        return location(self._project.settings.data, self._project.folder)

    def file(self, item: Item) -> Path:
        """The file of an image. Raises ProjectError where the item has none."""
        if item.path is None:
            raise ProjectError(f"item {item.id!r} is {item.kind}, which has no file of its own; take an image")
        return self.location / item.path

    @uncollected()
    def add(self, found: Iterable[Found], *, complete: bool = False) -> Added:
        """Add what is new, follow what moved, note what changed; see :class:`Arrivals`.

        An answer holds while its item has the content that was answered: those about an item that changed are set
        aside, see :meth:`Labels.set_aside`.

        Parameters
        ----------
        found : iterable of Found, in the order of the data; read to its end before anything is written
        complete : bool, whether this is all that there is: items are then found again by content too, and those not
            among it are missing from now on

        Raises
        ------
        ProjectError
            An id comes twice or is empty, or a path leads out of the data's folder. Nothing is added then.
        """
        with self._database.write() as connection:
            arrivals = Arrivals(connection, found, complete=complete)
            arrivals.write(self._project.settings)
        return arrivals.report

    def hold_together(self, groups: Iterable[Sequence[int]]) -> int:
        """Hold back all items of a group or none, as the draw of its first item says.

        A model that was trained on a near copy of a held-back item is measured too well on that item. Each item is
        still held back with the probability ``audit.held_back``. Groups with a picked or answered item are left alone.

        Parameters
        ----------
        groups : iterable of sequences of int, numbers of items, ascending; see :meth:`Copies.together`

        Returns
        -------
        int, items whose part changed
        """
        groups = list(groups)
        if not groups:
            return 0
        with self._database.write() as connection:
            share = dict(connection.execute(select(ItemRow.number, ItemRow.held_back)).tuples().all())
            known = set(connection.execute(select(PickRow.item)).scalars())
            known |= set(connection.execute(select(standings.c.item)).scalars())
            rows = [
                {"key": number, "share": share[group[0]]}
                for group in groups
                if known.isdisjoint(group)
                for number in group
                if share[number] != share[group[0]]
            ]
            if rows:
                change = update(ItemRow).where(ItemRow.number == bindparam("key")).values(held_back=bindparam("share"))
                connection.execute(change, rows)
        return len(rows)

    def holds(self, stamp: str | None) -> bool:
        """Whether the items are what a table or array of that stamp holds (:func:`spotal.project.sources.look`)."""
        if stamp is None:
            return False
        there = func.count(case((~ItemRow.missing, 1)))
        first = func.max(case((and_(ItemRow.row == 0, ~ItemRow.missing), ItemRow.stamp)))
        with self._database.read() as connection:
            n, found = connection.execute(select(there, first).select_from(ItemRow)).one()
        return bool(found == f"{stamp}:{n}")

    @uncollected()
    def compare(self, found: Iterable[Found]) -> Added:
        """What :meth:`add` would report of all that there is; nothing is recorded. Raises as ``add``."""
        with self._database.read() as connection:
            return Arrivals(connection, found, complete=True).report

    def contents(self) -> dict[str, tuple[str, str]]:
        """Stamp and content of each file by its path; "" where it must be read again whatever its stamp is."""
        query: Any = select(ItemRow.path, ItemRow.stamp, ItemRow.content).where(ItemRow.path.is_not(None))
        with self._database.read() as connection:
            return {path: (stamp or "", content) for path, stamp, content in connection.execute(query)}

    @uncollected()
    def _all(self, query: Any) -> list[Item]:
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ItemRow.number)).partitions(AT_ONCE)
            return [Item(*row) for some in rows for row in some]

    def _where(self, attribute: Any, values: list[Any]) -> Iterator[Item]:
        with self._database.read() as connection:
            for start in range(0, len(values), MANY):
                query: Any = select(*_COLUMNS).where(attribute.in_(values[start : start + MANY]))
                yield from (Item(*row) for row in connection.execute(query))


def numbers_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The numbers of the items of these ids. Raises ProjectError where there is none."""
    wanted = list(dict.fromkeys(ids))
    found = found_numbers(connection, wanted)
    return {name: number_of(found, name) for name in wanted}


def found_numbers(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The numbers of the items of these ids; those that no item has are left out."""
    wanted = [name for name in dict.fromkeys(ids) if is_text(name)]
    found: dict[str, int] = {}
    for part in blocks(len(wanted), MANY):
        rows = connection.execute(_NUMBERS, {"some": wanted[part]})
        found.update((name, number) for name, number in rows)
    return found


def number_of(found: Mapping[str, int], name: str) -> int:
    """The number found for an id. Raises ProjectError where there is none."""
    if name not in found:
        raise ProjectError(_unknown(name))
    return found[name]


def is_text(name: object) -> bool:
    """Whether something can be a text in the database: no half of a character that only another half makes whole."""
    return isinstance(name, str) and not any("\ud800" <= letter <= "\udfff" for letter in name)


def _unknown(item: str) -> str:
    return f"item must be one of the project's, found {item!r}; add it, or check its id"
