"""Thumbnails of the images that each strategy picked first and last, as HTML."""

from __future__ import annotations

from html import escape

from spotal.bench import data as library
from spotal.bench.pool_sampler import JUNK, shape_pool
from spotal.bench.results import Cell
from spotal.errors import SpotalError
from spotal.report.gallery import thumbnails

__all__ = ["gallery"]

SHOWN = 12
"""Images of one query."""


def gallery(cell: Cell) -> str:
    """Return thumbnails of each strategy's first and last query under the first seed, with the class of each image.

    Returns an empty text if the data are not images or can no longer be loaded.
    """
    protocol = cell.protocol
    try:
        data = library.load(protocol.dataset)
        if not data.is_images:
            return ""
        seed = cell.seeds()[0] if cell.seeds() else min(seed for curves in cell.curves.values() for seed in curves)
        pool = shape_pool(data, protocol.pool, protocol.classes, seed)
    except SpotalError:
        return ""
    blocks = []
    for name, curves in cell.curves.items():
        if seed not in curves:
            continue
        batches = [picks for picks in curves[seed].picks if picks]
        queries = {len(batches) - 1: batches[-1]}
        if len(batches) > 2:
            queries = {1: batches[1], **queries}
        for number, picks in queries.items():
            shown = []
            for row in picks[:SHOWN]:
                label = pool.labels[row]
                classes = range(data.n_classes) if protocol.classes is None else protocol.classes
                word = "no class" if label == JUNK else data.class_names[classes[label]]
                shown.append((data.X[pool.rows[row]], word, f"row {row}"))
            caption = f"query {number}, the first {len(shown)} of {len(picks)}, seed {seed}"
            blocks.append(f"<h4>{escape(name)} <span>{caption}</span></h4>{thumbnails(shown)}")
    return "\n".join(blocks)
