"""Folders of images: the files that can be read, and the files to skip with the reasons."""

from __future__ import annotations

import os
import stat
import warnings
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spotal.errors import DataFileError, SpotalWarning
from spotal.images.decoding import fits
from spotal.images.kinds import is_named_image, looks_like_image, missing_plugin, suffixes
from spotal.images.threads import each
from spotal.terminal import visible

__all__ = ["Listing", "Skipped", "find_images", "list_images", "listed", "note_of_skipped", "printable", "readable"]

NAMED = 3
"""Files to name in a message for each reason."""


@dataclass(frozen=True)
class Skipped:
    """A file or folder that is skipped: its printable relative path, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The images of a folder, sorted by relative path, and the skipped files."""

    root: Path
    paths: list[Path]
    skipped: list[Skipped]


def find_images(folder: str | os.PathLike[str]) -> Listing:
    """Find the image files in a folder and its sub-folders, without a warning about skipped files.

    Files and folders whose name starts with a dot are ignored. Links to folders are followed, to each folder once.

    Raises
    ------
    DataFileError
        The folder is missing, or is a file.
    """
    root = Path(folder)
    if not root.is_dir():
        kind = "a file" if root.exists() else "nothing"
        raise DataFileError(f"{root} must be a folder of images, found {kind}; check the path")
    paths: list[Path] = []
    skipped: list[Skipped] = []
    for path in _files(root, skipped):
        name = path.relative_to(root).as_posix()
        reason = _fault(path, name)
        if reason is None:
            paths.append(path)
        elif reason:
            skipped.append(Skipped(printable(name), reason))
    paths.sort(key=lambda path: path.relative_to(root).as_posix())
    return Listing(root, paths, sorted(skipped, key=lambda item: item.name))


def list_images(folder: str | os.PathLike[str], *, strict: bool = False) -> list[Path]:
    """Return the image files in a folder and its sub-folders, sorted by relative path, as in :func:`find_images`.

    Parameters
    ----------
    folder : path
    strict : bool, whether an image that is skipped because of its name, kind or size in bytes is an error

    Raises
    ------
    DataFileError
        The folder is missing, is a file, or has no readable image; or ``strict`` and an image is skipped.

    Warns
    -----
    SpotalWarning
        Images were skipped: the number, the reasons, and the first names.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from spotal.datasets import list_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (8, 8)).save(Path(folder, "a.png"))
    ...     print(len(list_images(folder)))
    1
    """
    return listed(find_images(folder), strict)


def listed(listing: Listing, strict: bool = False) -> list[Path]:
    """Return the images of a listing, and warn about skipped files as :func:`list_images` does."""
    note_of_skipped(listing.skipped, listing.root, strict=strict or not listing.paths)
    if not listing.paths:
        raise DataFileError(f"{listing.root} has no images in it; put files in it that end in {' '.join(suffixes())}")
    return listing.paths


def readable(listing: Listing, known: Container[str] = ()) -> Listing:
    """Remove images with an unreadable header or too many pixels; relative paths in ``known`` are not checked."""
    root = listing.root
    new = [path for path in listing.paths if path.relative_to(root).as_posix() not in known]
    bad: dict[Path, Skipped] = {}
    for path, shape in zip(new, each(lambda path: fits(path, ""), new), strict=True):
        if isinstance(shape, DataFileError):
            name = printable(path.relative_to(root).as_posix())
            bad[path] = Skipped(name, str(shape).split("; ")[0].strip())
    return Listing(root, [path for path in listing.paths if path not in bad], [*listing.skipped, *bad.values()])


def note_of_skipped(skipped: Sequence[Skipped], where: object, *, strict: bool = False) -> None:
    """Warn about skipped files, with their number, reasons and first names; if strict, raise DataFileError."""
    if not skipped:
        return
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for item in skipped:
        by_reason[item.reason].append(item.name)
    reasons = "; ".join(f"{reason}: {len(names):,} ({_first(names)})" for reason, names in by_reason.items())
    count = f"{len(skipped):,} file{'s' * (len(skipped) > 1)} in {printable(str(where))}"
    if strict:
        raise DataFileError(f"{count} cannot be read as images. {reasons}. Repair or remove them")
    warnings.warn(f"skipped {count}. {reasons}", SpotalWarning, stacklevel=3)


def printable(name: str) -> str:
    """Return a file's name with everything that is not printable text escaped."""
    return visible(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _files(root: Path, skipped: list[Skipped]) -> Iterator[Path]:
    def skip(error: OSError) -> None:
        reason = f"folder that cannot be read, {(error.strerror or str(error)).lower()}"
        skipped.append(Skipped(printable(os.path.relpath(error.filename, root)), reason))

    seen: set[str] = set()
    for parent, folders, files in os.walk(root, onerror=skip, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in files if not name.startswith("."))


def _fault(path: Path, name: str) -> str | None:
    """Return the reason to skip a file, None for an image, or "" for a file that is not an image."""
    is_read = name.lower().endswith(suffixes())
    if not is_read and is_named_image(name) is False:
        return ""
    try:
        state = os.stat(path)
        if not stat.S_ISREG(state.st_mode):
            return "no ordinary file" if is_read else ""
        if not is_read:
            return _unread(path)
    except FileNotFoundError:
        return "link to nothing" if _is_meant(name) else ""
    except OSError as error:
        return f"cannot be read, {(error.strerror or str(error)).lower()}" if _is_meant(name) else ""
    if not state.st_size:
        return "empty"
    if not os.access(path, os.R_OK):
        return "cannot be read, permission denied"
    return None if _is_text(name) else "name that is not UTF-8"


def _is_meant(name: str) -> bool:
    return name.lower().endswith(suffixes()) or is_named_image(name) is True


def _unread(path: Path) -> str:
    """Return the reason to skip a file with an unreadable ending, or "" if it is not an image."""
    with path.open("rb") as file:
        head = file.read(16)
    if not looks_like_image(path.name, head):
        return ""
    end = path.suffix.lower()
    extra = missing_plugin(path.name)
    if extra is not None:
        return f"{end} needs pip install 'spotal[{extra}]'"
    return f"image that ends in {printable(end)}, which is not read" if end else "image without an ending"


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
