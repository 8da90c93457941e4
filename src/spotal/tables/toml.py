"""TOML files, with a plain error for invalid ones."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError, one_line
from spotal.tables.text import utf8

__all__ = ["read_toml"]


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file in UTF-8, with or without a byte-order mark, or UTF-16 with one.

    Raises
    ------
    DataFileError
        The file is missing, is not text, or is not valid TOML, also if nested too deep or with too long numbers.
    """
    text = utf8(path).decode()
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise DataFileError(f"{path} is not valid TOML (it is nested too deep); correct it") from None
    except ValueError as error:  # invalid TOML, or numbers with more digits than Python reads
        raise DataFileError(f"{path} is not valid TOML ({one_line(error)}); correct it") from None
