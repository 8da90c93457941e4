"""Coverage of a pool by picks: fill distance and Wasserstein distance in the space of the embeddings."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from benchmarks.evidence import clouds
from benchmarks.evidence.common import origin, spread
from numpy.typing import NDArray

from spotal import strategies
from spotal.design.merit import fill_distance
from spotal.numeric.nearest import nearest

Array = NDArray[np.float64]

POOL, BUDGETS = 2_000, (50, 200)
METHODS = ("random", "k-center", "k-means medoids", "SPOT paper", "SPOT default")
_NAMES = {"random": "random", "k-center": "coreset", "SPOT paper": "spot-paper", "SPOT default": "spot"}


def medoids(points: Array, n: int, seed: int) -> tuple[NDArray[np.int64], Array]:
    """Pick the row nearest to each centroid of k-means; return the picks and their clusters' masses."""
    from sklearn.cluster import KMeans

    clusters = KMeans(n, n_init=1, random_state=seed).fit(points)
    gap = ((points - clusters.cluster_centers_[clusters.labels_]) ** 2).sum(1)
    order = np.lexsort((gap, clusters.labels_))
    picks = order[np.r_[0, np.flatnonzero(np.diff(clusters.labels_[order])) + 1]]
    return picks, np.bincount(clusters.labels_, minlength=n)[clusters.labels_[picks]] / len(points)


def choose(method: str, points: Array, n: int, seed: int) -> tuple[NDArray[np.int64], Array]:
    """Return the picks, and the mass of each pick's cell."""
    if method == "k-means medoids":
        return medoids(points, n, seed)
    selection = strategies.get(_NAMES[method]).query(points, n, random_state=seed)
    return selection.indices, selection.cell_mass


def wasserstein(points: Array, picks: NDArray[np.int64], weight: Array) -> float:
    """Compute the exact W2 between the whole pool and the weighted picks."""
    import ot

    even = np.full(len(points), 1 / len(points))
    cost = ot.dist(points, points[picks])
    return float(np.sqrt(max(0.0, ot.emd2(even, weight / weight.sum(), cost, numItermax=2_000_000))))


def measure(cloud: str, method: str, n: int, seed: int, pool: int) -> dict[str, Any]:
    """Measure one record. Distances are in units of the pool's root-mean-square radius."""
    import torch

    made = clouds.make(cloud, pool, seed)
    points = made.points / np.sqrt(made.points.var(0).sum())
    start = time.perf_counter()
    picks, mass = choose(method, points, n, seed)
    seconds = time.perf_counter() - start
    gaps = nearest(torch.from_numpy(points), torch.from_numpy(points[picks]))[1].sqrt().numpy()
    groups = np.unique(made.group)
    return {
        "cloud": cloud,
        "method": method,
        "n": n,
        "seed": seed,
        "rows": len(points),
        "width": points.shape[1],
        "fill": fill_distance(points[picks], points),
        "mean_gap": float(gaps.mean()),
        "w2": wasserstein(points, picks, np.ones(len(picks))),
        "w2_weighted": wasserstein(points, picks, mass),
        "groups_hit": len(np.unique(made.group[picks])) / len(groups),
        "groups": len(groups),
        "seconds": seconds,
    }


def run(*, quick: bool = False, workers: int = 2) -> dict[str, Any]:
    """Return all records; ``quick`` uses tiny sizes."""
    pool, budgets = (150, (10,)) if quick else (POOL, BUDGETS)
    begun = origin(range(2 if quick else 5))
    seeds = begun["seeds"]
    names = clouds.names()[:1] if quick else clouds.names()
    jobs = [(cloud, m, n, seed, pool) for cloud in names for m in METHODS for n in budgets for seed in seeds]
    return {
        "origin": begun,
        "settings": {"pool": pool, "budgets": list(budgets)},
        "records": spread(measure, jobs, workers),
    }
