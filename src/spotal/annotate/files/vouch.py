"""Check that a file's texts and images are the same as the project's, so that its ids name the right items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from spotal.annotate.files.base import Row, digest_of
from spotal.annotate.files.finder import Finder, spellings
from spotal.annotate.same_text import plain
from spotal.errors import DataFileError
from spotal.project import Item

__all__ = ["vouch"]

SIDE = 16
"""Size in pixels of the gray copies that are compared."""
APART = 40
"""Smallest mean difference of gray levels (0 to 255) of two different pictures. Saving a picture again changes 5."""


def vouch(found: Iterable[tuple[Item, Row]], items: Iterable[Item], file: Callable[[Item], Path], source: Path) -> None:
    """Refuse a file that disagrees with the project about an item that it labels.

    Contents must be equal. Texts must be equal except for spaces and the form of accents. Names of images must have the
    same ending. Pictures must look alike or have the same content. Fields that the file lacks are not compared.

    Raises
    ------
    DataFileError
        Names the first row that disagrees, and the number of such rows.
    """
    project = _Items(list(items), file)
    pairs = list(found)
    wrong = [(row, item, fault) for item, row in pairs if (fault := _disagreement(item, row, project)) is not None]
    if wrong:
        row, item, fault = wrong[0]
        raise DataFileError(
            f"{source} disagrees with the project about {len(wrong):,} of {len(pairs):,} labels, first in {row.where}: "
            f"{fault}, which is not item {item.id!r}; nothing was recorded. Check that it is the right file, or name "
            "the column that holds the items' ids by --id-column"
        )


class _Items:
    """The project's items, indexed by content, text and image."""

    def __init__(self, items: list[Item], file: Callable[[Item], Path]) -> None:
        self.items, self.file = items, file
        self.finder = Finder(items)
        self.texts = {plain(item.text) for item in items if item.text is not None}

    @cached_property
    def ids(self) -> dict[str, str]:
        """Ids by the item's content."""
        return {item.content: item.id for item in self.items}

    @cached_property
    def contents(self) -> dict[str, str]:
        """Ids by the hash of the image's file, without missing files."""
        return {name: item.id for item in self.items if (name := self.content(item)) is not None}

    def content(self, item: Item) -> str | None:
        """Return the hash of an image's file; None if it cannot be read."""
        try:
            return digest_of(self.file(item).read_bytes())
        except OSError:
            return None


def _disagreement(item: Item, row: Row, project: _Items) -> str | None:
    """Return a phrase about the difference between a row and its item; None if they agree."""
    if row.content is not None and row.content != item.content:
        other = project.ids.get(row.content)
        return "its content has changed" if other is None else f"its content is that of {_short(other)}"
    if item.text is not None:
        own = plain(item.text)
        if row.text is not None and plain(row.text) != own:
            return f"its text is {_short(row.text)}"
        others = [text for text in row.texts if plain(text) in project.texts]
        if row.text is None and others and own not in map(plain, others):
            return f"its text is {_short(others[0])}"
    if item.path is not None:
        return _other_name(item, row, project) or _other_picture(item, row, project)
    return None


def _other_name(item: Item, row: Row, project: _Items) -> str | None:
    named = [name for path in row.paths for name in project.finder.by_path(path)]
    if item.id in named:
        return None
    if named:
        return f"its image is {_short(named[0])}"
    names = {PurePosixPath(spelled).name for path in row.paths for spelled in spellings(path)}
    suffix = PurePosixPath(item.path or "").suffix.lower()
    images = sorted(name for name in names if suffix and name.lower().endswith(suffix))
    own = PurePosixPath(item.path or "").name
    if images and own not in names and _uploaded(own) not in names:
        return f"its image is {_short(images[0])}"
    return None


def _other_picture(item: Item, row: Row, project: _Items) -> str | None:
    if row.digest is not None and row.digest != project.content(item):
        other = project.contents.get(row.digest)
        return None if other is None else f"its picture is that of {_short(other)}"
    if row.file is None:
        return None
    try:
        ours, theirs = project.file(item).read_bytes(), row.file.read_bytes()
    except OSError:
        return None
    if ours == theirs or not _are_apart(project.file(item), row.file):
        return None
    return f"{row.file} is another picture"


def _are_apart(first: Path, second: Path) -> bool:
    """Return whether two pictures differ by more than their size or quality."""
    import numpy as np
    from PIL import Image, ImageOps

    small = []
    for path in (first, second):
        try:
            with Image.open(path) as image:
                if image.mode not in ("L", "RGB", "P", "CMYK", "YCbCr"):  # the gray level depends on the reader
                    return False
                upright = ImageOps.exif_transpose(image).convert("L").resize((SIDE, SIDE))
        except Exception:  # Pillow's readers raise many types; a picture that cannot be read cannot be compared
            return False
        small.append(np.asarray(upright, np.float64))
    return bool(np.abs(small[0] - small[1]).mean() >= APART)


def _uploaded(name: str) -> str:
    """Return a file's name as Label Studio stores it."""
    return "".join(letter for letter in name.replace(" ", "_") if letter.isalnum() or letter in "-_.")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
