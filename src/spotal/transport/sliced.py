"""Sliced transport: rotate by a random frame, map every axis by its one-dimensional optimal map, rotate back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spotal.numeric.seeds import Seed
from spotal.transport._iterative import IterativeTransport, random_frame
from spotal.transport._maps import AffineMap, QuantileMap

__all__ = ["SlicedTransport"]


class SlicedTransport(IterativeTransport):
    """Iterative distribution transfer to the uniform cube (Pitie, Kokaram and Dahyot 2007; Dai and Seljak 2021).

    The cloud is first mapped by the optimal affine map and by its marginal distribution functions. Then, along each
    random orthonormal frame, weighted one-dimensional optimal maps take its marginals to the cube's. Maps are tables
    looked up by position, and can be inverted: N points cost O(N d^2 L) for L frames, without a sort.

    Parameters
    ----------
    min_iter, max_iter : int, minimum and maximum number of frames L
        In few dimensions, frames after the tolerance is reached remove the sampling error of the cloud. This improves
        a subset that represents this cloud, but not one that represents the distribution that the cloud was drawn from
        (docs/evidence/published-method.md: error of means over picks in two dimensions). ``min_iter=0`` skips them.
    tol : float
        Stop when the mean weighted Kolmogorov-Smirnov distance between the mapped cloud's marginals and the cube's,
        along 64 random directions not used to fit, is at most ``tol`` or 0.5 / sqrt(effective number of points).
        Smaller distances are sampling error of the cloud.
    n_quantiles : int, length of each table
    max_samples : int, maximum number of points to fit on; a larger cloud is thinned by weighted priority sampling
    random_state : int, numpy generator or None

    Attributes
    ----------
    n_iter_ : int, frames used
    uniformity_ : float, the Kolmogorov-Smirnov distance reached (see ``tol``)
    converged_ : bool, whether ``uniformity_`` is small enough

    Notes
    -----
    Fitting costs O(L n d^2 + d n log n). Warns :class:`~spotal.errors.ConvergenceWarning` at ``max_iter``.

    References
    ----------
    F. Pitie, A. Kokaram, R. Dahyot, "Automated colour grading using colour distribution transfer", CVIU 107, 2007,
    section 3. B. Dai, U. Seljak, "Sliced iterative normalizing flows", ICML 2021, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.transport import SlicedTransport
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> u = SlicedTransport(random_state=0).fit(x).transform(x)
    >>> bool(u.min() > 0), bool(u.max() < 1), u.mean(0).round(2).tolist()
    (True, True, [0.5, 0.5])
    """

    def __init__(
        self,
        min_iter: int = 60,
        max_iter: int = 100,
        tol: float = 0.01,
        n_quantiles: int = 1024,
        max_samples: int = 50_000,
        random_state: Seed = None,
    ) -> None:
        self.min_iter = min_iter
        self.max_iter = max_iter
        self.tol = tol
        self.n_quantiles = n_quantiles
        self.max_samples = max_samples
        self.random_state = random_state

    def _start(self, x: torch.Tensor, w: torch.Tensor) -> list[Any]:
        affine = AffineMap.fit(x, w)
        return [affine, QuantileMap.fit(affine.forward(x), w, self.n_quantiles)]

    def _frame(self, x: torch.Tensor, w: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        return torch.from_numpy(random_frame(x.shape[1], x.shape[1], rng)).to(x)
