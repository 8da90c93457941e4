"""Texts in a list, array or Series."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["are_texts", "as_texts"]


def as_texts(x: object) -> NDArray[Any] | None:
    """Return texts (n,) as an object array; None for other objects and for an empty list."""
    if isinstance(x, list | tuple):
        return np.array(x, object) if x and all(isinstance(text, str) for text in x) else None
    kind = str(getattr(x, "dtype", ""))
    if len(getattr(x, "shape", ())) == 1 and (kind in ("object", "str", "String", "string") or "U" in kind):
        array = np.asarray(x, object)
        return array if len(array) and all(isinstance(text, str) for text in array) else None
    return None


def are_texts(rows: object) -> bool:
    """Return whether rows are an object array of texts, as from :func:`as_texts`."""
    return isinstance(rows, np.ndarray) and rows.dtype == object and rows.ndim == 1
