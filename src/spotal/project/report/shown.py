"""Items as HTML: a small picture, the beginning of a text, or an id."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from html import escape
from pathlib import Path

from spotal.errors import DataFileError
from spotal.images import decode, fits
from spotal.project.records import Item

__all__ = ["figure", "figures", "picture"]

SIDE = 112
"""Pixels of a picture's longer side."""
CHARACTERS = 160


def picture(path: Path) -> str | None:
    """Return a small copy of an image as a data URI, None if it cannot be read."""
    try:
        state = os.stat(path)
        return _encoded(path, (state.st_mtime_ns, state.st_size))
    except (OSError, DataFileError):
        return None


@lru_cache(maxsize=1024)
def _encoded(path: Path, _: tuple[int, int]) -> str:
    from PIL import Image

    height, width = fits(path, path).size
    grow, shrink = SIDE // max(height, width), SIDE / max(height, width)
    size = (height, width) if grow else (max(1, round(height * shrink)), max(1, round(width * shrink)))
    small = Image.fromarray(decode(path, path, size, 3))
    if grow > 1:  # tiny images stay sharp
        small = small.resize((width * grow, height * grow), Image.Resampling.NEAREST)
    out = io.BytesIO()
    small.save(out, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def figure(item: Item, file: Callable[[Item], Path], caption: str, title: str = "", mark: str = "") -> str:
    """Return one item with a caption; ``mark`` is a CSS class."""
    if item.kind == "image":
        source = picture(file(item))
        body = f'<img src="{source}" alt="{escape(item.id)}">' if source else '<div class="gone">not readable</div>'
    else:
        text = item.text or item.id
        body = f"<blockquote>{escape(text[:CHARACTERS] + '…' * (len(text) > CHARACTERS))}</blockquote>"
    about = escape(title or item.id)
    return f'<figure class="{mark}" title="{about}">{body}<figcaption>{escape(caption)}</figcaption></figure>'


def figures(parts: Iterable[str], kind: str) -> str:
    """Return items side by side."""
    return f'<div class="thumbs {"" if kind == "image" else "texts"}">{"".join(parts)}</div>'
