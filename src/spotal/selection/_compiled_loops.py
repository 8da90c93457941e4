"""Compiled loops of coverage on a neighbor graph. Imported when first needed: numba takes a moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from spotal.numeric.compiling import compiled
from spotal.numeric.shapes import Flags, Floats, Integers

__all__ = ["cover", "gains", "keys_below", "measure_reach", "take_greedily", "turn_round", "unpack"]


@compiled
def keys_below(values: Integers, bound: Integers, keys: Integers, count: Integers) -> None:
    """Write a key for each value of a row that is at most the row's bound. count (m,) : number of such values.

    A key is the bits of the value, then its position, so keys sort by value and then by position. Values without room
    in ``keys`` (m, room) are counted only. Unused room holds the greatest key.

    Parameters
    ----------
    values : int32 (m, n), the bits of float32 values, none of them nan; bound : int32 (m,), the bits of float32
    keys : int64 (m, room)
    """
    m, n = values.shape
    room = keys.shape[1]
    below, place = np.empty(n, np.bool_), np.empty(n, np.int32)
    for i in range(m):
        limit = bound[i] ^ ((bound[i] >> 31) & 0x7FFFFFFF)  # bits that sort as the numbers do
        for j in range(n):
            below[j] = (values[i, j] ^ ((values[i, j] >> 31) & 0x7FFFFFFF)) <= limit
        matches = 0
        for j in range(n):  # without a branch: which values lie below cannot be predicted
            place[matches] = j
            matches += below[j]
        kept = min(matches, room)
        for e in range(kept):
            value = values[i, place[e]]
            keys[i, e] = (np.int64(value ^ ((value >> 31) & 0x7FFFFFFF)) << 32) | place[e]
        for e in range(kept, room):
            keys[i, e] = np.iinfo(np.int64).max
        count[i] = matches


@compiled
def unpack(keys: Integers, half: Floats, others: Integers, near: Integers, squared: Floats) -> None:
    """Write the rows and squared distances (m, k) that keys (m, k) stand for.

    Parameters
    ----------
    keys : of the values -(product of a row and another) + half of the other's squared length, by ``keys_below``
    half : float32 (m,), half the squared length of each row; others : int64 (n,), number of each other row
    """
    m, k = keys.shape
    bits = np.empty(k, np.int32)
    values = bits.view(np.float32)
    for i in range(m):
        for e in range(k):
            near[i, e] = others[keys[i, e] & 0xFFFFFFFF]
            bits[e] = keys[i, e] >> 32
        for e in range(k):
            bits[e] ^= (bits[e] >> 31) & 0x7FFFFFFF
        for e in range(k):
            squared[i, e] = max((values[e] + half[i]) * np.float32(2), np.float32(0))


@compiled
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
    """Write reach (s,): squared distance at which a row's neighbors, without itself, hold the mass ``within``.

    At least ``least`` neighbors count, and at most all in the graph. count (s,) : 1 for the row itself, plus the number
    of neighbors that hold the mass ``around``, at least ``most``.
    """
    size, k = near.shape
    for x in range(size):
        total, j = 0.0, 0
        while j < k - 1 and (total < within or j < least):
            j += 1
            total += mass[near[x, j]]
        reach[x] = squared[x, j]
        while j < k - 1 and (total < around or j < most):
            j += 1
            total += mass[near[x, j]]
        count[x] = j + 1


@compiled
def turn_round(near: Integers, squared: Floats, count: Integers, start: Integers, row: Integers, away: Floats) -> None:
    """Invert the graph: row[start[c] : start[c + 1]] are the rows that have c among their neighbors.

    away : their squared distances to c
    """
    size = len(near)
    for x in range(size):
        for j in range(count[x]):
            start[near[x, j] + 1] += 1
    for c in range(size):
        start[c + 1] += start[c]
    at = start[:-1].copy()
    for x in range(size):
        for j in range(count[x]):
            c = near[x, j]
            row[at[c]], away[at[c]] = x, squared[x, j]
            at[c] += 1


@compiled
def cover(c: int, start: Integers, row: Integers, degree: Floats, covered: Floats) -> None:
    """Raise the coverage of the rows around the new center c."""
    for e in range(start[c], start[c + 1]):
        covered[row[e]] = max(covered[row[e]], degree[e])


@compiled
def _gain(c: int, start: Any, row: Any, degree: Any, weight: Any, covered: Any) -> float:
    rows, degrees = row[start[c] : start[c + 1]], degree[start[c] : start[c + 1]]
    gain = 0.0
    for e in range(len(rows)):  # without a branch: which rows gain cannot be predicted
        gain += weight[rows[e]] * max(degrees[e] - covered[rows[e]], 0.0)
    return gain


@compiled
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
    """Write bound (m,): the gain in coverage of each candidate per unit of its price."""
    for i in range(len(candidates)):
        bound[i] = _gain(candidates[i], start, row, degree, weight, covered) / price[i]


@compiled
def _sift(heap: Any, size: int, bound: Any) -> None:
    """Move the head of a heap down to its place: greatest bound first, ties by least number."""
    place, item = 0, heap[0]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size:
            a, b = heap[child], heap[child + 1]
            if bound[b] > bound[a] or (bound[b] == bound[a] and b < a):
                child += 1
        other = heap[child]
        if bound[other] < bound[item] or (bound[other] == bound[item] and other > item):
            break
        heap[place] = other
        place = child
    heap[place] = item


@compiled
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
    """Write picks, positions among the candidates, each of greatest gain. Return their number.

    A bound computed after the last pick is a gain: its row is taken. An older bound is computed again, and the row goes
    back into the heap. Candidates that are not open are removed.
    """
    size, taken, count = state[0], state[1], 0
    while count < len(picks) and size > 0:
        best = heap[0]
        if bound[best] <= 0:
            break
        if open_[best] and seen[best] < taken:
            bound[best] = _gain(candidates[best], start, row, degree, weight, covered) / price[best]
            seen[best] = taken
        else:
            if open_[best]:
                picks[count] = best
                count += 1
                taken += 1
                cover(candidates[best], start, row, degree, covered)
            size -= 1
            heap[0] = heap[size]
        if size > 0:
            _sift(heap, size, bound)
    state[0], state[1] = size, taken
    return count
