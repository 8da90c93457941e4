"""Database: one SQLite file, its transactions, and its way from older versions of itself."""

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

__all__ = ["BACKUPS", "FILE", "Database", "backup", "holds_labels", "is_known", "is_ours", "revision", "upgrade"]

WAIT = 60
"""Seconds that one process waits for another's transaction."""
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """The file, opened at the revision that this package knows.

    May be used from several threads and processes at once: every transaction has a connection of its own, readers never
    wait, writers take turns.

    Parameters
    ----------
    path : Path of an existing database; see :meth:`create`
    journal : Path or None, of the file that gets a copy of every event (:mod:`spotal.project.journal`)

    Raises
    ------
    ProjectError
        The file is no project's database, or has another revision than this package's; see :meth:`upgrade`.
    OutputError
        It cannot be opened for writing.
    """

    def __init__(self, path: Path, journal: Path | None = None) -> None:
        self.path, self.journal = path, journal
        found = revision(path)
        if found != REVISION:
            raise ProjectError(f"{path} has revision {found}, this version of spotal has {REVISION}; upgrade it first")
        self._readers = _engine(path)
        self._writers = self._readers.execution_options(writes=True)

    @classmethod
    def create(cls, path: Path, journal: Path | None = None) -> Database:
        """Make a new, empty database."""
        with _failing(path):
            _migrate(path)
        return cls(path, journal)

    @classmethod
    def renew(cls, path: Path) -> None:
        """Make views, triggers and standings anew from what was recorded, as one transaction."""
        engine = _engine(path)
        try:
            with _failing(path), engine.execution_options(writes=True).begin() as connection:
                _undefine(connection)
                _define(connection)
        finally:
            engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database from begin to end."""
        with _failing(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps: on disk when the block ends, undone when it fails.

        Events that it adds are in the journal before it is committed.
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
        """Bring database and journal to the same answers; how many each lacked. ``kind`` is that of the items."""
        if self.journal is None:
            return 0, 0
        with _failing(self.path), self._writers.begin() as connection:
            return journal.reconcile(self.journal, connection, kind)

    def close(self) -> None:
        """Close all connections."""
        self._readers.dispose()


def revision(path: Path) -> str:
    """The revision of the database in a file. Raises ProjectError where it is none."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=WAIT)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
            raise OutputError(f"{path} cannot be opened ({error}); check that you may write to its folder") from None
        raise ProjectError(
            f"{path} is no database of a spotal project ({error}); repair it by spotal doctor --repair"
        ) from None
    if row is None:
        raise ProjectError(
            f"{path} is no database of a spotal project (it has no revision); repair it by spotal doctor --repair"
        )
    return str(row[0])


def is_known(number: str) -> bool:
    """Whether a revision is one of this version of spotal or may be one of a newer version."""
    newer = re.fullmatch(r"\d{4}", number, re.ASCII) is not None and number > REVISION
    return newer or any((MIGRATIONS / "versions").glob(f"{glob.escape(number)}_*.py"))


def upgrade(path: Path) -> Path | None:
    """Bring an older database to this package's revision, after a copy of it; the copy's path, None if it was new.

    The caller holds the project's lock. All steps are one transaction: a process that is killed leaves the old state.

    Raises
    ------
    ProjectError
        The file is no project's database, or is one of a newer version of spotal.
    OutputError
        It, or its copy, cannot be written.
    """
    found = revision(path)
    if found == REVISION:
        return None
    if not is_known(found):
        raise ProjectError(f"{path} has the unknown revision {found[:40]!r}; repair it by spotal doctor --repair")
    if found > REVISION:
        raise ProjectError(
            f"{path} was written by a newer spotal (revision {found}, this one knows {REVISION}); upgrade spotal"
        )
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.parent / Path(BACKUPS).name / f"{path.stem}-{found}-{now}{path.suffix}"
    backup(path, copy)
    with _failing(path):
        _migrate(path)
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
    """Whether anybody has said anything in a database, even an unfinished one. Raises ProjectError for another file."""
    try:
        with closing(sqlite3.connect(path, timeout=WAIT)) as connection:
            made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone()
            return made is not None and connection.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError as error:
        raise ProjectError(f"{path} is no database of a spotal project ({error}); move it away") from None


def is_ours(path: Path) -> bool:
    """Whether a file is the database of a project; it is only read."""
    tables = {"alembic_version", "items", "rounds", "picks", "events", "models"}
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT)) as connection:
            found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError:
        return False
    return tables <= found


def configuration() -> Config:
    """Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(path: Path) -> None:
    """Run the migrations that are missing, and renew views, triggers and standings: they hold nothing of their own."""
    from alembic import command

    config = configuration()
    engine = _engine(path, foreign_keys=False)  # tables may be rebuilt on the way; checked at the end
    try:
        with engine.execution_options(writes=True).begin() as connection:
            _undefine(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _define(connection)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise ProjectError(f"{path} has {len(broken)} rows that refer to nothing; restore it from a backup")
    finally:
        engine.dispose()


def _undefine(connection: Connection) -> None:
    """Remove views and triggers."""
    for name in reversed(VIEWS):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
    for definition in TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {definition.split()[2]}")


def _define(connection: Connection) -> None:
    """Make views and triggers, and work out the standings."""
    for statement in (*VIEWS.values(), *TRIGGERS, *REFILL):
        connection.exec_driver_sql(statement)


def _engine(path: Path, *, foreign_keys: bool = True) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": WAIT})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions begin where this package says, not where the driver guesses
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"foreign_keys = {'ON' if foreign_keys else 'OFF'}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    """Turn the database's refusals into sentences."""
    try:
        yield
    except OperationalError as error:
        raise OutputError(
            f"{path} cannot be written ({error.orig}); free the disk, close what holds it, or check its permissions"
        ) from None
    except DatabaseError as error:
        if error.orig is None or type(error) is not DatabaseError:
            raise  # a fault of ours, such as a constraint that the caller should have checked
        raise ProjectError(f"{path} is damaged ({error.orig}); repair it by spotal doctor --repair") from None
