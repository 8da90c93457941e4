"""Centroidal: every point is the mean of the points of the cube nearest to it."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from spotal.design._nearest import nearest
from spotal.design.base import Design
from spotal.design.sobol import Sobol, cloud
from spotal.errors import InputError
from spotal.numeric.checks import check_count

__all__ = ["Centroidal"]


@final
class Centroidal(Design):
    """The centroidal Voronoi design: Lloyd's iteration from a Sobol' start, on a fixed cloud of Sobol' points.

    The design is a local minimum of the mean squared distance from the cube to its points; its cells are nearly equal
    and round. In higher dimensions points move away from the faces of the cube: from about 4 dimensions the discrepancy
    is higher than for random points. Given points (``existing``) are centroids that do not move. The design of the last
    iteration is returned, converged or not.

    Parameters
    ----------
    samples_per_point : int, points of the cloud for each point of the design; the whole cloud is rounded up to a power
        of two
    max_iter : int, maximum number of Lloyd iterations
    tol : float, stop when no centroid moves by more than this fraction of a cell's width, (n + m)^(-1/d)

    Notes
    -----
    With N = samples_per_point (n + m): O(max_iter N log(n + m) d) up to 16 dimensions, O(max_iter N (n + m) d) above;
    O(N d) memory. In 8 dimensions on one core, 1,000 points take 3 s and 5,000 points 50 s.

    References
    ----------
    Du, Faber and Gunzburger (1999), Centroidal Voronoi tessellations: applications and algorithms, SIAM Rev. 41.
    Lloyd (1982), Least squares quantization in PCM, IEEE Trans. Inf. Theory 28.

    Examples
    --------
    >>> from spotal.design import Centroidal
    >>> Centroidal().points(2, 1, random_state=0).round(1).ravel().tolist()
    [0.3, 0.8]
    """

    def __init__(self, samples_per_point: int = 64, max_iter: int = 30, tol: float = 1e-3) -> None:
        self.samples_per_point = samples_per_point
        self.max_iter = max_iter
        self.tol = tol

    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return self._conditional(n, np.empty((0, dim)), rng)

    def _conditional(self, n: int, existing: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        per_point = check_count(self.samples_per_point, "samples_per_point", 1)
        max_iter = check_count(self.max_iter, "max_iter")
        if not self.tol >= 0:
            raise InputError(
                "tol", must="be a number of at least 0", found=repr(self.tol), remedy="pass for example 1e-3"
            )
        dim, count = existing.shape[1], n + len(existing)
        free = Sobol().points(n, dim, existing=existing, random_state=rng)
        sample = cloud(per_point * count, dim, rng)
        for _ in range(max_iter):
            cell = nearest(sample, np.concatenate([free, existing]))[1]
            size = np.bincount(cell, minlength=count)[:n, None]
            total = np.stack([np.bincount(cell, column, count)[:n] for column in sample.T], axis=1)
            moved = np.where(size, total / np.maximum(size, 1), free)  # an empty cell's center stays
            shift = np.linalg.norm(moved - free, axis=1).max()
            free = moved
            if shift <= self.tol * count ** (-1 / dim):
                break
        return free
