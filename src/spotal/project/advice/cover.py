"""Coverage: how well the labels stand for the pool, whatever they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.design.merit import MERIT_POINTS, discrepancy
from spotal.numeric.nearest import nearest
from spotal.pool.sample import row_uniforms
from spotal.report.covering import coverage

__all__ = ["Cover", "cover"]

ROWS = 20_000
DRAWS = 5


@dataclass(frozen=True)
class Cover:
    """How far the pool's rows are from the labels. Less is better, everywhere.

    transport_cost : float, mean distance from a row to its nearest label, as a share of that to the pool's mean: the
        cost of carrying the pool to its labels where each label takes the mass of its own cell; 0 when all are labeled
    transport_cost_random : float, the same with as many random rows in place of the labels, mean of 5 draws
    fill_distance, fill_distance_random : float, distance from the farthest row to its nearest label, and to the nearest
        of as many random rows
    discrepancy : float or None, mixture discrepancy of the labels where the pool is carried to the uniform hypercube
    discrepancy_design : float or None, that of a space-filling design of as many points; None both beyond 4,096 labels
    """

    transport_cost: float
    transport_cost_random: float
    fill_distance: float
    fill_distance_random: float
    discrepancy: float | None
    discrepancy_design: float | None


def cover(pool: NDArray[Any], labeled: NDArray[np.int64], random_state: int = 0) -> Cover:
    """How well labeled rows cover a pool.

    Parameters
    ----------
    pool : (N, D) finite numbers
    labeled : int64 (m,), rows, at least one and not all
    random_state : int

    Notes
    -----
    Distances are measured on at most 20,000 rows, an even random sample: O(7 s m D) for s of them. The transport is
    that of :class:`~spotal.strategies.TransportedDesign`, sliced.
    """
    from spotal.strategies import TransportedDesign

    sample = pool
    if len(pool) > ROWS:
        sample = pool[np.sort(np.argsort(row_uniforms(np.arange(len(pool)), random_state), kind="stable")[:ROWS])]
    spread = float(np.linalg.norm(sample - sample.mean(0, dtype=np.float64), axis=1).mean()) or 1.0
    rng = np.random.default_rng(random_state)
    by_chance = [_cost(sample, pool[rng.choice(len(pool), len(labeled), replace=False)]) for _ in range(DRAWS)]
    fill = coverage(pool, labeled, seed=random_state)
    found = design = None
    if len(labeled) <= MERIT_POINTS:
        laid = TransportedDesign(transport="sliced").layout(pool, len(labeled), random_state=random_state)
        found = discrepancy(laid.carried[labeled].astype(np.float64), "mixture")
        design = discrepancy(laid.design, "mixture")
    return Cover(
        _cost(sample, pool[labeled]) / spread,
        float(np.mean(by_chance)) / spread,
        fill.picks,
        fill.random,
        found,
        design,
    )


def _cost(rows: NDArray[Any], centers: NDArray[Any]) -> float:
    import torch

    squared = nearest(torch.from_numpy(np.array(rows)), torch.from_numpy(np.array(centers)))[1]
    return float(squared.sqrt().mean())
