"""Paths of a project's own files. All of them except ``spotal.toml`` are in the folder ``.spotal``.

Paths are relative to the project's folder. Commands never remove files outside ``.spotal``. Links inside it could lead
outside, so :func:`own_folder` refuses them before a command begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from spotal.errors import ProjectError, reason_of
from spotal.storage.files import FOLDER, unwritable

__all__ = [
    "BACKUPS",
    "DATABASE",
    "FEATURES",
    "HOLDER",
    "JOURNAL",
    "LINK",
    "LOCK",
    "MADE",
    "MAPS",
    "MODELS",
    "OWN",
    "PICTURES",
    "THUMBNAILS",
    "TOKEN",
    "UNFINISHED",
    "check_links",
    "is_inside",
    "own_folder",
]

OWN = ".spotal"
DATABASE = f"{OWN}/project.sqlite"
BACKUPS = f"{OWN}/backups"
"""Copies of the database, made before upgrades and repairs."""
MODELS = f"{OWN}/models"
"""Weights, embeddings and predictions."""
FEATURES = f"{OWN}/features"
"""Cached features, so that only new and changed items are computed again."""
PICTURES = f"{OWN}/cache/pictures"
"""Scaled copies of images for the labeling page."""
MAPS = f"{OWN}/cache/maps"
THUMBNAILS = f"{OWN}/cache/thumbnails.npz"
"""Small gray copies of images, used to find near copies (:mod:`spotal.project.copies`)."""
TOKEN = f"{OWN}/cache/token"
JOURNAL = f"{OWN}/answers.jsonl"
"""A copy of every answer (:mod:`spotal.project.journal`)."""
LOCK = f"{OWN}/lock"
HOLDER = f"{OWN}/lock-holder"
LINK = f"{OWN}/label-studio.json"
MADE = f"{OWN}/made.txt"
"""Names of model files that spotal wrote (:mod:`spotal.project.model_files`)."""
UNFINISHED = f"{OWN}/unfinished"
"""Exists while a project is being created."""


def own_folder(folder: Path) -> Path:
    """Return the folder ``.spotal`` of a project. Create it if it is missing.

    Raises
    ------
    ProjectError
        It is a link or not a folder, or it contains a link.
    OutputError
        It cannot be created.
    """
    own = folder / OWN
    check_links(folder)
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error, FOLDER) from None
    return own


def check_links(folder: Path) -> None:
    """Raise ProjectError if ``.spotal`` is or contains a link: its target may be a person's own file."""
    own = folder / OWN
    if own.exists() and not own.is_dir():
        raise ProjectError(f"{own} must be a folder of spotal's own, found a file; move it away")
    link = own if own.is_symlink() else _link_in(own, depth=2)
    if link is not None:
        raise ProjectError(
            f"{link} must not be a link, found one to {os.readlink(link)}; put the file or folder itself there"
        )


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path, with links resolved, is in a project's ``.spotal``."""
    own = os.path.realpath(folder / OWN)
    real = os.path.realpath(path)
    return real == own or real.startswith(own + os.sep)


def _link_in(folder: Path, depth: int) -> Path | None:
    """Return the first link in a folder, at most ``depth`` levels down."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ProjectError(f"{folder} cannot be read ({reason_of(error)})") from None
    for entry in entries:
        if entry.is_symlink():
            return Path(entry.path)
        if depth > 1 and entry.is_dir() and (link := _link_in(Path(entry.path), depth - 1)) is not None:
            return link
    return None
