"""Project: a folder that holds all that is known about a labeling task, and loses nothing."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from spotal.errors import DataFileError, ProjectError, SpotalWarning
from spotal.project import database as files
from spotal.project import journal, layout
from spotal.project import settings as toml
from spotal.project.arrivals import is_blank
from spotal.project.counting import count
from spotal.project.database import Database
from spotal.project.findings import describe_changes, describe_set_aside
from spotal.project.imports import Imports
from spotal.project.items import Items
from spotal.project.labels import Labels
from spotal.project.limits import check
from spotal.project.lock import held
from spotal.project.models import Models
from spotal.project.places import JOURNAL, OWN, UNFINISHED, check_links, is_inside, own_folder
from spotal.project.records import Added, Counts
from spotal.project.rounds import Rounds
from spotal.project.schema import REVISION
from spotal.project.settings import Settings
from spotal.project.sources import location, look, table_stamp
from spotal.storage.files import atomic_path
from spotal.tables.configuration import closest

__all__ = ["Project", "labels_folder"]

_log = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds to wait for another process that creates or upgrades the same project."""


class Project:
    """A project, open: its parts are ``items``, ``labels``, ``rounds`` and ``models``.

    Made by :meth:`create` and :meth:`open`; a context manager. May be shared by threads.

    Attributes
    ----------
    folder : Path, absolute
    settings : Settings, as they were in spotal.toml when the project was opened
    items : Items; labels : Labels; imports : Imports; rounds : Rounds; models : Models
    arrived : Added, what the last look through the data found
    """

    def __init__(self, folder: Path, settings: Settings, database: Database) -> None:
        self.folder, self.settings, self.database = folder, settings, database
        self.items, self.labels = Items(self), Labels(self)
        self.rounds, self.models = Rounds(self), Models(self)
        self.imports = Imports(self)
        self.arrived = Added()

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        settings: Settings,
        suit: Callable[[Settings, int], Settings] | None = None,
    ) -> Project:
        """Make a project in a folder, which may exist, with all items that its data hold now.

        Parameters
        ----------
        folder : path
        settings : Settings
        suit : from the settings and the number of items to the settings that the project gets; None keeps them

        Raises
        ------
        ProjectError
            The folder is a project already, or was one; or the strategy is unknown, or cannot keep to the limits.
        DataFileError, InputError
            The data, or what they cost and their groups, cannot be read. Nothing is written then.
        OutputError
            The folder cannot be written.
        """
        from spotal.strategies import get, names

        place = _place(folder)
        _refuse(place)
        _check_apart(settings, place)
        if settings.strategy not in names():
            raise ProjectError(
                f"strategy must be a known one, found {settings.strategy!r}; {closest(settings.strategy, names())}"
            )
        if settings.many and not get(settings.strategy).multilabel:
            raise ProjectError(f"strategy {settings.strategy!r} cannot take items of several classes; take 'spot'")
        found = look(settings.data, place)
        if all(map(is_blank, found)):
            raise DataFileError(f"{location(settings.data, place)} has empty texts only; fill them in")
        if suit is not None:
            settings = suit(settings, sum(not is_blank(item) for item in found))
        check(settings, place, found)
        own_folder(place)
        with held(place, "creating the project", PATIENCE):
            _refuse(place)
            path = place / files.FILE
            for left in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                left.unlink(missing_ok=True)  # _refuse let nothing pass but an unfinished creation
            with atomic_path(place / UNFINISHED):
                pass
            journal.append(place / JOURNAL, [])
            project = cls(place, settings, Database.create(path, place / JOURNAL))
            try:
                project.arrived = project.items.add(found)
                with atomic_path(place / toml.FILE) as part:  # from now on it is a project
                    part.write_text(settings.to_toml(), encoding="utf-8")
                (place / UNFINISHED).unlink(missing_ok=True)
                _log.info("made a project of %d items in %s", len(found), place)
            except BaseException:
                project.close()
                raise
        return project

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Project:
        """Open a project; one of an older version of spotal is upgraded, after a copy to ``.spotal/backups``.

        Raises
        ------
        ProjectError
            The folder is no project, its settings are wrong, its database is damaged or of a newer version of spotal.
        OutputError
            The folder cannot be written.
        """
        place = _place(folder)
        if not (place / toml.FILE).is_file():
            raise ProjectError(f"{place} is no spotal project, it has no {toml.FILE}; {_instead(place)}")
        settings = toml.read(place / toml.FILE)
        check_links(place)
        layout.upgrade(place, PATIENCE)
        path = place / files.FILE
        if not path.is_file():
            raise ProjectError(f"{place} has lost its {path.name}; spotal doctor --repair rebuilds it")
        if files.revision(path) != REVISION:
            with held(place, "upgrading the project", PATIENCE):
                files.upgrade(path)
        database = Database(path, place / JOURNAL)
        with database.read() as connection:
            is_behind = journal.is_behind(place / JOURNAL, connection)
        if is_behind:
            database.reconcile(settings.data.kind)
        return cls(place, settings, database)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refresh(self, *, whole: bool = False) -> Added:
        """Look through the data again: add what is new, note what changed or is missing.

        Items are found again by content, so that answers follow rows that moved and files that were renamed. What a
        person should know of that is warned about, answers that are set aside among it.

        Parameters
        ----------
        whole : bool, whether every file is read again, also where its size and times are as they were

        Raises
        ------
        DataFileError, InputError
            The data cannot be read; nothing is changed then.
        """
        self.arrived = Added()
        if whole or not self.items.holds(table_stamp(self.settings.data, self.folder)):
            found = look(self.settings.data, self.folder, self.items.contents(), whole=whole)
            self.arrived = self.items.add(found, complete=True)
            _log.debug("%s holds %d items", location(self.settings.data, self.folder), len(found))
        for sentence in (*describe_changes(self.arrived), *describe_set_aside(self.labels.set_aside())):
            warnings.warn(sentence, SpotalWarning, stacklevel=2)
        return self.arrived

    def add_classes(self, names: Sequence[str]) -> None:
        """Add classes to spotal.toml, after those that are there. Raises ProjectError where a name is none."""
        self.settings = toml.add_classes(self.folder / toml.FILE, names)

    def lock(self, what: str, wait: float = 0.0) -> AbstractContextManager[None]:
        """Hold the project for a long command such as ``next``: of these, one runs at a time. Labels need no lock.

        Parameters
        ----------
        what : str, the command, which others are told
        wait : float, seconds to wait for another one; below 0 without end

        Raises
        ------
        ProjectBusyError
            Another holds it.
        """
        return held(self.folder, what, wait)

    def counts(self) -> Counts:
        """How far the project is: one state of the database."""
        with self.database.read() as connection:
            return count(connection, self.settings)


