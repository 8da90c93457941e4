"""The journal: a copy of every answer as a line of JSON, from which a lost database is rebuilt.

``.spotal/answers.jsonl`` only grows. Answers are appended and flushed to disk before their transaction is committed, so
the journal has every acknowledged answer. A line replaces all earlier lines with its number or a higher one, because
the transactions of those lines failed. A last line that was cut by a kill is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from spotal.errors import OutputError, reason_of
from spotal.project.schema import EventRow, ItemRow
from spotal.storage.files import flush, unwritable

__all__ = ["append", "is_behind", "last_number", "read", "reconcile", "take_back", "write_new"]

Line = dict[str, Any]
_COLUMNS = [column for column in EventRow.__table__.columns if column.name != "item"]
_REQUIRED = ("item", "annotator", "kind", "at", "source")
"""Keys that every line has, with text values."""
TAIL = 1 << 16
"""Number of bytes at the end of the file in which the last line is searched."""
_LAST = select(func.coalesce(func.max(EventRow.number), 0))
_AFTER = (
    select(*_COLUMNS, ItemRow.id.label("item"), ItemRow.content)
    .join(ItemRow, ItemRow.number == EventRow.item)
    .where(EventRow.number > bindparam("after"))
    .order_by(EventRow.number)
)
"""Queries that run for every answer, built once."""


def last_number(connection: Connection) -> int:
    """Return the number of the last event in the database, 0 before the first."""
    return int(connection.execute(_LAST).scalar_one())


def write_new(path: Path, connection: Connection, after: int) -> tuple[int, int] | None:
    """Append the events with numbers above ``after``, before their transaction is committed.

    Returns the argument that :func:`take_back` needs if the transaction fails, or None if there are no such events.
    Raises OutputError if they cannot be written; the file is then unchanged.
    """
    return append(path, _lines(connection, after)) if last_number(connection) > after else None


def take_back(path: Path, written: tuple[int, int]) -> None:
    """Remove the lines that :func:`append` wrote, unless others were appended later, which replace them anyway."""
    before, after = written
    with suppress(OSError):
        if path.stat().st_size == after:
            os.truncate(path, before)


def append(path: Path, lines: Iterable[Line]) -> tuple[int, int]:
    """Append lines and flush them to disk. Return the file's sizes before and after.

    Raises OutputError if they cannot be written; the file is then unchanged.
    """
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    number, size = -1, None
    try:
        is_new = not path.exists()
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
        size = os.fstat(number).st_size
        if size and os.pread(number, 1, size - 1) != b"\n":
            text = "\n" + text  # the last line was cut by a kill; it stays a line of its own
        data = memoryview(text.encode("utf-8", "surrogatepass"))
        while data:
            data = data[os.write(number, data) :]
        os.fsync(number)
        if is_new:
            flush(path.parent)
        return size, os.fstat(number).st_size
    except OSError as error:
        if size is not None:
            with suppress(OSError):
                os.ftruncate(number, size)
        raise unwritable(path, error, "make room for it, or check its permissions") from None
    finally:
        if number >= 0:
            os.close(number)


def read(path: Path) -> dict[int, Line]:
    """Return the valid lines by ascending number. Damaged lines are ignored.

    Raises OutputError if the file exists and cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({reason_of(error)})") from None
    lines: dict[int, Line] = {}
    for text in data.split(b"\n"):
        if (line := _parsed(text)) is not None:
            while lines and next(reversed(lines)) >= line["number"]:
                lines.popitem()
            lines[line["number"]] = line
    return lines


def is_behind(path: Path, connection: Connection) -> bool:
    """Return whether the journal is missing or its last line is not the database's last event. Cheap."""
    last = last_number(connection)
    if not path.exists():
        return True
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            tail = file.read()
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({reason_of(error)})") from None
    line = next((line for text in reversed(tail.split(b"\n")) if (line := _parsed(text)) is not None), None)
    if line is None or not last:
        return (line is None) != (not last)
    return _lines(connection, last - 1) != [line]


