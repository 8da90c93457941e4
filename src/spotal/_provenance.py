"""Where a result comes from: parameters and package versions as plain JSON types."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np

__all__ = ["describe", "versions"]


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for package in ("spotal", "numpy", "scipy", "scikit-learn", "torch", "POT"):
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def versions() -> dict[str, str]:
    """Versions of Python, spotal and the packages that its numbers depend on."""
    return dict(_versions())


def describe(value: Any) -> Any:
    """A parameter as JSON types: numbers, strings and containers as they are, anything else by its repr."""
    if isinstance(value, dict):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)
