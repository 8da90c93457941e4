"""The project: a folder with the data, answers and models of one labeling task."""

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
from spotal.storage.files import write_text
from spotal.tables.configuration import closest

__all__ = ["Project", "labels_folder"]

_log = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds to wait for another process that creates or upgrades the project."""


class Project:
    """An open project, made by :meth:`create` or :meth:`open`.

    A project is a context manager. Threads may share one project.

    Attributes
    ----------
    folder : Path, absolute
    settings : Settings, from spotal.toml when the project was opened
    items : Items; labels : Labels; imports : Imports; rounds : Rounds; models : Models
    arrived : Added, the changes that the last :meth:`refresh` noticed

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from spotal.project import Data, Project, Settings, next_batch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/pool.npy", np.random.default_rng(0).normal(size=(100, 8)))
    ...     settings = Settings(data=Data(path="pool.npy", kind="embedding"), classes=("cat", "dog"), batch_size=5)
    ...     with Project.create(folder, settings) as project:
    ...         print(next_batch(project).n_picks)
    5
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
        """Create a project with all items that are in the data now. The folder may exist.

        Parameters
        ----------
        folder : path
        settings : Settings
        suit : function that adapts the settings to the number of items; None changes nothing

        Raises
        ------
        ProjectError
            The folder is or was a project, or the strategy is unknown or does not support the settings.
        DataFileError, InputError
            The data, prices or groups cannot be read. Nothing is written then.
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
        items = look(settings.data, place)
        if all(map(is_blank, items)):
            raise DataFileError(f"{location(settings.data, place)} has empty texts only; fill them in")
        if suit is not None:
            settings = suit(settings, sum(not is_blank(item) for item in items))
        check(settings, place, items)
        own_folder(place)
        with held(place, "creating the project", PATIENCE):
            _refuse(place)
            path = place / files.FILE
            for leftover in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                leftover.unlink(missing_ok=True)  # after _refuse this can only be an unfinished creation
            write_text(place / UNFINISHED, "")
            journal.append(place / JOURNAL, [])
            project = cls(place, settings, Database.create(path, place / JOURNAL))
            try:
                project.arrived = project.items.add(items)
                write_text(place / toml.FILE, settings.to_toml())  # from now on it is a project
                (place / UNFINISHED).unlink(missing_ok=True)
                _log.info("made a project of %d items in %s", len(items), place)
            except BaseException:
                project.close()
                raise
        return project

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Project:
        """Open a project. A project of an older version is upgraded, after its database is copied to
        ``.spotal/backups``.

        Raises
        ------
        ProjectError
            The folder is not a project, its settings are invalid, or its database is damaged or of a newer version.
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
        """Read the data again: add new items, and record changed and missing ones.

        Items are matched by content, so that answers follow renamed files and moved rows. Warnings report changes that
        a person should know about, such as answers that were set aside.

        Parameters
        ----------
        whole : bool, whether to read every file again, even if its size and times are unchanged

        Raises
        ------
        DataFileError, InputError
            The data cannot be read. Nothing is changed then.
        """
        self.arrived = Added()
        if whole or not self.items.holds(table_stamp(self.settings.data, self.folder)):
            items = look(self.settings.data, self.folder, self.items.contents(), whole=whole)
            self.arrived = self.items.add(items, complete=True)
            _log.debug("%s holds %d items", location(self.settings.data, self.folder), len(items))
        for sentence in (*describe_changes(self.arrived), *describe_set_aside(self.labels.set_aside())):
            warnings.warn(sentence, SpotalWarning, stacklevel=2)
        return self.arrived

    def add_classes(self, names: Sequence[str]) -> None:
        """Append classes to those in spotal.toml. Raises ProjectError for an invalid name."""
        self.settings = toml.add_classes(self.folder / toml.FILE, names)

    def lock(self, what: str, wait: float = 0.0) -> AbstractContextManager[None]:
        """Lock the project for a long command such as ``next``, see :func:`~spotal.project.lock.held`.

        Recording labels needs no lock. Raises ProjectBusyError if another command holds it.
        """
        return held(self.folder, what, wait)

    def counts(self) -> Counts:
        """Return counts of items, answers and picks, from one state of the database."""
        with self.database.read() as connection:
            return count(connection, self.settings)


def _refuse(place: Path) -> None:
    """Raise ProjectError if the folder has a project, or labels or a database of one."""
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
    """Return the absolute path of a project's folder. Raises ProjectError for an invalid path."""
    if "\0" in os.fspath(folder):
        raise ProjectError(f"folder {os.fspath(folder)!r} has a NUL character, which no path has; check the path")
    return Path(folder).resolve()


def _instead(place: Path) -> str:
    """Return the remedy for a folder that is not a project: the project beside it, or ``spotal init``."""
    beside = labels_folder(place) if place.name else place
    return f"give {beside}, its project" if (beside / toml.FILE).is_file() else "make one by spotal init"


def labels_folder(data: Path) -> Path:
    """Return the path of the project that ``spotal label`` creates beside a folder of images."""
    return data.with_name(f"{data.name}-labels")


def _check_apart(settings: Settings, place: Path) -> None:
    """Raise ProjectError if data are inside ``.spotal``."""
    given = {
        "the data": settings.data.path,
        "limits.cost": settings.limits.cost,
        "limits.groups": settings.limits.groups,
    }
    for name, path in given.items():
        if path is not None and is_inside(place / os.path.expanduser(path), place):
            raise ProjectError(f"{name} must lie outside {place / OWN}, which is spotal's own, found {path}; move them")
