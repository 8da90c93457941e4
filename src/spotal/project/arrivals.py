"""Arrivals: bring a project's items up to date with what its data hold now."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from spotal.errors import ProjectError
from spotal.project.chance import uniform
from spotal.project.matching import NEW, Known, match
from spotal.project.records import Added, Found
from spotal.project.schema import FORMER, EventRow, ItemRow, Moment, PickRow, VouchedRow, standings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from spotal.project.settings import Settings

__all__ = ["Arrivals", "is_blank"]

AT_ONCE = 10_000
"""Rows that are written at a time."""
IN_A_STATEMENT = 50
"""Rows of one statement: 550 values at most, and SQLite before 3.32 takes 999."""
_KNOWN = select(*(getattr(ItemRow, name) for name in Known._fields)).order_by(ItemRow.number)


class Arrivals:
    """What the data hold now, matched with the items that are known.

    Parameters
    ----------
    connection : Connection, in a transaction
    found : iterable of Found, in the order of the data; read to its end
    complete : bool, whether this is all that the data hold: items are then matched by content too, and those that are
        not among it are gone

    Attributes
    ----------
    report : Added, with ids as they are after :meth:`write`

    Raises
    ------
    ProjectError
        An id comes twice or is empty, or a path leads out of the data's folder.
    """

    def __init__(self, connection: Connection, found: Iterable[Found], *, complete: bool) -> None:
        self._connection, self._complete = connection, complete
        self.report = Added()
        self._things = list(_checked(found, self.report))
        self._recorded = [Known(*row) for some in connection.execute(_KNOWN).partitions(AT_ONCE) for row in some]
        self._known = _brought_up(self._recorded, self._things)
        done = match(self._known, self._things, self._words, complete=complete)
        self._owner, self._changed = done.owner, {done.owner[f] for f in done.changed}
        self._gone: list[Known] = []
        if complete:
            there = set(done.owner)
            self._gone = [item for k, item in enumerate(self._known) if k not in there]
        self._names = self._named()
        self._now = self._compare()
        self.report.missing.extend(item.id for item in self._gone if not item.missing)
        given_up = [self._known[k] for k in done.unclear]
        self.report.unclear.extend(item.id for item in given_up if not item.missing and item.number in self._spoken)

    @cached_property
    def _spoken(self) -> dict[int, tuple[str, str | None]]:
        query = select(standings.c.item, standings.c.state, standings.c.label).where(standings.c.voters > 0)
        return {item: (state, label) for item, state, label in self._connection.execute(query)}

    def _words(self, numbers: Iterable[int]) -> Mapping[int, object]:
        return {number: self._spoken[number] for number in numbers if number in self._spoken}

    def _named(self) -> list[str]:
        """The id of each thing. A row without one keeps its item's; a new one gets its number, or the next free one."""
        if not self._known or all(thing.named for thing in self._things):
            return [thing.id for thing in self._things]
        names = [
            thing.id if k == NEW else self._known[k].id for thing, k in zip(self._things, self._owner, strict=True)
        ]
        if NEW not in self._owner:
            return names
        taken = {item.id for item in self._known}
        following = max(
            len(names), 1 + max((int(name) for name in taken if name.isdecimal() and len(name) < 19), default=-1)
        )
        for f, k in enumerate(self._owner):
            if k == NEW:
                if names[f] in taken:
                    names[f], following = str(following), following + 1
                taken.add(names[f])
        return names

    def _compare(self) -> list[tuple[Known, str | None]]:
        """Known items that are not any more as they were, with their texts; fills the report."""
        renewed: list[tuple[Known, str | None]] = []
        if not self._known:
            self.report.new.extend(self._names)
            return renewed
        for thing, k, name in zip(self._things, self._owner, self._names, strict=True):
            if k == NEW:
                self.report.new.append(name)
                continue
            before = self._known[k]
            now = Known(before.number, name, thing.content, thing.path, thing.row, thing.stamp, missing=False)
            if now == self._recorded[k]:
                continue
            renewed.append((now, thing.text))
            if k in self._changed:
                self.report.changed.append(name)
            elif not (thing.named or before.missing) and thing.row != before.row:
                self.report.moved.append(name)
            if before.missing:
                self.report.back.append(name)
            if name != before.id:
                self.report.renamed[name] = before.id
        return renewed

    def write(self, settings: Settings) -> None:
        """Record all of it. Items are held back with the probability ``audit.held_back``, copies all or none."""
        at = datetime.now(UTC)
        self._rename()
        self._vouch(at)
        if self._now:
            names = [name for name in Known._fields if name != "number"]
            change = update(ItemRow).where(ItemRow.number == bindparam("key")).values(
                text=bindparam("new_text"), **{name: bindparam(f"new_{name}") for name in names}
            )  # fmt: skip
            rows = [
                {"key": now.number, "new_text": text, **{f"new_{name}": getattr(now, name) for name in names}}
                for now, text in self._now
            ]
            self._connection.execute(change, rows)
        changed = [{"key": self._known[k].number} for k in sorted(self._changed)]
        for rows, values in ((changed, {"changed": at}), (self._keys(self._gone), {"missing": True, "row": None})):
            if rows:
                self._connection.execute(update(ItemRow).where(ItemRow.number == bindparam("key")).values(values), rows)
        self._add(settings, at)
        if self._known and not self._complete:  # its items are no more what the table holds
            self._connection.execute(update(ItemRow).where(ItemRow.row == 0).values(stamp=None))

    def _vouch(self, at: datetime) -> None:
        """Let answers hold for contents that are proven to be the same in another form."""
        if self._known is self._recorded:
            return
        answered = set(self._connection.execute(select(EventRow.item).distinct()).scalars())
        pairs = zip(self._recorded, self._known, strict=True)
        rows = [
            {"item": now.number, "content": before.content, "now": now.content, "at": at}
            for before, now in pairs
            if before.content != now.content and now.number in answered
        ]
        if rows:
            self._connection.execute(insert(VouchedRow), rows)

    @staticmethod
    def _keys(items: Iterable[Known]) -> list[dict[str, Any]]:
        return [{"key": item.number} for item in items if not item.missing]

    def _rename(self) -> None:
        """Free the ids that other items take over; those of items that are gone say so from then on."""
        taken = set(self._names) if self._gone else set()
        names = {now.number: now.id for now, _ in self._now}
        retired = [item for item in self._gone if item.id in taken]
        moved = [item for item in self._known if item.number in names and names[item.number] != item.id]
        for item, name in [
            *((item, f"{item.id} (gone, item {item.number})") for item in retired),
            *((item, f"\0{item.number}") for item in moved),
        ]:
            self._connection.execute(
                update(ItemRow).where(ItemRow.number == item.number).values(id=name, path=item.path and name)
            )
        if self.report.renamed:
            self._rename_neighbors({before: now for now, before in self.report.renamed.items()})

    def _rename_neighbors(self, names: Mapping[str, str]) -> None:
        """Items that picks name as their neighbors."""
        for number, about in self._connection.execute(select(PickRow.item, PickRow.about)).all():
            near = about.get("neighbors", [])
            if any(name in names for name in near):
                now = about | {"neighbors": [names.get(name, name) for name in near]}
                self._connection.execute(update(PickRow).where(PickRow.item == number).values(about=now))

    def _add(self, settings: Settings, at: datetime) -> None:
        """Add what is new. Copies share one draw of who is held back, and the fate of a copy that is known."""
        fresh = [f for f, k in enumerate(self._owner) if k == NEW]
        if not fresh:
            return
        held: dict[str, float | None] = {}
        if self._known:
            for content, part in self._connection.execute(select(ItemRow.content, ItemRow.held_back)):
                held[content] = None if part is None else held.get(content, part)
        share, seed = settings.audit.held_back, settings.random_state
        moment = Moment().process_bind_param(at, self._connection.dialect)
        first = len(self._known)
        for start in range(0, len(fresh), AT_ONCE):
            some = fresh[start : start + AT_ONCE]
            names, things = [self._names[f] for f in some], [self._things[f] for f in some]
            for name, thing in zip(names, things, strict=True):
                if thing.content not in held:
                    held[thing.content] = share if uniform(seed, "hold", name) < share else None
            found = dict(zip(Found._fields, zip(*things, strict=True), strict=True))
            columns: dict[str, Sequence[Any]] = {
                "number": range(first + start, first + start + len(some)),
                **{name: found[name] for name in ("kind", "path", "row", "text", "content", "stamp")},
                "id": names,
                "held_back": [held[thing.content] for thing in things],
                "missing": [False] * len(some),
                "added": [moment] * len(some),
            }
            _insert(self._connection, "items", columns)


