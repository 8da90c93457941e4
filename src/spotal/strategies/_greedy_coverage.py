"""Greedy coverage: rows that, one after another, raise most the weighted mean of each row's similarity to a pick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.constraints.limits import Allowance
from spotal.numeric.nearest import nearest
from spotal.pool.base import Pool
from spotal.strategies._content import ContentRandom

__all__ = ["gaussian", "greedy_cover"]

BLOCK_ROWS = 256
"""Candidates whose similarities to all targets are held at once."""

NARROW = 0.03
"""Radius, in lengths of the longest row, below which float32 distances are too coarse for a kernel."""

FEW = 1 << 24
"""Pairs up to which similarities are worked out in float64, so that near-ties fall as they should."""

Kernel = Callable[[torch.Tensor], torch.Tensor]
"""Squared distances to similarities in [0, 1], falling; may work in place."""


def greedy_cover(
    pool: Pool,
    kernel: Kernel,
    allowance: Allowance,
    *,
    candidates: NDArray[np.int64],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    around: NDArray[np.int64],
    chance: ContentRandom,
    radius: float,
    block_rows: int = BLOCK_ROWS,
    few: int = FEW,
) -> tuple[NDArray[np.int64], float]:
    """The rows of greatest gain in coverage, each given those before it, and the coverage reached, in [0, 1].

    Coverage is the weighted mean over targets of the greatest similarity to a row that is labeled or picked. It is
    monotone and submodular, so a gain found earlier bounds a later one, and only candidates whose bound is greatest are
    looked at again (M. Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978): the
    picks are those of the plain greedy method. Ties fall at random.

    Parameters
    ----------
    pool : N rows; kernel : similarity of a squared distance; allowance : what may be picked; with prices, a gain counts
        for each unit of price (the cost-benefit greedy method of J. Leskovec et al., "Cost-effective outbreak detection
        in networks", KDD 2007)
    candidates, targets, around : row numbers that may be picked, (m,), that are to be covered, (s,), and that cover
        already, (l,)
    weights : float64 (s,), of the targets
    chance : breaks ties
    radius : the distance over which the kernel falls; where it is small beside the pool, or pairs are few, similarities
        are worked out in float64 rather than float32
    block_rows : candidates whose similarities to all targets are held at once; few : pairs that are few

    Notes
    -----
    O(m s d) once, and O(s d) for each candidate looked at again, some thousands a pick at first and tens later. Memory
    O(s (d + 256)): no matrix of the pool's rows by rows.
    """
    points = pool.rows(targets).double()
    middle = points.mean(0)
    points -= middle
    narrow = radius < NARROW * float(points.square().sum(1).max().sqrt())
    dtype = torch.float64 if narrow or len(candidates) * len(targets) <= few else torch.float32
    points = points.to(dtype)
    half = points.square().sum(1) / 2
    weight = torch.from_numpy(weights).to(points.device, dtype)
    cover = torch.zeros(len(points), dtype=dtype, device=points.device)

    def similar(rows: torch.Tensor) -> torch.Tensor:
        x = (rows.double() - middle).to(dtype)
        squared = torch.addmm(half, x, points.T, alpha=-1).mul_(2).add_(x.square().sum(1, keepdim=True))
        return kernel(squared.clamp_min_(0)).to(dtype)

    def gains(rows: torch.Tensor) -> NDArray[np.float64]:
        gain: NDArray[np.float64] = (similar(rows).sub_(cover).clamp_min_(0) @ weight).double().cpu().numpy()
        return gain

    if len(around):
        moved = (pool.rows(around).double() - middle).to(points)
        cover = kernel(nearest(points, moved)[1]).to(dtype)
    order = chance.shuffled(candidates)  # the first of the best is then a random one
    place = np.full(len(pool), -1, np.int64)
    place[order] = np.arange(len(order))
    cost = allowance.limits.cost
    price = np.ones(len(order)) if cost is None else cost[order] / cost.min()
    bound = np.empty(len(order))
    for batch in pool.batches():
        wanted = np.flatnonzero(place[batch.rows] >= 0)
        for start in range(0, len(wanted), block_rows):
            part = wanted[start : start + block_rows]
            chosen = batch.points[torch.from_numpy(part).to(batch.points.device)]
            at = place[batch.rows][part]
            bound[at] = gains(chosen) / price[at]
    fresh = np.ones(len(order), dtype=bool)
    bound[~allowance.open[order]] = -1
    while bound.max(initial=-1) >= 0:
        look = block_rows // 4  # a few are often enough
        while True:
            best = int(bound.argmax())
            if fresh[best] or bound[best] <= 0:  # a gain of nothing cannot become less
                break
            stale = np.flatnonzero(~fresh & (bound == bound[best]))[:look]
            if len(stale) < look:
                top = np.argpartition(-bound, min(look, len(bound)) - 1)[:look]
                more = np.setdiff1d(top[~fresh[top] & (bound[top] > 0)], stale)
                stale = np.concatenate([stale, more[: look - len(stale)]])
            bound[stale] = gains(pool.rows(order[stale])) / price[stale]
            fresh[stale] = True
            look = block_rows
        allowance.take(order[best])
        bound[~allowance.open[order]] = -1
        fresh[:] = False
        cover = torch.maximum(cover, similar(pool.rows(order[best : best + 1]))[0])
    return np.array(allowance.picks, np.int64), float(
        (weight.double() @ cover.double()) / weight.double().sum().clamp_min(1e-300)
    )


def gaussian(radius: float) -> Kernel:
    """exp(-squared distance / radius²), worked out in place."""
    return lambda squared: squared.mul_(-1 / radius**2).exp_()
