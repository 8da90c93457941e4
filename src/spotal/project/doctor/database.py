"""The database: its file, revision, views and triggers, and records that belong together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from spotal.errors import OutputError, ProjectError, SpotalError
from spotal.project.database import Database, is_known, revision, upgrade
from spotal.project.doctor.base import Finding
from spotal.project.doctor.rebuild import rebuild
from spotal.project.places import BACKUPS, DATABASE, JOURNAL
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
_STANDING = "SELECT item, state, label, votes, voters, heard FROM"
_MISCOUNTED = f"SELECT COUNT(*) FROM ({_STANDING} tally EXCEPT {_STANDING} standings) " + (
    f"UNION ALL SELECT COUNT(*) FROM ({_STANDING} standings EXCEPT {_STANDING} tally) ORDER BY 1 DESC"
)


def is_usable(path: Path) -> bool:
    """Whether the database can be opened by this version of spotal, views included."""
    try:
        with closing(_opened(path)) as connection:
            for name in ("standings", *VIEWS):
                connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchall()
        return revision(path) == REVISION
    except (SpotalError, sqlite3.DatabaseError):
        return False


def check_database(place: Path) -> Iterator[Finding]:
    """Say all that is wrong with the file of the project in a folder, and with the records in it."""
    path = place / DATABASE
    restore = _restore(path)

    def lost(what: str) -> Finding:
        if not (place / JOURNAL).is_file():
            return Finding(CHECK, f"{what}; {restore}")
        repair = "make it anew from all answers, the data and the newest backup; rounds and models since then are lost"
        return Finding(CHECK, what, repair, fix=lambda: rebuild(place))

    if not path.is_file():
        yield lost(f"{path.name} is missing")
        return
    try:
        found = revision(path)
        if not is_known(found):
            raise ProjectError(f"{path} has the unknown revision {found[:40]!r}")
    except OutputError as error:
        yield Finding(CHECK, str(error))
        return
    except SpotalError as error:
        yield lost(str(error).split("; repair it")[0])
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
            errors = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
            if errors != ["ok"]:
                yield lost(f"{path.name} is damaged ({'; '.join(errors)[:200]})")
                return
            yield from _records(connection, path, restore)
    except sqlite3.DatabaseError as error:
        yield lost(f"{path.name} is damaged ({error})")


def _records(connection: sqlite3.Connection, path: Path, restore: str) -> Iterator[Finding]:
    broken = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    if broken:
        yield Finding(CHECK, f"{broken} records refer to nothing; {restore}")
    wanted = {_name(text): text for text in (*VIEWS.values(), *TRIGGERS)}
    there = dict(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
    changed = sorted(name for name, text in wanted.items() if _plain(there.get(name, "")) != _plain(text))
    if changed:
        what = f"{', '.join(changed)}: these views or triggers are missing or changed"
        yield Finding(CHECK, what, "make them anew; they hold nothing of their own", fix=lambda: Database.renew(path))
    elif connection.execute(_MISCOUNTED).fetchone()[0]:
        what = "standings: what they say does not follow from the answers"
        yield Finding(CHECK, what, "work them out anew", fix=lambda: Database.renew(path))
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
