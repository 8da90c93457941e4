"""Soft sphere: a map of rows toward unit length, so that outliers and long embeddings do not dominate distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["SoftSphere"]

ROUNDING = 1e-28
"""A variance below this share of the mean's squared length is rounding error."""


@dataclass(frozen=True)
class SoftSphere:
    """The map z = (x - mean) / sqrt(|x - mean|^2 + v), where v is the variance of one effective dimension.

    In many dimensions v is small compared with a row's squared length. Rows move close to the unit sphere, and only
    their directions count, as is usual for features of pretrained encoders. In one or two dimensions v is as large as
    the squared length. Rows then still differ by length, and only outliers move inward. The map is continuous and
    one-to-one in any number of dimensions. It is invariant to rotation, to scaling and to added columns of zeros.

    Attributes
    ----------
    mean : float64 (D,); slack : float, v

    Examples
    --------
    >>> import numpy as np, torch
    >>> from spotal.reduce import SoftSphere
    >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [100.0, 0.0]], dtype=torch.float64)
    >>> bool((SoftSphere.fit(points, np.ones(3)).transform(points).norm(dim=1) < 1).all())
    True
    """

    mean: torch.Tensor
    slack: float

    @classmethod
    def fit(cls, points: torch.Tensor, sample_weight: NDArray[np.float64]) -> SoftSphere:
        """Fit to rows (s, D), float64, with weights (s,). O(s D min(s, D)).

        The effective dimension is the participation ratio of the covariance's eigenvalues: the square of their sum,
        divided by the sum of their squares.
        """
        weight = torch.from_numpy(sample_weight / sample_weight.sum()).to(points)
        mean = weight @ points
        spread = ((points - mean) * weight.sqrt()[:, None]).float()
        total = float(spread.square().sum())
        if total <= ROUNDING * float(mean.square().sum()):
            return cls(mean, 1.0)  # all rows are equal
        product = spread.T @ spread if spread.shape[1] <= len(spread) else spread @ spread.T
        return cls(mean, float(product.square().sum()) / total)

    def transform(self, points: torch.Tensor) -> torch.Tensor:
        """Map rows (m, D), float64, to rows (m, D), float32, of length below 1. O(m D)."""
        centered = points - self.mean
        return (centered / (centered.square().sum(1, keepdim=True) + self.slack).sqrt()).float()
