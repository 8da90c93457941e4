"""Store of a run's results: one SQLite file that several processes may write to at once."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spotal.bench.jobs import Job
from spotal.bench.protocol import Protocol, from_table
from spotal.errors import DataFileError, InputError, OutputError
from spotal.storage.files import FOLDER, unwritable
from spotal.tables.json_lines import parse_json

__all__ = ["FILE", "Store"]

FILE = "results.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS protocols (name TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (job TEXT PRIMARY KEY, about TEXT NOT NULL, data TEXT NOT NULL, state TEXT NOT NULL,
  finished INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rounds (job TEXT, round INTEGER, asked INTEGER NOT NULL, labeled INTEGER NOT NULL,
  metrics TEXT NOT NULL, picks TEXT NOT NULL, figures TEXT NOT NULL, PRIMARY KEY (job, round)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS costs (job TEXT, round INTEGER, seconds TEXT NOT NULL, memory INTEGER, origin TEXT NOT NULL,
  PRIMARY KEY (job, round)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (job TEXT, attempt TEXT, at TEXT, error TEXT NOT NULL, trace TEXT NOT NULL,
  PRIMARY KEY (job, attempt)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins (origin TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
"""
RESULTS = ("protocols", "jobs", "rounds")
"""Tables whose content depends on protocols and seeds alone; the others hold times, memory and failures."""


