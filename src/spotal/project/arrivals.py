"""Arrivals: update a project's items to the present state of its data."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, insert, select, update

from spotal.errors import ProjectError
from spotal.project.chance import uniform
from spotal.project.matching import NEW, Known, match
from spotal.project.records import Added, Found
from spotal.project.schema import FORMER, EventRow, ItemRow, Moment, PickRow, VouchedRow, standings

if TYPE_CHECKING:
    from spotal.project.settings import Settings

__all__ = ["Arrivals", "is_blank"]

AT_ONCE = 10_000
"""Rows that are written in one batch."""
IN_A_STATEMENT = 50
"""Rows of one statement: at most 550 values, and SQLite before 3.32 allows 999."""
_KNOWN = select(*(getattr(ItemRow, name) for name in Known._fields)).order_by(ItemRow.number)


class Arrivals:
    """The present state of the data, matched with the project's items; see :meth:`Items.add`, which raises the same.

    report : Added, with the ids that items have after :meth:`write`
    """

    def __init__(self, connection: Connection, entries: Iterable[Found], *, complete: bool) -> None:
        self._connection, self._complete = connection, complete
        self.report = Added()
        self._entries = list(_checked(entries, self.report))
        self._recorded = [Known(*row) for some in connection.execute(_KNOWN).partitions(AT_ONCE) for row in some]
        self._items = _with_present_contents(self._recorded, self._entries)
        matched = match(self._items, self._entries, self._answers_to, complete=complete)
        self._owner, self._changed = matched.owner, {matched.owner[f] for f in matched.changed}
        self._gone: list[Known] = []
        if complete:
            there = set(matched.owner)
            self._gone = [item for k, item in enumerate(self._items) if k not in there]
        self._names = self._name_entries()
        self._updates = self._compare()
        self.report.missing.extend(item.id for item in self._gone if not item.missing)
        unclear = [self._items[k] for k in matched.unclear]
        self.report.unclear.extend(item.id for item in unclear if not item.missing and item.number in self._answers)

    @cached_property
    def _answers(self) -> dict[int, tuple[str, str | None]]:
        query = select(standings.c.item, standings.c.state, standings.c.label).where(standings.c.voters > 0)
        return {item: (state, label) for item, state, label in self._connection.execute(query)}

    def _answers_to(self, numbers: Iterable[int]) -> Mapping[int, object]:
        return {number: self._answers[number] for number in numbers if number in self._answers}

    def _name_entries(self) -> list[str]:
        """Return the id of each entry: its own, its item's, or for a new row its number or the next free number."""
        if not self._items or all(entry.named for entry in self._entries):
            return [entry.id for entry in self._entries]
        names = [
            entry.id if k == NEW else self._items[k].id for entry, k in zip(self._entries, self._owner, strict=True)
        ]
        if NEW not in self._owner:
            return names
        taken = {item.id for item in self._items}
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
        """Return the changed items with their texts, and fill the report."""
        updates: list[tuple[Known, str | None]] = []
        if not self._items:
            self.report.new.extend(self._names)
            return updates
        for entry, k, name in zip(self._entries, self._owner, self._names, strict=True):
            if k == NEW:
                self.report.new.append(name)
                continue
            before = self._items[k]
            now = Known(before.number, name, entry.content, entry.path, entry.row, entry.stamp, missing=False)
            if now == self._recorded[k]:
                continue
            updates.append((now, entry.text))
            if k in self._changed:
                self.report.changed.append(name)
            elif not (entry.named or before.missing) and entry.row != before.row:
                self.report.moved.append(name)
            if before.missing:
                self.report.back.append(name)
            if name != before.id:
                self.report.renamed[name] = before.id
        return updates

    def write(self, settings: Settings) -> None:
        """Record the changes. An item is held back with probability ``audit.held_back``, together with its copies."""
        at = datetime.now(UTC)
        self._rename()
        self._vouch(at)
        if self._updates:
            names = [name for name in Known._fields if name != "number"]
            change = update(ItemRow).where(ItemRow.number == bindparam("key")).values(
                text=bindparam("new_text"), **{name: bindparam(f"new_{name}") for name in names}
            )  # fmt: skip
            rows = [
                {"key": now.number, "new_text": text, **{f"new_{name}": getattr(now, name) for name in names}}
                for now, text in self._updates
            ]
            self._connection.execute(change, rows)
        changed = [{"key": self._items[k].number} for k in sorted(self._changed)]
        gone = [{"key": item.number} for item in self._gone if not item.missing]
        for rows, values in ((changed, {"changed": at}), (gone, {"missing": True, "row": None})):
            if rows:
                self._connection.execute(update(ItemRow).where(ItemRow.number == bindparam("key")).values(values), rows)
        self._add(settings, at)
        if self._items and not self._complete:  # the table's stamp no longer describes all items
            self._connection.execute(update(ItemRow).where(ItemRow.row == 0).values(stamp=None))

    def _vouch(self, at: datetime) -> None:
        """Record that answers to a content of the old form are valid for the same content in the new form."""
        if self._items is self._recorded:
            return
        answered = set(self._connection.execute(select(EventRow.item).distinct()).scalars())
        pairs = zip(self._recorded, self._items, strict=True)
        rows = [
            {"item": now.number, "content": before.content, "now": now.content, "at": at}
            for before, now in pairs
            if before.content != now.content and now.number in answered
        ]
        if rows:
            self._connection.execute(insert(VouchedRow), rows)

    def _rename(self) -> None:
        """Free ids that other items take; a missing item that loses its id is renamed to "... (gone, item N)"."""
        taken = set(self._names) if self._gone else set()
        names = {now.number: now.id for now, _ in self._updates}
        retired = [item for item in self._gone if item.id in taken]
        moved = [item for item in self._items if item.number in names and names[item.number] != item.id]
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
        """Rename items in the lists of neighbors that picks have."""
        for number, about in self._connection.execute(select(PickRow.item, PickRow.about)).all():
            near = about.get("neighbors", [])
            if any(name in names for name in near):
                now = about | {"neighbors": [names.get(name, name) for name in near]}
                self._connection.execute(update(PickRow).where(PickRow.item == number).values(about=now))

    def _add(self, settings: Settings, at: datetime) -> None:
        """Add new items. Copies are held back together, also with a copy that the project already has."""
        fresh = [f for f, k in enumerate(self._owner) if k == NEW]
        if not fresh:
            return
        held: dict[str, float | None] = {}
        if self._items:
            for content, part in self._connection.execute(select(ItemRow.content, ItemRow.held_back)):
                held[content] = None if part is None else held.get(content, part)
        share, seed = settings.audit.held_back, settings.random_state
        moment = Moment().process_bind_param(at, self._connection.dialect)
        first = len(self._items)
        for start in range(0, len(fresh), AT_ONCE):
            some = fresh[start : start + AT_ONCE]
            names, entries = [self._names[f] for f in some], [self._entries[f] for f in some]
            for name, entry in zip(names, entries, strict=True):
                if entry.content not in held:
                    held[entry.content] = share if uniform(seed, "hold", name) < share else None
            fields = dict(zip(Found._fields, zip(*entries, strict=True), strict=True))
            columns: dict[str, Sequence[Any]] = {
                "number": range(first + start, first + start + len(some)),
                **{name: fields[name] for name in ("kind", "path", "row", "text", "content", "stamp")},
                "id": names,
                "held_back": [held[entry.content] for entry in entries],
                "missing": [False] * len(some),
                "added": [moment] * len(some),
            }
            _insert(self._connection, "items", columns)


