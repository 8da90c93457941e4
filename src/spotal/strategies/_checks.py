"""What several strategies ask of their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from spotal.errors import InputError

__all__ = ["check_count", "check_real"]


def check_count(value: Any, name: str, least: int) -> int:
    """An integer of at least ``least``; raises InputError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, found {value!r}")
    return int(value)


def check_real(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """A finite number above ``low`` and at most ``high``; raises InputError."""
    right = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (right and np.isfinite(value) and low < value <= high):
        limits = f"above {low:g}" + (f" and at most {high:g}" if np.isfinite(high) else "")
        raise InputError(f"{name} must be a number {limits}, found {value!r}")
    return float(value)
