"""Projection-pursuit transport (PPMM): move the cloud along one informative direction at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spotal.errors import InputError
from spotal.numeric.seeds import Seed
from spotal.transport._iterative import IterativeTransport, random_frame
from spotal.transport._maps import AffineMap

__all__ = ["ProjectionPursuitTransport", "save_direction"]


def save_direction(x: torch.Tensor, w: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the direction along which two clouds differ most, by SAVE (Cook and Weisberg 1991).

    SAVE is sliced average variance estimation. Let Z be the pooled cloud, each cloud with half the mass, standardized
    to mean 0 and covariance I, and S its covariance before that. The direction is S^(-1/2) v, where v is the leading
    eigenvector of the mean over the two clouds of (I - cov(Z | cloud))^2.

    Parameters
    ----------
    x : float64 (n, d), with weights w (n,) of sum 1
    y : float64 (m, d), equal weights

    Returns
    -------
    float64 (d, 1), of unit length. Cost O((n + m) d^2 + d^3).
    """
    mean_x, mean_y = w @ x, y.mean(0)
    dx, dy = x - mean_x, y - mean_y
    cov_x, cov_y = (dx * w[:, None]).T @ dx, dy.T @ dy / len(y)
    gap = (mean_x - mean_y)[:, None] / 2
    values, vectors = torch.linalg.eigh((cov_x + cov_y) / 2 + gap @ gap.T)
    root = (vectors * values.clamp_min(1e-12 * float(values[-1])).rsqrt()) @ vectors.T
    identity = torch.eye(len(values), dtype=x.dtype, device=x.device)
    spread = sum((s @ s for s in (identity - root @ c @ root for c in (cov_x, cov_y))), torch.zeros_like(identity))
    direction = root @ torch.linalg.eigh(spread).eigenvectors[:, -1:]
    # fix the eigenvector's sign, which depends on the solver
    direction = direction * torch.sign(direction[direction.abs().argmax()])
    unit: torch.Tensor = direction / direction.norm()
    return unit


class ProjectionPursuitTransport(IterativeTransport):
    """PPMM, projection pursuit Monge map (Meng et al. 2019), to the uniform cube.

    Each iteration finds the direction in which the cloud and a sample of the cube differ most, by SAVE, and moves the
    cloud along it by the one-dimensional optimal map. A last map on each axis brings the image into the cube.

    Parameters
    ----------
    direction : "save" (the paper) or "random"
    n_target : int, size of the uniform sample that SAVE compares the cloud with, drawn anew each iteration
    min_iter, max_iter : int, minimum and maximum number of directions
    tol, n_quantiles, max_samples, random_state : as in :class:`~spotal.transport.SlicedTransport`

    Attributes
    ----------
    n_iter_, uniformity_, converged_ : as in :class:`~spotal.transport.SlicedTransport`

    Notes
    -----
    One iteration costs O(n log n + n d^2). Once first and second moments agree, SAVE finds sampling noise only. A new
    target sample in each iteration then makes the directions random instead of repeated.

    References
    ----------
    C. Meng, Y. Ke, J. Zhang, M. Zhang, W. Zhong, P. Ma, "Large-scale optimal transport map estimation using
    projection pursuit", NeurIPS 2019, algorithms 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.transport import ProjectionPursuitTransport
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> u = ProjectionPursuitTransport(random_state=0).fit(x).transform(x)
    >>> bool(u.min() > 0), bool(u.max() < 1)
    (True, True)
    """

    def __init__(
        self,
        direction: str = "save",
        n_target: int = 4096,
        min_iter: int = 300,
        max_iter: int = 400,
        tol: float = 0.01,
        n_quantiles: int = 1024,
        max_samples: int = 50_000,
        random_state: Seed = None,
    ) -> None:
        self.direction = direction
        self.n_target = n_target
        self.min_iter = min_iter
        self.max_iter = max_iter
        self.tol = tol
        self.n_quantiles = n_quantiles
        self.max_samples = max_samples
        self.random_state = random_state

    def _check_parameters(self, dim: int) -> None:
        super()._check_parameters(dim)
        if self.direction not in ("save", "random"):
            raise InputError("direction", must="be 'save' or 'random'", found=repr(self.direction))
        if int(self.n_target) < 2:
            raise InputError("n_target", must="be at least 2", found=self.n_target)

    def _start(self, x: torch.Tensor, w: torch.Tensor) -> list[Any]:
        return [AffineMap.fit(x, w, diagonal=True)]

    def _frame(self, x: torch.Tensor, w: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        if self.direction == "random":
            return torch.from_numpy(random_frame(x.shape[1], 1, rng)).to(x)
        return save_direction(x, w, torch.from_numpy(rng.random((int(self.n_target), x.shape[1]))).to(x))
