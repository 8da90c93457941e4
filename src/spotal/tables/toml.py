"""TOML files, with one sentence for whatever is wrong with one."""

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
        The file is missing, is not text, or is not valid TOML: nested too deep, or with a number of too many digits.
    """
    text = utf8(path).decode()
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise DataFileError(f"{path} is not valid TOML (it is nested too deep); correct it") from None
    except ValueError as error:  # of TOML, and of numbers that have more digits than Python reads
        raise DataFileError(f"{path} is not valid TOML ({one_line(error)}); correct it") from None
