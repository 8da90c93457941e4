"""Headers: open an image without decoding it."""

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

__all__ = ["Shape", "Size", "Source", "is_gray", "opened", "orientation", "raw_mode", "shape_of"]

Source = Path | bytes
"""An image as a file, or as the content of one."""
Size = tuple[int, int]
"""Height and width."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange height and width."""
ORIENTATION = 0x0112
EXIF = frozenset(("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"))
SHOWN = frozenset(("AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "WEBP"))
"""Formats that browsers show."""


@dataclass(frozen=True)
class Shape:
    """What the header of an image says.

    size : height and width, upright
    gray : bool, one channel
    plain : bool, whether a browser shows the file as the decoder does: a format that it knows, 8 bits a value, one
        frame, nothing transparent
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
    """Open an image; whatever goes wrong with it inside the block is a DataFileError that names it."""
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
    except Exception as error:  # a damaged image fails in any way it likes, struct.error and SyntaxError among them
        reason = one_line(error, 99)
        raise DataFileError(f"{name} cannot be read as an image ({reason}); repair or remove it") from None


def _parsed(file: BinaryIO, path: str) -> ImageFile.ImageFile:
    """As ``PIL.Image.open`` of the formats that spotal reads, but for its limit of pixels, which ``decode`` sets."""
    from PIL import Image

    start = file.read(16)
    if not start:
        raise ValueError("empty")
    reasons = []
    for kind in formats():
        factory, accept = Image.OPEN[kind]
        accepted = accept is None or accept(start)
        if isinstance(accepted, str):  # a library that Pillow was built without
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
    moves = image.format != "MPO" and getattr(image, "is_animated", False)
    return image.format in SHOWN and not moves and not is_deep(image) and not image.has_transparency_data


def orientation(image: Image.Image) -> int:
    """The EXIF orientation that is still to be applied, 1 for none."""
    if image.format == "TIFF" or EXIF.isdisjoint(image.info):
        return 1  # Pillow itself turns TIFF; others need not be asked, which is slow
    return int(image.getexif().get(ORIENTATION) or 1)


def is_gray(mode: str) -> bool:
    """Whether a mode of Pillow has one channel of color."""
    return mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16")


def is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether an image holds more than 8 bits a value."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16") or ";16" in raw_mode(image)


def raw_mode(image: ImageFile.ImageFile) -> str:
    """Pillow's name of how values lie in the file; empty where it says none. Known until the image is loaded."""
    args = image.tile[0][3] if image.tile else ""
    raw = args[0] if isinstance(args, tuple) and args else args
    return raw if isinstance(raw, str) else ""