def _insert(connection: Connection, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert rows, given by columns, with many rows per statement: 20 times as fast as SQLAlchemy's insert."""
    first, *others = columns  # the first column differs in each row
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


def _checked(entries: Iterable[Found], report: Added) -> Iterator[Found]:
    """Yield the entries that can be items, and list empty texts in the report."""
    seen: set[str] = set()
    for entry in entries:
        if not entry.id:
            raise ProjectError("ids must not be empty, found an empty one; name every item")
        if entry.id in seen:
            raise ProjectError(f"ids must not repeat, found {entry.id!r} twice; make them unique")
        seen.add(entry.id)
        if entry.path is not None:
            path = PurePosixPath(entry.path)
            if path.is_absolute() or ".." in path.parts:
                raise ProjectError(f"paths must lie in the data's folder, found {entry.path!r}; give it relative to it")
        if is_blank(entry):
            report.empty.append(entry.id)
        else:
            yield entry


def is_blank(entry: Found) -> bool:
    """Return whether a text has only white space, control characters and invisible marks, so nobody can label it."""
    text = entry.text
    return text is not None and all(sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf") for sign in text)


def _with_present_contents(items: list[Known], entries: Sequence[Found]) -> list[Known]:
    """Return the items, with hashes of the old form replaced where the data prove that the content is the same."""
    if not any(item.content.startswith(FORMER) for item in items):
        return items
    now = {(entry.path, FORMER + entry.former): entry.content for entry in entries if entry.former is not None}
    return [item._replace(content=now.get((item.path, item.content), item.content)) for item in items]
