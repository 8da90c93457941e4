"""Check parameters that are numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from spotal.errors import InputError

__all__ = ["check_count", "check_real"]


def check_count(value: Any, name: str, least: int = 0) -> int:
    """Return ``value`` as an int. Raises InputError unless it is an integer of at least ``least``."""
    try:
        count = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        count = None
    if count is None or count < least:
        raise InputError(f"{name} must be an integer of at least {least}, found {value!r}")
    return count


def check_real(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """Return ``value`` as a float. Raises InputError unless it is finite, above ``low`` and at most ``high``."""
    right = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (right and np.isfinite(value) and low < value <= high):
        limits = f"above {low:g}" + (f" and at most {high:g}" if np.isfinite(high) else "")
        raise InputError(f"{name} must be a number {limits}, found {value!r}")
    return float(value)
