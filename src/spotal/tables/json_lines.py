"""JSON Lines: an object in each line, whose numbers stay the text that is written there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError
from spotal.tables.opening import listed, said
from spotal.tables.text import Dialect, utf8

__all__ = ["parse_json", "read_objects"]


def read_objects(path: Path, dialect: Dialect) -> tuple[list[dict[str, Any]], list[int]]:
    """Read the objects and the line of each. Numbers are str, as written.

    Raises
    ------
    DataFileError
        The file is not text in its encoding, a line is no JSON object, or an object has one key twice.
    """
    objects, lines = [], []
    for number, line in enumerate(utf8(path, dialect).split(b"\n"), 1):  # a line ends at "\n" alone
        if not line.strip():
            continue
        record = parse_json(line, f"{path} is no JSON in line {number}", as_text=True)
        if not isinstance(record, dict):
            raise DataFileError(
                f"{path} must hold an object in each line, found {record!r:.40} in line {number}; write one a line"
            )
        objects.append(record)
        lines.append(number)
    return objects, lines


def parse_json(content: bytes | str, what: str, *, as_text: bool = False) -> Any:
    """Parse JSON that a stranger wrote.

    Parameters
    ----------
    what : str
        How the sentence begins that says what is wrong, such as "a.json is no JSON".
    as_text : bool
        Whether numbers stay text, and a key that is there twice is an error.

    Raises
    ------
    DataFileError
        It is no JSON, is nested too deep, or holds numbers of more digits than Python reads.
    """
    options: dict[str, Any] = {}
    if as_text:
        options = {"parse_int": str, "parse_float": str, "parse_constant": str, "object_pairs_hook": _object}
    try:
        return json.loads(content, **options)
    except RecursionError:
        raise DataFileError(f"{what} (it is nested too deep); correct it") from None
    except ValueError as error:
        raise DataFileError(f"{what} ({said(error)}); correct it") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"more than one key called {listed(sorted({n for n in names if names.count(n) > 1}))}")
    return found
