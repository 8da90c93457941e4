"""Decoding of a dataset's images to one array."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError
from spotal.images import Shape, Source, decode, each, fits, note_of_depth, report

__all__ = ["Size", "check_size", "decode_all"]

Size = tuple[int, int]
"""Height and width."""


def check_size(image_size: int | None) -> None:
    """Raise InputError for an ``image_size`` below 1."""
    if image_size is not None and image_size < 1:
        remedy = "give the height and width in pixels"
        raise InputError("image_size", must="be at least 1", found=image_size, remedy=remedy)


def decode_all(
    sources: Sequence[Source],
    labels: Sequence[str],
    where: object,
    choose_size: Callable[[list[Size]], Size],
    *,
    channels: int | None = None,
    strict: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode images to one array (m, h, w, c), and return it with the row numbers of the images, int64 (m,).

    ``labels`` are the names of the images in messages. ``choose_size`` is called with all sizes. ``channels=None``
    means one channel if all images are gray, else three. Images that cannot be read cause a warning or, if strict, a
    DataFileError.
    """
    numbers = range(len(sources))
    failures: dict[int, DataFileError] = {}
    shapes: dict[int, Shape] = {}
    for k, shape in zip(numbers, each(lambda k: fits(sources[k], labels[k]), numbers), strict=True):
        if isinstance(shape, DataFileError):
            failures[k] = shape
        else:
            shapes[k] = shape
    if not shapes:
        report([failures[k] for k in sorted(failures)], len(sources), where, strict)
    size = choose_size([shape.size for shape in shapes.values()])
    depth = channels or (1 if all(shape.gray for shape in shapes.values()) else 3)
    images = np.empty((len(shapes), *size, depth), np.uint8)
    rows: list[int] = []
    scaled: list[str] = []
    decoded = each(lambda k: decode(sources[k], labels[k], size, depth, scaled=scaled), shapes)
    for k, image in zip(shapes, decoded, strict=True):
        if isinstance(image, DataFileError):
            failures[k] = image
        else:
            images[len(rows)] = image
            rows.append(k)
    report([failures[k] for k in sorted(failures)], len(sources), where, strict)
    note_of_depth(scaled, where)
    return images[: len(rows)], np.asarray(rows, np.int64)
