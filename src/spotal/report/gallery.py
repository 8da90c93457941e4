"""Thumbnails of the images picked in each round, as HTML."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets import Dataset
from spotal.report.comparison import Run

__all__ = ["gallery", "thumbnail"]

MOST_SHOWN = 60
"""Images of one round."""
MOST_SIDE = 96
"""Pixels of a thumbnail's longer side; smaller images are kept as they are."""


def thumbnail(image: NDArray[np.uint8]) -> str:
    """An image, uint8 or float (height, width, 1 or 3), as the data URI of a PNG. Floats are spread over 0..255."""
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


def gallery(data: Dataset, run: Run) -> str:
    """One block a round: its picks in order, the class under each, and how many classes have a label by then."""
    blocks = []
    seen: set[int] = set()
    for done in run.rounds:
        if not len(done.picks):
            continue
        rows = run.rows[done.picks]
        seen |= set(data.y[rows].tolist())
        first = done.selection is None
        shares = None if done.selection is None else done.selection.cell_mass
        items = []
        for k, row in enumerate(rows[:MOST_SHOWN]):
            name = escape(data.class_names[data.y[row]])
            told = f"pick {k + 1}, row {row}" + ("" if shares is None else f", stands for {shares[k]:.1%} of the mass")
            items.append(
                f'<figure title="{told}"><img src="{thumbnail(data.X[row])}" alt="{name}" loading="lazy">'
                f"<figcaption>{name}</figcaption></figure>"
            )
        more = f", the first {MOST_SHOWN} are shown" if len(rows) > MOST_SHOWN else ""
        title = "First batch, random" if first else f"Round {done.number}"
        blocks.append(
            f'<section class="round"><h4>{title} <span>{len(rows)} images{more} · {len(seen)} of {data.n_classes} '
            f'classes have a label by now</span></h4><div class="thumbs">{"".join(items)}</div></section>'
        )
    return "\n".join(blocks)
