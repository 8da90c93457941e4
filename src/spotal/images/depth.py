"""Scaling of 16-bit, 32-bit and floating point values to 8 bits.

The rule uses the range of a file's values without the 0.1 % at each end. If it lies within the range of the type
(0..65535 for integers, 0..1 for floats) and covers at least a quarter of it, the range of the type becomes 0..255. Such
files keep their brightness relative to each other. Else the file's own range becomes 0..255.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import SpotalWarning
from spotal.images.header import is_wide, opened, raw_mode

if TYPE_CHECKING:
    from PIL import Image, ImageFile

    from spotal.images.header import Source

__all__ = ["OWN", "TYPE", "flattened", "note_of_depth"]

TYPE, OWN = "type", "own"
"""The range that becomes 0..255: the range of the type, or the file's own range."""
SHARE = 0.25
"""Smallest share of the type's range that a file must cover."""
TAIL = 0.001
SAMPLE = 1 << 20
"""Number of values from which a file's range is estimated."""
BLOCK = 1 << 22
"""Values to scale at a time."""
INTEGER, FLOAT = 65535.0, 1.0
WHITE_IS_ZERO = 0
_PHOTOMETRIC, _SAMPLE_FORMAT, _UNSIGNED = 262, 339, 1


def flattened(image: ImageFile.ImageFile, source: Source, name: object) -> tuple[Image.Image, str | None]:
    """Return the image with 8 bits per value, and ``TYPE`` or ``OWN``, or None for an image that has 8 bits already."""
    from PIL import Image

    if is_wide(image.mode):
        values = _array(image)
        tags: Any = getattr(image, "tag_v2", None)
        if tags is not None and image.mode == "I" and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
            values = values.view(np.uint32)
        flat, scale = _scaled(values, FLOAT if image.mode == "F" else INTEGER)
        if tags is not None and tags.get(_PHOTOMETRIC) == WHITE_IS_ZERO:
            flat = 255 - flat
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            flat[values == transparent] = 255
        return Image.fromarray(flat), scale
    raw = raw_mode(image)
    image.load()
    if ";16" not in raw or image.mode not in ("RGB", "RGBA"):
        return image, None
    upper = np.asarray(image)[..., :3]
    if _fills(*_ends(upper), 255.0):
        return image, TYPE
    flat, scale = _scaled(upper.astype(np.uint16) << 8 | _lower_bytes(source, name), INTEGER)
    bands = [*Image.fromarray(flat).split(), *image.split()[3:]]
    return Image.merge(image.mode, bands), scale


def note_of_depth(scaled: Iterable[str], where: object) -> None:
    """Warn once about all files with more than 8 bits a value."""
    counts = Counter(scaled)
    if not counts:
        return
    parts = {TYPE: "the range of their type", OWN: "their own darkest and brightest values"}
    groups = " and ".join(f"{counts[key]:,} by {words}" for key, words in parts.items() if counts[key])
    warnings.warn(
        f"{counts.total():,} images in {where} have more than 8 bits a value and are scaled to 8: {groups}; to have "
        "them all scaled alike, save them as 8-bit images",
        SpotalWarning,
        stacklevel=3,
    )


def _array(image: Image.Image, block: int = BLOCK) -> NDArray[Any]:
    """Return the image as an array, copied strip by strip: ``np.asarray(image)`` would make two copies at once."""
    width, height = image.size
    image.load()
    first = np.asarray(image.crop((0, 0, width, 1)))
    values = np.empty((height, *first.shape[1:]), first.dtype)
    for start in range(0, height, rows := max(1, block // width)):
        stop = min(start + rows, height)
        values[start:stop] = np.asarray(image.crop((0, start, width, stop)))
    return values


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    """Return the range of the values without their tails, or NaN if no value is finite."""
    flat = values.reshape(-1)
    sample = flat[:: max(1, len(flat) // SAMPLE) | 1].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return np.nan, np.nan
    last = len(sample) - 1
    ends = int(TAIL * last), last - int(TAIL * last)
    sample.partition(ends)
    low, high = float(sample[ends[0]]), float(sample[ends[1]])
    return (low, high) if low < high else (float(sample.min()), float(sample.max()))  # nearly all values are equal


def _fills(low: float, high: float, top: float) -> bool:
    return low >= 0 and high <= top and high - low >= SHARE * top


def _scaled(values: NDArray[Any], top: float) -> tuple[NDArray[np.uint8], str]:
    """Return the values in 256 equal steps of the chosen range, NaN as 0, and ``TYPE`` or ``OWN``."""
    low, high = _ends(values)
    scale = OWN
    if not low < high or _fills(low, high, top):
        low, high, scale = 0.0, top, TYPE
    flat, out = values.reshape(-1), np.empty(values.size, np.uint8)
    for start in range(0, len(flat), BLOCK):
        part = (flat[start : start + BLOCK].astype(np.float64) - low) * (256.0 / (high - low))
        out[start : start + BLOCK] = np.nan_to_num(np.clip(part, 0.0, 255.0), nan=0.0)
    return out.reshape(values.shape), scale


def _lower_bytes(source: Source, name: object) -> NDArray[np.uint8]:
    """Decode the lower bytes of 16-bit colors, (h, w, 3) or (h, w, 1)."""
    # Pillow keeps the upper byte of each value; with the opposite byte order, it keeps the lower byte
    swapped = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    with opened(source, name) as twin:
        is_gray = raw_mode(twin).startswith("LA")  # four bands: upper and lower byte of gray, and of alpha
        tiles: list[Any] = []
        for tile in twin.tile:
            args: Any = tile[3]
            raw = args[0] if isinstance(args, tuple) else args
            new = "RGBA" if is_gray else raw[:-1] + swapped[raw[-1]]
            tiles.append(tile._replace(args=(new, *args[1:]) if isinstance(args, tuple) else new))
        twin.tile = tiles
        values = np.asarray(twin)
    return values[..., 1:2] if is_gray else values[..., :3]
