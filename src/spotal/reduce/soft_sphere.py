"""Soft sphere: rows pulled toward unit length, so that far-out rows and long embeddings do not rule distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["SoftSphere"]

ROUNDING = 1e-28
"""Share of the mean's squared length up to which a variance is rounding."""


@dataclass(frozen=True)
class SoftSphere:
    """The map z = (x - mean) / sqrt(|x - mean|^2 + v), v the variance of one effective dimension.

    In many dimensions v is small beside a row's squared length: rows come to lie on the unit sphere, where directions
    count, as is usual for features of pretrained encoders. In one or two dimensions v is as large as the length itself:
    the map keeps rows apart by length too, and only pulls in those that lie far out. It is continuous and one-to-one in
    any number of dimensions, and does not change when the rows are rotated, scaled, or get columns of zeros.

    Attributes
    ----------
    mean : float64 (D,); slack : float, v
    """

    mean: torch.Tensor
    slack: float

    @classmethod
    def fit(cls, points: torch.Tensor, sample_weight: NDArray[np.float64]) -> SoftSphere:
        """Fit to rows (s, D), float64, with weights (s,). O(s D min(s, D)).

        The number of effective dimensions is the participation ratio of the covariance's eigenvalues, their sum squared
        over the sum of their squares.
        """
        weight = torch.from_numpy(sample_weight / sample_weight.sum()).to(points)
        mean = weight @ points
        spread = ((points - mean) * weight.sqrt()[:, None]).float()
        total = float(spread.square().sum())
        if total <= ROUNDING * float(mean.square().sum()):
            return cls(mean, 1.0)  # all rows lie in one place
        product = spread.T @ spread if spread.shape[1] <= len(spread) else spread @ spread.T
        return cls(mean, float(product.square().sum()) / total)

    def transform(self, points: torch.Tensor) -> torch.Tensor:
        """Map rows (m, D), float64, to rows (m, D), float32, of length below 1. O(m D)."""
        moved = points - self.mean
        return (moved / (moved.square().sum(1, keepdim=True) + self.slack).sqrt()).float()