def _insert(connection: Connection, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert rows given by columns, by the driver and many in a statement: 20 times as fast as SQLAlchemy's insert.

    The first column differs in each row. A value that all rows share is bound once a statement, and NULL not at all.
    """
    first, *others = columns
    shared = {name: columns[name][0] for name in others if columns[name].count(columns[name][0]) == len(columns[name])}
    own = [first, *(name for name in others if name not in shared)]
    shared = {name: value for name, value in shared.items() if value is not None}
    names = ", ".join(f'"{name}"' for name in (*shared, *own))
    once = [f"?{k + 1}" for k in range(len(shared))]
    rows = list(zip(*(columns[name] for name in own), strict=True))
    full = len(rows) - len(rows) % IN_A_STATEMENT
    for part, size in ((rows[:full], IN_A_STATEMENT), (rows[full:], len(rows) - full)):
        if part:
            places = (range(len(once) + 1 + k * len(own), len(once) + 1 + (k + 1) * len(own)) for k in range(size))
            values = ", ".join(f"({', '.join([*once, *(f'?{place}' for place in some)])})" for some in places)
            many = [(*shared.values(), *chain(*part[k : k + size])) for k in range(0, len(part), size)]
            connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES {values}", many)


def _checked(found: Iterable[Found], report: Added) -> Iterator[Found]:
    """Things that can be items; rows of an empty text are put down in the report."""
    seen: set[str] = set()
    for thing in found:
        if not thing.id:
            raise ProjectError("ids must not be empty, found an empty one; name every item")
        if thing.id in seen:
            raise ProjectError(f"ids must not repeat, found {thing.id!r} twice; make them unique")
        seen.add(thing.id)
        if thing.path is not None:
            path = PurePosixPath(thing.path)
            if path.is_absolute() or ".." in path.parts:
                raise ProjectError(f"paths must lie in the data's folder, found {thing.path!r}; give it relative to it")
        if thing.text is not None and is_blank(thing):
            report.empty.append(thing.id)
            continue
        yield thing


def is_blank(thing: Found) -> bool:
    """Whether a text shows nothing, so that nobody can be asked: white space, control signs and invisible marks."""
    signs = thing.text
    return signs is not None and all(sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf") for sign in signs)


def _brought_up(known: list[Known], things: Sequence[Found]) -> list[Known]:
    """Items with contents of the former form brought to the present one, where the data prove that they are the same.

    A file is the same where its size and time of change are; a row where its former hash is.
    """
    if not any(item.content.startswith(FORMER) for item in known):
        return known
    now = {(thing.path, FORMER + thing.former): thing.content for thing in things if thing.former is not None}
    return [item._replace(content=now.get((item.path, item.content), item.content)) for item in known]
