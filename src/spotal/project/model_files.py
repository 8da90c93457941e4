"""The list of model files, written before the files, so that only files of spotal are removed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from spotal.project.places import FEATURES, MADE, MODELS, check_links
from spotal.storage.files import is_part, unwritable, write_text

__all__ = ["leftovers", "note", "strays", "sweep"]

_NAME = re.compile(rf"{re.escape(MODELS)}/[^/\0]+")


def note(folder: Path, names: Iterable[str]) -> None:
    """Record the names of files that will be written, relative to the project's folder, and flush them to disk.

    Raises OutputError if that fails.
    """
    path = folder / MADE
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" + "".join(f"{name}\n" for name in names))  # a line cut by a kill stays a line of its own
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error, "make room for it") from None


def strays(folder: Path, used: Collection[str | None]) -> list[Path]:
    """Return recorded files that are not in ``used``: regular files in ``.spotal/models``, no links."""
    return [folder / name for name in sorted(_noted(folder) - set(used)) if _is_file(folder / name)]


def leftovers(folder: Path) -> list[Path]:
    """Return unfinished files of interrupted commands in ``.spotal``. No other command may be running."""
    check_links(folder)
    own = (folder / MADE).parent
    return [path for path in sorted(own.rglob(".*.part")) if is_part(path.name) and _is_file(path)]


def sweep(folder: Path, used: Collection[str | None]) -> None:
    """Remove recorded files that are not in ``used``, and unfinished files of models and features.

    The caller must hold the project's lock. Raises ProjectError if ``.spotal`` contains a link.
    """
    check_links(folder)
    for path in strays(folder, used):
        path.unlink(missing_ok=True)
    for place in (MODELS, FEATURES):
        for path in (folder / place).glob(".*.part"):
            if is_part(path.name) and _is_file(path):
                path.unlink(missing_ok=True)
    remaining = [name for name in sorted(_noted(folder)) if _is_file(folder / name)]
    write_text(folder / MADE, "".join(f"{name}\n" for name in remaining))


def _noted(folder: Path) -> set[str]:
    try:
        lines = (folder / MADE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line for line in lines if _NAME.fullmatch(line) and ".." not in line.split("/")}


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
