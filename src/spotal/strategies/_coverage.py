"""SPOT's picks by coverage: rows to work on, the space they are compared in, what each is worth, greedy picks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal._arrays import to_numpy
from spotal._search import one_thread
from spotal.mass import Mass
from spotal.reduce import SoftSphere
from spotal.selection.coverage import Coverage, Reach, neighbors_needed, reaches
from spotal.selection.graph import NeighborGraph
from spotal.strategies._content import Chance, fill
from spotal.strategies._record import Clock
from spotal.strategies._sample import Sample
from spotal.strategies.base import Query

__all__ = ["cover", "unevenness"]


def unevenness(probabilities: NDArray[np.floating], mass: NDArray[np.float64]) -> float:
    """How uneven the classes are as a model sees them: 1 less the normalized entropy of the mean probabilities.

    Parameters
    ----------
    probabilities : (s, classes); mass : float64 (s,), not all zero

    Returns
    -------
    float in [0, 1]: 0 where all classes are equally common, or there is one only; 1 where all rows are of one class.
    """
    classes = probabilities.shape[1]
    if classes < 2:
        return 0.0
    mean = mass @ probabilities.astype(np.float64).clip(0) / mass.sum()
    mean = mean[mean > 0] / mean.sum()
    return float(np.clip(1 + (mean * np.log(mean)).sum() / np.log(classes), 0, 1))


def _stretch(points: torch.Tensor, graph: NeighborGraph, reach: Reach) -> NDArray[np.float64]:
    """How far in the embedding itself, not on the sphere, lies the last row that may cover each, over the median."""
    edge = graph.near[np.arange(len(points)), reach.count - 1]
    length = to_numpy((points - points[torch.from_numpy(edge)]).square().sum(1).sqrt())
    typical = float(np.median(length)) or float(length.max()) or 1.0
    return np.asarray(np.maximum(length / typical, 1e-3))


def cover(
    query: Query, rule: Mass, share: float, space_filling: float | None, clock: Clock
) -> tuple[NDArray[np.int64], dict[str, float]]:
    """Rows of the pool that cover it best, in order, and figures of the coverage.

    Parameters
    ----------
    rule : what a row is worth, times the caller's mass
    share : of the mass that one pick stands for, what lies within a row's reach
    space_filling : power of a row's distance to where it may be covered from, which multiplies its worth; None follows
        :func:`unevenness`, twice it
    """
    with clock("sample"):
        sample = Sample.of(query)
        evidence = sample.evidence(query)
    with clock("graph"):
        picks_in_all = len(query.labeled) + query.budget
        with one_thread():  # sums round alike on every number of cores
            points = SoftSphere.fit(sample.points, sample.mass).transform(sample.points)
        graph = NeighborGraph.fit(points, neighbors_needed(len(points), share / picks_in_all))
    with clock("weigh"):
        reach = reaches(graph, sample.mass, share / picks_in_all)
        power = space_filling
        if power is None:
            known = evidence.probabilities
            power = 0.0 if known is None else 2 * unevenness(known, sample.mass)
        far = _stretch(sample.points, graph, reach) ** power
        weight = sample.mass * rule.weigh(evidence) * far
        weight[sample.labeled] = 0  # they need no label
        if not weight.any():
            weight[sample.unlabeled] = 1
    with clock("pick"):
        coverage = Coverage(graph, reach, weight / weight.sum())
        coverage.add(sample.labeled)
        shuffled = query.rng().permutation(sample.unlabeled)
        if query.limits is None:
            picks = sample.rows[coverage.pick(shuffled, query.budget)]
            full = len(picks) == query.budget
        else:
            allowance = query.allowance()
            coverage.pick_within(shuffled, allowance, lambda places: sample.rows[places])
            picks, full = np.array(allowance.picks, np.int64), allowance.full
        if not full:
            picks = fill(query, picks, Chance(query.pool, query.seed))
    figures = {
        "coverage": coverage.value,
        "space_filling": power,
        "reach": float(np.sqrt(np.median(reach.squared))),
        "rows": float(len(sample.rows)),
    }
    return picks, figures
