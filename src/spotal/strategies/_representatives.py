"""Random representatives of cells, drawn with known probability."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy
from spotal.numeric.nearest import nearest
from spotal.selection.estimate import Sampling, collapse
from spotal.selection.lloyd import Cells
from spotal.strategies._content import ContentRandom, heavy
from spotal.strategies.base import Query

__all__ = ["draw"]


def draw(query: Query, cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64], Sampling]:
    """Draw one row of each cell; return the picks, the pick that represents each row, and the sampling design.

    A row's probability is its share of the cell's mass, as the caller gave it. If there are fewer cells with unlabeled
    rows than picks, the heaviest cell is split into a near and a far half, again and again. Rows of mass zero are drawn
    at random after all others. O(N D + m log m) for m unlabeled rows.
    """
    chance = ContentRandom(query.pool, query.seed)
    rows, mass = heavy(query)
    order = rows[np.lexsort((chance.keys[rows], cells.squared[rows], cells.index[rows]))]
    parts = np.split(order, np.flatnonzero(np.diff(cells.index[order])) + 1)
    units = _halved(parts, mass, min(query.budget, len(rows)))
    # the minimum of exponential waits with rates mass, in logarithms so that no mass is too small or too large
    wait = np.log((-np.log1p(-chance.numbers())).clip(1e-300)) - np.log(np.where(mass > 0, mass, 1))
    picks = np.array([unit[wait[unit].argmin()] for unit in units], np.int64)
    weight = np.array([mass[unit].sum() for unit in units])
    probability = mass[picks] / weight
    pick_of = np.full(len(mass), -1, np.int64)
    for position, unit in enumerate(units):
        pick_of[unit] = position
    light = chance.shuffled(np.setdiff1d(query.unlabeled, rows))
    if (more := query.budget - len(picks)) > 0:
        picks = np.concatenate([picks, light[:more]])
        weight = np.concatenate([weight, np.zeros(more)])
        probability = np.concatenate([probability, np.full(more, more / len(light))])
    points = query.pool.rows(picks)
    if len(light):
        pick_of[light] = nearest(query.pool.rows(light), points)[0].cpu().numpy()
    pick_of[picks] = np.arange(len(picks))
    return picks, pick_of, Sampling(weight / weight.sum(), collapse(to_numpy(points.double())), probability)


def _halved(parts: list[NDArray[np.int64]], mass: NDArray[np.float64], count: int) -> list[NDArray[np.int64]]:
    """Split the heaviest part of at least two rows until there are ``count`` parts; return them heaviest first."""
    heap = [(len(part) == 1, -float(mass[part].sum()), place, part) for place, part in enumerate(parts)]
    heapq.heapify(heap)
    for place in range(len(parts), count):
        _, _, old, part = heapq.heappop(heap)
        heights = np.cumsum(mass[part])
        cut = min(int(np.searchsorted(heights, heights[-1] / 2)) + 1, len(part) - 1)
        for half, name in ((part[:cut], old), (part[cut:], place)):
            heapq.heappush(heap, (len(half) == 1, -float(mass[half].sum()), name, half))
    return [entry[3] for entry in sorted(heap, key=lambda entry: entry[1:3])]
