"""Rebuild a lost or damaged database from spotal.toml, the data, the newest sound backup and the journal of answers."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from spotal.errors import OutputError, SpotalError
from spotal.project import settings as toml
from spotal.project.database import Database, is_known, is_ours, revision, upgrade
from spotal.project.doctor.base import Finding
from spotal.project.journal import read
from spotal.project.places import BACKUPS, DATABASE, JOURNAL, OWN
from spotal.project.project import Project
from spotal.project.schema import REVISION
from spotal.project.sources import look
from spotal.storage.files import atomic_path, flush

__all__ = ["check_journal", "is_sound", "rebuild"]

NEW = f"{OWN}/rebuilt.sqlite"
"""Where the database is made, until it is whole."""


def is_sound(path: Path) -> bool:
    """Whether a file is a project's database of this version of spotal or an older one, and not damaged."""
    try:
        if not is_ours(path) or not is_known(found := revision(path)) or found > REVISION:
            return False
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except (SpotalError, sqlite3.DatabaseError):
        return False


def rebuild(place: Path) -> None:
    """Make the database anew; the damaged one is kept in ``.spotal/backups``. The caller holds the project's lock.

    Every answer is in the journal, and so in the new database. Rounds and models from after the backup are not; without
    a backup, from all of the project.

    Raises
    ------
    ProjectError, DataFileError, InputError
        The settings or the data cannot be read. Nothing is changed then.
    OutputError
        The folder cannot be written.
    """
    settings = toml.read(place / toml.FILE)
    found = look(settings.data, place)
    new, path = place / NEW, place / DATABASE
    try:
        for part in _parts(new):
            part.unlink(missing_ok=True)  # of a repair that was interrupted
        copies = sorted((place / BACKUPS).glob("*.sqlite"), key=lambda copy: copy.stat().st_mtime, reverse=True)
        base = next((copy for copy in copies if is_sound(copy)), None)
        if base is None:
            Database.create(new).close()
        else:
            with atomic_path(new) as part:
                shutil.copyfile(base, part)
            upgrade(new)
        with Project(place, settings, Database(new, place / JOURNAL)) as project:
            project.items.add(found, complete=True)
            project.database.reconcile(settings.data.kind)
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
        kept = place / BACKUPS / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.sqlite"
        kept.parent.mkdir(exist_ok=True)
        for part in _parts(path):
            if part.exists():
                os.rename(part, kept.with_name(kept.name + part.name.removeprefix(path.name)))
        os.rename(new, path)
        flush(path.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{place} cannot be written ({reason}); make room, or check its permissions") from None


def check_journal(project: Project) -> Iterator[Finding]:
    """Answers that the copy of them lacks, since lines of it are damaged or gone."""
    path = project.folder / JOURNAL
    lacking = len({event.number for event in project.labels.history()} - read(path).keys())
    if lacking:
        sentence = f"{path.name}, the copy of all answers, lacks {lacking} of them"
        place, kind = project.folder, project.settings.data.kind
        yield Finding("answers", sentence, "write them again", fix=lambda: _reconcile(place, kind))


def _reconcile(place: Path, kind: str) -> None:
    database = Database(place / DATABASE, place / JOURNAL)
    try:
        database.reconcile(kind)
    finally:
        database.close()


def _parts(path: Path) -> list[Path]:
    """Return a database's file and those that SQLite keeps beside it."""
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
