"""Leading coordinates: the few directions in which rows of a large pool are told apart, and what is left of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal._arrays import to_numpy
from spotal.reduce.pca import LEADING, PCA

__all__ = ["LeadingSpace"]


@dataclass(frozen=True)
class LeadingSpace:
    """Orthonormal coordinates y = (x - shift) axes, at most 32, and the squared length of what they leave out.

    The squared distance of a row to a point of this space is that of their coordinates plus what is left of the row.
    Rows of at most 32 numbers are kept whole.

    shift : float32 (D,); axes : float32 (D, 32), columns of zeros where fewer directions are used
    """

    shift: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def fit(cls, points: torch.Tensor, weight: NDArray[np.float64], pca: PCA | None, seed: int) -> LeadingSpace:
        """Of points (n, D) with weights (n,); the principal directions are those of ``pca`` where it is given.

        O(n D^2) where it is not.
        """
        dim = points.shape[1]
        if pca is None:
            pca = PCA(min(LEADING, dim), random_state=seed).fit(points, sample_weight=weight)
        directions = to_numpy(pca.leading_[:LEADING])
        axes = np.zeros((dim, LEADING), np.float32)
        axes[:, : len(directions)] = directions.T
        return cls(to_numpy(pca.mean_).astype(np.float32), axes)

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return len(self.shift) <= LEADING

    def project(self, points: torch.Tensor) -> tuple[Any, NDArray[np.float64]]:
        """Coordinates float32 (n, 32) of float points (n, D), and the squared length left, float64 (n,); O(n D).

        An array by compiled loops for points on the CPU, each row rounded alike in any company; elsewhere a tensor.
        What is left is NaN for a row that has one in it, is infinite, or has a square beyond single precision.
        """
        if points.device.type != "cpu":
            y, left = self.reference(points)
            return y, self._bounded(to_numpy(left))
        from spotal._kernels import project

        shifted, shift = points, self.shift
        if points.dtype != torch.float32:
            shifted, shift = (points - torch.from_numpy(shift)).float(), np.zeros_like(shift)
        x = shifted.contiguous().numpy()
        coordinates, rest = np.empty((len(x), LEADING), np.float32), np.empty(len(x), np.float32)
        if len(x):
            project(x, shift, np.ascontiguousarray(self.axes.T), coordinates, rest)
        return coordinates, self._bounded(rest)

    def reference(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same by matrix products: coordinates (n, 32), and the squared length left (n,), but for its rounding."""
        shifted = (points - torch.from_numpy(self.shift).to(points.device)).float()
        y = shifted @ torch.from_numpy(self.axes).to(points.device)
        return y, shifted.square().sum(1) - y.square().sum(1)

    def _bounded(self, left: NDArray[np.float32]) -> NDArray[np.float64]:
        """Not below zero; NaN and infinity become NaN."""
        exact: NDArray[np.float64] = left.astype(np.float64)
        with np.errstate(invalid="ignore"):
            nothing = exact * 0.0
        return nothing if self.whole else np.asarray(np.where(exact > 0, exact + nothing, nothing))
