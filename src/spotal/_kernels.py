"""Compiled loops over rows, on the CPU: each holds no lock, works in cache, and treats a row alike wherever it lies.

No sum here runs over more than one row but those that are taken in row order, so results do not depend on how rows are
cut into batches or shared among threads. The readable forms, in torch, stand beside those who call these and run on
other devices; tests compare the two. Imported when first needed: numba takes a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

__all__ = [
    "LANES",
    "WIDTH",
    "accumulate",
    "away",
    "bounds",
    "carry",
    "descend",
    "fold",
    "halve",
    "histogram",
    "probe",
    "project",
    "search",
]

WIDTH = 32
"""Coordinates of the space in which large pools are searched; fixed, so that loops over it unroll."""
LANES = 32
"""Centers that are compared at once."""
TILE = 64
"""Points that go through a frame together."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function, *freedoms: str) -> Function:
    """Compile at the first call and keep the code on disk. A product and a sum may round once: alike for every row."""
    options: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
    return cast(Function, njit(fastmath={"contract", *freedoms}, **options)(function))


def _regrouped(function: Function) -> Function:
    """As ``_compiled``; sums along a row are taken in several parts at once, the same parts for every row."""
    return _compiled(function, "reassoc")


def _inlined(function: Function) -> Function:
    return cast(Function, njit(nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")(function))


@_regrouped
def project(x: Any, shift: Any, directions: Any, y: Any, left: Any) -> None:
    """y (n, WIDTH) = (x - shift) directions^T, and the squared length of x - shift less that of y; float32 all.

    x (n, D), directions (WIDTH, D). Two rows by four directions at a time: eight sums that stay in registers.
    """
    n, width = x.shape
    moved = np.empty((2, width), np.float32)
    for i in range(0, n, 2):  # at the end of an odd number the last row twice
        rows = i, min(i + 1, n - 1)
        for r in range(2):
            whole = np.float32(0)
            for j in range(width):
                moved[r, j] = x[rows[r], j] - shift[j]
                whole += moved[r, j] * moved[r, j]
            left[rows[r]] = whole
        for k in range(0, WIDTH, 4):
            s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = np.float32(0)
            for j in range(width):
                a, b = moved[0, j], moved[1, j]
                p0, p1, p2, p3 = directions[k, j], directions[k + 1, j], directions[k + 2, j], directions[k + 3, j]
                s0 += a * p0
                s1 += a * p1
                s2 += a * p2
                s3 += a * p3
                t0 += b * p0
                t1 += b * p1
                t2 += b * p2
                t3 += b * p3
            y[rows[1], k], y[rows[1], k + 1], y[rows[1], k + 2], y[rows[1], k + 3] = t0, t1, t2, t3
            y[i, k], y[i, k + 1], y[i, k + 2], y[i, k + 3] = s0, s1, s2, s3
    for i in range(n):
        for k in range(WIDTH):
            left[i] -= y[i, k] * y[i, k]


@_compiled
def probe(y: Any, coarse: Any, half: Any, lists: Any) -> None:
    """lists (n, probes): numbers of the middles nearest to each row of y (n, WIDTH), the nearest first.

    coarse (G, WIDTH, LANES) and half (G, LANES): the middles and half their squared lengths.
    """
    near = np.empty(len(coarse) * LANES, np.float32)
    for i in range(len(y)):
        for g in range(len(coarse)):
            _products(y, i, coarse, half, g, near, g * LANES)
        for k in range(lists.shape[1]):
            chosen, most = 0, near[0]
            for other in range(1, len(near)):
                if near[other] > most:
                    chosen, most = other, near[other]
            lists[i, k] = chosen
            near[chosen] = -np.inf


@_compiled
def search(
    y: Any,
    lists: Any,
    points: Any,
    starts: Any,
    fine: Any,
    half: Any,
    member: Any,
    index: Any,
    squared: Any,
) -> None:
    """The nearest of the centers in a few lists to each row of y (n, WIDTH), and how far away it is.

    Row i looks into the lists of numbers lists[i], (probes,).
    index (n, several): the nearest center's number; with several, a power of two, that of the nearest in every lane,
    every (lane + several), and so on. squared (n,): the squared distance to the first; points (k, WIDTH): the centers.

    List k has the groups starts[k] .. starts[k + 1] of fine (groups, WIDTH, LANES), half and member (groups, LANES),
    the centers, half their squared lengths and their numbers. Ties go to the least number.
    """
    sums, best, whose = np.empty(LANES, np.float32), np.empty(LANES, np.float32), np.empty(LANES, np.int64)
    for i in range(len(y)):
        for lane in range(LANES):
            best[lane], whose[lane] = -np.inf, 0
        for probed in range(lists.shape[1]):
            chosen = lists[i, probed]
            for g in range(starts[chosen], starts[chosen + 1]):
                _products(y, i, fine, half, g, sums, 0)
                for lane in range(LANES):
                    value, number = sums[lane], member[g, lane]
                    better = value > best[lane] or (value == best[lane] and number < whose[lane])
                    best[lane] = value if better else best[lane]
                    whose[lane] = number if better else whose[lane]
        left = LANES
        while left > index.shape[1]:
            left //= 2
            for lane in range(left):
                value, number = best[lane + left], whose[lane + left]
                better = value > best[lane] or (value == best[lane] and number < whose[lane])
                best[lane] = value if better else best[lane]
                whose[lane] = number if better else whose[lane]
        for lane in range(left):
            index[i, lane] = whose[lane]
        away = np.float32(0)
        for k in range(WIDTH):
            away += (y[i, k] - points[index[i, 0], k]) ** 2
        squared[i] = away


@_regrouped
def away(x: Any, points: Any, index: Any, squared: Any) -> None:
    """squared (n,): squared distance of each row of x (n, D) to the nearest of those of points (k, D) that are named.

    index (n, several): their numbers. Sums are of single precision whatever that of the rows: rounded alike.
    """
    moved = np.empty(x.shape[1], np.float32)
    for i in range(len(x)):
        least = np.float32(np.inf)
        for chosen in index[i]:
            for j in range(x.shape[1]):
                moved[j] = x[i, j] - points[chosen, j]
            whole = np.float32(0)
            for j in range(x.shape[1]):
                whole += moved[j] * moved[j]
            least = min(least, whole)
        squared[i] = least


@_inlined
def _products(y: Any, i: int, groups: Any, half: Any, g: int, sums: Any, at: int) -> None:
    """sums (LANES,) from ``at`` on = row . center - half its squared length. Eight coordinates at once: few stores."""
    for lane in range(LANES):
        sums[at + lane] = -half[g, lane]
    for k in range(0, WIDTH, 8):
        a0, a1, a2, a3 = y[i, k], y[i, k + 1], y[i, k + 2], y[i, k + 3]
        a4, a5, a6, a7 = y[i, k + 4], y[i, k + 5], y[i, k + 6], y[i, k + 7]
        for lane in range(LANES):
            sums[at + lane] += (
                a0 * groups[g, k, lane]
                + a1 * groups[g, k + 1, lane]
                + a2 * groups[g, k + 2, lane]
                + a3 * groups[g, k + 3, lane]
                + a4 * groups[g, k + 4, lane]
                + a5 * groups[g, k + 5, lane]
                + a6 * groups[g, k + 6, lane]
                + a7 * groups[g, k + 7, lane]
            )


@_compiled
def accumulate(index: Any, weight: Any, y: Any, mass: Any, sums: Any) -> None:
    """Add each row's weight to its cell's mass (k,) and weight x row to its cell's sums (k, d), in row order."""
    for i in range(len(index)):
        cell, w = index[i], weight[i]
        mass[cell] += w
        for k in range(y.shape[1]):
            sums[cell, k] += w * y[i, k]


@_compiled
def fold(index: Any, key: Any, row: Any, best_key: Any, best_row: Any) -> None:
    """Keep the rows of greatest key in each cell: best_key, best_row (k, depth), best first, ties to the least row."""
    depth = best_key.shape[1]
    for i in range(len(index)):
        cell, value, number = index[i], key[i], row[i]
        place = depth
        while place > 0:
            other, rival = best_row[cell, place - 1], best_key[cell, place - 1]
            if other >= 0 and (value < rival or (value == rival and number > other)):
                break
            place -= 1
        if place < depth:
            for k in range(depth - 1, place, -1):
                best_key[cell, k], best_row[cell, k] = best_key[cell, k - 1], best_row[cell, k - 1]
            best_key[cell, place], best_row[cell, place] = value, number


@_compiled
def halve(cloud: Any, weight: Any, design: Any, axis: Any, threshold: Any, beyond: Any) -> None:
    """Fill in the nodes (2n - 1,) of a tree that cuts a cloud (s, d) with weights (s,) by a design (n, d).

    What ``axis``, ``threshold`` and ``beyond`` mean, and how cuts are chosen: :class:`spotal.selection.tree.CutTree`.
    """
    dim = design.shape[1]
    points, rows = np.arange(len(design)), np.arange(len(cloud))
    boxes, spans = np.empty((64, 2, dim)), np.empty((64, 5), np.int64)  # of the nodes that wait: few for each level
    boxes[0, 0], boxes[0, 1] = 0, 1
    spans[0, 0], spans[0, 1], spans[0, 2], spans[0, 3], spans[0, 4] = 0, 0, len(design), 0, len(cloud)
    waiting = 1
    while waiting > 0:
        waiting -= 1
        box = boxes[waiting].copy()
        node, first, last, begin, end = spans[waiting]
        if last - first == 1:
            beyond[node] = points[first]
            continue
        k = (box[1] - box[0]).argmax()
        half = (last - first) // 2
        own = points[first:last]
        own[:] = own[np.argsort(design[:, k][own], kind="mergesort")]
        mine = rows[begin:end]
        mine[:] = mine[np.argsort(cloud[:, k][mine], kind="mergesort")]
        if end > begin:
            below = np.cumsum(weight[mine])
            place = np.searchsorted(below, half / (last - first) * below[-1])
            at = cloud[mine[min(place + 1, end - begin - 1)], k]
        else:  # amid the design
            at = np.float32((design[own[half - 1], k] + design[own[half], k]) / 2)
        cut = begin + np.searchsorted(cloud[:, k][mine], at)
        axis[node], threshold[node], beyond[node] = k, at, node + 2 * half
        inside = min(max(np.float64(at), box[0, k]), box[1, k])
        for side in range(2):  # the upper part, whose lower bound is the cut, then the lower part
            boxes[waiting] = box
            boxes[waiting, side, k] = inside
            spans[waiting, 0] = node + 1 if side else node + 2 * half
            spans[waiting, 1], spans[waiting, 2] = (first, first + half) if side else (first + half, last)
            spans[waiting, 3], spans[waiting, 4] = (begin, cut) if side else (cut, end)
            waiting += 1


@_compiled
def descend(x: Any, axis: Any, threshold: Any, beyond: Any, index: Any) -> None:
    """index (n,): the leaf of a cut tree that each row of x (n, d) falls into."""
    for i in range(len(x)):
        node = 0
        while axis[node] >= 0:
            node = node + 1 if x[i, axis[node]] < threshold[node] else beyond[node]
        index[i] = beyond[node]


@_compiled
def bounds(z: Any, low: Any, high: Any) -> None:
    """low, high (k,): least and greatest of each column of z (n, k)."""
    low[:], high[:] = z[0], z[0]
    for i in range(1, len(z)):
        for k in range(z.shape[1]):
            low[k], high[k] = min(low[k], z[i, k]), max(high[k], z[i, k])


@_compiled
def histogram(z: Any, weight: Any, low: Any, per_unit: Any, held: Any) -> None:
    """Add the weight (n,) of each row of z (n, k) to its bin in each column of held (k, bins), in row order."""
    last = held.shape[1] - 1
    for i in range(len(z)):
        for k in range(z.shape[1]):
            held[k, min(max(int((z[i, k] - low[k]) * per_unit[k]), 0), last)] += weight[i]


@_inlined
def _combine(weights: Any, rows: Any, into: Any) -> None:
    """into (TILE,) = weights (d,) rows (d, TILE), four rows at a time: what is summed stays in registers."""
    whole = len(weights) // 4 * 4
    into[:] = 0
    for j in range(0, whole, 4):
        a, b, c, d = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for i in range(TILE):
            into[i] += a * rows[j, i] + b * rows[j + 1, i] + c * rows[j + 2, i] + d * rows[j + 3, i]
    for j in range(whole, len(weights)):
        a = weights[j]
        for i in range(TILE):
            into[i] += a * rows[j, i]


@_compiled
def carry(x: Any, frame: Any, low: Any, step: Any, table: Any) -> None:
    """Move points x (n, d) along the columns of a square frame (d, d) by tables looked up by position, in place."""
    n, dim = x.shape
    last = np.int32(table.shape[1] - 1)
    zero, most = x.dtype.type(0), x.dtype.type(last)
    points, z = np.zeros((dim, TILE), x.dtype), np.empty((dim, TILE), x.dtype)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        for i in range(size):
            for j in range(dim):
                points[j, i] = x[start + i, j]
        for k in range(dim):
            _combine(frame[:, k], points, z[k])
            first, by, per = low[k], step[k], 1 / step[k]
            reached = table[k]
            for i in range(TILE):  # whole tiles and short integers: looked up several at once
                t = (z[k, i] - first) * per
                inside = min(max(t, zero), most)
                at = min(np.int32(inside), last - np.int32(1))
                left = reached[at]
                z[k, i] = left + (reached[at + 1] - left) * (inside - at) + (t - inside) * by
        for j in range(dim):
            _combine(frame[j], z, points[j])
        for i in range(size):
            for j in range(dim):
                x[start + i, j] = points[j, i]