def reconcile(path: Path, connection: Connection, kind: str) -> tuple[int, int]:
    """Bring the journal and the database to the same answers, within a transaction without other writers.

    First, journal answers after the database's last event are added to the database. They exist after a kill between
    both writes, or when an older copy of the database was restored. Then the journal gets the events that it lacks.

    Parameters
    ----------
    kind : str, of items that only the journal has; they are added as missing from the data

    Returns
    -------
    added, appended : int, number of events added to the database and to the journal
    """
    lines, last = read(path), last_number(connection)
    new = [line for number, line in lines.items() if number > last]
    _insert(connection, new, kind)
    events = _lines(connection, 0)
    first = next((k for k, event in enumerate(events) if lines.get(event["number"]) != event), len(events))
    if events[first:] or not path.exists():
        append(path, events[first:])
    return len(new), len(events) - first


def _insert(connection: Connection, lines: list[Line], kind: str) -> None:
    """Add the events of lines. An undo of an unknown event becomes an event of its own."""
    if not lines:
        return
    numbers = _items(connection, lines, kind)
    numbered = set(connection.execute(select(EventRow.number)).scalars())
    rows = []
    for line in lines:
        row = {column.name: line.get(column.name) for column in _COLUMNS}
        row["at"] = datetime.fromisoformat(line["at"])
        row["item"] = numbers[line["item"], line.get("content")]
        row["external_version"] = line.get("external_version") or ""
        row["undoes"] = row["undoes"] if row["undoes"] in numbered else None
        numbered.add(line["number"])
        rows.append(row)
    connection.execute(insert(EventRow).prefix_with("OR IGNORE"), rows)  # a damaged line must not block the others


def _items(connection: Connection, lines: list[Line], kind: str) -> dict[tuple[str, str | None], int]:
    """Return item numbers by id and content: the item with the id, or the only other item with the content."""
    rows = connection.execute(select(ItemRow.number, ItemRow.id, ItemRow.content)).all()
    by_id = {row.id: row for row in rows}
    by_content: dict[str, list[int]] = {}
    for row in rows:
        by_content.setdefault(row.content, []).append(row.number)
    numbers: dict[tuple[str, str | None], int] = {}
    lost: dict[str, Line] = {}
    for line in lines:
        name, content = line["item"], line.get("content")
        same = by_content.get(content, []) if content is not None else []
        if name in by_id and (by_id[name].content == content or len(same) != 1):
            numbers[name, content] = by_id[name].number
        elif len(same) == 1:
            numbers[name, content] = same[0]
        else:
            lost.setdefault(name, line)
            numbers[name, content] = len(rows) + list(lost).index(name)
    for name, line in lost.items():
        values = {
            "number": numbers[name, line.get("content")],
            "id": name,
            "kind": kind,
            "path": name if kind == "image" else None,
            "content": line.get("content") or "",
            "missing": True,
            "added": datetime.fromisoformat(line["at"]),
        }
        connection.execute(insert(ItemRow), [values])
    return numbers


def _lines(connection: Connection, after: int) -> list[Line]:
    """Return the events with numbers above ``after`` as lines."""
    return [{**row, "at": row["at"].isoformat()} for row in connection.execute(_AFTER, {"after": after}).mappings()]


def _parsed(text: bytes) -> Line | None:
    """Return the parsed line, or None if it is damaged."""
    if not text.strip():
        return None
    try:
        line = json.loads(text.decode("utf-8", "surrogatepass"))
        if not isinstance(line, dict) or type(line.get("number")) is not int or not 0 < line["number"] < 2**63:
            return None
        if not all(isinstance(line.get(word), str) for word in _REQUIRED):
            return None
        if any(isinstance(value, list | dict) for value in line.values()):
            return None
        if line.get("undoes") is not None and type(line["undoes"]) is not int:
            return None
        datetime.fromisoformat(line["at"])
    except (ValueError, RecursionError):
        return None
    return line
