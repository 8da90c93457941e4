"""Parts of the iterative transports: small invertible maps, each fitted to a weighted cloud.

AffineMap     gives the cloud the mean and covariance of the uniform cube
QuantileMap   maps each coordinate by its weighted distribution function, exact at the data, with tails
FrameMap      maps along the columns of an orthonormal frame, by tables looked up by position

Maps are fitted in float64; ``to`` returns a copy of a map on another device or of another dtype.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch

from spotal.transport._cube import CubeMarginal

__all__ = ["BINNED", "AffineMap", "FrameMap", "QuantileMap", "binned_cdf", "weighted_quantiles"]

RAMP = 1e-6
"""Share of a straight line in each table, so that the map is never flat and can be inverted."""
BINNED = 16
"""Least number of points for each knot of a binned marginal; marginals of fewer points are sorted."""
FEWEST = 64
"""Least number of knots of a binned marginal: clouds of fewer than 1,024 points are sorted."""
PER_KNOT = 4
"""Points for each knot of a marginal. With a knot at every point, many maps in a row would magnify rounding."""


class _Tensors:
    """A dataclass of tensors that can be moved."""

    def to(self, like: torch.Tensor) -> Self:
        """Return this map with the device and dtype of ``like``."""
        moved = {f.name: getattr(self, f.name).to(like) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**moved)


@dataclass(frozen=True)
class AffineMap(_Tensors):
    """The optimal affine map: x -> 1/2 + (x - mean) A with A symmetric positive definite.

    This is the optimal transport map between Gaussians with the cloud's and the cube's first two moments
    (Gelbrich 1990; Peyre and Cuturi 2019, remark 2.31): A = (12 cov)^(-1/2). Directions without spread
    get unit slope, so that the map stays invertible.
    """

    mean: torch.Tensor
    matrix: torch.Tensor
    inverse_matrix: torch.Tensor

    @classmethod
    def fit(cls, x: torch.Tensor, w: torch.Tensor, *, diagonal: bool = False) -> AffineMap:
        """Fit to x (n, d) with weights w (n,) of sum 1; O(n d^2 + d^3), or O(n d) when ``diagonal``."""
        mean = w @ x
        centered = x - mean
        cov = torch.diag(w @ centered**2) if diagonal else (centered * w[:, None]).T @ centered
        values, vectors = torch.linalg.eigh(cov)
        # spread below the rounding of the coordinates counts as none
        floor = torch.finfo(x.dtype).eps * (10 * values.abs().max() + (mean**2).max())
        scale = torch.where(values > floor, (12 * values.clamp_min(1e-300)).rsqrt(), torch.ones_like(values))
        return cls(mean, (vectors * scale) @ vectors.T, (vectors / scale) @ vectors.T)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Carry x (n, d)."""
        return _rows_by(x - self.mean, self.matrix) + 0.5

    def inverse(self, u: torch.Tensor) -> torch.Tensor:
        """Carry u (n, d) back."""
        return _rows_by(u - 0.5, self.inverse_matrix) + self.mean


