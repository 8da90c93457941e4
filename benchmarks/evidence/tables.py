"""Numbers as text: Markdown tables, means with standard errors, intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float, digits: int = 3) -> str:
    """Format a number to ``digits`` significant digits, without an exponent if that is readable."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e5:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{decimals}f}"


def mean_se(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error (0 for one value)."""
    numbers = np.asarray(values, dtype=np.float64)
    return float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(len(numbers))) if len(numbers) > 1 else 0.0


def interval(bounds: Sequence[float], decimals: int = 2) -> str:
    """Format a 95 % interval."""
    return f"[{bounds[0]:.{decimals}f}, {bounds[1]:.{decimals}f}]"


def pick(records: list[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """Return the records that have these values."""
    return [record for record in records if all(record[key] == value for key, value in wanted.items())]


def distinct(records: list[dict[str, Any]], key: str) -> list[Any]:
    """Return the values of a key in order of first appearance."""
    return list(dict.fromkeys(record[key] for record in records))
