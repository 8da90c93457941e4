"""Parsing of numbers: with decimal points, or with decimal commas if they are unambiguous."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EMPTY", "is_numeric", "looks_numeric", "parsed"]

EMPTY = ("", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "-nan", "null", "NULL", "None", "#N/A", "<NA>")
"""Texts that mean an empty cell in a column of numbers."""
COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+,\d*|\d+(,\d*)?|,\d+)([eE][+-]?\d+)?$"
"""A whole number, or a number with a decimal comma and perhaps points between thousands."""
THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+$"
"""A number that may also be a whole number with commas between thousands."""
LIKE = re.compile(r"[+-]?\d{1,3}([.,' \u00a0\u202f]?\d{3})*([.,]\d+)?\s?%?")
"""A text that a person would read as a number."""


def is_numeric(kind: pa.DataType) -> bool:
    """Return whether an arrow type is numeric or boolean."""
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def looks_numeric(text: str) -> bool:
    """Return whether a person would read the text as a number."""
    return LIKE.fullmatch(text.strip()) is not None


def parsed(values: pa.ChunkedArray, semicolons: bool) -> tuple[Any, str]:
    """Return the numbers in an arrow column of strings and their decimal mark, or None if a cell is not a number.

    Cells in ``EMPTY`` become null; a column with only such cells is not numeric. A comma is a decimal comma if
    ``semicolons`` separate the columns, or if it cannot separate thousands.

    Returns
    -------
    float64 or boolean arrow column, or None; and "", "." or ","
    """
    import pyarrow as pa
    from pyarrow import compute

    texts = compute.utf8_trim_whitespace(values)
    empty = compute.is_in(texts, value_set=pa.array(EMPTY))
    texts = compute.if_else(empty, pa.scalar(None, pa.string()), texts)
    if texts.null_count == len(texts):
        return None, ""
    lower = compute.utf8_lower(texts)
    if compute.all(compute.is_in(lower, value_set=pa.array(["true", "false", None]))).as_py():
        return compute.equal(lower, "true"), ""
    try:
        plain = compute.cast(compute.replace_substring_regex(texts, r"^\+", ""), pa.float64())
        return plain, "." if compute.any(compute.match_substring(texts, ".")).as_py() else ""
    except pa.ArrowInvalid:
        pass
    if not compute.all(compute.match_substring_regex(texts, COMMA)).as_py():
        return None, ""
    if not semicolons and compute.all(compute.match_substring_regex(texts, THOUSANDS)).as_py():
        return None, ""
    bare = compute.replace_substring(compute.replace_substring(texts, ".", ""), ",", ".")
    return compute.cast(compute.replace_substring_regex(bare, r"^\+", ""), pa.float64()), ","
