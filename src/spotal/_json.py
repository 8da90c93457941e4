"""JSON from outside: whatever is wrong with it is a ValueError."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["loads"]

SURROGATE = re.compile(r"\\u[dD][89abABcdefCDEF]")
"""Escapes that stand for half a character; only two of them together are one."""


def loads(content: bytes | str) -> Any:
    r"""Read a JSON document in UTF-8, with or without a byte-order mark.

    Raises
    ------
    ValueError
        The content is no JSON, is nested deeper than the interpreter can follow, or escapes half a character
        (``"\ud800"``), which no file or database can hold.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    try:
        found = json.loads(text)
        if SURROGATE.search(text):
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(f"it has half a character, {ascii(half)[1:-1]}, as a text that was cut in two") from None
    return found
