"""Pictures: the project's images as the page shows them, scaled once and kept in the project's folder."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from spotal._files import atomic_path
from spotal.datasets._images import decode, shape_of
from spotal.errors import DataFileError
from spotal.project.places import PICTURES

if TYPE_CHECKING:
    from spotal.project import Item, Project

__all__ = ["SIDES", "picture", "version"]

SIDES = {"small": 256, "large": 1400}
"""Pixels of the longer side; smaller images are kept as they are."""
EXACT = 128
"""Up to so many pixels a side every pixel counts, and none is changed."""


def picture(project: Project, item: Item, size: str) -> Path:
    """A WebP file of the item's image, upright and no larger than ``SIDES[size]``.

    Whatever the original is, what comes out is an image that was decoded and encoded here.

    Raises
    ------
    DataFileError
        The image is gone, or cannot be decoded.
    ProjectError
        The item has no image.
    OutputError
        The project's folder cannot be written.
    """
    source = project.items.file(item)
    try:
        stat = os.stat(source)
    except OSError as error:
        raise DataFileError(f"{item.id} cannot be read ({(error.strerror or str(error)).lower()})") from None
    kept = project.folder / PICTURES / f"{item.number}-{version(f'{stat.st_size}:{stat.st_mtime_ns}')}-{size}.webp"
    if not kept.exists():
        _write(source, item.id, SIDES[size], kept)
    return kept


def version(content: str) -> str:
    """A short name that changes with the content, for the address of a picture that browsers may keep for ever."""
    return blake2b(content.encode(), digest_size=6).hexdigest()


def _write(source: Path, name: str, side: int, kept: Path) -> None:
    from PIL import Image

    height, width = shape_of(source, name).size
    shrink = min(1.0, side / max(height, width))
    array = decode(source, name, (max(1, round(height * shrink)), max(1, round(width * shrink))), None)
    image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    with atomic_path(kept) as part:
        image.save(part, "WEBP", lossless=max(height, width) <= EXACT, quality=86, method=4)
