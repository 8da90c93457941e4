"""The loops of ``_compiled_loops`` in NumPy and Python, for graphs of few edges, with the same results bit for bit.

Numbers are added in the same order: ``np.cumsum`` and ``np.bincount`` add one after the other, as a loop does;
``np.sum`` does not.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from spotal.numeric.shapes import Flags, Floats, Integers

__all__ = ["cover", "gains", "keys_below", "measure_reach", "take_greedily", "turn_round", "unpack"]

FEWEST = 16
"""Candidates whose gains are computed at once, at first; the number doubles until one is taken."""


def keys_below(values: Integers, bound: Integers, keys: Integers, count: Integers) -> None:
    room = keys.shape[1]
    keys[:] = np.iinfo(np.int64).max
    for i, (row, limit) in enumerate(zip(values, bound, strict=True)):
        bits = row ^ ((row >> 31) & 0x7FFFFFFF)
        place = np.flatnonzero(bits <= (limit ^ ((limit >> 31) & 0x7FFFFFFF)))
        count[i] = len(place)
        place = place[:room]
        keys[i, : len(place)] = (bits[place].astype(np.int64) << 32) | place


def unpack(keys: Integers, half: Floats, others: Integers, near: Integers, squared: Floats) -> None:
    near[:] = others[keys & 0xFFFFFFFF]
    bits = (keys >> 32).astype(np.int32)
    bits ^= (bits >> 31) & 0x7FFFFFFF
    np.maximum((bits.view(np.float32) + half[:, None]) * np.float32(2), 0, out=squared)


def measure_reach(
    near: Integers,
    squared: Floats,
    mass: Floats,
    within: float,
    around: float,
    least: int,
    most: int,
    reach: Floats,
    count: Integers,
) -> None:
    size, k = near.shape
    total = np.zeros((size, k))
    np.cumsum(mass[near[:, 1:]], axis=1, out=total[:, 1:])
    last = np.minimum(np.maximum((total < within).sum(1), least), k - 1)
    reach[:] = squared[np.arange(size), last]
    last = np.maximum(last, np.minimum(np.maximum((total < around).sum(1), most), k - 1))
    count[:] = last + 1


def turn_round(near: Integers, squared: Floats, count: Integers, start: Integers, row: Integers, away: Floats) -> None:
    size, k = near.shape
    chosen = np.arange(k) < count[:, None]
    ends = near[chosen]
    order = np.argsort(ends.astype(np.uint16) if size <= 1 << 16 else ends, kind="stable")
    start[1:] = np.cumsum(np.bincount(ends, minlength=size))
    row[:] = np.repeat(np.arange(size), count)[order]
    away[:] = squared[chosen][order]


def cover(c: int, start: Integers, row: Integers, degree: Floats, covered: Floats) -> None:
    edges = slice(start[c], start[c + 1])
    rows = row[edges]
    covered[rows] = np.maximum(covered[rows], degree[edges])


def gains(
    candidates: Integers,
    price: Floats,
    start: Integers,
    row: Integers,
    degree: Floats,
    weight: Floats,
    covered: Floats,
    bound: Floats,
) -> None:
    bound[:] = _gains(candidates, start, row, degree, weight, covered) / price


def take_greedily(
    candidates: Integers,
    price: Floats,
    open_: Flags,
    heap: Integers,
    bound: Floats,
    seen: Integers,
    state: Integers,
    start: Integers,
    row: Integers,
    degree: Floats,
    weight: Floats,
    covered: Floats,
    picks: Integers,
) -> int:
    """As in ``_compiled_loops``; gains of several candidates are computed at once, which gives the same picks."""
    taken, count, batch = int(state[1]), 0, FEWEST
    queue = [(-bound[item], item) for item in heap[: state[0]].tolist()]
    heapify(queue)
    while count < len(picks) and queue:
        worth, best = queue[0]
        if worth >= 0:
            break
        if open_[best] and seen[best] < taken:
            rows = np.asarray([heappop(queue)[1] for _ in range(min(batch, len(queue)))])
            bound[rows] = _gains(candidates[rows], start, row, degree, weight, covered) / price[rows]
            seen[rows] = taken
            for item in zip((-bound[rows]).tolist(), rows.tolist(), strict=True):
                heappush(queue, item)
            batch *= 2
        else:
            heappop(queue)
            if open_[best]:
                picks[count] = best
                count += 1
                taken += 1
                batch = FEWEST
                cover(candidates[best], start, row, degree, covered)
    heap[: len(queue)] = [item for _, item in queue]
    state[0], state[1] = len(queue), taken
    return count


def _gains(
    centers: Integers, start: Integers, row: Integers, degree: Floats, weight: Floats, covered: Floats
) -> Floats:
    """Return the gain in coverage of each of these rows."""
    first, sizes = start[centers], np.diff(start)[centers]
    edges = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    rows = row[edges]
    more = np.maximum(degree[edges] - covered[rows], 0.0)
    center = np.repeat(np.arange(len(centers)), sizes)
    return np.asarray(np.bincount(center, weight[rows] * more, len(centers)), np.float64)
