"""Pictures: the project's images as the page shows them, scaled once and kept in the project's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, to_thread

from spotal.errors import DataFileError
from spotal.images import DECODER, decode, fits
from spotal.numeric.processors import processors
from spotal.project.places import PICTURES
from spotal.storage.files import atomic_path

if TYPE_CHECKING:
    from spotal.project import Item, Project

__all__ = ["SIDES", "Pictures", "picture", "version"]

SIDES = {"small": 256, "large": 1400}
"""Pixels of the longer side; smaller images are kept as they are."""
EXACT = 128
"""Up to so many pixels a side every pixel counts, and none is changed."""
_MAKING: WeakValueDictionary[Path, Lock] = WeakValueDictionary()
_MAKING_CHANGES = Lock()


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
    of = version(f"{DECODER}:{stat.st_size}:{stat.st_mtime_ns}")
    kept = project.folder / PICTURES / f"{item.number}-{of}-{size}.webp"
    with _alone(kept):
        if not kept.exists():
            _write(source, item.id, SIDES[size], kept)
    return kept


class Pictures:
    """A server's pictures, made on a few threads of their own, so that they hold up no answer."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._threads = CapacityLimiter(max(2, processors()))

    async def get(self, item: Item, size: str) -> Path:
        """As :func:`picture`."""
        return await to_thread.run_sync(picture, self._project, item, size, limiter=self._threads)


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Let one thread at a time make a picture: others wait and find it made."""
    with _MAKING_CHANGES:
        lock = _MAKING.setdefault(kept, Lock())
    with lock:
        yield


def version(content: str) -> str:
    """A short name that changes with the content, for the address of a picture that browsers may keep for ever."""
    return blake2b(content.encode(), digest_size=6).hexdigest()


def _write(source: Path, name: str, side: int, kept: Path) -> None:
    from PIL import Image

    height, width = fits(source, name).size
    shrink = min(1.0, side / max(height, width))
    array = decode(source, name, (max(1, round(height * shrink)), max(1, round(width * shrink))), None)
    image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    with atomic_path(kept) as part:
        image.save(part, "WEBP", lossless=max(height, width) <= EXACT, quality=86, method=4)
