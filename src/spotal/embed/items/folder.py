"""A folder of image files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.embed.items.base import Content
from spotal.images import list_images

__all__ = ["FolderItems"]


class FolderItems:
    """The images of a folder and its sub-folders, with their relative paths as ids.

    Raises and warns like :func:`spotal.datasets.list_images`.
    """

    takes = "images"

    def __init__(self, folder: Path, strict: bool = False) -> None:
        self.paths = list_images(folder, strict=strict)
        self.ids: list[str] | NDArray[np.int64] = [path.relative_to(folder).as_posix() for path in self.paths]
        self.sizes: list[int] | None = [_size(path) for path in self.paths]
        self.source: dict[str, Any] = {"kind": "folder", "name": folder.resolve().name}

    def read(self, rows: Sequence[int]) -> list[Content]:
        """Return the paths of the rows."""
        return [self.paths[row] for row in rows]


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # removed since it was listed, or a broken link: decoding will raise the error
        return -1
