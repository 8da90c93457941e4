"""Places: where a project keeps its own things. All but ``spotal.toml`` lie in one folder, ``.spotal``, beside it.

Paths are relative to the project's folder. Nothing outside ``.spotal`` is ever removed, and nothing inside it through a
link: :func:`own_folder` refuses links before a command begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from spotal.errors import OutputError, ProjectError

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
"""What was computed from each item: kept, so that only new and changed items are computed again."""
PICTURES = f"{OWN}/cache/pictures"
"""Scaled copies of images for the labeling page."""
MAPS = f"{OWN}/cache/maps"
THUMBNAILS = f"{OWN}/cache/thumbnails.npz"
"""Small gray copies of images, by which near copies are found (:mod:`spotal.project.copies`)."""
TOKEN = f"{OWN}/cache/token"
JOURNAL = f"{OWN}/answers.jsonl"
"""A copy of every answer (:mod:`spotal.project.journal`)."""
LOCK = f"{OWN}/lock"
HOLDER = f"{OWN}/lock-holder"
LINK = f"{OWN}/label-studio.json"
MADE = f"{OWN}/made.txt"
"""Names of the model files that were made (:mod:`spotal.project.made`)."""
UNFINISHED = f"{OWN}/unfinished"
"""Exists while a project is being created."""


def own_folder(folder: Path) -> Path:
    """Return the folder ``.spotal`` of a project, made where it is missing.

    Raises
    ------
    ProjectError
        It is a link or no folder, or something in it is a link.
    OutputError
        It cannot be made.
    """
    own = folder / OWN
    check_links(folder)
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{folder} cannot be written ({reason}); give a folder that you may write to") from None
    return own


def check_links(folder: Path) -> None:
    """Refuse a ``.spotal`` that is a link or holds one: what it points to may be a person's. Raises ProjectError."""
    own = folder / OWN
    if own.exists() and not own.is_dir():
        raise ProjectError(f"{own} must be a folder of spotal's own, found a file; move it away")
    link = own if own.is_symlink() else _link_in(own, depth=2)
    if link is not None:
        raise ProjectError(
            f"{link} must not be a link, found one to {os.readlink(link)}; put the file or folder itself there"
        )


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path leads into a project's ``.spotal``, also through links."""
    own = os.path.realpath(folder / OWN)
    real = os.path.realpath(path)
    return real == own or real.startswith(own + os.sep)


def _link_in(folder: Path, depth: int) -> Path | None:
    """Return the first link in a folder, down to the ``depth``-th level below it."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ProjectError(f"{folder} cannot be read ({(error.strerror or str(error)).lower()})") from None
    for entry in entries:
        if entry.is_symlink():
            return Path(entry.path)
        if depth > 1 and entry.is_dir() and (found := _link_in(Path(entry.path), depth - 1)) is not None:
            return found
    return None
