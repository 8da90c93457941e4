"""The database: its file, revision, views and triggers, and records that belong together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from spotal.errors import SpotalError
from spotal.project.database import Database, revision, upgrade
from spotal.project.doctor.base import Finding
from spotal.project.places import BACKUPS
from spotal.project.schema import REVISION, TRIGGERS, VIEWS

__all__ = ["check_database", "is_usable"]

CHECK = "database"
_TOGETHER = {
    "SELECT COUNT(*) FROM rounds r WHERE NOT EXISTS (SELECT 1 FROM picks p WHERE p.round = r.number)": (
        "{} rounds have no picks"
    ),
    "SELECT COUNT(*) FROM rounds r WHERE r.drawn != "
    "(SELECT COUNT(*) FROM picks p WHERE p.round = r.number AND p.role = 'audit')": (
        "{} rounds have another number of audit picks than they drew"
    ),
    "SELECT COUNT(*) FROM picks p JOIN items i ON i.number = p.item "
    "WHERE (p.role = 'audit') != (i.held_back IS NOT NULL)": ("{} picks do not fit whether their items are held back"),
    "SELECT MAX(number) + 1 - COUNT(*) FROM items": "{} items are lost: their numbers have gaps",
    "SELECT MAX(number) + 1 - COUNT(*) FROM models": "{} models are lost: their numbers have gaps",
}
"""Counts that must be 0, and what it means where they are not."""


def is_usable(path: Path) -> bool:
    """Whether the database can be opened by this version of spotal, views included."""
    try:
        with closing(_opened(path)) as connection:
            connection.execute("SELECT * FROM standings LIMIT 1").fetchall()
        return revision(path) == REVISION
    except (SpotalError, sqlite3.DatabaseError):
        return False


def check_database(path: Path) -> Iterator[Finding]:
    """All that is wrong with the file, and with the records in it."""
    restore = _restore(path)
    if not path.is_file():
        yield Finding(CHECK, f"{path.name} is missing; {restore}")
        return
    try:
        found = revision(path)
    except SpotalError as error:
        yield Finding(CHECK, f"{error}; {restore}")
        return
    if found > REVISION:
        yield Finding(CHECK, f"{path.name} is of a newer spotal (revision {found}, this one knows {REVISION}); upgrade")
        return
    if found < REVISION:
        what = f"{path.name} has revision {found}, this version of spotal has {REVISION}"
        yield Finding(CHECK, what, "upgrade it", fix=lambda: upgrade(path))
        return
    try:
        with closing(_opened(path)) as connection:
            yield from _records(connection, path, restore)
    except sqlite3.DatabaseError as error:
        yield Finding(CHECK, f"{path.name} is damaged ({error}); {restore}")


def _records(connection: sqlite3.Connection, path: Path, restore: str) -> Iterator[Finding]:
    errors = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    if errors != ["ok"]:
        yield Finding(CHECK, f"{path.name} is damaged ({'; '.join(errors)[:200]}); {restore}")
        return
    broken = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    if broken:
        yield Finding(CHECK, f"{broken} records refer to nothing; {restore}")
    wanted = {_name(text): text for text in (*VIEWS.values(), *TRIGGERS)}
    there = dict(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
    changed = sorted(name for name, text in wanted.items() if _plain(there.get(name, "")) != _plain(text))
    if changed:
        what = f"{', '.join(changed)}: these views or triggers are missing or changed"
        yield Finding(CHECK, what, "make them anew; they hold nothing", fix=lambda: Database.renew(path))
    for query, meaning in _TOGETHER.items():
        count = connection.execute(query).fetchone()[0] or 0
        if count:
            yield Finding(CHECK, f"{meaning.format(count)}; {restore}")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)


def _restore(path: Path) -> str:
    copies = sorted((path.parent / Path(BACKUPS).name).glob("*.sqlite"), key=lambda copy: copy.stat().st_mtime)
    if not copies:
        return "restore it from a backup of your own"
    return f"labels may be lost, so put a backup in its place yourself, the newest is {BACKUPS}/{copies[-1].name}"


def _name(definition: str) -> str:
    return definition.split()[2]


def _plain(definition: str) -> str:
    return " ".join(definition.split())
