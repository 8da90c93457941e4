"""The pool part of a named dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets import load
from spotal.embed.items.base import Content
from spotal.errors import InputError

__all__ = ["NamedItems"]


class NamedItems:
    """The images in a dataset's pool part, with row numbers as ids. Raises the errors of ``spotal.datasets.load``."""

    takes = "images"
    sizes: list[int] | None = None

    def __init__(self, name: str) -> None:
        data = load(name)
        if not data.is_images:
            raise InputError("source", must="be images or text", found=f"the dataset {name!r}, whose rows are features")
        self.images = data.X
        self.ids: list[str] | NDArray[np.int64] = np.arange(len(data.X))
        self.source: dict[str, Any] = {"kind": "dataset", "name": name}

    def read(self, rows: Sequence[int]) -> list[Content]:
        """Return the pixels of the rows."""
        return [self.images[row] for row in rows]
