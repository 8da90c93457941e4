"""Base types of file formats: a file is read as rows, one per answer, and written from a project's answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, SupportsFloat

from spotal.errors import DataFileError
from spotal.project import Item
from spotal.project.class_sets import BETWEEN, joined, parted
from spotal.tables import PLAIN, Dialect

__all__ = [
    "GUESS_NAMES",
    "KINDS",
    "OWN_CONTENT",
    "OWN_ID",
    "Content",
    "Entry",
    "Format",
    "Reading",
    "Row",
    "Vote",
    "answered",
    "digest_of",
    "list_in",
    "moment",
    "names_in",
    "records_of",
    "row_of",
    "share",
    "table_in",
    "word",
]

KINDS = ("label", "skip", "none_of_these")
OWN_ID = "spotal_id"
"""Column, or key of a Label Studio task, for the item's id. If it exists, other ids are not the item's."""
OWN_CONTENT = "spotal_content"
"""Column, or key of a Label Studio task, for the item's content at the time of the push."""
PATH_NAMES = ("file_name", "filename", "path", "image")
ID_NAMES = (OWN_ID, "id", "item", *PATH_NAMES)
LABEL_NAMES = ("label", "class", "category")
"""Default names of the columns, in this order."""
GUESS_NAMES = ("predicted", "prediction", "guess")
"""Columns of labels that hold a model's guesses."""
TASK_NAMES = ("annotation_id", "lead_time")
"""Columns of Label Studio's tables. In these tables, ``id`` is the number of a task."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer in a file.

    where : str, its place in the file, for messages
    ids : possible ids of the item; paths : paths or addresses that end in the item's path; texts : possible texts
    annotator, at : None if the file does not contain them
    content : str or None, the item's content in a task that spotal pushed
    text : str or None, the item's text; file : Path or None, its image; digest : str or None, the hash of its image.
        They must agree with the item's.
    guess : bool, whether it is a model's guess; probability : float or None, of the guess
    by_person : bool, whether an unnamed person decided
    """

    where: str
    kind: str
    label: str | None
    ids: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    annotator: str | None = None
    at: datetime | None = None
    text: str | None = None
    file: Path | None = None
    digest: str | None = None
    guess: bool = False
    probability: float | None = None
    by_person: bool = False
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """The last answer of an annotator to an item; ``source`` is the tool."""

    annotator: str
    kind: str
    label: str | None
    at: datetime
    source: str


@dataclass(frozen=True)
class Entry:
    """An item with its answers.

    label : str or None, the majority's; is_none : bool, whether the majority answered "none of these"
    """

    item: Item
    label: str | None
    votes: list[Vote]
    is_none: bool = False


@dataclass(frozen=True)
class Content:
    """The content of a file to write.

    kind : "image", "text" or "embedding"; classes : tuple of str; entries : in the order of the items
    file : returns the image file of an item
    escape_formulas : whether a CSV file gets a quote before texts that a spreadsheet would run
    many : bool, whether an item may have several classes
    """

    kind: str
    classes: tuple[str, ...]
    entries: list[Entry]
    file: Callable[[Item], Path]
    escape_formulas: bool = True
    many: bool = False

    def names(self, label: str | None) -> tuple[str, ...]:
        """Return the names of the classes in a label."""
        return parted(label, self.many)


@dataclass(frozen=True)
class Reading:
    """Options for reading a file: the project's classes, and the columns of ids and labels (None: the usual names).

    text_column : str, the project's name for the column of texts; dialect : Dialect, of text files
    many : bool, whether an item may have several classes; a row's ``label`` then holds all of them
        (:mod:`spotal.project.class_sets`)
    """

    classes: tuple[str, ...]
    id_column: str | None = None
    label_column: str | None = None
    text_column: str = "text"
    dialect: Dialect = PLAIN
    many: bool = False


@dataclass(frozen=True)
class Format:
    """A format of files or folders.

    name : str; about : str, a short description
    suffixes : endings of its file names; kinds : kinds of items that it can hold
    read : reads a path and returns rows; raises DataFileError
    write : writes content to a path: an empty file, or a folder that does not exist yet
    is_ours : only for folders: whether spotal wrote the folder, so that it may be replaced
    keeps_guesses_apart : whether guesses are stored separately, so that they are never read as answers
    """

    name: str
    about: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, Reading], list[Row]]
    write: Callable[[Content, Path], None]
    kinds: tuple[str, ...] = ("image", "text", "embedding")
    is_ours: Callable[[Path], bool] | None = None
    keeps_guesses_apart: bool = False


def row_of(record: Mapping[str, Any], where: str, path: Path, reading: Reading) -> Row | None:
    """Return the answer in a record of a table, or None if it has no label yet.

    The columns ``kind``, ``annotator``, ``at``, ``by``, ``confidence`` and those of paths and texts are read if they
    exist. Other columns are ignored.
    """
    usual = [name for name in ID_NAMES if name != "id" or not any(column in record for column in TASK_NAMES)]
    ids = _column(record, reading.id_column, (*usual, "text", reading.text_column), "id", path)
    labels = _column(record, reading.label_column, LABEL_NAMES, "label", path)
    texts = tuple(dict.fromkeys(("text", reading.text_column)))
    item = word(record[ids], where, path)
    paths = [_plain(record.get(name)) for name in PATH_NAMES]
    text = next((value for name in texts if (value := _plain(record.get(name))) is not None), None)
    named = tuple(dict.fromkeys(name for name in paths if name is not None))
    if item is None and not named and text is None:
        raise DataFileError(f"{path} has no id in {where}, column {ids!r}; name the item of every label")
    kind, label, annotator, at = answered({**record, "label": record[labels]}, where, path, reading)
    if kind == "label" and label is None:
        return None
    by = str(record.get("by") or "").strip().casefold()
    return Row(
        where,
        kind,
        label,
        () if item is None or ids in texts else (item,),
        named,
        () if text is None else (text,),
        annotator,
        at,
        text,
        guess=by == "model" or labels.strip().casefold() in GUESS_NAMES,
        probability=share(record.get("confidence")),
        by_person=by == "person",
        content=_plain(record.get(OWN_CONTENT)),
    )


