"""Whether a file means the items that its ids name: what it holds of them must be what the project has."""

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
"""Pixels a side of the gray copies by which two pictures are compared."""
APART = 40
"""Mean difference of gray levels, of 255, from which on two pictures are two; one that was saved anew differs by 5."""


def vouch(found: Iterable[tuple[Item, Row]], items: Iterable[Item], file: Callable[[Item], Path], source: Path) -> None:
    """Refuse a file that disagrees with the project about any of the items that it labels.

    Contents must be equal; texts must be equal but for spaces and the form of accents; names of images must end alike;
    pictures must look alike, or have the same content. What the file does not hold is not compared.

    Raises
    ------
    DataFileError
        Names the first row that disagrees, and says how many do.
    """
    known = _Known(list(items), file)
    pairs = list(found)
    wrong = [(row, item, said) for item, row in pairs if (said := _disagreement(item, row, known)) is not None]
    if wrong:
        row, item, said = wrong[0]
        raise DataFileError(
            f"{source} disagrees with the project about {len(wrong):,} of {len(pairs):,} labels, first in {row.where}: "
            f"{said}, which is not item {item.id!r}; nothing was recorded. Check that it is the right file, or name "
            "the column that holds the items' ids by --id-column"
        )


class _Known:
    """The project's items, found by what they are."""

    def __init__(self, items: list[Item], file: Callable[[Item], Path]) -> None:
        self.items, self.file = items, file
        self.finder = Finder(items)
        self.texts = {plain(item.text) for item in items if item.text is not None}

    @cached_property
    def ids(self) -> dict[str, str]:
        """Ids by the project's own contents."""
        return {item.content: item.id for item in self.items}

    @cached_property
    def contents(self) -> dict[str, str]:
        """Ids by the content of the image's file; of files that are gone none."""
        return {name: item.id for item in self.items if (name := self.content(item)) is not None}

    def content(self, item: Item) -> str | None:
        """The content's name, None where the image cannot be read."""
        try:
            return digest_of(self.file(item).read_bytes())
        except OSError:
            return None


def _disagreement(item: Item, row: Row, known: _Known) -> str | None:
    """What the row says that is not so of the item, None where they agree."""
    if row.content is not None and row.content != item.content:
        other = known.ids.get(row.content)
        return "its content is a former one" if other is None else f"its content is that of {_short(other)}"
    if item.text is not None:
        own = plain(item.text)
        if row.text is not None and plain(row.text) != own:
            return f"its text is {_short(row.text)}"
        others = [text for text in row.texts if plain(text) in known.texts]
        if row.text is None and others and own not in map(plain, others):
            return f"its text is {_short(others[0])}"
    if item.path is not None:
        return _other_name(item, row, known) or _other_picture(item, row, known)
    return None


def _other_name(item: Item, row: Row, known: _Known) -> str | None:
    meant = [name for path in row.paths for name in known.finder.by_path(path)]
    if item.id in meant:
        return None
    if meant:
        return f"its image is {_short(meant[0])}"
    names = {PurePosixPath(spelled).name for path in row.paths for spelled in spellings(path)}
    suffix = PurePosixPath(item.path or "").suffix.lower()
    images = sorted(name for name in names if suffix and name.lower().endswith(suffix))
    own = PurePosixPath(item.path or "").name
    if images and own not in names and _uploaded(own) not in names:
        return f"its image is {_short(images[0])}"
    return None


def _other_picture(item: Item, row: Row, known: _Known) -> str | None:
    if row.digest is not None and row.digest != known.content(item):
        other = known.contents.get(row.digest)
        return None if other is None else f"its picture is that of {_short(other)}"
    if row.file is None:
        return None
    try:
        ours, theirs = known.file(item).read_bytes(), row.file.read_bytes()
    except OSError:
        return None
    if ours == theirs or not _are_apart(known.file(item), row.file):
        return None
    return f"{row.file} is another picture"


def _are_apart(first: Path, second: Path) -> bool:
    """Whether two pictures are surely not the same one, saved in another size or quality."""
    import numpy as np
    from PIL import Image, ImageOps

    small = []
    for path in (first, second):
        try:
            with Image.open(path) as image:
                if image.mode not in ("L", "RGB", "P", "CMYK", "YCbCr"):  # what is between depends on the reader
                    return False
                upright = ImageOps.exif_transpose(image).convert("L").resize((SIDE, SIDE))
        except Exception:  # Pillow raises what its many readers raise; what cannot be read cannot be compared
            return False
        small.append(np.asarray(upright, np.float64))
    return bool(np.abs(small[0] - small[1]).mean() >= APART)


def _uploaded(name: str) -> str:
    """A file's name as Label Studio keeps it."""
    return "".join(letter for letter in name.replace(" ", "_") if letter.isalnum() or letter in "-_.")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
