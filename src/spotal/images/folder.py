"""Folders of images: which files are read, and which are left out and why."""

from __future__ import annotations

import os
import stat
import warnings
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spotal.errors import DataFileError, SpotalWarning
from spotal.images.decoding import fits
from spotal.images.kinds import is_named_image, looks_like_image, missing_plugin, suffixes
from spotal.images.threads import each
from spotal.terminal import visible

__all__ = ["Listing", "Skipped", "find_images", "list_images", "listed", "note_of_skipped", "printable", "readable"]

NAMED = 3
"""Files that a sentence names for each reason."""


@dataclass(frozen=True)
class Skipped:
    """A file, or a folder, that is left out: its printable path below the folder, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The images of a folder, sorted by relative path, and what was left out."""

    root: Path
    paths: list[Path]
    skipped: list[Skipped]


def find_images(folder: str | os.PathLike[str]) -> Listing:
    """Look for image files in a folder and its sub-folders, without a word about those that are left out.

    Files and folders whose name starts with a dot are passed over; linked folders are followed, each once.

    Raises
    ------
    DataFileError
        The folder is missing, or is a file.
    """
    root = Path(folder)
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise DataFileError(f"{root} must be a folder of images, found {found}; check the path")
    paths: list[Path] = []
    skipped: list[Skipped] = []
    for path in _files(root, skipped):
        name = path.relative_to(root).as_posix()
        reason = _fault(path, name)
        if reason is None:
            paths.append(path)
        elif reason:
            skipped.append(Skipped(printable(name), reason))
    return Listing(
        root,
        sorted(paths, key=lambda path: path.relative_to(root).as_posix()),
        sorted(skipped, key=lambda left: left.name),
    )


def list_images(folder: str | os.PathLike[str], *, strict: bool = False) -> list[Path]:
    """The image files in a folder and its sub-folders, sorted by relative path.

    Files and folders whose name starts with a dot are passed over; linked folders are followed, each once.

    Parameters
    ----------
    folder : path
    strict : bool
        Whether an image that is left out, for its name, kind or size in bytes, is an error.

    Raises
    ------
    DataFileError
        The folder is missing, is a file, or has no image in it that can be read; or, if strict, one cannot.

    Warns
    -----
    SpotalWarning
        Images were left out: how many, why, and the names of the first.
    """
    return listed(find_images(folder), strict)


def listed(found: Listing, strict: bool = False) -> list[Path]:
    """The images of a listing, with a warning of what was left out; as :func:`list_images`."""
    note_of_skipped(found.skipped, found.root, strict=strict or not found.paths)
    if not found.paths:
        raise DataFileError(f"{found.root} has no images in it; put files in it that end in {' '.join(suffixes())}")
    return found.paths


def readable(found: Listing, known: Container[str] = ()) -> Listing:
    """Leave out images whose header cannot be read, or that have too many pixels to be decoded.

    Those whose relative path is ``known`` are taken as they are.
    """
    new = [path for path in found.paths if path.relative_to(found.root).as_posix() not in known]
    bad: dict[Path, Skipped] = {}
    for path, shape in zip(new, each(lambda path: fits(path, ""), new), strict=True):
        if isinstance(shape, DataFileError):
            name = path.relative_to(found.root).as_posix()
            bad[path] = Skipped(printable(name), str(shape).split("; ")[0].strip())
    return Listing(found.root, [path for path in found.paths if path not in bad], [*found.skipped, *bad.values()])


def note_of_skipped(skipped: Sequence[Skipped], where: object, *, strict: bool = False) -> None:
    """Warn of files that were left out, with their number, reasons and first names; if strict, raise DataFileError."""
    if not skipped:
        return
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for left in skipped:
        by_reason[left.reason].append(left.name)
    told = "; ".join(f"{reason}: {len(names):,} ({_first(names)})" for reason, names in by_reason.items())
    count = f"{len(skipped):,} file{'s' * (len(skipped) > 1)} in {printable(str(where))}"
    if strict:
        raise DataFileError(f"{count} cannot be read as images. {told}. Repair or remove them")
    warnings.warn(f"skipped {count}. {told}", SpotalWarning, stacklevel=3)


def printable(name: str) -> str:
    """A file's name with whatever is no printable text in it escaped."""
    return visible(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _files(root: Path, skipped: list[Skipped]) -> Iterator[Path]:
    def closed(error: OSError) -> None:
        name = os.path.relpath(error.filename, root)
        skipped.append(Skipped(printable(name), f"folder not to be read, {(error.strerror or str(error)).lower()}"))

    seen: set[str] = set()
    for place, folders, files in os.walk(root, onerror=closed, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _fault(path: Path, name: str) -> str | None:
    """Why a file is left out; None for an image, and empty for what is none and need not be spoken of."""
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
        return f"not to be read, {(error.strerror or str(error)).lower()}" if _is_meant(name) else ""
    if not state.st_size:
        return "empty"
    if not os.access(path, os.R_OK):
        return "not to be read, permission denied"
    return None if _is_text(name) else "name that is not UTF-8"


def _is_meant(name: str) -> bool:
    return name.lower().endswith(suffixes()) or is_named_image(name) is True


def _unread(path: Path) -> str:
    """What to say of a file whose ending is not read."""
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


def _first(names: Iterable[str]) -> str:
    some = list(names)
    more = f" and {len(some) - NAMED:,} more" if len(some) > NAMED else ""
    return ", ".join(some[:NAMED]) + more
