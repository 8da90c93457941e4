"""Headers of images, read without decoding the pixels."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from spotal.errors import DataFileError, ResourceError, SpotalError, one_line
from spotal.images.kinds import formats

if TYPE_CHECKING:
    from PIL import Image, ImageFile

__all__ = ["Shape", "Size", "Source", "is_gray", "is_wide", "opened", "orientation", "raw_mode", "shape_of"]

Source = Path | bytes
"""An image as a path or as the bytes of a file."""
Size = tuple[int, int]
"""Height and width."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""
ORIENTATION = 0x0112
EXIF = frozenset(("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"))
SHOWN = frozenset(("AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "WEBP"))
"""Formats that browsers can display."""


@dataclass(frozen=True)
class Shape:
    """Size and kind of an image.

    size : height and width, upright
    gray : bool, one channel
    plain : bool, True if a browser displays the file like the decoder: a format that browsers know, 8 bits a value, one
        frame, no transparency
    """

    size: Size
    gray: bool
    plain: bool = True


def shape_of(source: Source, name: object) -> Shape:
    """Read the size and kind of an image of any size from its header alone. Raises DataFileError."""
    with opened(source, name) as image:
        width, height = image.size
        size = (width, height) if orientation(image) in TURNED else (height, width)
        return Shape(size, is_gray(image.mode), _is_plain(image))


@contextmanager
def opened(source: Source, name: object) -> Iterator[ImageFile.ImageFile]:
    """Open an image; any error within the block becomes a DataFileError with the name of the image."""
    try:
        if isinstance(source, bytes):
            yield _parsed(io.BytesIO(source), "")
        else:
            with source.open("rb") as file:
                yield _parsed(file, str(source))
    except FileNotFoundError:
        raise DataFileError(f"{name} does not exist; check the path") from None
    except MemoryError:
        raise ResourceError(f"{name} takes more memory to decode than there is; make it smaller") from None
    except SpotalError:
        raise
    except Exception as error:  # a damaged image can raise any error, such as struct.error or SyntaxError
        reason = one_line(error, 99)
        raise DataFileError(f"{name} cannot be read as an image ({reason}); repair or remove it") from None


def _parsed(file: BinaryIO, path: str) -> ImageFile.ImageFile:
    """Open an image like ``PIL.Image.open``, but only in the formats of spotal and without a limit of pixels."""
    from PIL import Image

    start = file.read(16)
    if not start:
        raise ValueError("empty")
    reasons = []
    for kind in formats():
        factory, accept = Image.OPEN[kind]
        accepted = accept is None or accept(start)
        if isinstance(accepted, str):  # Pillow was built without a library
            reasons.append(accepted)
            continue
        if not accepted:
            continue
        file.seek(0)
        try:
            return factory(file, path)
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise ValueError("; ".join(reasons) or "not an image")


def _is_plain(image: ImageFile.ImageFile) -> bool:
    is_animated = image.format != "MPO" and getattr(image, "is_animated", False)
    if image.format not in SHOWN or is_animated or image.has_transparency_data:
        return False
    return not is_wide(image.mode) and ";16" not in raw_mode(image)


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation that Pillow has not applied, 1 for none."""
    if image.format == "TIFF" or EXIF.isdisjoint(image.info):
        return 1  # Pillow applies it to TIFF; without EXIF data, the slow getexif() is not needed
    return int(image.getexif().get(ORIENTATION) or 1)


def is_gray(mode: str) -> bool:
    """Return whether a mode of Pillow has one color channel."""
    return mode in ("1", "L", "LA", "La") or is_wide(mode)


def is_wide(mode: str) -> bool:
    """Return whether a mode of Pillow has one channel with more than 8 bits a value."""
    return mode in ("I", "F") or mode.startswith("I;16")


def raw_mode(image: ImageFile.ImageFile) -> str:
    """Return Pillow's name of the layout of values in the file, or "". Call it before the image is loaded."""
    args = image.tile[0][3] if image.tile else ""
    raw = args[0] if isinstance(args, tuple) and args else args
    return raw if isinstance(raw, str) else ""
