"""Base of the reference transports: a plan by POT between a small cloud and an equal number of cube points."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spotal.errors import InputError
from spotal.transport.base import Transport

__all__ = ["ReferenceTransport", "cube_points"]


def cube_points(n: int, dim: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the first n points of a scrambled Sobol sequence, float64 (n, dim); for n = 1 the center."""
    from scipy.stats import qmc

    if n == 1:
        return np.full((1, dim), 0.5)
    return np.asarray(qmc.Sobol(dim, seed=rng).random_base2(max(1, (n - 1).bit_length()))[:n])


class ReferenceTransport(Transport):
    """A transport from a plan between at most ``max_points`` distinct points and the same number of cube points."""

    max_points: int

    def _check_parameters(self, dim: int) -> None:
        super()._check_parameters(dim)
        if int(self.max_points) < 1:
            raise InputError("max_points", must="be at least 1", found=self.max_points)

    def _fit(self, points: torch.Tensor, weight: torch.Tensor, rng: np.random.Generator) -> None:
        self.points_, self.mass_ = points, weight
        n, dim = self.points_.shape
        if n > int(self.max_points):
            raise InputError(
                "X",
                f"has {n} distinct points, above max_points={self.max_points} of {type(self).__name__}, whose cost "
                "grows with their square or faster",
                "use SlicedTransport, or raise max_points",
            )
        self.targets_ = torch.from_numpy(cube_points(n, dim, rng)).to(points)
        self._solve()

    def _solve(self) -> None:
        """Find the plan between points_ (mass_) and targets_ (equal mass)."""
        raise NotImplementedError
