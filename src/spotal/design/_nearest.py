"""Nearest center of each point: by k-d tree in few dimensions, by blocks of a matrix product in many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError

TREE_DIM = 16
"""Dimension above which a k-d tree is slower."""

BLOCK_ENTRIES = 1 << 22
"""Default number of entries in one block of distances."""


def nearest(points: NDArray[Any], centers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distance and index of the nearest of the centers (n, d) for each of the points (N, d).

    Cost O(N log n) up to 16 dimensions, O(N n d) above; memory O(N) beyond one block of distances.
    """
    _, distance, index = zip(*nearest_blocks(points, centers), strict=True)
    return np.concatenate(distance), np.concatenate(index)


def nearest_blocks(
    points: NDArray[Any], centers: NDArray[Any], chunk: int | None = None
) -> Iterator[tuple[slice, NDArray[Any], NDArray[np.intp]]]:
    """Yield (rows, distance, index) as :func:`nearest` for ``chunk`` points at a time, in O(chunk (n + d)) memory.

    Above 16 dimensions the index minimizes |x|^2 - 2 x.c + |c|^2, in float32 unless an input is wider, so rounding may
    decide near ties. The distance is computed from the difference. Raises InputError for an entry that is not finite.
    """
    dtype = np.float32 if np.result_type(points, centers).itemsize <= 4 else np.float64
    tree: Any = None
    if centers.shape[1] <= TREE_DIM:
        from scipy.spatial import cKDTree

        tree = cKDTree(centers)
    origin = centers.mean(axis=0, dtype=np.float64).astype(dtype)
    moved = centers.astype(dtype) - origin
    half = 0.5 * np.einsum("ij,ij->i", moved, moved)
    chunk = chunk or max(1, BLOCK_ENTRIES // max(centers.shape))
    for start in range(0, len(points), chunk):
        rows = slice(start, min(start + chunk, len(points)))
        block = np.asarray(points[rows], dtype=dtype if tree is None else np.float64)
        if not np.isfinite(block).all():
            bad = start + int((~np.isfinite(block)).any(axis=1).argmax())
            raise InputError(
                "cloud", f"has an entry that is not finite in row {bad}", "drop or repair that row", subject="the cloud"
            )
        if tree is not None:
            distance, index = tree.query(block)
        else:
            block = block - origin
            index = (half - block @ moved.T).argmin(axis=1)
            distance = np.linalg.norm(block - moved[index], axis=1)
        yield rows, distance, index
