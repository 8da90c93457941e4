"""Parse TOML files that may hold anything."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

__all__ = ["read_toml"]


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file in UTF-8, with or without a byte-order mark.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not TOML, is nested too deep, or has an integer of more than 4,300 digits. The message is the reason.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
