"""Database: one SQLite file, its transactions, and its upgrades from older versions."""

from __future__ import annotations

import glob
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from spotal.errors import OutputError, ProjectError
from spotal.project import journal
from spotal.project.places import BACKUPS
from spotal.project.places import DATABASE as FILE
from spotal.project.schema import REFILL, REVISION, TRIGGERS, VIEWS
from spotal.storage.files import atomic_path

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["FILE", "Database", "backup", "holds_labels", "is_known", "is_ours", "open_file", "revision", "upgrade"]

WAIT = 60
"""Seconds to wait for another process's transaction."""
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An open database of the revision that this package uses.

    Threads and processes may share it: every transaction has its own connection, readers never wait, writers take
    turns.

    Parameters
    ----------
    path : Path of an existing database; see :meth:`create`
    journal : Path or None, of the file that gets a copy of every event (:mod:`spotal.project.journal`)

    Raises
    ------
    ProjectError
        The file is not the database of a project, or has another revision; see :func:`upgrade`.
    OutputError
        The file cannot be opened for writing.
    """

    def __init__(self, path: Path, journal: Path | None = None) -> None:
        self.path, self.journal = path, journal
        number = revision(path)
        if number != REVISION:
            raise ProjectError(f"{path} has revision {number}, this version of spotal has {REVISION}; upgrade it first")
        self._readers = _engine(path)
        self._writers = self._readers.execution_options(writes=True)

    @classmethod
    def create(cls, path: Path, journal: Path | None = None) -> Database:
        """Create a new, empty database."""
        with _failing(path):
            _define(path)
        return cls(path, journal)

    @classmethod
    def renew(cls, path: Path) -> None:
        """Create views and triggers again and recompute the standings, as one transaction."""
        with _failing(path):
            _define(path, migrate=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database from begin to end."""
        with _failing(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that excludes other writers: on disk when the block ends, rolled back when it fails.

        Events that it adds are written to the journal before the commit.
        """
        written = None
        try:
            with _failing(self.path), self._writers.begin() as connection:
                last = journal.last_number(connection)
                yield connection
                if self.journal is not None:
                    written = journal.write_new(self.journal, connection, last)
        except BaseException:
            if written is not None and self.journal is not None:
                journal.take_back(self.journal, written)
            raise

    def reconcile(self, kind: str) -> tuple[int, int]:
        """Copy missing answers between database and journal; return how many each lacked. ``kind``: of the items."""
        if self.journal is None:
            return 0, 0
        with _failing(self.path), self._writers.begin() as connection:
            return journal.reconcile(self.journal, connection, kind)

    def close(self) -> None:
        """Close all connections."""
        self._readers.dispose()


def open_file(path: Path, mode: str = "ro") -> closing[sqlite3.Connection]:
    """Open an existing SQLite file directly; ``mode`` is "ro" (read only) or "rw"."""
    return closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=WAIT))


def revision(path: Path) -> str:
    """Return the revision of the database in a file. Raises ProjectError for another file."""
    try:
        with open_file(path, "rw") as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
            raise OutputError(f"{path} cannot be opened ({error}); check that you may write to its folder") from None
        row, reason = None, str(error)
    else:
        reason = "it has no revision"
    if row is None:
        raise ProjectError(f"{path} is no database of a spotal project ({reason}); repair it by spotal doctor --repair")
    return str(row[0])


def is_known(number: str) -> bool:
    """Return whether a revision belongs to this version of spotal or may belong to a newer version."""
    newer = re.fullmatch(r"\d{4}", number, re.ASCII) is not None and number > REVISION
    return newer or any((MIGRATIONS / "versions").glob(f"{glob.escape(number)}_*.py"))


def upgrade(path: Path) -> Path | None:
    """Copy an older database and upgrade it; return the copy's path, None if no upgrade was needed.

    The caller holds the project's lock. All steps are one transaction: if the process is killed, the old state remains.
    Raises ProjectError for another file or one of a newer spotal, and OutputError if it or its copy cannot be written.
    """
    number = revision(path)
    if number == REVISION:
        return None
    if not is_known(number):
        raise ProjectError(f"{path} has the unknown revision {number[:40]!r}; repair it by spotal doctor --repair")
    if number > REVISION:
        raise ProjectError(
            f"{path} was written by a newer spotal (revision {number}, this one knows {REVISION}); upgrade spotal"
        )
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.parent / Path(BACKUPS).name / f"{path.stem}-{number}-{now}{path.suffix}"
    backup(path, copy)
    with _failing(path):
        _define(path)
    return copy


def backup(path: Path, copy: Path) -> None:
    """Copy a database that may be in use. Raises OutputError where the copy cannot be written."""
    with (
        _failing(path),
        atomic_path(copy) as part,
        closing(sqlite3.connect(path, timeout=WAIT)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        source.backup(target)


def holds_labels(path: Path) -> bool:
    """Return whether a database, even an unfinished one, holds answers. Raises ProjectError for another file."""
    try:
        with closing(sqlite3.connect(path, timeout=WAIT)) as connection:
            made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone()
            return made is not None and connection.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError as error:
        raise ProjectError(f"{path} is no database of a spotal project ({error}); move it away") from None


def is_ours(path: Path) -> bool:
    """Return whether a file is the database of a project. The file is only read."""
    tables = {"alembic_version", "items", "rounds", "picks", "events", "models"}
    try:
        with open_file(path) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return tables <= {row[0] for row in rows}
    except sqlite3.DatabaseError:
        return False


def configuration() -> Config:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _define(path: Path, *, migrate: bool = True) -> None:
    """Run the missing migrations with ``migrate``, then create views, triggers and standings again (all derived)."""
    engine = _engine(path, foreign_keys=not migrate)  # migrations may rebuild tables; keys are checked at the end
    try:
        with engine.execution_options(writes=True).begin() as connection:
            for name in reversed(VIEWS):
                connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
            for definition in TRIGGERS:
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {definition.split()[2]}")
            if migrate:
                from alembic import command

                config = configuration()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            for statement in (*VIEWS.values(), *TRIGGERS, *REFILL):
                connection.exec_driver_sql(statement)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() if migrate else []
            if broken:
                raise ProjectError(f"{path} has {len(broken)} rows that refer to nothing; restore it from a backup")
    finally:
        engine.dispose()


def _engine(path: Path, *, foreign_keys: bool = True) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": WAIT})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # no implicit transactions of the driver
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"foreign_keys = {'ON' if foreign_keys else 'OFF'}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    """Convert errors of the database to errors of this package."""
    try:
        yield
    except OperationalError as error:
        raise OutputError(
            f"{path} cannot be written ({error.orig}); free the disk, close what holds it, or check its permissions"
        ) from None
    except DatabaseError as error:
        if error.orig is None or type(error) is not DatabaseError:
            raise  # a bug of this package, such as a constraint that the caller should have checked
        raise ProjectError(f"{path} is damaged ({error.orig}); repair it by spotal doctor --repair") from None
