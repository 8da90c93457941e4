"""Sizes in bytes, written such as 800MB."""

from __future__ import annotations

import math
import re

from spotal.errors import InputError

__all__ = ["rounded_up", "size_of"]

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def size_of(size: int | str, name: str = "max_memory") -> int:
    """Return a size such as 4_000_000_000, "800MB" or "4G" in bytes. Raises InputError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", str(size).upper())
    if match is None or isinstance(size, bool):
        raise InputError(name, must="be a size such as 800MB or 4GB", found=repr(size))
    return int(float(match[1]) * UNITS[match[2]])


def rounded_up(size: float) -> str:
    """Return bytes, rounded up, as a text that ``size_of`` takes."""
    return f"{math.ceil(size / 1e7) / 100:.2f}GB" if size < 1e10 else f"{math.ceil(size / 1e8) / 10:.1f}GB"
