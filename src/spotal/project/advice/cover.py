"""Coverage: distances from the pool's items to the labeled items, and evenness of the labeled items."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.errors import ProjectError, SpotalError
from spotal.project.predictions import read_embeddings
from spotal.project.records import Metric

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["Cover", "covered", "distances", "evenness"]

ROWS = 20_000
DRAWS = 5


@dataclass(frozen=True)
class Cover:
    """Measures of how well labeled rows cover the pool. Smaller is better for all.

    transport_cost : float, mean distance from a row to its nearest labeled row, divided by the mean distance to the
        pool's mean; 0 when all rows are labeled
    transport_cost_random : float, the same for equally many random rows, mean of 5 draws
    fill_distance, fill_distance_random : float, largest distance from a row to its nearest labeled row, and to the
        nearest of equally many random rows
    discrepancy : float or None, mixture discrepancy of the labeled rows after transport of the pool to the unit cube
    discrepancy_design : float or None, mixture discrepancy of a space-filling design of equally many points. Both are
        None beyond 4,096 labels.
    """

    transport_cost: float
    transport_cost_random: float
    fill_distance: float
    fill_distance_random: float
    discrepancy: float | None
    discrepancy_design: float | None


def distances(pool: NDArray[np.floating], labeled: NDArray[np.int64], random_state: int) -> dict[str, float]:
    """Compute the distances of :class:`Cover`, by name, on a uniform random sample of at most 20,000 rows.

    ``labeled`` holds at least one row and not all. Cost: O(7 s m D) for s sampled rows, m labels and D dimensions.
    """
    from spotal.pool.sample import row_uniforms
    from spotal.report.covering import coverage

    sample = pool
    if len(pool) > ROWS:
        sample = pool[np.sort(np.argsort(row_uniforms(np.arange(len(pool)), random_state), kind="stable")[:ROWS])]
    spread = float(np.linalg.norm(sample - sample.mean(0, dtype=np.float64), axis=1).mean()) or 1.0
    rng = np.random.default_rng(random_state)
    random_costs = [_cost(sample, pool[rng.choice(len(pool), len(labeled), replace=False)]) for _ in range(DRAWS)]
    fill = coverage(pool, labeled, seed=random_state)
    return {
        "transport_cost": _cost(sample, pool[labeled]) / spread,
        "transport_cost_random": float(np.mean(random_costs)) / spread,
        "fill_distance": fill.picks,
        "fill_distance_random": fill.random,
    }


def evenness(pool: NDArray[np.floating], labeled: NDArray[np.int64], random_state: int) -> dict[str, float]:
    """Compute the discrepancies of :class:`Cover`, by name; empty beyond 4,096 labels. Fits a sliced transport."""
    from spotal.design.merit import MERIT_POINTS, discrepancy

    if len(labeled) > MERIT_POINTS:
        return {}
    from spotal.strategies import TransportedDesign

    laid = TransportedDesign(transport="sliced").layout(pool, len(labeled), random_state=random_state)
    return {
        "discrepancy": discrepancy(laid.carried[labeled].astype(np.float64), "mixture"),
        "discrepancy_design": discrepancy(laid.design, "mixture"),
    }


PARTS = {"distances_of": distances, "evenness_of": evenness}
"""Functions, each with the name of a metric that stores a hash of the labels that the values belong to."""


def covered(project: Project, *, parts: Iterable[str] = tuple(PARTS)) -> dict[str, float]:
    """Return attributes of :class:`Cover` by name, in the embeddings of a project's newest model.

    Values are computed on request and stored with the model until the labels change. Empty without a model, and if no
    item or every item is labeled. ``parts`` selects from ``PARTS``: "distances_of", and "evenness_of", which is slower.
    """
    model = project.models.last()
    if model is None or model.embeddings is None:
        return {}
    settings, seed = project.settings, project.settings.random_state
    current = project.labels.current().values()
    numbers = sorted(row.number for row in current if settings.places(row.label) is not None)
    digest = blake2b(repr((numbers, seed)).encode(), digest_size=6).digest()
    key = float(int.from_bytes(digest, "big"))  # a float holds 48 bits exactly
    metrics = {name: metric.value for name, metric in project.models.metrics(model.number).items()}
    outdated = [part for part in parts if metrics.get(part) != key]
    if outdated:
        try:
            pool = read_embeddings(project, model.number)
        except ProjectError:  # damaged: the next training writes new ones
            return {}
        assert pool is not None
        there = np.isfinite(pool[:, 0])
        labeled = np.asarray([number for number in numbers if number < len(pool) and there[number]], np.int64)
        if not 0 < len(labeled) < there.sum():
            return {}
        if not there.all():
            pool, labeled = pool[there], (np.cumsum(there) - 1)[labeled]
        for part in outdated:
            metrics |= {**PARTS[part](pool, labeled, seed), part: key}
        with suppress(SpotalError):  # without write permission it is computed each time
            project.models.measure(model.number, [Metric(*pair) for pair in metrics.items()])
    return {name: value for name, value in metrics.items() if name in Cover.__dataclass_fields__}


def _cost(rows: NDArray[np.floating], centers: NDArray[np.floating]) -> float:
    import torch

    from spotal.numeric.nearest import nearest

    squared = nearest(torch.from_numpy(np.array(rows)), torch.from_numpy(np.array(centers)))[1]
    return float(squared.sqrt().mean())
