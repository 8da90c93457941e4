"""Pictures: scaled copies of the project's images for the page, cached in the project's folder."""

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

from spotal.errors import DataFileError, reason_of
from spotal.images import DECODER, decode, fits
from spotal.numeric.processors import processors
from spotal.project.places import PICTURES
from spotal.storage.files import atomic_path

if TYPE_CHECKING:
    from spotal.project import Item, Project

__all__ = ["SIDES", "Pictures", "picture", "version"]

SIDES = {"small": 256, "large": 1400}
"""Largest length of the longer side in pixels; smaller images are not scaled."""
EXACT = 128
"""Images with at most so many pixels a side are compressed without loss."""
_LOCKS: WeakValueDictionary[Path, Lock] = WeakValueDictionary()
_LOCKS_LOCK = Lock()


def picture(project: Project, item: Item, size: str) -> Path:
    """Return a WebP file of the item's image, upright and scaled to at most ``SIDES[size]`` pixels.

    The image is always decoded and encoded anew, so that the original file never reaches the browser.

    Raises
    ------
    DataFileError
        The image is missing or cannot be decoded.
    ProjectError
        The item has no image.
    OutputError
        The project's folder cannot be written to.
    """
    source = project.items.file(item)
    try:
        stat = os.stat(source)
    except OSError as error:
        raise DataFileError(f"{item.id} cannot be read ({reason_of(error)})") from None
    of = version(f"{DECODER}:{stat.st_size}:{stat.st_mtime_ns}")
    path = project.folder / PICTURES / f"{item.number}-{of}-{size}.webp"
    with _locked(path):
        if not path.exists():
            _write(source, item.id, SIDES[size], path)
    return path


class Pictures:
    """The pictures of a server. They are made on separate threads, so that they do not delay answers."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._threads = CapacityLimiter(max(2, processors()))

    async def get(self, item: Item, size: str) -> Path:
        """Return the same file as :func:`picture`."""
        return await to_thread.run_sync(picture, self._project, item, size, limiter=self._threads)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a path, so that only one thread makes a picture."""
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(path, Lock())
    with lock:
        yield


def version(content: str) -> str:
    """Return a short hash of the content. It is part of a picture's address, so browsers can cache the picture."""
    return blake2b(content.encode(), digest_size=6).hexdigest()


def _write(source: Path, name: str, side: int, path: Path) -> None:
    from PIL import Image

    height, width = fits(source, name).size
    shrink = min(1.0, side / max(height, width))
    array = decode(source, name, (max(1, round(height * shrink)), max(1, round(width * shrink))), None)
    image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    with atomic_path(path) as part:
        image.save(part, "WEBP", lossless=max(height, width) <= EXACT, quality=86, method=4)
