"""Provenance of a result: parameters and package versions as plain JSON types."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from functools import lru_cache
from importlib import import_module, metadata
from itertools import islice
from typing import Any

import numpy as np

from spotal.numeric.arrays import is_tensor

__all__ = ["content_hash", "describe", "versions"]

MOST_ITEMS = 100
"""Items of a container that are described; further ones are counted only."""
MOST_CHARACTERS = 500
"""Length at which a repr is cut."""


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    packages = [("python", platform.python_version()), ("spotal", str(import_module("spotal").__version__))]
    for package in ("numpy", "scipy", "scikit-learn", "torch", "POT"):
        try:
            packages.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(packages)


def versions() -> dict[str, str]:
    """Return versions of Python, spotal and the packages that its numbers depend on."""
    return dict(_versions())


def content_hash(recipe: object) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of JSON types in canonical text."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def describe(value: object) -> Any:
    """Describe a parameter in JSON types, with bounded length and cost for any amount of data.

    Numbers and strings stay. A container is described by its first items, an array by shape and dtype, a scikit-learn
    estimator by class and parameters, a function by its name, and anything else by its repr.
    """
    if isinstance(value, dict):
        named = {str(key): describe(item) for key, item in islice(value.items(), MOST_ITEMS)}
        return named if len(value) <= MOST_ITEMS else named | {"...": f"{len(value) - MOST_ITEMS} more"}
    if isinstance(value, (list, tuple)):
        first = [describe(item) for item in value[:MOST_ITEMS]]
        return first if len(value) <= MOST_ITEMS else [*first, f"... {len(value) - MOST_ITEMS} more"]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):  # not valid in JSON
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray) or is_tensor(value):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"{type(value).__name__} of shape {tuple(value.shape)} and dtype {dtype}"
    if hasattr(value, "get_params") and not isinstance(value, type):
        return {"class": type(value).__name__} | describe(value.get_params(deep=False))
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = re.sub(" at 0x[0-9A-Fa-f]+", "", repr(value))
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "..."
