"""Decode images in parallel threads; what cannot be decoded is named."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, SpotalWarning

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Shape", "Source", "decode", "decode_all", "each", "report", "shape_of"]

Source = Path | bytes
"""An image as a file, or as the content of one."""
Size = tuple[int, int]
"""Height and width."""
_ROTATED = (5, 6, 7, 8)
_ORIENTATION = 0x0112
_EXIF = frozenset(("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"))
_TASK = 32
"""Images decoded by one thread at a time."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Shape:
    """Size of an image as it is shown, and whether it is gray."""

    size: Size
    gray: bool


def shape_of(source: Source, name: object) -> Shape:
    """Size and kind of an image from its header alone. Raises DataFileError."""

    def look(image: Image.Image) -> Shape:
        width, height = image.size
        if _has_exif(image) and image.getexif().get(_ORIENTATION) in _ROTATED:
            width, height = height, width
        return Shape((height, width), _is_gray(image.mode))

    return _opened(source, name, look)


def decode(
    source: Source, name: object, size: Size | None, channels: int | None, at_least: int | None = None
) -> NDArray[np.uint8]:
    """An image as uint8 (height, width, channels), upright; resized, not cropped, to ``size``.

    Without a size, a JPEG whose sides are several times ``at_least`` is decoded to fewer pixels, no less than that.
    ``channels`` is 1, 3, or None for what the image has. Transparent parts become white; 16-bit gray keeps its upper
    8 bits. Raises DataFileError.
    """

    def read(image: Image.Image) -> NDArray[np.uint8]:
        from PIL import Image, ImageOps

        enough = at_least if size is None else 2 * max(size)
        if enough is not None:
            image.draft(None, (enough, enough))  # a large JPEG need not be decoded in full
        upright = ImageOps.exif_transpose(image) if _has_exif(image) else image
        mode = "L" if channels == 1 or (channels is None and _is_gray(upright.mode)) else "RGB"
        plain = _opaque(upright).convert(mode)
        if size is not None and plain.size != size[::-1]:
            plain = plain.resize(size[::-1], Image.Resampling.BILINEAR)
        array = np.array(plain, np.uint8)
        return array[..., None] if array.ndim == 2 else array

    return _opened(source, name, read)


def _opened(source: Source, name: object, use: Callable[[Image.Image], R]) -> R:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            return use(image)
    except FileNotFoundError:
        raise DataFileError(f"{name} does not exist; check the path") from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged image fails in any way it likes, struct.error and SyntaxError among them
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())[:99]
        raise DataFileError(f"{name} cannot be read as an image ({reason}); repair or remove it") from None


def _has_exif(image: Image.Image) -> bool:
    """Whether an image may say which way is up; asking for it is slow, so only then."""
    return hasattr(image, "tag_v2") or not _EXIF.isdisjoint(image.info)


def _is_gray(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16")


def _opaque(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray(np.clip(values >> 8 if values.max() > 255 else values, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image


def each(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R | DataFileError]:
    """Results in order, by a few threads, or the DataFileError of an item; at most 1,024 items ahead of their use."""

    def attempt(some: Sequence[T]) -> list[R | DataFileError]:
        results: list[R | DataFileError] = []
        for item in some:
            try:
                results.append(function(item))
            except DataFileError as error:
                results.append(error)
        return results

    rest = iter(items)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        while block := list(islice(rest, 1024)):
            for results in threads.map(attempt, [block[k : k + _TASK] for k in range(0, len(block), _TASK)]):
                yield from results


def report(failures: Sequence[DataFileError], total: int, where: object, strict: bool) -> None:
    """Warn that images were skipped, naming up to three; raise DataFileError if strict or if none is left."""
    if not failures:
        return
    first = "; ".join(str(error).split("; ")[0] for error in failures[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    if strict or len(failures) == total:
        raise DataFileError(
            f"{len(failures)} of {total} images in {where} cannot be read ({first}{more}); repair or remove them"
        )
    warnings.warn(
        f"skipped {len(failures)} of {total} images in {where} ({first}{more}); repair or remove them, or pass "
        "strict=True to stop at them",
        SpotalWarning,
        stacklevel=3,
    )


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
    for k, shape in zip(numbered, each(lambda k: shape_of(sources[k], labels[k]), numbered), strict=True):
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
    decoded = each(lambda k: decode(sources[k], labels[k], size, depth), shapes)
    for k, image in zip(shapes, decoded, strict=True):
        if isinstance(image, DataFileError):
            failures[k] = image
        else:
            images[len(kept)] = image
            kept.append(k)
    report([failures[k] for k in sorted(failures)], len(sources), where, strict)
    return images[: len(kept)], np.asarray(kept, np.int64)
