"""Thumbnails of images, as HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["thumbnail", "thumbnails"]

MOST_SIDE = 96
"""Maximum pixels of a thumbnail's longer side; smaller images keep their size."""


def thumbnail(image: NDArray[np.uint8]) -> str:
    """Return an image, uint8 or float (height, width, 1 or 3), as a PNG data URI. Floats are scaled to 0..255."""
    from PIL import Image

    values: NDArray[Any] = image
    if values.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        values = np.asarray((values - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)
    picture = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values[..., :3])
    if max(picture.size) > MOST_SIDE:
        picture.thumbnail((MOST_SIDE, MOST_SIDE))
    out = io.BytesIO()
    picture.save(out, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def thumbnails(shown: Iterable[tuple[NDArray[Any], str, str]]) -> str:
    """Return a grid of images as HTML. Each has its pixels, a caption, and a text that appears on hovering."""
    items = "".join(
        f'<figure title="{escape(title)}"><img src="{thumbnail(image)}" alt="{escape(word)}" loading="lazy">'
        f"<figcaption>{escape(word)}</figcaption></figure>"
        for image, word, title in shown
    )
    return f'<div class="thumbs">{items}</div>'
