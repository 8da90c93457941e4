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

__all__ = ["LANES", "WIDTH", "accumulate", "bounds", "carry", "descend", "fold", "histogram", "project", "search"]

WIDTH = 32
"""Coordinates of the space in which large pools are searched; fixed, so that loops over it unroll."""
LANES = 32
"""Centers that are compared at once."""
TILE = 64
"""Points that go through a frame together."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """Compile at the first call and keep the code on disk. A product and a sum may round once: alike for every row."""
    options: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract"}}
    return cast(Function, njit(**options)(function))


def _inlined(function: Function) -> Function:
    return cast(Function, njit(nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")(function))


@_compiled
def project(x: Any, shift: Any, axes: Any, y: Any, left: Any) -> None:
    """y (n, WIDTH) = (x - shift) axes, and the squared length of x - shift less that of y; float32 all, x (n, D)."""
    n, width = x.shape
    for i in range(0, n, 4):  # four rows at a time; at the end the last one again
        i1, i2, i3 = min(i + 1, n - 1), min(i + 2, n - 1), min(i + 3, n - 1)
        sums = np.zeros((4, WIDTH), np.float32)
        s0 = s1 = s2 = s3 = np.float32(0)
        for j in range(width):
            a0, a1, a2, a3 = x[i, j] - shift[j], x[i1, j] - shift[j], x[i2, j] - shift[j], x[i3, j] - shift[j]
            s0 += a0 * a0
            s1 += a1 * a1
            s2 += a2 * a2
            s3 += a3 * a3
            for k in range(WIDTH):
                p = axes[j, k]
                sums[0, k] += a0 * p
                sums[1, k] += a1 * p
                sums[2, k] += a2 * p
                sums[3, k] += a3 * p
        for k in range(WIDTH):
            y[i3, k], y[i2, k], y[i1, k], y[i, k] = sums[3, k], sums[2, k], sums[1, k], sums[0, k]
            s0 -= sums[0, k] * sums[0, k]
            s1 -= sums[1, k] * sums[1, k]
            s2 -= sums[2, k] * sums[2, k]
            s3 -= sums[3, k] * sums[3, k]
        left[i3], left[i2], left[i1], left[i] = s3, s2, s1, s0


@_compiled
def search(
    y: Any,
    points: Any,
    coarse: Any,
    coarse_half: Any,
    starts: Any,
    fine: Any,
    fine_half: Any,
    member: Any,
    probes: int,
    index: Any,
    squared: Any,
) -> None:
    """The nearest of the centers in the ``probes`` lists nearest to each row of y (n, WIDTH), and how far away it is.

    index, squared (n,): its number and the squared distance; points (k, WIDTH): the centers.

    coarse (G, WIDTH, LANES) and coarse_half (G, LANES): the lists' middles and half their squared lengths; list k has
    the groups starts[k] .. starts[k + 1] of fine, fine_half and member, the centers and their numbers. Ties go to the
    least number.
    """
    count = len(starts) - 1
    near = np.empty(len(coarse) * LANES, np.float32)
    sums = np.empty(LANES, np.float32)
    for i in range(len(y)):
        row = y[i]
        for g in range(len(coarse)):
            _products(row, coarse[g], coarse_half[g], sums)
            near[g * LANES : (g + 1) * LANES] = sums
        best = np.float32(-np.inf)
        best_member = np.int64(0)
        for _ in range(min(probes, count)):
            chosen = 0
            for k in range(1, count):
                if near[k] > near[chosen]:
                    chosen = k
            near[chosen] = -np.inf
            for g in range(starts[chosen], starts[chosen + 1]):
                _products(row, fine[g], fine_half[g], sums)
                for lane in range(LANES):
                    value = sums[lane]
                    if value > best or (value == best and member[g, lane] < best_member):
                        best, best_member = value, member[g, lane]
        index[i] = best_member
        away = np.float32(0)
        for k in range(WIDTH):
            away += (row[k] - points[best_member, k]) ** 2
        squared[i] = away


@_inlined
def _products(row: Any, group: Any, half: Any, sums: Any) -> None:
    """sums (LANES,) = row . center - half its squared length. Eight coordinates at once: sums stay in registers."""
    for lane in range(LANES):
        sums[lane] = -half[lane]
    for k in range(0, WIDTH, 8):
        a0, a1, a2, a3 = row[k], row[k + 1], row[k + 2], row[k + 3]
        a4, a5, a6, a7 = row[k + 4], row[k + 5], row[k + 6], row[k + 7]
        for lane in range(LANES):
            sums[lane] += (
                a0 * group[k, lane]
                + a1 * group[k + 1, lane]
                + a2 * group[k + 2, lane]
                + a3 * group[k + 3, lane]
                + a4 * group[k + 4, lane]
                + a5 * group[k + 5, lane]
                + a6 * group[k + 6, lane]
                + a7 * group[k + 7, lane]
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


@_compiled
def carry(x: Any, frame: Any, low: Any, step: Any, table: Any) -> None:
    """Move points x (n, d) along the columns of a square frame (d, d) by tables looked up by position, in place."""
    n, dim = x.shape
    last = table.shape[1] - 1
    points, z = np.empty((dim, TILE), x.dtype), np.empty((dim, TILE), x.dtype)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        for i in range(size):
            for j in range(dim):
                points[j, i] = x[start + i, j]
        for k in range(dim):
            z[k, :] = 0
            for j in range(dim):
                r = frame[j, k]
                for i in range(TILE):
                    z[k, i] += r * points[j, i]
            for i in range(size):
                t = (z[k, i] - low[k]) / step[k]
                inside = min(max(t, x.dtype.type(0)), x.dtype.type(last))
                at = min(int(inside), last - 1)
                left = table[k, at]
                z[k, i] = left + (table[k, at + 1] - left) * (inside - at) + (t - inside) * step[k]
        for j in range(dim):
            points[j, :] = 0
            for k in range(dim):
                r = frame[j, k]
                for i in range(TILE):
                    points[j, i] += r * z[k, i]
        for i in range(size):
            for j in range(dim):
                x[start + i, j] = points[j, i]
