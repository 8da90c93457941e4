"""Sinkhorn transport: POT's entropic plan between a small cloud and the same number of points of the cube."""

from __future__ import annotations

import warnings

import torch

from spotal.errors import ConvergenceWarning, InputError
from spotal.numeric.seeds import Seed
from spotal.transport._reference import ReferenceTransport

__all__ = ["SinkhornTransport"]


class SinkhornTransport(ReferenceTransport):
    """Entropically regularized transport with squared Euclidean cost; the barycentric formula maps any point.

    With f, g the dual potentials and eps the regularization, T(x) = sum_j w_j(x) y_j, where w_j is proportional to
    b_j exp((g_j - |x - y_j|^2) / eps). The map is smooth and shrinks the image slightly toward the center of the
    cube, less for smaller ``reg``.

    Parameters
    ----------
    reg : float
        eps in units of the product of the root-mean-square radii of the cloud and of the cube, so that scaling the
        cloud changes nothing. Below about 0.005 the iteration becomes slow.
    max_iter : int, maximum number of Sinkhorn iterations, in the log domain
    tol : float, error of the marginals below which the iteration stops
    max_points : int, maximum number of distinct points of positive mass
    random_state : int, numpy generator or None; scrambles the cube points

    Attributes
    ----------
    points_, mass_, targets_ : as in :class:`~spotal.transport.ExactTransport`
    epsilon_ : float, regularization in squared units of the cloud
    n_iter_ : int, iterations used

    Notes
    -----
    O(n^2) memory, and O(n^2) time for each iteration.

    References
    ----------
    M. Cuturi, "Sinkhorn distances", NeurIPS 2013. A.-A. Pooladian, J. Niles-Weed, "Entropic estimation of optimal
    transport maps", 2021, equation 9 (the map out of sample).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.transport import SinkhornTransport
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> u = SinkhornTransport(reg=0.2, random_state=0).fit(x).transform(x)
    >>> np.argsort(u.ravel()).tolist()
    [0, 1, 2]
    """

    def __init__(
        self,
        reg: float = 0.01,
        max_iter: int = 2_000,
        tol: float = 1e-4,
        max_points: int = 5_000,
        random_state: Seed = None,
    ) -> None:
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol
        self.max_points = max_points
        self.random_state = random_state

    def _check_parameters(self, dim: int) -> None:
        super()._check_parameters(dim)
        if not self.reg > 0:
            raise InputError("reg", must="be positive", found=self.reg)
        if int(self.max_iter) < 1:
            raise InputError("max_iter", must="be at least 1", found=self.max_iter)

    def _solve(self) -> None:
        import ot

        x, y = self.points_, self.targets_
        a = self.mass_ / self.mass_.sum()
        b = torch.full_like(a, 1 / len(a))
        # centering keeps the plan and reduces rounding
        self._center = a @ x
        x, y = x - self._center, y - 0.5
        radius = (a @ (x**2).sum(1)).sqrt()
        self.epsilon_ = float(self.reg * (radius * (x.shape[1] / 12) ** 0.5)) or float(self.reg)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, log = ot.sinkhorn(
                a,
                b,
                torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") ** 2,
                self.epsilon_,
                method="sinkhorn_log",
                numItermax=int(self.max_iter),
                stopThr=float(self.tol),
                log=True,
            )
        self.n_iter_ = int(log["niter"]) + 1
        # POT's scalings contain the marginals: log_v = g / eps + log b
        self._log_u, self._log_v = log["log_u"], log["log_v"]
        if caught:
            warnings.warn(
                f"SinkhornTransport stopped at max_iter={self.max_iter}; raise max_iter, reg or tol",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _carry(self, points: torch.Tensor) -> torch.Tensor:
        x = points.double() - self._center.to(points.device)
        y = self.targets_.to(x)
        logits = self._log_v.to(x) - torch.cdist(x, y - 0.5) ** 2 / self.epsilon_
        return (torch.softmax(logits, 1) @ y).clamp(0, 1).to(points)

    def _carry_back(self, points: torch.Tensor) -> torch.Tensor:
        u = points.double() - 0.5
        x = self.points_.to(u)
        logits = self._log_u.to(u) - torch.cdist(u, x - self._center.to(u)) ** 2 / self.epsilon_
        return (torch.softmax(logits, 1) @ x).to(points)
