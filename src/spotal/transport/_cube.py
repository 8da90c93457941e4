"""Marginals of the uniform distribution on the unit cube: exact distribution function and quantiles along a direction.

Along a unit vector r the centered cube is Z = sum_j r_j (U_j - 1/2), on [-a, a] with a = sum_j |r_j| / 2 and
characteristic function prod_j sinc(r_j t / 2). Its density is even, so its cosine series (the COS method: Fang and
Oosterlee, SIAM J. Sci. Comput. 31, 2008, section 2) gives, with s = x / a,

    F(x) = 1/2 + s/2 + sum_{k >= 1} phi(k pi / a) sin(k pi s) / (k pi).

The matrix sin(k pi s) on a grid of s is the same for all directions: one matrix product gives m tables.
"""

from __future__ import annotations

from functools import lru_cache

import torch

__all__ = ["CubeMarginal", "ks_distance"]

NODES = 1025
TERMS = 512
FEWER = (64, 128, 256)
"""Numbers of terms that are enough in many dimensions, where the characteristic function falls fast."""
NOTHING = 1e-20
"""Bound on further terms below which they change no digit of a probability."""


@lru_cache(maxsize=4)
def _sine_table(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    s = torch.linspace(-1, 1, NODES, dtype=torch.float64, device=device)
    k = torch.arange(1, TERMS + 1, dtype=torch.float64, device=device)
    return s, torch.sin(torch.pi * s[:, None] * k) / (torch.pi * k)


def _most(z: torch.Tensor) -> float:
    """Return a bound on prod_j |sin(z_j) / z_j| for the columns of z (d, m) and of all greater multiples of z."""
    return float(z.abs().clamp_min(1).reciprocal().prod(0).max())


class CubeMarginal:
    """Marginals of the uniform cube along m directions.

    Parameters
    ----------
    directions : float64 tensor (d, m), columns of unit length

    Notes
    -----
    Coordinates are x = r . u with u in [0,1]^d. Tables cost O(m (d + NODES) TERMS); their
    error is below 1e-5 in probability.
    """

    def __init__(self, directions: torch.Tensor) -> None:
        s, sines = _sine_table(directions.device)
        half = directions.abs().sum(0) / 2
        # sin(z) / z at z = r t / 2, t = k pi / a; torch.sinc is not vectorized
        parts = torch.pi / 2 * directions / half
        parts = torch.where(parts.abs() < 1e-12, 1e-12, parts)  # the limit at 0 is 1
        terms = next((n for n in FEWER if _most(n * parts) < NOTHING), TERMS)
        k = torch.arange(1, terms + 1, dtype=torch.float64, device=directions.device)
        z = k[:, None] * parts[:, None]
        factors = z.sin().div_(z)
        phi = factors[0].clone()
        for factor in factors[1:]:
            phi *= factor
        cdf = 0.5 + s[:, None] / 2 + sines[:, :terms] @ phi
        self.center = directions.sum(0) / 2
        self.half = half
        self._cdf = cdf.clamp_(0, 1).cummax(0).values.T.contiguous()  # (m, NODES)

    def cdf(self, x: torch.Tensor) -> torch.Tensor:
        """Return the distribution function at x (n, m), one column for each direction; (n, m)."""
        t = (x - (self.center - self.half)) * ((NODES - 1) / (2 * self.half))
        t = t.clamp(0, NODES - 1)
        i = t.floor().clamp_(max=NODES - 2)
        low = self._cdf.gather(1, i.T.long())
        high = self._cdf.gather(1, i.T.long() + 1)
        return torch.lerp(low, high, (t - i).T).T

    def quantile(self, p: torch.Tensor) -> torch.Tensor:
        """Return the quantiles at p (m, k), one row for each direction; (m, k)."""
        i = torch.searchsorted(self._cdf, p.contiguous()).clamp_(1, NODES - 1)
        low, high = self._cdf.gather(1, i - 1), self._cdf.gather(1, i)
        part = ((p - low) / (high - low).clamp_min(1e-300)).clamp_(0, 1)
        s = (i - 1 + part) * (2 / (NODES - 1)) - 1
        return self.center[:, None] + s * self.half[:, None]


def ks_distance(points: torch.Tensor, weight: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Return the exact weighted Kolmogorov-Smirnov distance between a cloud's marginals and the uniform cube's.

    Parameters
    ----------
    points : tensor (n, d), in or near the unit cube
    weight : tensor (n,), non-negative, of positive sum
    directions : tensor (d, m), columns of unit length

    Returns
    -------
    float64 tensor (m,), each in [0, 1]. Cost O(m (n log n + n d)).
    """
    z, order = (points.double() @ directions).sort(0)
    w = (weight.double() / weight.double().sum())[order]
    above = w.cumsum(0)
    target = CubeMarginal(directions).cdf(z)
    return torch.maximum((above - target).abs(), (above - w - target).abs()).amax(0)
