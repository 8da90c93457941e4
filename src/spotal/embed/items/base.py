"""Items: images or texts with ids, read a few at a time, by any process."""

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
"""An image as a file, as the content of one or as pixels (height, width, channels); a text; or why it cannot be had."""


class Items(Protocol):
    """N images or texts. Can be pickled.

    Attributes
    ----------
    takes : {"images", "text"}, what they are
    ids : list of str or int64 (n,), all different
    sizes : list of int or None, bytes of each item's file, where each has one of its own
    source : dict of JSON types, where they come from
    """

    takes: str
    ids: list[str] | NDArray[np.int64]
    sizes: list[int] | None
    source: dict[str, Any]

    def read(self, rows: Sequence[int]) -> list[Content]:
        """What these items hold, in this order."""
        ...


def image_of(
    content: Content,
    name: object,
    size: tuple[int, int] | None,
    channels: int,
    at_least: int | None,
    scaled: list[str] | None = None,
) -> NDArray[np.uint8]:
    """Pixels uint8 (height, width, channels) of one item, resized to ``size`` if given. Raises DataFileError.

    ``at_least`` and ``scaled`` are the decoder's.
    """
    if isinstance(content, DataFileError):
        raise content
    if isinstance(content, np.ndarray):
        return _pixels(content, size, channels)
    if isinstance(content, str):
        raise DataFileError(f"{name} holds text, not an image; correct its cell or drop the row")
    return decode(content, name, size, channels, at_least, scaled)


def shape_of_content(content: Content, name: object) -> Shape:
    """Size of one item's image. Raises DataFileError."""
    if isinstance(content, DataFileError):
        raise content
    if isinstance(content, np.ndarray):
        return Shape((content.shape[0], content.shape[1]), content.shape[2] == 1)
    if isinstance(content, str):
        raise DataFileError(f"{name} holds text, not an image; correct its cell or drop the row")
    return shape_of(content, name)


def _pixels(image: NDArray[np.uint8], size: tuple[int, int] | None, channels: int) -> NDArray[np.uint8]:
    from PIL import Image

    if size in (None, image.shape[:2]) and image.shape[2] == channels:
        return image
    plain = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("L" if channels == 1 else "RGB")
    if size is not None and plain.size != size[::-1]:
        plain = plain.resize(size[::-1], Image.Resampling.BILINEAR)
    array = np.array(plain, np.uint8)
    return array[..., None] if channels == 1 else array
