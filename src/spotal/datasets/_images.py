"""Decode images of a dataset to one array."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.images import Shape, Source, decode, each, fits, note_of_depth, report

__all__ = ["Size", "decode_all"]

Size = tuple[int, int]
"""Height and width."""


def decode_all(
    sources: Sequence[Source],
    labels: Sequence[str],
    where: object,
    choose_size: Callable[[list[Size]], Size],
    *,
    channels: int | None = None,
    strict: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode images to one array (m, h, w, c) and the numbers of those that could be read, int64 (m,).

    ``labels`` are their names in messages. ``choose_size`` is given all sizes; channels None keeps one channel if all
    are gray. Warns of or, if strict, raises DataFileError for images that cannot be read.
    """
    numbered = list(range(len(sources)))
    failures: dict[int, DataFileError] = {}
    shapes: dict[int, Shape] = {}
    for k, shape in zip(numbered, each(lambda k: fits(sources[k], labels[k]), numbered), strict=True):
        if isinstance(shape, DataFileError):
            failures[k] = shape
        else:
            shapes[k] = shape
    if not shapes:
        report([failures[k] for k in sorted(failures)], len(sources), where, strict)
    size = choose_size([shape.size for shape in shapes.values()])
    depth = channels or (1 if all(shape.gray for shape in shapes.values()) else 3)
    images = np.empty((len(shapes), *size, depth), np.uint8)
    kept: list[int] = []
    scaled: list[str] = []
    decoded = each(lambda k: decode(sources[k], labels[k], size, depth, scaled=scaled), shapes)
    for k, image in zip(shapes, decoded, strict=True):
        if isinstance(image, DataFileError):
            failures[k] = image
        else:
            images[len(kept)] = image
            kept.append(k)
    report([failures[k] for k in sorted(failures)], len(sources), where, strict)
    note_of_depth(scaled, where)
    return images[: len(kept)], np.asarray(kept, np.int64)
