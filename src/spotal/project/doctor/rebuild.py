"""Rebuild of a lost or damaged database from spotal.toml, the data, the newest intact backup and the journal."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from spotal.errors import SpotalError
from spotal.project import settings as toml
from spotal.project.database import Database, is_known, is_ours, open_file, revision, upgrade
from spotal.project.doctor.base import Finding
from spotal.project.journal import read
from spotal.project.places import BACKUPS, DATABASE, JOURNAL, OWN
from spotal.project.project import Project
from spotal.project.schema import REVISION
from spotal.project.sources import look
from spotal.storage.files import atomic_path, flush, unwritable

__all__ = ["check_journal", "is_sound", "rebuild"]

NEW = f"{OWN}/rebuilt.sqlite"
"""Path of the new database until it is complete."""


def is_sound(path: Path) -> bool:
    """Return whether a file is an undamaged project database of this version of spotal or an older one."""
    try:
        if not is_ours(path) or not is_known(number := revision(path)) or number > REVISION:
            return False
        with open_file(path) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except (SpotalError, sqlite3.DatabaseError):
        return False


def rebuild(place: Path) -> None:
    """Rebuild the database and move the damaged one to ``.spotal/backups``. The caller holds the project's lock.

    All answers come from the journal. Rounds and models that are newer than the backup are lost; without a backup, all
    of them are. Raises ProjectError, DataFileError or InputError before any change if the settings or the data cannot
    be read, and OutputError if the folder cannot be written.
    """
    settings = toml.read(place / toml.FILE)
    data = look(settings.data, place)
    new, path = place / NEW, place / DATABASE
    try:
        for part in _parts(new):
            part.unlink(missing_ok=True)  # from an interrupted repair
        copies = sorted((place / BACKUPS).glob("*.sqlite"), key=lambda copy: copy.stat().st_mtime, reverse=True)
        base = next((copy for copy in copies if is_sound(copy)), None)
        if base is None:
            Database.create(new).close()
        else:
            with atomic_path(new) as part:
                shutil.copyfile(base, part)
            upgrade(new)
        with Project(place, settings, Database(new, place / JOURNAL)) as project:
            project.items.add(data, complete=True)
            project.database.reconcile(settings.data.kind)
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # merge all files into one
        damaged = place / BACKUPS / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.sqlite"
        damaged.parent.mkdir(exist_ok=True)
        for part in _parts(path):
            if part.exists():
                os.rename(part, damaged.with_name(damaged.name + part.name.removeprefix(path.name)))
        os.rename(new, path)
        flush(path.parent)
    except OSError as error:
        raise unwritable(place, error, "free disk space, or check permissions") from None


def check_journal(project: Project) -> Iterator[Finding]:
    """Yield a finding if the journal lacks answers, because lines are damaged or missing."""
    path = project.folder / JOURNAL
    lacking = len({event.number for event in project.labels.history()} - read(path).keys())
    if lacking:
        sentence = f"{path.name}, the copy of all answers, lacks {lacking} of them"
        place, kind = project.folder, project.settings.data.kind
        yield Finding("answers", sentence, "write them again", fix=lambda: _reconcile(place, kind))


def _reconcile(place: Path, kind: str) -> None:
    with closing(Database(place / DATABASE, place / JOURNAL)) as database:
        database.reconcile(kind)


def _parts(path: Path) -> list[Path]:
    """Return a database's file and the files that SQLite writes beside it."""
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
