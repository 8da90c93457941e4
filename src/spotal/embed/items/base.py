"""Items: images or texts with ids, read a few at a time in any process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.images import Shape, decode, shape_of

__all__ = ["Content", "Items", "image_of", "shape_of_content"]

Content = Path | bytes | str | NDArray[np.uint8] | DataFileError
"""An image as a path, as the bytes of a file or as pixels (height, width, channels); a text; or an error."""


class Items(Protocol):
    """n images or texts, picklable.

    Attributes
    ----------
    takes : {"images", "text"}, the kind of the items
    ids : list of str or int64 (n,), all different
    sizes : list of int or None, the size in bytes of each item's file; None unless each item is a file
    source : dict of JSON types, a description of the source
    """

    takes: str
    ids: list[str] | NDArray[np.int64]
    sizes: list[int] | None
    source: dict[str, Any]

    def read(self, rows: Sequence[int]) -> list[Content]:
        """Return the contents of the rows, in the given order."""


def image_of(
    content: Content,
    name: object,
    size: tuple[int, int] | None,
    channels: int,
    at_least: int | None,
    scaled: list[str] | None = None,
) -> NDArray[np.uint8]:
    """Return the pixels uint8 (height, width, channels) of one item, resized to ``size`` if given.

    ``at_least`` and ``scaled`` are passed to :func:`spotal.images.decode`. Raises DataFileError.
    """
    content = _image(content, name)
    if isinstance(content, np.ndarray):
        return _pixels(content, size, channels)
    return decode(content, name, size, channels, at_least, scaled)


def shape_of_content(content: Content, name: object) -> Shape:
    """Return the size and kind of one item's image. Raises DataFileError."""
    content = _image(content, name)
    if isinstance(content, np.ndarray):
        return Shape((content.shape[0], content.shape[1]), content.shape[2] == 1)
    return shape_of(content, name)


def _image(content: Content, name: object) -> Path | bytes | NDArray[np.uint8]:
    if isinstance(content, DataFileError):
        raise content
    if isinstance(content, str):
        raise DataFileError(f"{name} holds text, not an image; correct its cell or drop the row")
    return content


def _pixels(image: NDArray[np.uint8], size: tuple[int, int] | None, channels: int) -> NDArray[np.uint8]:
    from PIL import Image

    if size in (None, image.shape[:2]) and image.shape[2] == channels:
        return image
    plain = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("L" if channels == 1 else "RGB")
    if size is not None and plain.size != size[::-1]:
        plain = plain.resize(size[::-1], Image.Resampling.BILINEAR)
    array = np.array(plain, np.uint8)
    return array[..., None] if channels == 1 else array
