"""Leading coordinates: the few directions in which rows are told apart, for searches among many picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy

__all__ = ["LeadingSpace"]

LEADING = 32
"""Coordinates at most: as many as :mod:`spotal.numeric.kernels` searches in."""


@dataclass(frozen=True)
class LeadingSpace:
    """Orthonormal coordinates y = (x - shift) axes, at most 32. Rows of at most 32 numbers are kept whole.

    shift : float32 (D,); axes : float32 (D, 32), columns of zeros where fewer directions are used
    """

    shift: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def fit(cls, points: torch.Tensor, weight: NDArray[np.float64]) -> LeadingSpace:
        """Of points (n, D) with weights (n,), their principal directions; O(n D^2)."""
        from spotal.reduce.pca import PCA

        dim = points.shape[1]
        pca = PCA(min(LEADING, dim), random_state=0).fit(points, sample_weight=weight)
        directions = to_numpy(pca.components_)
        axes = np.zeros((dim, LEADING), np.float32)
        axes[:, : len(directions)] = directions.T
        return cls(to_numpy(pca.mean_).astype(np.float32), axes)

    def project(self, points: torch.Tensor) -> Any:
        """Coordinates float32 (n, 32) of float points (n, D); O(n D).

        An array by compiled loops for points on the CPU, each row rounded alike in any company; elsewhere a tensor.
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
        """The same by matrix products: coordinates (n, 32), but for their rounding."""
        shifted = (points - torch.from_numpy(self.shift).to(points.device)).float()
        return shifted @ torch.from_numpy(self.axes).to(points.device)
