"""Exact transport: POT's optimal plan between a small cloud and the same number of points of the cube."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from spotal.errors import ConvergenceWarning, InputError
from spotal.numeric.seeds import Seed
from spotal.transport._reference import ReferenceTransport

__all__ = ["ExactTransport"]

SOLVERS = ("simplex", "lazy", "bsp")


class ExactTransport(ReferenceTransport):
    """The discrete Monge-Kantorovich problem with squared Euclidean cost, solved by POT, as a reference.

    A fitted point is mapped to the mean of the cube points that receive its mass (one cube point, if all masses are
    equal). Other points are mapped by their nearest fitted points.

    Parameters
    ----------
    out_of_sample : "nearest" or "barycentric"
        The image of the nearest fitted point; or the mean of the images of the d + 1 nearest, weighted by inverse
        squared distances.
    solver : "simplex", "lazy" or "bsp"
        POT's network simplex, O(n^2) memory; the same with costs computed when needed, O(n) memory and about 1.3
        times the time; or its binary-space-partition bijection, log-linear, about 1 % above the least cost, for
        equal masses only (POT 0.9.7 or newer for the last two).
    max_points : int, maximum number of distinct points of positive mass
    random_state : int, numpy generator or None; scrambles the cube points

    Attributes
    ----------
    points_, mass_ : distinct fitted points (n, d) and their mass (n,)
    targets_ : cube points (n, d)
    images_ : images of the fitted points (n, d)
    cost_ : mean squared distance of the plan, in squared units of the cloud

    Raises
    ------
    InputError
        On fit, for more than ``max_points`` distinct points.

    Notes
    -----
    The network simplex takes about 2 s for 3,000 points on one core and grows faster than n^2.

    References
    ----------
    N. Bonneel et al., "Displacement interpolation using Lagrangian mass transport", SIGGRAPH Asia 2011 (solver).
    G. Peyre, M. Cuturi, "Computational Optimal Transport", 2019, sections 2.3 and 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.transport import ExactTransport
    >>> x = np.array([[0.0], [5.0], [100.0]])
    >>> u = ExactTransport(random_state=0).fit(x).transform(x)
    >>> np.argsort(u.ravel()).tolist()
    [0, 1, 2]
    """

    def __init__(
        self,
        out_of_sample: str = "barycentric",
        solver: str = "simplex",
        max_points: int = 5_000,
        random_state: Seed = None,
    ) -> None:
        self.out_of_sample = out_of_sample
        self.solver = solver
        self.max_points = max_points
        self.random_state = random_state

    def _check_parameters(self, dim: int) -> None:
        super()._check_parameters(dim)
        if self.out_of_sample not in ("nearest", "barycentric"):
            raise InputError("out_of_sample", must="be 'nearest' or 'barycentric'", found=repr(self.out_of_sample))
        if self.solver not in SOLVERS:
            raise InputError("solver", must=f"be one of {', '.join(SOLVERS)}", found=repr(self.solver))

    def _solve(self) -> None:
        import ot
        from scipy import sparse

        x, y = self.points_.cpu().numpy(), self.targets_.cpu().numpy()
        a = self.mass_.cpu().numpy()
        a, b = a / a.sum(), np.full(len(y), 1 / len(y))
        if self.solver == "bsp":
            if np.ptp(a) > 1e-9 * a.mean():
                raise InputError(
                    "solver",
                    "needs points of equal mass, found unequal ones",
                    "use solver='simplex'",
                    subject="solver='bsp'",
                )
            seed = np.random.default_rng(len(x)).integers(1 << 31)
            partner = np.asarray(ot.compute_bspot_bijection(x, y, seed=int(seed))[1])
            plan = sparse.coo_array((a, (np.arange(len(x)), partner)), shape=(len(x), len(y)))
        else:
            plan = self._simplex(ot, x, y, a, b)
        plan = plan.tocsr()
        self.cost_ = float((plan.tocoo().data * ((x[plan.tocoo().row] - y[plan.tocoo().col]) ** 2).sum(1)).sum())
        self.images_ = torch.from_numpy(plan @ y / np.asarray(plan.sum(1)).reshape(-1, 1)).to(self.points_)
        back = plan.T.tocsr()
        self._origins = torch.from_numpy(back @ x / np.asarray(back.sum(1)).reshape(-1, 1)).to(self.points_)

    def _simplex(self, ot: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
        from scipy import sparse

        limit = 100 * max(100_000, len(x) ** 2 // 10)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if self.solver == "lazy":
                plan = sparse.coo_array(ot.emd2_lazy(x, y, a, b, numItermax=limit, log=True)[1]["G"])
            else:
                # centering keeps the plan and reduces rounding
                plan = sparse.coo_array(ot.emd(a, b, ot.dist(x - x.mean(0), y - y.mean(0)), numItermax=limit))
        for warning in caught:
            warnings.warn(f"ExactTransport: {warning.message}", ConvergenceWarning, stacklevel=6)
        return plan

    def _carry(self, points: torch.Tensor) -> torch.Tensor:
        return self._extend(points, self.points_, self.images_).clamp(0, 1)

    def _carry_back(self, points: torch.Tensor) -> torch.Tensor:
        return self._extend(points, self.targets_, self._origins)

    def _extend(self, points: torch.Tensor, fitted: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Extend the map fitted -> images to ``points`` (n, d), by nearest neighbors in O(n m d)."""
        fitted, images = fitted.to(points), images.to(points)
        count = 1 if self.out_of_sample == "nearest" else min(len(fitted), points.shape[1] + 1)
        distance, near = torch.cdist(points, fitted, compute_mode="donot_use_mm_for_euclid_dist").topk(
            count, dim=1, largest=False
        )
        # a fitted point gets its own image: its weight is far above the others
        weight = 1 / (distance / distance[:, -1:].clamp_min(1e-30)).square().clamp_min(1e-20)
        weight /= weight.sum(1, keepdim=True)
        return (images[near] * weight[..., None]).sum(1)
