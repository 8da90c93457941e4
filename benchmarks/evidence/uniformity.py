"""Uniformity of each cloud after each transport, on fitted and on new points, and the cost of the map."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import torch
from benchmarks.evidence import clouds
from benchmarks.evidence.common import origin, spread
from numpy.typing import NDArray

from spotal import SPOT, design
from spotal.design.merit import discrepancy
from spotal.errors import ConvergenceWarning
from spotal.transport import ExactTransport, ProjectionPursuitTransport, SinkhornTransport, SlicedTransport, Transport
from spotal.transport._cube import ks_distance

Array = NDArray[np.float64]

FITTED, HELD, DIRECTIONS, REPEATS = 1_000, 750, 64, 20
TRANSPORTS = ("sliced", "PP save", "PP random", "exact", "Sinkhorn")
PICTURED, PICKS, POOL = ("two moons", "uneven spiral", "20 Gaussians 100:1"), 64, 1_000


def transport(name: str, seed: int) -> Transport:
    """Make a transport with the library's default settings."""
    made: dict[str, Transport] = {
        "sliced": SlicedTransport(random_state=seed),
        "PP save": ProjectionPursuitTransport("save", random_state=seed),
        "PP random": ProjectionPursuitTransport("random", random_state=seed),
        "exact": ExactTransport("barycentric", random_state=seed),
        "Sinkhorn": SinkhornTransport(random_state=seed),
    }
    return made[name]


def mean_ks(points: Array, seed: int = 0) -> float:
    """Compute the mean Kolmogorov-Smirnov distance from the cube's marginals along random directions."""
    directions = np.random.default_rng(seed).standard_normal((points.shape[1], DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    weight = torch.ones(len(points), dtype=torch.float64)
    return float(ks_distance(torch.from_numpy(points), weight, torch.from_numpy(directions)).mean())


def standard(points: Array, fitted: Array) -> Array:
    """Shift to the cube's center and scale all axes alike to its total variance: this does not change optimality."""
    mean = fitted.mean(0)
    return (points - mean) * np.sqrt(fitted.shape[1] / 12 / fitted.var(0).sum()) + 0.5


def least_cost(x: Array, y: Array) -> float:
    """Compute the exact squared W2 between two clouds of equal masses."""
    import ot

    cost = ot.dist(x, y)
    return float(ot.emd2(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), cost, numItermax=2_000_000))


def measure(cloud: str, name: str, seed: int, fitted: int, held: int, quick: bool = False) -> dict[str, Any]:
    """Measure one record: one transport on one cloud."""
    points = clouds.make(cloud, fitted + held, seed).reduced()
    x, new = points[:fitted], points[fitted:]
    x, new = standard(x, x), standard(new, x)
    mover = transport(name, seed)
    if quick and "max_iter" in mover.get_params():
        mover.set_params(max_iter=5)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mover.fit(x)
    seconds = time.perf_counter() - start
    u, v = (np.clip(mover.transform(part), 0, 1) for part in (x, new))
    cube = design.get("sobol").points(len(x), x.shape[1], random_state=seed + 100)
    cost = float(((x - u) ** 2).sum(1).mean())
    return {
        "cloud": cloud,
        "transport": name,
        "seed": seed,
        "dim": x.shape[1],
        "discrepancy": discrepancy(u),
        "discrepancy_new": discrepancy(v),
        "ks": mean_ks(u),
        "ks_new": mean_ks(v),
        "cost": cost,
        "least_to_cube": least_cost(x, cube),
        "least_to_image": least_cost(x, u),
        "seconds": seconds,
        "iterations": int(getattr(mover, "n_iter_", 0)),
        "converged": bool(getattr(mover, "converged_", True)),
    }


def baseline(dim: int, fitted: int, held: int, repeats: int) -> dict[str, Any]:
    """Measure independent uniform points and a Sobol design the same way; mean and standard deviation."""
    record: dict[str, Any] = {"dim": dim, "repeats": repeats}
    for label, n in (("", fitted), ("_new", held)):
        draws = [np.random.default_rng([dim, n, k]).random((n, dim)) for k in range(repeats)]
        for key, values in (("discrepancy", [discrepancy(u) for u in draws]), ("ks", [mean_ks(u) for u in draws])):
            record[key + label] = {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}
    record["discrepancy_sobol"] = discrepancy(design.get("sobol").points(fitted, dim, random_state=0))
    return record


def picture(cloud: str, pool: int, picks: int) -> dict[str, Any]:
    """Return pool and picks of SPOT as published, before and after transport, with the design, for the pictures."""
    points = clouds.make(cloud, pool, 0).points
    mover = SlicedTransport(random_state=0)
    selection = SPOT.paper(reduction=None, transport=mover).query(points, picks, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        carried = mover.fit(points).transform(points)
    laid = design.get("sobol").points(picks, points.shape[1], random_state=np.random.default_rng(_seed(0)))
    return {
        "cloud": cloud,
        "pool": np.round(points, 3).tolist(),
        "carried": np.round(carried, 4).tolist(),
        "design": np.round(laid, 4).tolist(),
        "picks": selection.indices.tolist(),
    }


def _seed(random_state: int) -> int:
    from spotal.numeric.seeds import as_seed

    return as_seed(random_state)


def run(*, quick: bool = False, workers: int = 2) -> dict[str, Any]:
    """Return all records; ``quick`` uses tiny sizes."""
    begun = origin(range(1) if quick else range(3))
    fitted, held = (120, 60) if quick else (FITTED, HELD)
    seeds = begun["seeds"]
    names = clouds.names()[:2] if quick else clouds.names()
    jobs = [(cloud, name, seed, fitted, held, quick) for cloud in names for name in TRANSPORTS for seed in seeds]
    records = spread(measure, jobs, workers)
    dims = sorted({record["dim"] for record in records})
    return {
        "origin": begun,
        "settings": {"fitted": fitted, "held": held, "directions": DIRECTIONS},
        "records": records,
        "uniform": [baseline(dim, fitted, held, 3 if quick else REPEATS) for dim in dims],
        "pictures": [
            picture(cloud, 200 if quick else POOL, 16 if quick else PICKS) for cloud in PICTURED[: 1 if quick else 3]
        ],
    }