def weighted_quantiles(z: torch.Tensor, w: torch.Tensor, knots: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weighted distribution function of z (n,) as at most ``knots`` increasing points.

    Equal values count as one value at the middle of its step: F(v) = mass below v + half the mass at v. So a weight of
    k is the same as k copies. Between the values F is linear.

    Returns
    -------
    x, p : float64 tensors (k,), 1 <= k <= knots, both strictly increasing, 0 < p < 1. Cost O(n log n).
    """
    z, order = z.sort()
    cumulative = w[order].cumsum(0)
    last = torch.ones_like(z, dtype=torch.bool)
    last[:-1] = z[1:] != z[:-1]
    values, upper = z[last], cumulative[last]
    lower = torch.cat([upper.new_zeros(1), upper[:-1]])
    p = (lower + upper) / (2 * upper[-1])
    if len(values) > knots:
        targets = torch.linspace(0, 1, knots, dtype=z.dtype, device=z.device) * (p[-1] - p[0]) + p[0]
        i = torch.searchsorted(p, targets).clamp_(1, len(p) - 1)
        values, p = torch.lerp(values[i - 1], values[i], _part(targets, p[i - 1], p[i])), targets
    keep = torch.ones_like(values, dtype=torch.bool)
    keep[1:] = (values[1:] > values[:-1]) & (p[1:] > p[:-1])
    return values[keep], p[keep]


def binned_cdf(z: torch.Tensor, w: torch.Tensor, low: torch.Tensor, step: torch.Tensor, knots: int) -> torch.Tensor:
    """Return the share of the weight w (n,) below each position low + i step, for each column of z (n, k); (k, knots).

    O(n k). The weight of each point is divided between the two positions around it, and half the weight at a position
    counts as below it. So the result is continuous in z, and many maps in a row do not magnify rounding. Points outside
    count at the first or last position.
    """
    total = z.new_zeros(z.shape[1], knots)
    if z.device.type == "cpu":
        from spotal.numeric.kernels import histogram

        histogram(z.numpy(), w.numpy(), low.numpy(), (1 / step).numpy(), total.numpy())
    else:
        t = ((z - low) * (1 / step)).clamp_(0, knots - 1)
        place = t.long().clamp_(max=knots - 2)
        second = w[:, None] * (t - place)
        total.T.scatter_add_(0, place, w[:, None] - second).scatter_add_(0, place + 1, second)
    below = total.cumsum(1)
    return (below - total / 2) / below[:, -1:]


def _interpolate(at: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Evaluate piecewise linear y(x) at ``at`` (n,); x (k,) increases, and y is constant outside."""
    if len(x) == 1:
        return y.expand_as(at).clone()
    i = torch.searchsorted(x, at.contiguous()).clamp_(1, len(x) - 1)
    return torch.lerp(y[i - 1], y[i], _part(at, x[i - 1], x[i]))


def _part(at: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Return the position of ``at`` between ``low`` and ``high``, 0 to 1, without division by 0 for equal knots."""
    return ((at - low) / (high - low).clamp_min(torch.finfo(at.dtype).tiny)).clamp_(0, 1)


@dataclass(frozen=True)
class QuantileMap(_Tensors):
    """Each coordinate through its own weighted distribution function, onto (0, 1).

    Outside the values the probability decays exponentially from its slope at the end, so every finite point is mapped
    strictly inside the cube and the map is invertible. A coordinate without spread is mapped to 1/2 with unit slope.

    x, p : (d, k) knots, padded by +inf and by the last p; count : (d,) number of knots in use, at least 2;
    low, high : (3, d, 1), first and last knot, its probability, and the slope of the tail.
    """

    x: torch.Tensor
    p: torch.Tensor
    count: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    def to(self, like: torch.Tensor) -> QuantileMap:
        """Return this map with the device and dtype of ``like``; counts stay integers."""
        x, p, low, high = (t.to(like) for t in (self.x, self.p, self.low, self.high))
        return QuantileMap(x, p, self.count.to(like.device), low, high)

    @classmethod
    def fit(cls, x: torch.Tensor, w: torch.Tensor, knots: int) -> QuantileMap:
        """Fit to x (n, d) with weights w (n,) of positive sum; O(d n log n)."""
        tables = [weighted_quantiles(column, w, knots) for column in x.T]
        size = max(2, *(len(v) for v, _ in tables))
        xs = x.new_full((len(tables), size), torch.inf)
        ps = x.new_empty((len(tables), size))
        counts, low, high = [], [], []
        for j, (values, p) in enumerate(tables):
            if len(values) == 1:
                values = values + values.new_tensor([-0.25, 0.25]) * max(1.0, float(values.abs()) * 1e-8)
                p = p.new_tensor([0.25, 0.75])
            xs[j, : len(values)], ps[j, : len(p)], ps[j, len(p) :] = values, p, p[-1]
            counts.append(len(values))
            # tails at most four times as steep as the whole map, since the first gap can be arbitrarily small
            steepest = 4 * (p[-1] - p[0]) / (values[-1] - values[0])
            slopes = torch.minimum(p.diff()[[0, -1]] / values.diff()[[0, -1]], steepest)
            low.append(torch.stack([values[0], p[0], slopes[0]]))
            high.append(torch.stack([values[-1], p[-1], slopes[1]]))
        ends = (torch.stack(side, 1)[..., None] for side in (low, high))
        return cls(xs, ps, torch.tensor(counts, device=x.device), *ends)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Carry x (n, d) into (0, 1)^d; O(n d log k)."""
        z = x.T.contiguous()
        i = torch.minimum(torch.searchsorted(self.x, z).clamp_(min=1), (self.count - 1)[:, None])
        x0, x1 = self.x.gather(1, i - 1), self.x.gather(1, i)
        u = torch.lerp(self.p.gather(1, i - 1), self.p.gather(1, i), _part(z, x0, x1))
        low, p0, rise = self.low
        high, p1, fall = self.high
        u = torch.where(z < low, p0 * torch.exp((z - low).clamp(max=0) * rise / p0), u)
        return torch.where(z > high, 1 - (1 - p1) * torch.exp((high - z).clamp(max=0) * fall / (1 - p1)), u).T

    def inverse(self, u: torch.Tensor) -> torch.Tensor:
        """Carry u (n, d) in [0, 1]^d back; 0 and 1 are clipped to the least and greatest representable probability."""
        tiny = torch.finfo(u.dtype).eps
        v = u.T.contiguous().clamp(tiny * tiny, 1 - tiny)
        i = torch.minimum(torch.searchsorted(self.p, v).clamp_(min=1), (self.count - 1)[:, None])
        p0, p1 = self.p.gather(1, i - 1), self.p.gather(1, i)
        x = torch.lerp(self.x.gather(1, i - 1), self.x.gather(1, i), _part(v, p0, p1))
        low, q0, rise = self.low
        high, q1, fall = self.high
        x = torch.where(v < q0, low + torch.log(v / q0) * q0 / rise, x)
        return torch.where(v > q1, high - torch.log((1 - v) / (1 - q1)) * (1 - q1) / fall, x).T


def _rows_by(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Return x (n, d) @ matrix (d, k), on the CPU with rounding that does not depend on other rows."""
    # many maps in a row magnify rounding, and a product by blocks rounds a row differently among other rows
    if x.device.type != "cpu":
        return x @ matrix
    if matrix.shape[1] == 1:  # column by column takes a third of the time
        columns = x.T.contiguous()
        sums = columns[0] * matrix[0]
        for column, part in zip(columns[1:], matrix[1:], strict=True):
            sums += column * part
        return sums[:, None]
    total = x[:, :1] * matrix[0]
    for j in range(1, len(matrix)):
        total = total + x[:, j : j + 1] * matrix[j]
    return total


@dataclass(frozen=True)
class FrameMap(_Tensors):
    """Monotone maps along k orthonormal directions: x -> x + (phi(x R) - x R) R^T.

    Each phi is the optimal one-dimensional map from the cloud's marginal to the cube's, stored at ``knots`` equally
    spaced positions and looked up without a search. Points outside the table are shifted as its end is, so that maps do
    not move far points farther and farther.

    frame : (d, k); low, step : (k,), the table's start and spacing; table : (k, knots), increasing.
    """

    frame: torch.Tensor
    low: torch.Tensor
    step: torch.Tensor
    table: torch.Tensor

    @classmethod
    def fit(cls, x: torch.Tensor, w: torch.Tensor, frame: torch.Tensor, knots: int) -> FrameMap:
        """Fit to x (n, d), weights w (n,), frame (d, k); O(k n d), and O(k n log n) below 1,024 points."""
        target = CubeMarginal(frame)
        if len(x) >= BINNED * FEWEST:
            return cls._fit_binned(x, w, frame, min(knots, len(x) // BINNED), target)
        lows, steps, reached = [], [], []
        for z in (x @ frame).T:
            values, p = weighted_quantiles(z, w, min(4 * knots, max(16, len(x) // PER_KNOT)))
            low, span = values[0], values[-1] - values[0]
            if span <= 1e-9:  # no spread beyond rounding: the cube has size 1
                low, span = low - 0.5, torch.ones_like(low)
            nodes = low + span * torch.linspace(0, 1, knots, dtype=x.dtype, device=x.device)
            reached.append(_interpolate(nodes, values, p))
            lows.append(low)
            steps.append(span / (knots - 1))
        ramp = RAMP * torch.linspace(-0.5, 0.5, knots, dtype=x.dtype, device=x.device)
        table = target.quantile(torch.stack(reached)) + ramp
        return cls(frame, torch.stack(lows), torch.stack(steps), table)

    @classmethod
    def _fit_binned(
        cls, x: torch.Tensor, w: torch.Tensor, frame: torch.Tensor, knots: int, target: CubeMarginal
    ) -> FrameMap:
        z = x @ frame
        low, high = z.new_empty(z.shape[1]), z.new_empty(z.shape[1])
        if z.device.type == "cpu":
            from spotal.numeric.kernels import bounds

            bounds(z.numpy(), low.numpy(), high.numpy())
        else:
            low, high = z.amin(0), z.amax(0)
        flat = high - low <= 1e-9
        low, span = torch.where(flat, low - 0.5, low), torch.where(flat, 1.0, high - low)
        step = span / (knots - 1)
        reached = binned_cdf(z, w, low, step, knots)
        ramp = RAMP * torch.linspace(-0.5, 0.5, knots, dtype=x.dtype, device=x.device)
        return cls(frame, low, step, target.quantile(reached) + ramp)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Carry x (n, d); O(n d k), no search."""
        z = _rows_by(x, self.frame)
        knots = self.table.shape[1]
        t = (z - self.low) / self.step
        inside = t.clamp(0, knots - 1)
        i = inside.floor().clamp_(max=knots - 2)
        outside = (t - inside) * self.step
        t = inside - i
        at = i.long() + torch.arange(len(self.low), device=x.device) * knots
        flat = self.table.reshape(-1)
        moved = torch.lerp(flat.take(at), flat.take(at + 1), t) + outside
        if self.frame.shape[0] == self.frame.shape[1]:
            return _rows_by(moved, self.frame.T)
        return x + _rows_by(moved - z, self.frame.T)

    def move(self, x: torch.Tensor) -> None:
        """Apply ``forward`` in place by compiled loops: x (n, d) on the CPU, a square frame."""
        from spotal.numeric.kernels import apply_frame

        apply_frame(x.numpy(), *(t.contiguous().numpy() for t in (self.frame, self.low, self.step, self.table)))

    def inverse(self, u: torch.Tensor) -> torch.Tensor:
        """Carry u (n, d) back; O(n k (d + log knots))."""
        moved = _rows_by(u, self.frame)
        y = moved.T.contiguous()
        inside = torch.minimum(torch.maximum(y, self.table[:, :1]), self.table[:, -1:])
        i = torch.searchsorted(self.table, inside).clamp_(1, self.table.shape[1] - 1)
        part = _part(inside, self.table.gather(1, i - 1), self.table.gather(1, i))
        z = ((i - 1 + part) * self.step[:, None] + self.low[:, None] + (y - inside)).T
        if self.frame.shape[0] == self.frame.shape[1]:
            return _rows_by(z, self.frame.T)
        return u + _rows_by(z - moved, self.frame.T)
