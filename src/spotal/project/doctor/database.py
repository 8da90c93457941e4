"""Checks of the database: its file, revision, views, triggers and the consistency of its records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from spotal.errors import OutputError, ProjectError, SpotalError
from spotal.project.database import Database, is_known, open_file, revision, upgrade
from spotal.project.doctor.base import Finding
from spotal.project.doctor.rebuild import rebuild
from spotal.project.places import BACKUPS, DATABASE, JOURNAL
from spotal.project.schema import REVISION, TRIGGERS, VIEWS

__all__ = ["check_database", "is_usable"]

CHECK = "database"
_INCONSISTENT = {
    "SELECT COUNT(*) FROM rounds r WHERE NOT EXISTS (SELECT 1 FROM picks p WHERE p.round = r.number)": (
        "{} rounds have no picks"
    ),
    "SELECT COUNT(*) FROM rounds r WHERE r.drawn != "
    "(SELECT COUNT(*) FROM picks p WHERE p.round = r.number AND p.role = 'audit')": (
        "{} rounds have a wrong number of audit picks"
    ),
    "SELECT COUNT(*) FROM picks p JOIN items i ON i.number = p.item "
    "WHERE (p.role = 'audit') != (i.held_back IS NOT NULL)": ("{} picks do not fit whether their items are held back"),
    "SELECT MAX(number) + 1 - COUNT(*) FROM items": "{} items are lost: their numbers have gaps",
    "SELECT MAX(number) + 1 - COUNT(*) FROM models": "{} models are lost: their numbers have gaps",
}
"""Queries whose result must be 0, and the problem if it is not."""
_STANDING = "SELECT item, state, label, votes, voters, heard FROM"
_MISCOUNTED = f"SELECT COUNT(*) FROM ({_STANDING} tally EXCEPT {_STANDING} standings) " + (
    f"UNION ALL SELECT COUNT(*) FROM ({_STANDING} standings EXCEPT {_STANDING} tally) ORDER BY 1 DESC"
)


def is_usable(path: Path) -> bool:
    """Return whether this version of spotal can open the database and its views."""
    try:
        with open_file(path) as connection:
            for name in ("standings", *VIEWS):
                connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchall()
        return revision(path) == REVISION
    except (SpotalError, sqlite3.DatabaseError):
        return False


def check_database(place: Path) -> Iterator[Finding]:
    """Yield the problems of a project's database file and of its records."""
    path = place / DATABASE
    restore = _restore(path)

    def lost(what: str) -> Finding:
        if not (place / JOURNAL).is_file():
            return Finding(CHECK, f"{what}; {restore}")
        repair = "rebuild it from all answers, the data and the newest backup; later rounds and models are lost"
        return Finding(CHECK, what, repair, fix=lambda: rebuild(place))

    if not path.is_file():
        yield lost(f"{path.name} is missing")
        return
    try:
        number = revision(path)
        if not is_known(number):
            raise ProjectError(f"{path} has the unknown revision {number[:40]!r}")
    except OutputError as error:
        yield Finding(CHECK, str(error))
        return
    except SpotalError as error:
        yield lost(str(error).split("; repair it")[0])
        return
    if number > REVISION:
        yield Finding(
            CHECK, f"{path.name} is of a newer spotal (revision {number}, this one knows {REVISION}); upgrade spotal"
        )
        return
    if number < REVISION:
        what = f"{path.name} has revision {number}, this version of spotal has {REVISION}"
        yield Finding(CHECK, what, "upgrade it", fix=lambda: upgrade(path))
        return
    try:
        with open_file(path) as connection:
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
    wanted = {text.split()[2]: text for text in (*VIEWS.values(), *TRIGGERS)}
    there = dict(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
    changed = sorted(name for name, text in wanted.items() if there.get(name, "").split() != text.split())
    if changed:
        what = f"{', '.join(changed)}: these views or triggers are missing or changed"
        yield Finding(CHECK, what, "create them again; they hold no data", fix=lambda: Database.renew(path))
    elif connection.execute(_MISCOUNTED).fetchone()[0]:
        what = "standings: the states of items do not follow from the answers"
        yield Finding(CHECK, what, "compute them again", fix=lambda: Database.renew(path))
    for query, meaning in _INCONSISTENT.items():
        count = connection.execute(query).fetchone()[0] or 0
        if count:
            yield Finding(CHECK, f"{meaning.format(count)}; {restore}")


def _restore(path: Path) -> str:
    copies = sorted((path.parent / Path(BACKUPS).name).glob("*.sqlite"), key=lambda copy: copy.stat().st_mtime)
    if not copies:
        return "restore it from a backup of your own"
    return f"replace it by a backup yourself, because labels may be lost; the newest is {BACKUPS}/{copies[-1].name}"
