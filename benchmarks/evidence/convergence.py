"""Convergence of the mean of a smooth function over the picks to its mean over the pool."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from benchmarks.evidence.clouds import Warp
from benchmarks.evidence.common import Carried, origin, spread
from benchmarks.evidence.genz import DIFFICULTY, Genz
from numpy.typing import NDArray

from spotal import SPOT
from spotal.errors import ConvergenceWarning
from spotal.strategies import Strategy
from spotal.transport import ProjectionPursuitTransport, SlicedTransport, Transport

Array = NDArray[np.float64]

POOL, DRAWS, RANDOM_DRAWS, BOOTSTRAP = 20_000, 4, 8, 2_000
DIMS, EXPONENTS = (2, 4, 8), range(4, 13)
REFERENCE = 1_024
SMOOTH = ("oscillatory", "product peak", "corner peak", "Gaussian")


def transports(seed: int) -> dict[str, Transport | None]:
    """Return the maps under test by label; None is the true inverse map, which no method knows."""
    return {
        "sliced": SlicedTransport(random_state=seed),
        "PP": ProjectionPursuitTransport(random_state=seed),
        "sliced loose": SlicedTransport(min_iter=0, random_state=seed),
        "PP loose": ProjectionPursuitTransport(min_iter=0, random_state=seed),
        "true map": None,
    }


def functions(dim: int, rng: np.random.Generator, draws: int) -> list[Genz]:
    """Return ``draws`` random members of every family."""
    return [Genz.draw(family, dim, rng) for family in DIFFICULTY for _ in range(draws)]


def pool_values(dim: int, seed: int, size: int, draws: int) -> tuple[Array, Array, Array, dict[str, float]]:
    """Make a pool X = G(U), U, and values of f = g(G^-1(x)) scaled to pool mean 0 and standard deviation 1.

    The last item checks the closed form. It has the root mean square of pool means minus integrals, in standard errors
    of the pool mean (about 1 if both are right), and the largest error of G^-1(G(u)).
    """
    rng = np.random.default_rng([dim, seed])
    warp = Warp()
    u = rng.random((size, dim))
    x = warp.forward(u)
    back = warp.inverse(x)
    members = functions(dim, rng, draws)
    values = np.stack([g(back) for g in members], 1)
    mean, sd = values.mean(0), values.std(0)
    z = (mean - np.array([g.integral() for g in members])) / (sd / np.sqrt(size))
    checks = {"z_rms": float(np.sqrt((z**2).mean())), "inverse_error": float(np.abs(back - u).max())}
    return x, u, (values - mean) / sd, checks


def by_family(errors: Array, draws: int) -> dict[str, float]:
    """Return the mean squared error of each family; errors (functions,) or (repeats, functions)."""
    squared = np.atleast_2d(errors**2).mean(0).reshape(len(DIFFICULTY), draws).mean(1)
    return dict(zip(DIFFICULTY, squared.tolist(), strict=True))


def measure(dim: int, seed: int, size: int, sizes: list[int], draws: int, quick: bool = False) -> dict[str, Any]:
    """Run all methods on one pool. ``errors``: method -> size -> family -> mean squared error, in variances of f."""
    x, u, f, checks = pool_values(dim, seed, size, draws)
    errors: dict[str, list[dict[str, float]]] = {"random": []}
    fits: dict[str, dict[str, float]] = {}
    for n in sizes:
        picks = [np.random.default_rng([seed, n, k]).choice(size, n, replace=False) for k in range(RANDOM_DRAWS)]
        errors["random"].append(by_family(np.stack([f[rows].mean(0) for rows in picks]), draws))
    chosen: dict[str, Strategy] = {"default": SPOT()}
    for label, mover in transports(seed).items():
        carried = u
        if mover is not None:
            if quick:
                mover.set_params(min_iter=0, max_iter=5)
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                mover.fit(x)
            seconds = time.perf_counter() - start
            carried = mover.transform(x)
            fits[label] = {
                "seconds": seconds,
                "iterations": int(getattr(mover, "n_iter_", 0)),
                "uniformity": float(getattr(mover, "uniformity_", 0.0)),
            }
        chosen[f"nearest, {label}"] = SPOT.paper(reduction=None, transport=Carried(x, carried))
    for method, strategy in chosen.items():
        errors[method], errors[f"{method}, weighted"] = [], []
        for n in sizes:
            selection = strategy.query(x, n, random_state=seed)
            values = f[selection.indices]
            errors[method].append(by_family(values.mean(0), draws))
            errors[f"{method}, weighted"].append(by_family(selection.cell_mass @ values, draws))
    return {"dim": dim, "seed": seed, "sizes": sizes, "errors": errors, "fits": fits, "checks": checks}


def slope(sizes: Array, mse: Array) -> Array:
    """Fit the slope of log RMSE on log n by least squares; mse (..., sizes)."""
    centered = np.log(sizes) - np.log(sizes).mean()
    slopes: Array = np.log(mse) @ centered / 2 / (centered**2).sum()
    return slopes


def summarize(records: list[dict[str, Any]], families: tuple[str, ...]) -> list[dict[str, Any]]:
    """Compute RMSE, slope and ratio to random at the reference size, with 95 % bootstrap intervals over seeds."""
    rows = []
    rng = np.random.default_rng(0)
    for dim in sorted({record["dim"] for record in records}):
        own = [record for record in records if record["dim"] == dim]
        sizes = own[0]["sizes"]
        mse = {  # (seeds, sizes)
            method: np.array([[np.mean([e[f] for f in families]) for e in r["errors"][method]] for r in own])
            for method in own[0]["errors"]
        }
        draws = rng.integers(0, len(own), (BOOTSTRAP, len(own)))
        at = sizes.index(REFERENCE) if REFERENCE in sizes else len(sizes) - 1
        base = mse["random"]
        for method, values in mse.items():
            mean = values.mean(0)
            boot = values[draws].mean(1)
            ratio = np.sqrt(boot[:, at] / base[draws].mean(1)[:, at])
            to_reference = slice(None, at + 1)
            rows.append(
                {
                    "dim": dim,
                    "method": method,
                    "rmse": np.sqrt(mean).tolist(),
                    "rmse_interval": np.sqrt(np.percentile(boot, [2.5, 97.5], axis=0)).tolist(),
                    "slope": float(slope(np.array(sizes), mean)),
                    "slope_interval": np.percentile(slope(np.array(sizes), boot), [2.5, 97.5]).tolist(),
                    "slope_to_reference": float(slope(np.array(sizes[to_reference]), mean[to_reference])),
                    "slope_to_reference_interval": np.percentile(
                        slope(np.array(sizes[to_reference]), boot[:, to_reference]), [2.5, 97.5]
                    ).tolist(),
                    "reference": sizes[at],
                    "ratio": float(np.sqrt(mean[at] / base.mean(0)[at])),
                    "ratio_interval": np.percentile(ratio, [2.5, 97.5]).tolist(),
                }
            )
    return rows


def run(*, quick: bool = False, workers: int = 2) -> dict[str, Any]:
    """Return all records and their summary; ``quick`` uses tiny sizes."""
    dims, sizes, size = (DIMS, [1 << k for k in EXPONENTS], POOL) if not quick else ((2,), [8, 16, 32], 300)
    begun = origin(range(2 if quick else 20))
    seeds = begun["seeds"]
    # the longest jobs first, so that the workers end at about the same time
    jobs = [(dim, seed, size, sizes, DRAWS, quick) for dim in reversed(dims) for seed in seeds]
    records = sorted(spread(measure, jobs, workers), key=lambda r: (r["dim"], r["seed"]))
    fits = [
        {"dim": dim, "transport": label}
        | {
            key: float(np.mean([r["fits"][label][key] for r in records if r["dim"] == dim]))
            for key in ("seconds", "iterations", "uniformity")
        }
        for dim in dims
        for label in records[0]["fits"]
    ]
    return {
        "origin": begun,
        "settings": {"pool": size, "sizes": sizes, "draws": DRAWS, "families": list(DIFFICULTY)},
        "checks": {
            "z_rms": float(np.sqrt(np.mean([r["checks"]["z_rms"] ** 2 for r in records]))),
            "inverse_error": max(r["checks"]["inverse_error"] for r in records),
        },
        "fits": fits,
        "all": summarize(records, tuple(DIFFICULTY)),
        "analytic": summarize(records, SMOOTH),
    }
