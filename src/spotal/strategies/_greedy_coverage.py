"""Greedy coverage: each pick maximizes the weighted mean of the rows' similarity to their most similar pick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.nearest import nearest
from spotal.pool.base import Pool
from spotal.strategies._content import ContentRandom
from spotal.strategies.query import Query

__all__ = ["gaussian", "greedy_cover"]

BLOCK_ROWS = 256
"""Number of candidates whose similarities to all targets are in memory at once."""
NARROW = 0.03
"""Radius, relative to the longest row, below which float32 distances are too imprecise."""
FEW = 1 << 24
"""Maximum number of pairs for which float64 is used, so that near-ties are decided correctly."""

Kernel = Callable[[torch.Tensor], torch.Tensor]
"""Function from squared distances to similarities in [0, 1], decreasing; it may work in place."""


def greedy_cover(
    query: Query,
    pool: Pool,
    kernel: Kernel,
    radius: float,
    candidates: NDArray[np.int64],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    chance: ContentRandom,
    *,
    block_rows: int = BLOCK_ROWS,
    few: int = FEW,
) -> tuple[NDArray[np.int64], float]:
    """Pick rows greedily by their gain in coverage; return the picks and the coverage, in [0, 1].

    Coverage is the weighted mean over targets of the greatest similarity to a labeled or picked row. It is monotone and
    submodular, so an earlier gain bounds a later one, and only the candidates of greatest bound are evaluated again
    (M. Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978). The picks are the same
    as with the plain greedy method. Ties are broken at random. With prices, gains are divided by them (the cost-benefit
    greedy method of J. Leskovec et al., "Cost-effective outbreak detection in networks", KDD 2007).

    Parameters
    ----------
    pool : the query's pool, in the space in which distances are measured
    radius : scale of the kernel. If it is small relative to the pool, or there are at most ``few`` pairs, similarities
        are computed in float64 instead of float32.
    candidates, targets : row numbers that may be picked (m,), and that are to be covered (s,)
    weights : float64 (s,), of the targets
    chance : random numbers that break ties
    block_rows : number of candidates whose similarities to all targets are in memory at once

    Notes
    -----
    O(m s d) once, then O(s d) for each candidate evaluated again: thousands per pick at first, tens later. Memory O(s
    (d + 256)); no matrix of all pairs of rows.
    """
    allowance = query.allowance()
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

    if len(query.labeled):
        moved = (pool.rows(query.labeled).double() - middle).to(points)
        cover = kernel(nearest(points, moved)[1]).to(dtype)
    order = chance.shuffled(candidates)  # so that argmax breaks ties at random
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
        look = block_rows // 4  # few are often enough
        while True:
            best = int(bound.argmax())
            if fresh[best] or bound[best] <= 0:  # a gain of 0 cannot decrease
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
    """Return the kernel exp(-squared distance / radius²), which works in place."""
    return lambda squared: squared.mul_(-1 / radius**2).exp_()
