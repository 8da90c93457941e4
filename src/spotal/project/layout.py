"""Upgrade of the folder layout: older versions of spotal wrote files outside ``.spotal``."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from spotal.errors import ProjectBusyError
from spotal.project import model_files
from spotal.project.database import is_ours
from spotal.project.lock import held
from spotal.project.places import BACKUPS, DATABASE, FEATURES, LINK, OWN, PICTURES
from spotal.storage.files import FOLDER, unwritable
from spotal.storage.locks import try_lock
from spotal.tables.json_lines import parse_json

__all__ = ["OLD", "is_old", "move", "upgrade"]

OLD = "project.sqlite"
"""Former path of the database."""
_MODEL = re.compile(r"models/\d{4,}-[0-9a-f]{6}\.(embeddings\.npy|predictions\.npy|pt|joblib)")
_FEATURES = re.compile(r"(?P<stem>images-\d+(-\d+)?|model-[0-9a-f]{16})\.npy")
_PICTURE = re.compile(r"\d+-[0-9a-f]{12}-(small|large)\.webp")
_BACKUP = re.compile(r"project-(\d{4}|doctor)-\d{8}T\d{6}Z\.sqlite")


def is_old(folder: Path) -> bool:
    """Return whether a project's database is only at the path of older versions."""
    old = folder / OLD
    return not (folder / DATABASE).exists() and old.is_file() and not old.is_symlink() and is_ours(old)


def upgrade(folder: Path, wait: float) -> None:
    """Move an old project's own files into ``.spotal``. Other files are not touched. Does nothing for a new project.

    Raises ProjectBusyError if the project is in use, and OutputError.
    """
    if is_old(folder):
        with held(folder, "upgrading the project", wait):
            move(folder)


def move(folder: Path) -> None:
    """Upgrade as :func:`upgrade`, for a caller that holds the project's lock.

    The database is moved last. So if this process is killed, the next one completes the move. Files are moved only if
    their names are of the form that spotal gives.
    """
    if not is_old(folder):
        return
    old_lock = try_lock(folder / ".lock")
    if old_lock is None:
        raise ProjectBusyError(f"{folder} is in use by an older version of spotal; wait until that is done")
    try:
        with closing(sqlite3.connect(folder / OLD, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # refused while others have it open
            _move_models(connection, folder)
        for source, target in _others(folder):
            _rename(source, target)
        _rename(folder / OLD, folder / DATABASE)
        for name in ("models", "features", "cache/pictures", "cache", "backups"):
            _remove_empty(folder / name)
        _forget_lock(folder)
    except sqlite3.OperationalError as error:
        raise ProjectBusyError(
            f"{folder / OLD} cannot be moved to {OWN} ({error}); close what has it open, such as spotal label"
        ) from None
    except OSError as error:
        raise unwritable(folder, error, FOLDER) from None
    finally:
        old_lock.close()


def _move_models(connection: sqlite3.Connection, folder: Path) -> None:
    """Move the models' files, then update the records."""
    columns = ("weights", "embeddings", "predictions")
    rows = connection.execute(f"SELECT number, {', '.join(columns)} FROM models").fetchall()
    entries = [(row[0], column, path) for row in rows for column, path in zip(columns, row[1:], strict=True) if path]
    ours = [entry for entry in entries if _MODEL.fullmatch(entry[2])]
    moved = []
    model_files.note(folder, [f"{OWN}/{path}" for _, _, path in ours])
    for number, column, path in ours:
        _rename(folder / path, folder / OWN / path)
        if (folder / OWN / path).exists():
            moved.append((number, column, f"{OWN}/{path}"))
    with connection:
        for number, column, path in moved:
            connection.execute(f"UPDATE models SET {column} = ? WHERE number = ?", (path, number))


def _others(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the old and new paths of spotal's other files."""
    for place, pattern, target in (("cache/pictures", _PICTURE, PICTURES), ("backups", _BACKUP, BACKUPS)):
        yield from ((path, folder / target / path.name) for path in _named(folder / place, pattern))
    for path in _named(folder / "features", _FEATURES):
        marks = path.with_name(f"{path.stem}.marks.npy")  # only the pair is spotal's; an array alone may be a person's
        if marks.is_file():
            yield marks, folder / FEATURES / marks.name
            yield path, folder / FEATURES / path.name
        elif (folder / FEATURES / marks.name).is_file():  # a process was killed between the two
            yield path, folder / FEATURES / path.name
    link = folder / "label-studio.json"
    with suppress(OSError, ValueError):
        if {"url", "mark", "born", "seen"} <= _keys(link):
            yield link, folder / LINK


def _keys(path: Path) -> set[str]:
    """Return the keys of a JSON file's object."""
    document = parse_json(path.read_bytes(), f"{path} is no JSON")
    return set(document) if isinstance(document, dict) else set()


def _named(place: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Return the files in a folder whose names match. Links to folders are ignored."""
    if place.is_symlink() or place.parent.is_symlink() or not place.is_dir():
        return []
    return [path for path in sorted(place.iterdir()) if pattern.fullmatch(path.name)]


def _rename(source: Path, target: Path) -> None:
    """Move one regular file. Follows no links and replaces no file."""
    if source.is_symlink() or source.parent.is_symlink() or not source.is_file() or os.path.lexists(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, target)


def _remove_empty(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        with suppress(OSError):
            place.rmdir()


def _forget_lock(folder: Path) -> None:
    """Remove the old lock if the file beside it shows that it is spotal's."""
    lock, holder = folder / ".lock", folder / ".lock-holder"
    with suppress(OSError, ValueError):
        if _keys(holder) == {"what", "pid", "since"}:
            holder.unlink()
            if not lock.is_symlink() and lock.stat().st_size == 0:
                lock.unlink()
