"""JSON Lines: one object per line. Numbers are read as the text in the file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError, one_line
from spotal.tables.opening import listed
from spotal.tables.text import Dialect, utf8

__all__ = ["Json", "parse_json", "read_objects"]

Json = Any
"""A JSON document: None, bool, int, float, str, or a list or dict of them."""
HALF = re.compile(rb"\\u[dD][89abABcdefCDEF]")
"""Escapes of half a character (a surrogate); only a pair of them is a character."""


def read_objects(path: Path, dialect: Dialect) -> tuple[list[dict[str, Any]], list[int]]:
    """Read the objects and their line numbers. Numbers are returned as str, as written.

    Raises
    ------
    DataFileError
        The file is not text in its encoding, a line is not a JSON object, or an object repeats a key.
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


def parse_json(content: bytes | str, what: str, *, as_text: bool = False) -> Json:
    """Parse untrusted JSON.

    Parameters
    ----------
    what : str
        Beginning of the error, such as "a.json is no JSON".
    as_text : bool
        Whether numbers are returned as text, and a repeated key is an error.

    Raises
    ------
    DataFileError
        The content is not JSON, is nested too deep, has numbers with more digits than Python reads, or has an escape
        of half a character, which files and databases cannot store.
    """
    options: dict[str, Any] = {}
    if as_text:
        options = {"parse_int": str, "parse_float": str, "parse_constant": str, "object_pairs_hook": _object}
    try:
        document = json.loads(content, **options)
        if HALF.search(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")):
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise DataFileError(f"{what} (it is nested too deep); correct it") from None
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        raise DataFileError(
            f"{what} (it has half a character, {half}, as of a text that was cut in two); correct it"
        ) from None
    except ValueError as error:
        raise DataFileError(f"{what} ({one_line(error)}); correct it") from None
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"more than one key called {listed(sorted({n for n in names if names.count(n) > 1}))}")
    return record
