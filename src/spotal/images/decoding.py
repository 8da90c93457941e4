"""Decoding of an image file to 8-bit pixels, upright and without transparency."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.images.depth import flattened
from spotal.images.header import TURNED, Shape, Size, Source, is_gray, opened, orientation, shape_of
from spotal.images.room import MOST_PIXELS, ROOM, Room
from spotal.storage.system import give_back_memory

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["DECODER", "decode", "fits", "png"]

DECODER = 2
"""Version of the decoder, part of the names of files made from images; it changes when the decoded pixels change."""
WITH_ALPHA = ("LA", "RGBA")
LARGE = 1 << 24
"""Number of pixels from which the memory of an image is returned to the system immediately."""
STRIP = 1 << 23
"""Pixels of a transparent image to resize at a time."""
UPRIGHT = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip
"""The transpose method that makes an image upright, by EXIF orientation."""


def fits(source: Source, name: object) -> Shape:
    """Read the header of an image to decode. Raises DataFileError if it is not an image or is too large."""
    shape = shape_of(source, name)
    _check(shape.size, name)
    return shape


def decode(
    source: Source,
    name: object,
    size: Size | None,
    channels: int | None,
    at_least: int | None = None,
    scaled: list[str] | None = None,
    room: Room = ROOM,
) -> NDArray[np.uint8]:
    """Decode an image, or its first frame or page, to uint8 (height, width, channels), upright.

    Parameters
    ----------
    source : Path or bytes
    name : name of the image in error messages
    size : (height, width) to resize to, without keeping the aspect ratio; or None
    channels : 1, 3, or None for the channels of the image
    at_least : int or None
        Without ``size``: reduce the image by the largest integer factor that leaves the shorter side at least this.
    scaled : list or None, receives an entry for :func:`note_of_depth` if the image has more than 8 bits a value
    room : Room, the limit of decoding in this process

    Raises
    ------
    DataFileError
        The image cannot be read, or has more than 268,435,456 pixels.

    Notes
    -----
    Transparent parts become white. Values of more than 8 bits are scaled, see :mod:`spotal.images.depth`. A process
    decodes at most one image per core, and at most 268,435,456 pixels, at the same time.
    """
    from PIL import Image

    with opened(source, name) as image:
        _check(image.size[::-1], name)
        with room.of(image.width * image.height):
            turn = orientation(image)
            gray = channels == 1 or (channels is None and is_gray(image.mode))
            enough = at_least if size is None else 2 * max(size)
            if enough is not None:
                image.draft(None, (enough, enough))  # decode a large JPEG at a lower resolution
            plain, scale = flattened(image, source, name)
            plain = _bands(plain)
            if size is not None:
                wanted = size if turn in TURNED else size[::-1]
                if plain.size != wanted:
                    plain = _resized(plain, wanted)
            elif at_least is not None and min(plain.size) >= 2 * at_least:
                plain = plain.reduce(min(plain.size) // at_least)
            plain = _opaque(plain, "L" if gray else "RGB")
            if turn in UPRIGHT:
                plain = plain.transpose(Image.Transpose[UPRIGHT[turn]])
            array = np.array(plain, np.uint8)
            if image.width * image.height >= LARGE:  # while it still occupies room
                del plain
                image.close()
                give_back_memory()
    if scale is not None and scaled is not None:
        scaled.append(scale)
    return array[..., None] if array.ndim == 2 else array


def png(source: Source, name: object) -> bytes:
    """Decode an image and encode it as PNG. Raises DataFileError."""
    from PIL import Image

    array = decode(source, name, None, None)
    out = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(out, "PNG")
    return out.getvalue()


def _check(size: Size, name: object) -> None:
    height, width = size
    if width * height > MOST_PIXELS:
        raise DataFileError(
            f"{name} has {width:,} x {height:,} pixels, more than the {MOST_PIXELS:,} that are decoded; make it smaller"
        )


def _bands(image: Image.Image) -> Image.Image:
    """Return the image in a mode that can be resized: L, LA, RGB or RGBA."""
    mode = "L" if is_gray(image.mode) else "RGB"
    if image.has_transparency_data:
        mode = image.mode if image.mode in WITH_ALPHA else "RGBA"
    return image if image.mode == mode else image.convert(mode)


def _resized(image: Image.Image, size: Size, strip: int = STRIP) -> Image.Image:
    """Resize to (width, height), a transparent image strip by strip, since Pillow would copy it whole."""
    from PIL import Image

    (width, height), (wide, high) = image.size, size
    if image.mode not in WITH_ALPHA or width * height <= strip or high >= height:
        return image.resize(size, Image.Resampling.BILINEAR)
    step = height / high
    resized = Image.new(image.mode, size)
    for start in range(0, high, rows := max(1, int(strip / width / step))):
        stop = min(start + rows, high)
        top, bottom = max(0, int((start - 2) * step)), min(height, math.ceil((stop + 2) * step))
        part = image.crop((0, top, width, bottom))
        box = (0, start * step - top, width, min(stop * step, height) - top)
        resized.paste(part.resize((wide, stop - start), Image.Resampling.BILINEAR, box), (0, start))
    return resized


def _opaque(image: Image.Image, mode: str) -> Image.Image:
    """Return the image on a white background, in mode L or RGB."""
    from PIL import Image

    if image.mode in WITH_ALPHA:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image if image.mode == mode else image.convert(mode)