class Store:
    """Store of the rounds of jobs.

    One transaction writes a round's record and the loop's state after it. If a process is killed, its finished rounds
    are stored completely, and no unfinished round is stored.

    Parameters
    ----------
    folder : path of the run; its ``results.sqlite`` is created if missing, unless ``create`` is False

    Raises
    ------
    InputError
        There is no run in the folder and ``create`` is False.
    OutputError
        The folder cannot be written.
    DataFileError
        The file is not such a store.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self.folder = Path(folder)
        self.path = self.folder / FILE
        if not create and not self.path.is_file():
            raise InputError("run", f"{self.folder} has no {FILE}", "give the folder that spotal bench --out wrote")
        if self.path.is_symlink():
            raise OutputError(f"{self.path} cannot be opened: it is a link; give a folder that has the file itself")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # each call is its own transaction, except in _writing; waits up to a minute for other processes
            self._sqlite = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            tables = {row[0] for row in self._sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not tables & set(RESULTS):
                raise sqlite3.DatabaseError("it is another program's")
            self._sqlite.execute("PRAGMA journal_mode=WAL")
            self._sqlite.execute("PRAGMA synchronous=NORMAL")
            self._sqlite.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise OutputError(
                    f"{self.path} cannot be opened ({error}); give a folder that you may write to"
                ) from None
            raise DataFileError(
                f"{self.path} is no store of benchmark results ({error}); give another folder"
            ) from None
        except OSError as error:
            raise unwritable(self.folder, error, FOLDER) from None

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add_protocol(self, protocol: Protocol) -> None:
        """Save a protocol's content, so that the report does not need its file."""
        content = _text(protocol.table())
        with self._writing() as sqlite:
            sqlite.execute("INSERT OR REPLACE INTO protocols VALUES (?, ?)", (protocol.name, content))

    def protocols(self) -> list[Protocol]:
        """Return the protocols of this run, ordered by name."""
        rows = self._rows("SELECT name, content FROM protocols ORDER BY name")
        return [from_table(name, _without_none(self._value(content))) for name, content in rows]

    def state(self, job: Job, data: str | None = None) -> dict[str, Any] | None:
        """Return the loop's state after the last saved round, or None if there is none.

        Raises InputError if ``data``, the fingerprint of the job's data, differs from the fingerprint of the saved
        rounds.
        """
        state, saved = self.kept(job)
        if state is not None and data not in (None, saved):
            raise InputError(
                "run",
                f"{self.folder} has rounds of {job} on other data than {job.protocol.dataset!r} gives now",
                "take a new folder",
            )
        return state

    def kept(self, job: Job) -> tuple[dict[str, Any] | None, str]:
        """Return the state of a job and the fingerprint of its data; None and an empty text if it has no rounds."""
        rows = self._rows("SELECT state, data FROM jobs WHERE job = ?", job.id)
        return (self._value(rows[0][0]), rows[0][1]) if rows else (None, "")

    def finished(self) -> set[str]:
        """Return the ids of finished jobs."""
        return {job for (job,) in self._rows("SELECT job FROM jobs WHERE finished = 1")}

    def counts(self) -> dict[str, int]:
        """Return the number of finished rounds by job id."""
        return dict(self._rows("SELECT job, COUNT(*) FROM rounds GROUP BY job"))

    def walls(self) -> dict[str, tuple[int, float]]:
        """Return the number of finished rounds and their total seconds by job id."""
        query = "SELECT job, COUNT(*), SUM(json_extract(seconds, '$.wall')) FROM costs GROUP BY job"
        return {job: (count, float(total or 0.0)) for job, count, total in self._rows(query)}

    def save_round(
        self,
        job: Job,
        data: str,
        state: dict[str, Any],
        record: dict[str, Any],
        cost: dict[str, Any],
        *,
        finished: bool,
    ) -> None:
        """Save a round and the state after it.

        ``record`` has the keys round, asked, labeled, metrics, picks, figures; ``cost`` has seconds, memory, origin.
        """
        about = _text({"protocol": job.protocol.name, "strategy": job.strategy.label, "seed": job.seed})
        results = (_text(record["metrics"]), _text(record["picks"]), _text(record["figures"]))
        key = (job.id, record["round"])
        with self._writing() as sqlite:
            sqlite.execute(
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?)", (job.id, about, data, _text(state), int(finished))
            )
            sqlite.execute(
                "INSERT OR REPLACE INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*key, record["asked"], record["labeled"], *results),
            )
            sqlite.execute(
                "INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?, ?)",
                (*key, _text(cost["seconds"]), cost["memory"], cost["origin"]),
            )

    def rounds(self, job: Job) -> list[dict[str, Any]]:
        """Return the records of a job's rounds in order, with ``seconds``, ``memory`` and ``origin``."""
        rows = self._rows(
            "SELECT r.round, asked, labeled, metrics, picks, figures, seconds, memory, origin FROM rounds r "
            "LEFT JOIN costs c ON c.job = r.job AND c.round = r.round WHERE r.job = ? ORDER BY r.round",
            job.id,
        )
        return [
            {
                "round": row[0],
                "asked": row[1],
                "labeled": row[2],
                **{name: self._value(text or "{}", _JSON[name]) for name, text in zip(_JSON, row[3:7], strict=True)},
                "memory": row[7],
                "origin": row[8],
            }
            for row in rows
        ]

    def origin(self, content: dict[str, Any]) -> str:
        """Save the origin of results (commit, machine, versions) and return its key."""
        text = _text(content)
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        with self._writing() as sqlite:
            sqlite.execute("INSERT OR IGNORE INTO origins VALUES (?, ?)", (name, text))
        return name

    def origins(self) -> dict[str, dict[str, Any]]:
        """Return all origins by key."""
        return {k: self._value(v) for k, v in self._rows("SELECT origin, content FROM origins ORDER BY origin")}

    def fail(self, job: Job, attempt: str, error: str, trace: str) -> None:
        """Record that a job failed in this attempt."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as sqlite:
            sqlite.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)", (job.id, attempt, now, error, trace)
            )

    def failures(self, attempt: str) -> dict[str, str]:
        """Return the jobs that failed in this attempt, and one sentence for each error."""
        return dict(self._rows("SELECT job, error FROM failures WHERE attempt = ?", attempt))

    def forget(self, jobs: list[Job]) -> None:
        """Delete everything about these jobs."""
        with self._writing() as sqlite:
            for table in ("jobs", "rounds", "costs", "failures"):
                sqlite.executemany(f"DELETE FROM {table} WHERE job = ?", [(job.id,) for job in jobs])

    def digest(self) -> str:
        """Return a SHA-256 of all results without times and memory: equal for equal numbers, bit for bit."""
        digest = hashlib.sha256()
        for table in RESULTS:
            for row in self._rows(f"SELECT * FROM {table} ORDER BY 1, 2"):
                digest.update(repr((table, row)).encode())
        return digest.hexdigest()

    def _rows(self, query: str, *values: str) -> list[Any]:
        """All rows of a query; DataFileError if the file is damaged."""
        try:
            return self._sqlite.execute(query, values).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from None

    def _value(self, text: Any, kind: type = dict) -> Any:
        """A JSON value of the store; DataFileError if it is not of this kind."""
        try:
            value = parse_json(text, "no JSON")
        except (DataFileError, TypeError):
            value = None
        if not isinstance(value, kind):
            raise self._damaged(f"{text!r:.40} where JSON of a {kind.__name__} was written")
        return value

    def _damaged(self, what: str) -> DataFileError:
        return DataFileError(f"{self.path} is damaged ({what}); run the benchmark to a new folder")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; rolled back when the block fails."""
        try:
            self._sqlite.execute("BEGIN IMMEDIATE")
            try:
                yield self._sqlite
            except BaseException:
                self._sqlite.execute("ROLLBACK")
                raise
            self._sqlite.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"{self.path} cannot be written ({error}); free the disk or close what holds it"
            ) from None
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # a subclass: the values are wrong, not the file
                raise
            raise self._damaged(str(error)) from None


_JSON: dict[str, type] = {"metrics": dict, "picks": list, "figures": dict, "seconds": dict}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _without_none(value: Any) -> Any:
    """Remove keys that are None, which TOML cannot express."""
    if not isinstance(value, dict):
        return value
    return {name: _without_none(item) for name, item in value.items() if item is not None}