def _refuse(place: Path) -> None:
    """Refuse a folder that holds a project, labels of one, or a database that an unfinished creation did not leave."""
    if place.exists() and not place.is_dir():
        raise ProjectError(f"{place} is a file; name a folder for the project, new or empty")
    if (place / toml.FILE).exists():
        raise ProjectError(f"{place} is a spotal project already; take another folder, or go on with this one")
    check_links(place)
    old, path = place / layout.OLD, place / files.FILE
    if layout.is_old(place) and files.holds_labels(old):
        raise ProjectError(f"{place} has labels in {old.name} but no {toml.FILE}; restore that, or take another folder")
    if path.exists():
        if not files.is_ours(path) and not (place / UNFINISHED).exists():
            raise ProjectError(f"{path} is no database of a spotal project; move it away, or take another folder")
        if files.holds_labels(path):
            raise ProjectError(
                f"{place} has labels in {path.name} but no {toml.FILE}; restore that, or take another folder"
            )
        if not (place / UNFINISHED).exists():
            raise ProjectError(f"{place} has a {files.FILE} but no {toml.FILE}; restore that, or take another folder")
    if journal.read(place / JOURNAL):
        raise ProjectError(f"{place} has answers in {JOURNAL} but no {toml.FILE}; restore that, or take another folder")


def _place(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a project's folder. Raises ProjectError for one that no folder can have."""
    if "\0" in os.fspath(folder):
        raise ProjectError(f"folder {os.fspath(folder)!r} has a NUL character, which no path has; check the path")
    return Path(folder).resolve()


def _instead(place: Path) -> str:
    """What to do where a folder is no project: name the one that ``spotal label`` made beside a folder of images."""
    beside = labels_folder(place) if place.name else place
    return f"give {beside}, its project" if (beside / toml.FILE).is_file() else "make one by spotal init"


def labels_folder(data: Path) -> Path:
    """Return the project's folder that ``spotal label`` makes for a folder of images, beside it."""
    return data.with_name(f"{data.name}-labels")


def _check_apart(settings: Settings, place: Path) -> None:
    """Refuse data that lie among the project's own working files."""
    given = {
        "the data": settings.data.path,
        "limits.cost": settings.limits.cost,
        "limits.groups": settings.limits.groups,
    }
    for name, path in given.items():
        if path is not None and is_inside(place / os.path.expanduser(path), place):
            raise ProjectError(f"{name} must lie outside {place / OWN}, which is spotal's own, found {path}; move them")
