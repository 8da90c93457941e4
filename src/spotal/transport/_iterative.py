"""Base of sliced and projection-pursuit transport: one-dimensional maps are composed until the cloud is uniform."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from spotal.errors import ConvergenceWarning, InputError
from spotal.numeric.threads import one_thread
from spotal.transport._cube import CubeMarginal, ks_distance
from spotal.transport._maps import BINNED, FEWEST, FrameMap, QuantileMap, binned_cdf
from spotal.transport.base import Transport

__all__ = ["IterativeTransport", "random_frame"]

HELD_OUT = 64
"""Random directions along which uniformity is measured; they are not used to fit."""
CHECKED = 1025
"""Maximum number of positions along each direction at which uniformity is measured."""
PER_CHECK = 4
"""Least number of points for each of these positions."""
FLOOR = 0.5
"""Distances of n points below FLOOR / sqrt(n) count as 0; uniform random points have 0.87 / sqrt(n)."""


def random_frame(dim: int, width: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a random orthonormal frame (dim, width), uniform (Haar) and the same on every device."""
    q, r = np.linalg.qr(rng.standard_normal((dim, width)))
    return q * np.sign(np.diag(r))


class IterativeTransport(Transport):
    """A composition of maps, each moving the cloud along some directions by the one-dimensional optimal map."""

    min_iter: int
    max_iter: int
    tol: float
    n_quantiles: int
    check_every = 5

    def _start(self, x: torch.Tensor, w: torch.Tensor) -> list[Any]:
        """Return the maps before the first iteration, the first fitted to x."""
        raise NotImplementedError

    def _frame(self, x: torch.Tensor, w: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Return the directions (d, k) of the next iteration."""
        raise NotImplementedError

    def _check_parameters(self, dim: int) -> None:
        super()._check_parameters(dim)
        for name, least in (("min_iter", 0), ("max_iter", 0), ("n_quantiles", 8)):
            if int(getattr(self, name)) < least:
                raise InputError(name, must=f"be at least {least}", found=getattr(self, name))
        if not self.tol >= 0:
            raise InputError("tol", must="not be negative", found=self.tol)

    @one_thread()  # sums round the same on every number of cores; more threads would not be faster
    def _fit(self, points: torch.Tensor, weight: torch.Tensor, rng: np.random.Generator) -> None:
        x, w = points, weight
        dim = x.shape[1]
        held_out = torch.from_numpy(rng.standard_normal((dim, HELD_OUT))).to(x)
        held_out /= held_out.norm(dim=0)
        target = max(float(self.tol), FLOOR * float((w**2).sum().sqrt()))
        self._compiled = len(x) >= BINNED * FEWEST and x.device.type == "cpu"
        maps = self._start(x, w)
        x = self._through(maps, x)
        self.uniformity_ = self._distance(x, w, held_out)
        self.n_iter_ = 0
        while dim > 1 and self.n_iter_ < self.max_iter:
            first = min(self.min_iter, self.max_iter)
            if self.n_iter_ >= first and self.uniformity_ <= target:
                break
            more = max(first - self.n_iter_, min(self.check_every, self.max_iter - self.n_iter_))
            for _ in range(more):
                step = FrameMap.fit(x, w, self._frame(x, w, rng), self.n_quantiles)
                x = self._through([step], x)
                maps.append(step)
                self.n_iter_ += 1
            self.uniformity_ = self._distance(x, w, held_out)
        maps.append(QuantileMap.fit(x, w, self.n_quantiles))
        self.uniformity_ = self._distance(maps[-1].forward(x), w, held_out)
        self.converged_ = dim == 1 or self.uniformity_ <= target
        self._maps = maps
        if not self.converged_:
            warnings.warn(
                f"{type(self).__name__} stopped at max_iter={self.max_iter} with a Kolmogorov-Smirnov distance of "
                f"{self.uniformity_:.3g} from uniform, above {target:.3g}; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=4,
            )

    @staticmethod
    def _distance(x: torch.Tensor, w: torch.Tensor, directions: torch.Tensor) -> float:
        checked = min(CHECKED, len(x) // PER_CHECK)
        if checked < FEWEST:
            return float(ks_distance(x, w, directions).mean())
        # at equally spaced positions: at most the mass of one interval less than the exact distance
        target = CubeMarginal(directions)
        step = 2 * target.half / (checked - 1)
        low = target.center - target.half
        at = low + torch.arange(checked, device=x.device)[:, None] * step
        reached = binned_cdf(x @ directions, w, low, step, checked).T
        return float((reached - target.cdf(at)).abs().amax(0).mean())

    def _carry(self, points: torch.Tensor) -> torch.Tensor:
        return self._through([step.to(points) for step in self._maps], points).clamp(0, 1)

    def _through(self, maps: list[Any], points: torch.Tensor) -> torch.Tensor:
        """Apply maps to points in turn."""
        writable = False  # whether points is a copy of our own
        for step in maps:
            square = isinstance(step, FrameMap) and step.frame.shape[0] == step.frame.shape[1]
            if self._compiled and square and points.device.type == "cpu":
                points = points if writable else points.contiguous().clone()
                step.move(points)
            else:
                points = step.forward(points)
            writable = True
        return points.contiguous() if self._compiled else points

    def _carry_back(self, points: torch.Tensor) -> torch.Tensor:
        for step in reversed(self._maps):
            points = step.to(points).inverse(points)
        return points
