"""Items as people see them on a page: a small picture, the beginning of a text, or an id."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path

from spotal.project.records import Item

__all__ = ["figure", "figures", "picture"]

SIDE = 112
"""Pixels of a picture's longer side."""
CHARACTERS = 160


def picture(path: Path) -> str | None:
    """A small copy of an image as a data URI, None where it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = ImageOps.exif_transpose(image).convert("RGB")
    except Exception:  # Pillow raises what its many readers raise; all of it means the same here
        return None
    grow = SIDE // max(small.size)
    if grow > 1:  # tiny images stay sharp
        small = small.resize((small.width * grow, small.height * grow), Image.Resampling.NEAREST)
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def figure(item: Item, file: Callable[[Item], Path], caption: str, title: str = "", mark: str = "") -> str:
    """One item with a line below it; ``mark`` is a class of the style."""
    if item.kind == "image":
        source = picture(file(item))
        body = f'<img src="{source}" alt="{escape(item.id)}">' if source else '<div class="gone">not readable</div>'
    else:
        text = item.text or item.id
        body = f"<blockquote>{escape(text[:CHARACTERS] + '…' * (len(text) > CHARACTERS))}</blockquote>"
    about = escape(title or item.id)
    return f'<figure class="{mark}" title="{about}">{body}<figcaption>{escape(caption)}</figcaption></figure>'


def figures(parts: Iterable[str], kind: str) -> str:
    """Items side by side."""
    return f'<div class="thumbs {"" if kind == "image" else "texts"}">{"".join(parts)}</div>'
