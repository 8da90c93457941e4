"""The loops of ``_compiled_loops`` in NumPy and Python, for graphs of few edges, with the same results bit for bit.

Numbers are added in the same order: ``np.cumsum`` and ``np.bincount`` add one after the other, as a loop does, and
``np.sum`` does not.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

__all__ = ["cover", "degrees", "gains", "keys_below", "measure_reach", "take_greedily", "turn_round"]

FEWEST = 16
"""Candidates whose gains are found anew at once, at first; twice as many each time until one is taken."""


def keys_below(values: Any, bound: Any, keys: Any, count: Any) -> None:
    """As in ``_compiled_loops``."""
    room = keys.shape[1]
    keys[:] = np.iinfo(np.int64).max
    for i, (row, most) in enumerate(zip(values, bound, strict=True)):
        bits = row ^ ((row >> 31) & 0x7FFFFFFF)
        place = np.flatnonzero(bits <= (most ^ ((most >> 31) & 0x7FFFFFFF)))
        count[i] = len(place)
        place = place[:room]
        keys[i, : len(place)] = (bits[place].astype(np.int64) << 32) | place


def measure_reach(
    near: Any, squared: Any, mass: Any, within: float, around: float, least: int, most: int, reach: Any, count: Any
) -> None:
    """As in ``_compiled_loops``."""
    size, k = near.shape
    held = np.zeros((size, k))
    np.cumsum(mass[near[:, 1:]], axis=1, out=held[:, 1:])
    last = np.minimum(np.maximum((held < within).sum(1), least), k - 1)
    reach[:] = squared[np.arange(size), last]
    last = np.maximum(last, np.minimum(np.maximum((held < around).sum(1), most), k - 1))
    count[:] = last + 1


def turn_round(near: Any, squared: Any, count: Any, start: Any, row: Any, away: Any) -> None:
    """As in ``_compiled_loops``."""
    size, k = near.shape
    chosen = np.arange(k) < count[:, None]
    ends = near[chosen]
    order = np.argsort(ends.astype(np.uint16) if size <= 1 << 16 else ends, kind="stable")
    start[1:] = np.cumsum(np.bincount(ends, minlength=size))
    row[:] = np.repeat(np.arange(size), count)[order]
    away[:] = squared[chosen][order]


def degrees(row: Any, reach: Any, away: Any) -> None:
    """As in ``_compiled_loops``."""
    exponents = -away / reach[row]
    away[:] = np.fromiter(map(math.exp, exponents.tolist()), np.float64, len(row))  # NumPy's exp rounds otherwise


def cover(c: int, start: Any, row: Any, degree: Any, covered: Any) -> None:
    """As in ``_compiled_loops``."""
    edges = slice(start[c], start[c + 1])
    rows = row[edges]
    covered[rows] = np.maximum(covered[rows], degree[edges])


def gains(
    candidates: Any, price: Any, start: Any, row: Any, degree: Any, weight: Any, covered: Any, bound: Any
) -> None:
    """As in ``_compiled_loops``."""
    bound[:] = _gains(candidates, start, row, degree, weight, covered) / price


def take_greedily(
    candidates: Any,
    price: Any,
    open_: Any,
    heap: Any,
    bound: Any,
    seen: Any,
    state: Any,
    start: Any,
    row: Any,
    degree: Any,
    weight: Any,
    covered: Any,
    picks: Any,
) -> int:
    """As in ``_compiled_loops``; gains are found anew for several candidates at once, which gives the same picks."""
    taken, count, many = int(state[1]), 0, FEWEST
    queue = [(-bound[item], item) for item in heap[: state[0]].tolist()]
    heapify(queue)
    while count < len(picks) and queue:
        worth, best = queue[0]
        if worth >= 0:
            break
        if open_[best] and seen[best] < taken:
            some = np.asarray([heappop(queue)[1] for _ in range(min(many, len(queue)))])
            bound[some] = _gains(candidates[some], start, row, degree, weight, covered) / price[some]
            seen[some] = taken
            for item in zip((-bound[some]).tolist(), some.tolist(), strict=True):
                heappush(queue, item)
            many *= 2
        else:
            heappop(queue)
            if open_[best]:
                picks[count] = best
                count += 1
                taken += 1
                many = FEWEST
                cover(candidates[best], start, row, degree, covered)
    heap[: len(queue)] = [item for _, item in queue]
    state[0], state[1] = len(queue), taken
    return count


def _gains(centers: Any, start: Any, row: Any, degree: Any, weight: Any, covered: Any) -> Any:
    """What each of these rows would add to the coverage."""
    first, sizes = start[centers], np.diff(start)[centers]
    edges = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    rows = row[edges]
    more = np.maximum(degree[edges] - covered[rows], 0.0)
    return np.bincount(np.repeat(np.arange(len(centers)), sizes), weight[rows] * more, len(centers))
