"""Compiled loops over rows on the CPU, which run without Python's lock.

Sums over several rows are taken in row order, so results do not depend on batches or threads. The callers have torch
versions of these loops for other devices, and tests compare both. Imported on first use, since numba takes a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from spotal.numeric.compiling import compiled
from spotal.numeric.shapes import Floats, Integers

__all__ = [
    "LANES",
    "WIDTH",
    "apply_frame",
    "bounds",
    "histogram",
    "min_squared_distance",
    "probe",
    "project",
    "search",
]

WIDTH = 32
"""Dimension of the space in which many picks are searched; fixed, so that loops over it unroll."""
LANES = 32
"""Centers compared at once."""
TILE = 64
"""Points that pass through a frame together."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function, *freedoms: str) -> Function:
    """Compile with fused multiply-add, the same for every row."""
    return compiled(function, fastmath={"contract", *freedoms})


def _regrouped(function: Function) -> Function:
    """Compile as ``_compiled`` does, with sums along a row in several parts, the same for every row."""
    return _compiled(function, "reassoc")


def _inlined(function: Function) -> Function:
    return cast(Function, njit(nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")(function))


@_regrouped
def project(x: Floats, shift: Floats, directions: Floats, y: Floats) -> None:
    """Write y (n, WIDTH) = (x - shift) directions^T for x (n, D), directions (WIDTH, D); all float32.

    Two rows by four directions at a time: eight sums stay in registers.
    """
    n, width = x.shape
    moved = np.empty((2, width), np.float32)
    for i in range(0, n, 2):  # the last row twice if n is odd
        rows = i, min(i + 1, n - 1)
        for r in range(2):
            for j in range(width):
                moved[r, j] = x[rows[r], j] - shift[j]
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


@_compiled
def probe(y: Floats, coarse: Floats, half: Floats, lists: Integers) -> None:
    """Write lists (n, probes): the centroids nearest to each row of y (n, WIDTH), nearest first.

    coarse (G, WIDTH, LANES) and half (G, LANES) : the centroids and half their squared lengths.
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
    y: Floats, lists: Integers, starts: Integers, fine: Floats, half: Floats, member: Integers, index: Integers
) -> None:
    """Write index (n,): the nearest center to each row i of y (n, WIDTH) among the centers in lists[i], (probes,).

    List k has the groups starts[k] .. starts[k + 1] of fine (groups, WIDTH, LANES), half and member (groups, LANES) :
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
        for lane in range(1, LANES):
            if best[lane] > best[0] or (best[lane] == best[0] and whose[lane] < whose[0]):
                best[0], whose[0] = best[lane], whose[lane]
        index[i] = whose[0]


@_regrouped
def min_squared_distance(x: Floats, points: Floats, index: Integers, squared: Floats) -> None:
    """Write squared (n,): squared distance of each row of x (n, D) to the nearest of points[index[i]].

    points (k, D), index (n, several). Sums have single precision for rows of any precision.
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
    """Write sums[at : at + LANES] = row . center - half its squared length, eight coordinates at once."""
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
def bounds(z: Floats, low: Floats, high: Floats) -> None:
    """Write low and high (k,): least and greatest value of each column of z (n, k)."""
    low[:], high[:] = z[0], z[0]
    for i in range(1, len(z)):
        for k in range(z.shape[1]):
            low[k], high[k] = min(low[k], z[i, k]), max(high[k], z[i, k])


@_compiled
def histogram(z: Floats, weight: Floats, low: Floats, per_unit: Floats, total: Floats) -> None:
    """Add the weight (n,) of each row of z (n, k) to the two knots around it in total (k, knots), in row order.

    The nearer knot gets more: total is continuous in z, so that rounding of z is not magnified.
    """
    last = total.shape[1] - 1
    for i in range(len(z)):
        for k in range(z.shape[1]):
            t = min(max((z[i, k] - low[k]) * per_unit[k], 0.0), float(last))
            at = min(int(t), last - 1)
            second = weight[i] * (t - at)
            total[k, at] += weight[i] - second
            total[k, at + 1] += second


@_inlined
def _combine(weights: Any, rows: Any, into: Any) -> None:
    """Write into (TILE,) = weights (d,) rows (d, TILE), four rows at a time, with sums in registers."""
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
def apply_frame(x: Floats, frame: Floats, low: Floats, step: Floats, table: Floats) -> None:
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
            for i in range(TILE):  # whole tiles and 32-bit integers, so that several are looked up at once
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
