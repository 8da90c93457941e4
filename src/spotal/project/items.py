"""The items of a project: its pool. Items are added and never deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, bindparam, case, func, select, update

from spotal.errors import ProjectError
from spotal.project.arrivals import Arrivals
from spotal.project.collection import uncollected
from spotal.project.queries import SOME, Part, columns, in_parts
from spotal.project.records import Added, Found, Item
from spotal.project.schema import ItemRow, PickRow, standings
from spotal.project.sources import location
from spotal.tables.columns import is_text as is_utf8

__all__ = ["Items", "Present", "numbers_of"]

AT_ONCE = 10_000
"""Number of rows read at a time."""

_ITEMS = select(*columns(ItemRow, Item, held_back=ItemRow.held_back.is_not(None).label("is_held_back")))
_FREE = (
    ItemRow.held_back.is_(None),
    ~ItemRow.missing,
    ItemRow.number.not_in(select(PickRow.item)),
    ItemRow.number.not_in(select(standings.c.item)),
)
_NAMES = select(ItemRow.number, ItemRow.id).where(ItemRow.number.in_(SOME))
_NUMBERS = select(ItemRow.id, ItemRow.number).where(ItemRow.id.in_(SOME))
"""Queries that run for every answer, built once."""


class Present(Sequence[Item]):
    """Items that are not missing. Columns are loaded at once, :class:`Item` objects on first access.

    numbers : int64 (n,), ascending; rows : int64 (n,), in a table or array, -1 for none; contents : n hashes
    """

    def __init__(
        self, items: Items, numbers: NDArray[np.int64], rows: NDArray[np.int64], contents: Sequence[str]
    ) -> None:
        self._items, self.numbers, self.rows, self.contents = items, numbers, rows, contents

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        return self._listed[place]

    @cached_property
    def _listed(self) -> list[Item]:
        wanted = set(self.numbers.tolist())
        return [item for item in self._items if item.number in wanted]

    def take(self, places: NDArray[np.int64]) -> Present:
        """Return the items at these ascending positions."""
        contents = [self.contents[place] for place in places.tolist()]
        return Present(self._items, self.numbers[places], self.rows[places], contents)


class Items(Part):
    """The pool. Iteration gives every :class:`Item` by ascending number; ``len`` is their count."""

    def __len__(self) -> int:
        return self._number(select(func.count()).select_from(ItemRow))

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all(_ITEMS))

    def __contains__(self, item: object) -> bool:
        return bool(self._rows(select(ItemRow.number).where(ItemRow.id == item)))

    def get(self, item: str) -> Item:
        """Return the item with this id. Raises ProjectError if there is none."""
        return self.named([item])[0]

    def named(self, ids: Iterable[str]) -> list[Item]:
        """Return the items with these ids, in this order. Raises ProjectError for an unknown id."""
        wanted = list(ids)
        items = {item.id: item for item in self._where(ItemRow.id, wanted)}
        unknown = next((name for name in wanted if name not in items), None)
        if unknown is not None:
            raise ProjectError(_unknown(unknown))
        return [items[name] for name in wanted]

    def at(self, numbers: Iterable[int]) -> list[Item]:
        """Return the items with these numbers, in this order. Raises ProjectError for an unknown number."""
        wanted = [int(number) for number in numbers]
        items = {item.number: item for item in self._where(ItemRow.number, [n for n in wanted if 0 <= n < 2**63])}
        unknown = next((number for number in wanted if number not in items), None)
        if unknown is not None:
            raise ProjectError(f"numbers must be those of items, 0 to {len(self) - 1}, found {unknown}")
        return [items[number] for number in wanted]

    def ids(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return the ids of the items, by number. Unknown numbers are left out."""
        wanted = [number for number in numbers if 0 <= number < 2**63]
        with self._database.read() as connection:
            return dict(in_parts(connection, _NAMES, wanted))

    def present(self) -> Present:
        """Return the items that are not missing, with their numbers, rows and contents."""
        query = select(ItemRow.number, ItemRow.row, ItemRow.content).where(~ItemRow.missing).order_by(ItemRow.number)
        numbers: list[NDArray[np.int64]] = []
        rows: list[NDArray[np.int64]] = []
        contents: list[str] = []
        with uncollected(), self._database.read() as connection:
            cursor: Any = connection.execute(query).cursor  # the driver's own rows take a third of the time
            while batch := cursor.fetchmany(AT_ONCE):
                part = list(zip(*batch, strict=True))
                numbers.append(np.asarray(part[0], np.int64))
                rows.append(np.asarray([-1 if row is None else row for row in part[1]], np.int64))
                contents += part[2]
        empty = [np.empty(0, np.int64)]
        return Present(self, np.concatenate(numbers or empty), np.concatenate(rows or empty), contents)

    def of_content(self, content: str) -> list[Item]:
        """Return the items with this content that are not missing."""
        return self._all(_ITEMS.where(ItemRow.content == content, ~ItemRow.missing))

    def candidates(self) -> list[Item]:
        """Return the items that a strategy may pick: present, not held back, never picked, without answers."""
        return self._all(_ITEMS.where(*_FREE))

    def candidate_numbers(self) -> NDArray[np.int64]:
        """Return the numbers of the :meth:`candidates`, ascending; int64 (m,)."""
        with self._database.read() as connection:
            cursor: Any = connection.execute(select(ItemRow.number).where(*_FREE).order_by(ItemRow.number)).cursor
            return np.fromiter((number for (number,) in cursor), np.int64)

    @property
    def location(self) -> Path:
        """Path of the data: a folder of images, or a file."""
        return location(self._project.settings.data, self._project.folder)

    def file(self, item: Item) -> Path:
        """Return the file of an image. Raises ProjectError if the item has none."""
        if item.path is None:
            raise ProjectError(f"item {item.id!r} is {item.kind}, which has no file of its own; take an image")
        return self.location / item.path

    @uncollected()
    def add(self, found: Iterable[Found], *, complete: bool = False) -> Added:
        """Add new items, and record which items moved or changed; see :class:`Arrivals`.

        An answer is valid while its item has the content that was answered. When an item changes, its answers are set
        aside; see :meth:`Labels.set_aside`.

        Parameters
        ----------
        found : iterable of Found, in the order of the data; read to its end before anything is written
        complete : bool, whether ``found`` is all of the data. Items are then also matched by content, and the other
            items become missing

        Raises
        ------
        ProjectError
            An id repeats or is empty, or a path is outside the data's folder. Nothing is added then.
        """
        with self._database.write() as connection:
            arrivals = Arrivals(connection, found, complete=complete)
            arrivals.write(self._project.settings)
        return arrivals.report

    def hold_together(self, groups: Iterable[Sequence[int]]) -> int:
        """Hold back all items of a group or none, following the draw of its first item.

        A model trained on a near copy of a held-back item would look too accurate on that item. Each item is still held
        back with the probability ``audit.held_back``. Groups with a picked or answered item are not changed.

        Parameters
        ----------
        groups : iterable of sequences of int, numbers of items, ascending; see :meth:`Copies.together`

        Returns
        -------
        int, number of items that changed
        """
        groups = list(groups)
        if not groups:
            return 0
        with self._database.write() as connection:
            draws = connection.execute(select(ItemRow.number, ItemRow.held_back))
            share = {row.number: row.held_back for row in draws}
            used = set(connection.execute(select(PickRow.item)).scalars())
            used |= set(connection.execute(select(standings.c.item)).scalars())
            rows = [
                {"key": number, "share": share[group[0]]}
                for group in groups
                if used.isdisjoint(group)
                for number in group
                if share[number] != share[group[0]]
            ]
            if rows:
                change = update(ItemRow).where(ItemRow.number == bindparam("key")).values(held_back=bindparam("share"))
                connection.execute(change, rows)
        return len(rows)

    def holds(self, stamp: str | None) -> bool:
        """Return whether the items are those of the table or array with this stamp (:func:`~.sources.look`)."""
        if stamp is None:
            return False
        present = func.count(case((~ItemRow.missing, 1)))
        first = func.max(case((and_(ItemRow.row == 0, ~ItemRow.missing), ItemRow.stamp)))
        ((n, recorded),) = self._rows(select(present, first).select_from(ItemRow))
        return bool(recorded == f"{stamp}:{n}")

    @uncollected()
    def compare(self, found: Iterable[Found]) -> Added:
        """Return what :meth:`add` would report for the complete data. Records nothing. Raises as ``add``."""
        with self._database.read() as connection:
            return Arrivals(connection, found, complete=True).report

    def contents(self) -> dict[str, tuple[str, str]]:
        """Return the stamp and content of each file, by path; the stamp is "" if the file must be read again."""
        query = select(ItemRow.path, ItemRow.stamp, ItemRow.content).where(ItemRow.path.is_not(None))
        return {path: (stamp or "", content) for path, stamp, content in self._rows(query)}

    @uncollected()
    def _all(self, query: Any) -> list[Item]:
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ItemRow.number)).partitions(AT_ONCE)
            return [Item(*row) for part in rows for row in part]

    def _where(self, attribute: Any, values: list[Any]) -> list[Item]:
        with self._database.read() as connection:
            return [Item(*row) for row in in_parts(connection, _ITEMS.where(attribute.in_(SOME)), values)]


def numbers_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of items, by id. Raises ProjectError for an unknown id."""
    wanted = list(dict.fromkeys(ids))
    numbers = existing_numbers(connection, wanted)
    return {name: number_of(numbers, name) for name in wanted}


def existing_numbers(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of items, by id. Unknown ids are left out."""
    wanted = [name for name in dict.fromkeys(ids) if is_text(name)]
    return dict(in_parts(connection, _NUMBERS, wanted))


def number_of(numbers: Mapping[str, int], name: str) -> int:
    """Return the number of an id. Raises ProjectError for an unknown id."""
    if name not in numbers:
        raise ProjectError(_unknown(name))
    return numbers[name]


def is_text(name: object) -> bool:
    """Return whether the value is a text that the database can store: a str without lone surrogates."""
    return isinstance(name, str) and is_utf8(name)


def _unknown(item: str) -> str:
    return f"item must be one of the project's, found {item!r}; add it, or check its id"
