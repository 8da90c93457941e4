"""One random row of each cell, with known probability."""

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
    """Picks, the pick that stands for each row, and how they were sampled.

    Of each cell one unlabeled row, with probability its share of the cell's mass, the caller's. Cells without a row to
    draw have none; so that there are as many as picks, the heaviest that has two rows
    is halved, rows near its center from those far, until there are. Rows of mass zero count nothing in any mean: they
    come, at random, where the others run out. O(N D + m log m) for m unlabeled rows.
    """
    chance = ContentRandom(query.pool, query.seed)
    rows, mass = heavy(query)
    order = rows[np.lexsort((chance.keys[rows], cells.squared[rows], cells.index[rows]))]
    parts = np.split(order, np.flatnonzero(np.diff(cells.index[order])) + 1)
    units = _halved(parts, mass, min(query.budget, len(rows)))
    # the least of exponential waits of rates mass, in logarithms so that no mass is too small or too great
    wait = np.log((-np.log1p(-chance.numbers())).clip(1e-300)) - np.log(np.where(mass > 0, mass, 1))
    picks = np.array([unit[wait[unit].argmin()] for unit in units], np.int64)
    weight = np.array([mass[unit].sum() for unit in units])
    probability = mass[picks] / weight
    stands = np.full(len(mass), -1, np.int64)
    for position, unit in enumerate(units):
        stands[unit] = position
    light = chance.shuffled(np.setdiff1d(query.unlabeled, rows))
    if (more := query.budget - len(picks)) > 0:
        picks = np.concatenate([picks, light[:more]])
        weight = np.concatenate([weight, np.zeros(more)])
        probability = np.concatenate([probability, np.full(more, more / len(light))])
    points = query.pool.rows(picks)
    if len(light):
        stands[light] = nearest(query.pool.rows(light), points)[0].cpu().numpy()
    stands[picks] = np.arange(len(picks))
    return picks, stands, Sampling(weight / weight.sum(), collapse(to_numpy(points.double())), probability)


def _halved(parts: list[NDArray[np.int64]], mass: NDArray[np.float64], count: int) -> list[NDArray[np.int64]]:
    """``count`` parts, heaviest first, from fewer: the heaviest of two rows or more is halved, again and again."""
    heap = [(len(part) == 1, -float(mass[part].sum()), place, part) for place, part in enumerate(parts)]
    heapq.heapify(heap)
    for place in range(len(parts), count):
        _, _, old, part = heapq.heappop(heap)
        heights = np.cumsum(mass[part])
        cut = int(np.searchsorted(heights, heights[-1] / 2)) + 1
        cut = min(cut, len(part) - 1)
        for half, name in ((part[:cut], old), (part[cut:], place)):
            heapq.heappush(heap, (len(half) == 1, -float(mass[half].sum()), name, half))
    return [entry[3] for entry in sorted(heap, key=lambda entry: entry[1:3])]
