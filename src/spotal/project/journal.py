"""Journal: a copy of every answer as a line of JSON beside the database, from which a lost database is rebuilt.

``.spotal/answers.jsonl`` only grows. A transaction's answers are appended and flushed to disk before it is committed:
the journal has every answer that was ever acknowledged. A line takes the place of all earlier lines of its number and
above: those are answers of transactions that failed. A last line that a kill has cut is passed over.
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

from spotal.errors import OutputError
from spotal.project.schema import EventRow, ItemRow
from spotal.storage.files import flush

__all__ = ["append", "is_behind", "last_number", "read", "reconcile", "take_back", "write_new"]

Line = dict[str, Any]
_COLUMNS = [column for column in EventRow.__table__.columns if column.name != "item"]
_WORDS = ("item", "annotator", "kind", "at", "source")
"""What every line has, and as text."""
TAIL = 1 << 16
"""Bytes at the end of the file in which the last line is looked for."""
_LAST = select(func.coalesce(func.max(EventRow.number), 0))
_AFTER = (
    select(*_COLUMNS, ItemRow.id.label("item"), ItemRow.content)
    .join(ItemRow, ItemRow.number == EventRow.item)
    .where(EventRow.number > bindparam("after"))
    .order_by(EventRow.number)
)
"""Queries of every answer, made once."""


def last_number(connection: Connection) -> int:
    """Return the number of the last event in the database, 0 before the first."""
    return int(connection.execute(_LAST).scalar_one())


def write_new(path: Path, connection: Connection, after: int) -> tuple[int, int] | None:
    """Append the events of a transaction that is about to be committed, those with numbers above ``after``.

    Returns what :func:`take_back` needs where the transaction fails after all, None where there are no such events.

    Raises OutputError where they cannot be written; the file is then as it was.
    """
    return append(path, _lines(connection, after)) if last_number(connection) > after else None


def take_back(path: Path, written: tuple[int, int]) -> None:
    """Cut off what :func:`append` wrote last, unless others have appended since: their lines take its place."""
    before, after = written
    with suppress(OSError):
        if path.stat().st_size == after:
            os.truncate(path, before)


def append(path: Path, lines: Iterable[Line]) -> tuple[int, int]:
    """Append lines, on disk when this returns; the file's sizes before and after.

    Raises OutputError; the file is then as it was.
    """
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    number, size = -1, None
    try:
        is_new = not path.exists()
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
        size = os.fstat(number).st_size
        if size and os.pread(number, 1, size - 1) != b"\n":
            text = "\n" + text  # a kill has cut the last line, which stays alone
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
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{path} cannot be written ({reason}); make room for it, or check its permissions") from None
    finally:
        if number >= 0:
            os.close(number)


def read(path: Path) -> dict[int, Line]:
    """Return the lines that hold, by number and in its order. Lines that are damaged are passed over.

    Raises OutputError where the file is there and cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({(error.strerror or str(error)).lower()})") from None
    found: dict[int, Line] = {}
    for text in data.split(b"\n"):
        line = _parsed(text)
        if line is not None:
            while found and next(reversed(found)) >= line["number"]:
                found.popitem()
            found[line["number"]] = line
    return found


def is_behind(path: Path, connection: Connection) -> bool:
    """Whether there is no journal, or its last line is not the last event of the database; cheap."""
    last = last_number(connection)
    if not path.exists():
        return True
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            tail = file.read()
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({(error.strerror or str(error)).lower()})") from None
    line = next((line for text in reversed(tail.split(b"\n")) if (line := _parsed(text)) is not None), None)
    if line is None or not last:
        return (line is None) != (not last)
    return _lines(connection, last - 1) != [line]


def reconcile(path: Path, connection: Connection, kind: str) -> tuple[int, int]:
    """Bring a journal and a database to the same answers, within a transaction that no other writer overlaps.

    Answers of the journal after the database's last are added to it: a process was killed between both, or an older
    copy of the database was put back. Then events that the journal lacks are appended to it.

    Parameters
    ----------
    kind : str, of items that only the journal knows; they are added as missing from the data

    Returns
    -------
    added, appended : int, events that the database and the journal lacked
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
    """Add the events of lines; an undo of an event that is nowhere stands for itself."""
    if not lines:
        return
    numbers = _items(connection, lines, kind)
    known = set(connection.execute(select(EventRow.number)).scalars())
    rows = []
    for line in lines:
        row = {column.name: line.get(column.name) for column in _COLUMNS}
        row["at"] = datetime.fromisoformat(line["at"])
        row["item"] = numbers[line["item"], line.get("content")]
        row["external_version"] = line.get("external_version") or ""
        row["undoes"] = row["undoes"] if row["undoes"] in known else None
        known.add(line["number"])
        rows.append(row)
    connection.execute(insert(EventRow).prefix_with("OR IGNORE"), rows)  # a damaged line hinders no other


def _items(connection: Connection, lines: list[Line], kind: str) -> dict[tuple[str, str | None], int]:
    """Return the items' numbers, by id and content: the item of that id, or the only other one of that content."""
    rows = connection.execute(select(ItemRow.number, ItemRow.id, ItemRow.content)).all()
    by_id = {row.id: row for row in rows}
    by_content: dict[str, list[int]] = {}
    for row in rows:
        by_content.setdefault(row.content, []).append(row.number)
    found: dict[tuple[str, str | None], int] = {}
    lost: dict[str, Line] = {}
    for line in lines:
        name, content = line["item"], line.get("content")
        same = by_content.get(content, []) if content is not None else []
        if name in by_id and (by_id[name].content == content or len(same) != 1):
            found[name, content] = by_id[name].number
        elif len(same) == 1:
            found[name, content] = same[0]
        else:
            lost.setdefault(name, line)
            found[name, content] = len(rows) + list(lost).index(name)
    for name, line in lost.items():
        values = {
            "number": found[name, line.get("content")],
            "id": name,
            "kind": kind,
            "path": name if kind == "image" else None,
            "content": line.get("content") or "",
            "missing": True,
            "added": datetime.fromisoformat(line["at"]),
        }
        connection.execute(insert(ItemRow), [values])
    return found


def _lines(connection: Connection, after: int) -> list[Line]:
    """Return events as lines, those with numbers above ``after``."""
    return [{**row, "at": row["at"].isoformat()} for row in connection.execute(_AFTER, {"after": after}).mappings()]


def _parsed(text: bytes) -> Line | None:
    """Return a line's content, None where it is not whole."""
    if not text.strip():
        return None
    try:
        line = json.loads(text.decode("utf-8", "surrogatepass"))
        if not isinstance(line, dict) or type(line.get("number")) is not int or not 0 < line["number"] < 2**63:
            return None
        if not all(isinstance(line.get(word), str) for word in _WORDS):
            return None
        if any(isinstance(value, list | dict) for value in line.values()):
            return None
        if line.get("undoes") is not None and type(line["undoes"]) is not int:
            return None
        datetime.fromisoformat(line["at"])
    except (ValueError, RecursionError):
        return None
    return line
