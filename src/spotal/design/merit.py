"""Measures of how evenly points fill the cube, and of how well picks cover a cloud."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.design._nearest import nearest_blocks
from spotal.design.base import check_unit
from spotal.errors import InputError
from spotal.numeric.arrays import check_matrix, to_numpy
from spotal.numeric.checks import check_count

__all__ = ["MERIT_POINTS", "discrepancy", "fill_distance", "separation"]

MERIT_POINTS = 4_096
"""Number of points above which callers leave discrepancies out, since they cost O(n^2 d)."""

Method = Literal["centered", "wraparound", "mixture", "L2-star"]
METHODS = {"centered": "CD", "wraparound": "WD", "mixture": "MD", "L2-star": "L2-star"}


def discrepancy(points: ArrayLike, method: Method = "mixture") -> float:
    """Return the discrepancy of points in [0,1]^d: lower is more even. Compare values only at equal n and d.

    Parameters
    ----------
    points : array-like of float, shape (n, d), in [0,1]^d, n >= 1
    method : {"centered", "wraparound", "mixture", "L2-star"}
        As in scipy, the first three are squared and "L2-star" is not.

    Raises
    ------
    InputError
        points are not such an array, or the method is unknown.

    Notes
    -----
    Cost O(n^2 d) time and no memory beyond the points (``scipy.stats.qmc.discrepancy``, compiled).

    References
    ----------
    Hickernell (1998), A generalized discrepancy and quadrature error bound, Math. Comp. 67 (centered). Hickernell
    (1998), Lattice rules: how well do they measure up? (wrap-around). Zhou, Fang and Ning (2013), Mixture discrepancy
    for quasi-random point sets, J. Complexity 29. Warnock (1972), Computational investigations of low-discrepancy
    point sets (L2-star).

    Examples
    --------
    >>> from spotal.design import Sobol, discrepancy
    >>> even, corner = Sobol().points(16, 2, random_state=0), Sobol().points(16, 2, random_state=0) / 4
    >>> bool(discrepancy(even) < discrepancy(corner))
    True
    """
    if method not in METHODS:
        raise InputError("method", f"is {method!r}, which is unknown", f"pass one of {', '.join(METHODS)}")
    checked = check_unit(points, "points")
    if len(checked) == 0:
        raise InputError("points", "has no rows", "pass at least one point")
    from scipy.stats import qmc

    return float(qmc.discrepancy(checked, method=METHODS[method]))


def separation(points: ArrayLike) -> float:
    """Return the minimum distance between two of the points; larger is better.

    Parameters
    ----------
    points : array-like of float, shape (n, d), finite, n >= 1

    Returns
    -------
    float
        0 if a point repeats, infinity for a single point.

    Raises
    ------
    InputError
        points are not such an array.

    Notes
    -----
    Cost O(n log n) in few dimensions (k-d tree), up to O(n^2 d) in many.

    Examples
    --------
    >>> from spotal.design import separation
    >>> separation([[0.0, 0.0], [0.6, 0.8], [0.0, 0.5]])
    0.5
    """
    checked = _finite(points, "points")
    if len(checked) == 1:
        return float("inf")
    from scipy.spatial import cKDTree

    return float(cKDTree(checked).query(checked, k=[2])[0].min())


def fill_distance(picks: ArrayLike, cloud: ArrayLike, chunk: int | None = None) -> float:
    """Return the largest distance from a point of the cloud to its nearest pick; smaller is better.

    Parameters
    ----------
    picks : array-like, shape (n, d), finite, n >= 1
    cloud : array-like, shape (N, d), finite, N >= 1
        float16 and float32 are computed in float32. An ``np.memmap`` is read in blocks.
    chunk : int, optional
        Points of the cloud in one block; by default a block of distances has about 4 million entries.

    Raises
    ------
    InputError
        The arrays are not as above or have different widths.

    Notes
    -----
    Cost O(N log n) for d <= 16 (k-d tree), O(N n d) by matrix products above; O(chunk (n + d)) memory. Also called
    covering radius or minimax criterion: Johnson, Moore and Ylvisaker (1990), J. Stat. Plan. Inference 26.

    Examples
    --------
    >>> from spotal.design import fill_distance
    >>> fill_distance([[0.0], [4.0]], [[0.0], [1.0], [2.0], [4.0]])
    2.0
    """
    centers = _finite(picks, "picks")
    rows = to_numpy(check_matrix(cloud, "cloud", finite=False))
    if rows.shape[1] != centers.shape[1]:
        raise InputError(
            "cloud", f"has {rows.shape[1]} columns where picks have {centers.shape[1]}", "pass points of one space"
        )
    chunk = None if chunk is None else check_count(chunk, "chunk", 1)
    return max(float(distance.max()) for _, distance, _ in nearest_blocks(rows, centers, chunk))


def _finite(points: ArrayLike, name: str) -> NDArray[Any]:
    array = to_numpy(check_matrix(points, name))
    return array if array.dtype.kind == "f" and array.itemsize >= 4 else array.astype(np.float64)