def answered(
    record: object, where: str, path: Path, reading: Reading
) -> tuple[str, str | None, str | None, datetime | None]:
    """Return kind, label, annotator and time of an answer, from a record with these keys. Raises DataFileError."""
    if not isinstance(record, Mapping):
        raise DataFileError(f"{path} has {record!r:.40} in {where} where an answer is needed; correct it")
    kind = word(record.get("kind"), where, path) or "label"
    if kind not in KINDS:
        raise DataFileError(f"{path} has kind {kind!r:.40} in {where}; it may be {', '.join(KINDS)}")
    annotator, at = word(record.get("annotator"), where, path), moment(record.get("at"), where, path)
    if not reading.many:
        return kind, word(record.get("label"), where, path), annotator, at
    names = names_in(record.get("label"), where, path, reading)
    if kind == "label" and names == []:
        kind = "none_of_these"
    return kind, joined(names or ()), annotator, at


def names_in(value: object, where: str, path: Path, reading: Reading) -> list[str] | None:
    """Return the classes of an item that may have several. An empty list means no class; None means no answer.

    ``value`` is a list, as JSON or as an object; Label Studio's ``{"choices": [...]}``; or names separated by ``|``, or
    by ``;`` or ``,`` if each part is a class.
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        with suppress(ValueError, RecursionError):  # it may be the name of a class
            value = json.loads(value)
    if isinstance(value, Mapping) and isinstance(value.get("choices"), list):
        value = value["choices"]
    if isinstance(value, list):
        return [name for one in value if (name := word(one, where, path)) is not None]
    text = word(value, where, path)
    if text is None:
        return None
    if text not in reading.classes:
        for mark in (BETWEEN, ";", ","):
            parts = [part.strip() for part in text.split(mark) if part.strip()]
            if len(parts) > 1 and (mark == BETWEEN or all(part in reading.classes for part in parts)):
                return parts
    return [text]


def digest_of(content: bytes) -> str:
    """Return a hash of an image file's content."""
    return blake2b(content, digest_size=16).hexdigest()


def share(value: object) -> float | None:
    """Return a value as a probability from 0 to 1, or None if it is not one."""
    try:
        number = float(value) if isinstance(value, str | SupportsFloat) else -1.0
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= 1 else None


def table_in(value: object, what: str, where: str, path: Path, *, may_lack: bool = True) -> dict[str, Any]:
    """Return an object of a JSON document; an empty one for null if it ``may_lack``. Raises DataFileError."""
    if value is None and may_lack:
        return {}
    if not isinstance(value, dict):
        raise DataFileError(f"{path} has {value!r:.40} as {what} in {where} where an object is needed; export it anew")
    return value


def list_in(value: object, what: str, where: str, path: Path) -> list[Any]:
    """Return a list of a JSON document; an empty one for null. Raises DataFileError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataFileError(f"{path} has {value!r:.40} as {what} in {where} where a list is needed; export it anew")
    return value


def records_of(content: Content) -> Iterator[dict[str, Any]]:
    """Yield a record for each answer, as CSV and JSON Lines have them."""
    for entry in content.entries:
        text = {"text": entry.item.text} if content.kind == "text" else {}
        for vote in entry.votes:
            record = {"id": entry.item.id, "label": vote.label, "kind": vote.kind, "annotator": vote.annotator}
            yield record | {"at": vote.at.isoformat(), "source": vote.source} | text


def moment(value: str | datetime | None, where: str, path: Path) -> datetime | None:
    """Return a time in ISO 8601 format as UTC; UTC is also the default zone. None for no value."""
    if value in (None, ""):
        return None
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataFileError(f"{path} has the time {value!r} in {where}; write it as 2026-01-31T12:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _column(record: Mapping[str, Any], named: str | None, usual: Iterable[str], what: str, path: Path) -> str:
    if named is not None and named in record:
        return named
    column = None if named is not None else next((name for name in usual if name in record), None)
    if column is None:
        wanted = (
            f"{named!r}"
            if named is not None
            else f"for the {what}, such as {', '.join(repr(name) for name in usual if name != OWN_ID)}"
        )
        columns = ", ".join(repr(str(name)) for name in list(record)[:10]) or "none"
        raise DataFileError(f"{path} has no column {wanted}, found {columns}; name one by --{what}-column")
    return column


def word(value: object, where: str, path: Path, what: str | None = None) -> str | None:
    """Return a text unchanged, an integer (such as a class named 3) as text, or None for no value."""
    if value is None or value == "":
        return None
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    place = where if what is None else f"{where} as {what}"
    raise DataFileError(f"{path} has {value!r:.40} in {place} where a text is needed; write one")


def _plain(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
