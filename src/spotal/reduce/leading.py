"""Leading coordinates: the principal directions of the rows, for faster searches among many picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy

__all__ = ["LeadingSpace"]

LEADING = 32
"""Number of coordinates, the same as in :mod:`spotal.numeric.kernels`."""


@dataclass(frozen=True)
class LeadingSpace:
    """Orthonormal coordinates y = (x - shift) axes. Exact for rows with at most 32 numbers.

    shift : float32 (D,); axes : float32 (D, 32), filled with columns of zeros if there are fewer directions

    Examples
    --------
    >>> import numpy as np, torch
    >>> from spotal.reduce import LeadingSpace
    >>> points = torch.eye(3, dtype=torch.float64)
    >>> LeadingSpace.fit(points, np.ones(3)).project(points).shape
    (3, 32)
    """

    shift: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def fit(cls, points: torch.Tensor, weight: NDArray[np.float64]) -> LeadingSpace:
        """Fit the principal directions of points (n, D) with weights (n,); O(n D^2)."""
        from spotal.reduce.pca import PCA

        dim = points.shape[1]
        pca = PCA(min(LEADING, dim), random_state=0).fit(points, sample_weight=weight)
        directions = to_numpy(pca.components_)
        axes = np.zeros((dim, LEADING), np.float32)
        axes[:, : len(directions)] = directions.T
        return cls(to_numpy(pca.mean_).astype(np.float32), axes)

    def project(self, points: torch.Tensor) -> Any:
        """Return the coordinates float32 (n, 32) of float points (n, D); O(n D).

        Points on the CPU give an array, computed by compiled loops: the result for a row does not depend on the other
        rows. Points on another device give a tensor.
        """
        if points.device.type != "cpu":
            return self.reference(points)
        from spotal.numeric.kernels import project

        shifted, shift = points, self.shift
        if points.dtype != torch.float32:
            shifted, shift = (points - torch.from_numpy(shift)).float(), np.zeros_like(shift)
        x = shifted.contiguous().numpy()
        coordinates = np.empty((len(x), LEADING), np.float32)
        if len(x):
            project(x, shift, np.ascontiguousarray(self.axes.T), coordinates)
        return coordinates

    def reference(self, points: torch.Tensor) -> torch.Tensor:
        """Return the coordinates (n, 32) by matrix products, which round differently."""
        shifted = (points - torch.from_numpy(self.shift).to(points.device)).float()
        return shifted @ torch.from_numpy(self.axes).to(points.device)
