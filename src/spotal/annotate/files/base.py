"""What a format is: a file read as rows, each one answer, and written from the answers that hold in a project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError
from spotal.project import Item
from spotal.tables import PLAIN, Dialect

__all__ = [
    "KINDS",
    "Content",
    "Entry",
    "Format",
    "Reading",
    "Row",
    "Said",
    "answered",
    "moment",
    "row_of",
    "texts_of",
    "word",
]

KINDS = ("label", "skip", "none_of_these")
ID_NAMES = ("id", "item", "file_name", "filename", "path", "image")
LABEL_NAMES = ("label", "class", "category")
"""Columns that are looked for, in order, where none is named."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer as a file gives it.

    where : str, its place in the file, for messages
    ids : what the item may be called, exactly; paths : paths or addresses, of which the end counts; texts : its text
    annotator, at : None where the file does not say
    """

    where: str
    kind: str
    label: str | None
    ids: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    annotator: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """The last word of an annotator on an item; ``source`` is where it was said."""

    annotator: str
    kind: str
    label: str | None
    at: datetime
    source: str


@dataclass(frozen=True)
class Entry:
    """An item with all that holds about it; ``label`` is the one that stands by majority, or None."""

    item: Item
    label: str | None
    said: list[Said]


@dataclass(frozen=True)
class Content:
    """What is written.

    kind : "image", "text" or "embedding"; classes : tuple of str; entries : in the order of the items
    file : from an item to the file of its image
    """

    kind: str
    classes: tuple[str, ...]
    entries: list[Entry]
    file: Callable[[Item], Path]


@dataclass(frozen=True)
class Reading:
    """How a file is to be read: the columns of ids and labels, None to look for them, and the classes known so far.

    dialect : Dialect, of text files
    """

    classes: tuple[str, ...]
    id_column: str | None = None
    label_column: str | None = None
    dialect: Dialect = PLAIN


@dataclass(frozen=True)
class Format:
    """A format of files, or of folders.

    name : str; about : str, one phrase for people
    suffixes : of file names that mean it; kinds : of items that it can hold
    read : from a path to rows; raises DataFileError
    write : the content to a path, an empty file or a folder that is not there yet
    is_ours : of a folder's format alone: whether what is there was written by us, so that it may be replaced
    """

    name: str
    about: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, Reading], list[Row]]
    write: Callable[[Content, Path], None]
    kinds: tuple[str, ...] = ("image", "text", "embedding")
    is_ours: Callable[[Path], bool] | None = None


def row_of(record: Mapping[str, Any], where: str, path: Path, reading: Reading) -> Row | None:
    """The answer in a record of a table, None where it has no label yet.

    The columns ``kind``, ``annotator`` and ``at`` are read where they are there, others are left alone.
    """
    ids = _column(record, reading.id_column, ID_NAMES, "id", path)
    labels = _column(record, reading.label_column, LABEL_NAMES, "label", path)
    item = word(record[ids], where, path)
    if item is None:
        raise DataFileError(f"{path} has no id in {where}, column {ids!r}; name the item of every label")
    kind, label, annotator, at = answered({**record, "label": record[labels]}, where, path)
    if kind == "label" and label is None:
        return None
    paths = (item,) if ids in ("file_name", "filename", "path", "image") else ()
    return Row(where, kind, label, (item,), paths, (), annotator, at)


def answered(record: Any, where: str, path: Path) -> tuple[str, str | None, str | None, datetime | None]:
    """Return kind, label, annotator and time of an answer, from a record with these keys. Raises DataFileError."""
    if not isinstance(record, Mapping):
        raise DataFileError(f"{path} has {record!r:.40} in {where} where an answer is needed; correct it")
    kind = word(record.get("kind"), where, path) or "label"
    if kind not in KINDS:
        raise DataFileError(f"{path} has kind {kind!r:.40} in {where}; it may be {', '.join(KINDS)}")
    label, annotator = (word(record.get(name), where, path) for name in ("label", "annotator"))
    return kind, label, annotator, moment(record.get("at"), where, path)


def texts_of(content: Content, entry: Entry) -> dict[str, Any]:
    """The text of an item, for records of texts."""
    return {"text": entry.item.text} if content.kind == "text" else {}


def moment(value: Any, where: str, path: Path) -> datetime | None:
    """A moment from ISO 8601 text, in UTC where it names no zone; None from nothing."""
    if value in (None, ""):
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataFileError(f"{path} has the time {value!r} in {where}; write it as 2026-01-31T12:00:00Z") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _column(record: Mapping[str, Any], named: str | None, usual: Iterable[str], what: str, path: Path) -> str:
    if named is not None and named in record:
        return named
    found = None if named is not None else next((name for name in usual if name in record), None)
    if found is None:
        wanted = f"{named!r}" if named is not None else f"for the {what}, such as {', '.join(map(repr, usual))}"
        columns = ", ".join(repr(str(name)) for name in list(record)[:10]) or "none"
        raise DataFileError(f"{path} has no column {wanted}, found {columns}; name one by --{what}-column")
    return found


def word(value: Any, where: str, path: Path) -> str | None:
    """A text as it is; an integer, such as a class that is called 3, as text; None from nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise DataFileError(f"{path} has {value!r} in {where} where a text is needed; write one")
