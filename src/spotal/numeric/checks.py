"""Checks of numeric arguments."""

from __future__ import annotations

import operator

import numpy as np

from spotal.errors import InputError

__all__ = ["check_count", "check_real"]


def check_count(
    value: object,
    name: str,
    least: int = 0,
    most: int | None = None,
    *,
    of: str = "",
    subject: str = "",
    error: type[InputError] = InputError,
) -> int:
    """Return ``value`` as an int. Raises ``error`` unless it is an integer, not a bool, from ``least`` to ``most``.

    ``of`` explains ``most`` in the error, such as ", the rows of X".
    """
    try:
        count = None if isinstance(value, bool | np.bool_) else operator.index(value)  # type: ignore[arg-type]  # or a TypeError
    except TypeError:
        count = None
    if count is None or count < least or (most is not None and count > most):
        limits = f"at least {least}" if most is None else f"{least} to {most}{of}"
        raise error(name, must=f"be an integer of {limits}", found=repr(value), subject=subject)
    return count


def check_real(value: object, name: str, low: float, high: float = np.inf, *, subject: str = "") -> float:
    """Return ``value`` as a float. Raises InputError unless it is finite, above ``low`` and at most ``high``."""
    number = value if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) else None
    if number is None or not (np.isfinite(number) and low < number <= high):
        limits = f"above {low:g}" + (f" and at most {high:g}" if np.isfinite(high) else "")
        raise InputError(name, must=f"be a number {limits}", found=repr(value), subject=subject)
    return float(number)
