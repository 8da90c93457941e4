"""Cost of selection at scale, compared to its peers and to one pass over memory.

Writes JSON, and docs/evidence/performance.md from it.

    python -m benchmarks.scale cold        # a million rows, compared with one projection; --budgets for some of them
    python -m benchmarks.scale kcenter     # and kmeans: their cost on the same pool
    python -m benchmarks.scale scaling     # 10^4 to 10^7 rows from a file; --sizes for some of them
    python -m benchmarks.scale round       # with probabilities and labels; --sizes
    python -m benchmarks.scale kernel      # a sliced map: loops in numba, torch, torch.compile and C++
    python -m benchmarks.scale quality     # accuracy with a sample, compared with all rows
    python -m benchmarks.scale peers       # growing pools until each peer reaches the cap; --names for some of them
    python -m benchmarks.scale everyday    # compared with k-means and peers: --sizes, --widths, --budgets, --classes,
                                           # --modes, --names
    python -m benchmarks.scale write       # the page and its plots

Results are written to benchmarks/results/scale after each measurement. Each measurement runs in a separate process,
which reports wall-clock seconds, processor seconds and peak memory. --cap (seconds) and --memory (bytes) stop it. Peers
need the extra ``bench``, coreax and FADS.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from benchmarks.apart import Memory, apart, measured, too_long
from benchmarks.evidence.common import origin, save

FOLDER = Path(__file__).parent / "results" / "scale"
BUDGETS = (100, 1_000, 10_000, 100_000)
KCENTER_STEPS = 20
ITERATIONS = 20
KMEANS = (1_000, ITERATIONS), (10_000, 3)
"""Budgets, and the number of iterations of k-means for each."""
LADDER = 10**3, 3 * 10**3, 10**4, 3 * 10**4, 10**5, 3 * 10**5, 10**6, 3 * 10**6, 10**7
REPEATS = int(os.environ.get("SPOTAL_REPEATS", "5"))
CAP, MEMORY_CAP = 600.0, 20 * 10**9
"""Default seconds and bytes at which a measurement is stopped."""
STARTING = 60
"""Additional seconds for a peer's process to import, make its pool and compile."""
EVERYDAY = "rows", "dim", "budget", "classes", "mode", "name"
"""Keys that identify a measurement of everyday pools; 0 classes is a cold selection, without a model."""
MODES = "one", "all", "busy"
"""One thread; all threads; all threads while four other processes per processor compute."""
SAME = {"cold": "budget", "kmeans": "budget", "scaling": "rows", "round": "rows", "peers": "name"}
"""Key of a measurement: a new one replaces an earlier one with the same value."""
FAR = 1.5
"""A size is skipped if growth predicts more than this many times a cap."""


def pool(n: int, dim: int, out: Any = None, k: int = 200, seed: int = 0) -> Any:
    """Make k Gaussians of unit variance with standard normal centers; float32 (n, dim).

    Beyond a million rows, the first million are repeated, each time shifted by another vector.
    """
    centers = np.random.default_rng(seed).normal(size=(k, dim)).astype(np.float32)
    x = np.empty((n, dim), np.float32) if out is None else out
    for start in range(0, n, 50_000):
        if start >= 10**6:
            move = np.random.default_rng([seed, start // 10**6]).normal(size=dim).astype(np.float32)
            part = x[start : start + 50_000]
            np.add(x[start % 10**6 :][: len(part)], move, out=part)
            continue
        rng = np.random.default_rng([seed, start])
        part = x[start : start + 50_000]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32) + centers[rng.integers(k, size=len(part))]
    return x


def _select(x: Any, budget: int, **context: Any) -> Any:
    import spotal

    return spotal.select(x, budget, random_state=0, **context)


def _warm(dim: int) -> None:
    """Load the compiled loops; an installation compiles them once."""
    _select(pool(3_000, dim), 100)


def _forecast(x: Any, budget: int) -> float:
    """Seconds that ``spotal select --plan`` predicts for a selection and the nearest pick of each row."""
    from spotal.cli.scale import planned
    from spotal.pool import open_pool
    from spotal.strategies import get

    cold = dict.fromkeys(("groups", "mass", "probabilities"))
    request: Any = SimpleNamespace(features=open_pool(x) if isinstance(x, Path) else x, labeled=(), **cold)
    return planned(request, budget, None, get("spot")).seconds


def one_cold(budget: int) -> dict[str, Any]:
    """Measure 1,000,000 x 512 in memory: the forecast, and SPOT between two projection passes."""
    import torch

    x = pool(1_000_000, 512)
    tensor, axes = torch.from_numpy(x), torch.randn(512, 8)
    _warm(512)
    forecast = _forecast(x, budget)
    before = measured(lambda: tensor @ axes, 5)
    last: list[Any] = []
    with Memory() as memory:
        cost = measured(lambda: last.append(_select(x, budget)), REPEATS)
    chosen = last[-1]
    complete = measured(lambda: _select(x, budget).cell_mass, 1)
    return {
        "budget": budget,
        "threads": torch.get_num_threads(),
        **cost,
        "forecast_seconds": forecast,
        "complete_seconds": complete["seconds"],
        "projection": before,
        "projection_after": measured(lambda: tensor @ axes, 5),
        "anonymous_bytes": memory.peak - memory.before,
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "steps": chosen.timings,
        "cell_mass_cv": float(chosen.cell_mass.std() * budget),
    }


def one_kcenter(rows: int) -> dict[str, Any]:
    """Measure greedy k-center's first steps on ``rows`` rows; every step has the same cost, linear in the rows."""
    import torch

    x = torch.from_numpy(pool(rows, 512))
    squared = (x * x).sum(1)
    nearest = torch.full((len(x),), torch.inf)

    def step(row: int = 0) -> None:
        for _ in range(KCENTER_STEPS):
            torch.minimum(nearest, squared - 2 * (x @ x[row]) + squared[row], out=nearest)
            row = int(nearest.argmax())

    cost = measured(step, 3)
    whole = {name: cost[name] / KCENTER_STEPS * 10**6 / rows for name in ("seconds", "cpu_seconds")}
    every = [{"budget": budget} | {name: value * budget for name, value in whole.items()} for budget in BUDGETS[1:3]]
    return {"steps": KCENTER_STEPS, "rows": rows, "results": every}


def one_kmeans(budget: int, tried: int, rows: int) -> dict[str, Any]:
    """Measure faiss k-means with 20 iterations and the medoids. Others count as the mean of those that are run."""
    import faiss
    import torch

    faiss.omp_set_num_threads(torch.get_num_threads())
    x = pool(rows, 512)

    def train(count: int) -> Any:
        limits = {"min_points_per_centroid": 1, "max_points_per_centroid": 10**9}
        kmeans = faiss.Kmeans(512, budget, niter=count, seed=0, **limits)
        kmeans.train(x)
        return kmeans.centroids

    def medoids(centroids: Any) -> None:
        index = faiss.IndexFlatL2(512)
        index.add(x)
        index.search(centroids, 1)

    about = {"budget": budget, "rows": rows, "iterations": tried}
    if tried == ITERATIONS:
        return {**about, **measured(lambda: medoids(train(tried)), 1)}
    first, some = measured(lambda: train(1), 1), measured(lambda: train(tried), 1)
    last = measured(lambda: medoids(x[:budget]), 1)
    each = {name: (some[name] - first[name]) / (tried - 1) for name in ("seconds", "cpu_seconds")}
    whole = {name: first[name] + (ITERATIONS - 1) * each[name] + last[name] for name in each}
    return {**about, **whole, "iteration": each}


def one_scaling(n: int) -> dict[str, Any]:
    """Measure n x 128 streamed from a file, budget 1,000."""
    folder = tempfile.mkdtemp(dir=os.environ.get("SPOTAL_SCRATCH"))
    path = Path(folder, "pool.npy")
    try:
        pool(n, 128, np.lib.format.open_memmap(path, "w+", np.float32, (n, 128)))
        _warm(128)
        budget = min(1_000, n // 10)
        forecast = _forecast(path, budget)
        with Memory() as memory:
            cost = measured(lambda: _select(path, budget), REPEATS)
        complete = measured(lambda: _select(path, budget).cell_mass, 1)
        times = {"forecast_seconds": forecast, "complete_seconds": complete["seconds"]}
        memory_use = {"anonymous_bytes": memory.peak - memory.before, "anonymous_total": memory.peak}
        return {"rows": n, "budget": budget, **cost, **times, **memory_use}
    finally:
        path.unlink()
        os.rmdir(folder)


def one_round(n: int, budget: int) -> dict[str, Any]:
    """Measure n x 512: cold, and a round with probabilities of ten classes and 1,000 labeled rows."""
    x = pool(n, 512)
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), len(x)).astype(np.float32)
    labeled = rng.choice(len(x), 1_000, replace=False)
    context = {"probabilities": p, "labeled": labeled, "labels": labeled % 10}
    _warm(512)
    _select(x, budget, **context)
    return {
        "rows": n,
        "cold": measured(lambda: _select(x, budget), REPEATS),
        "round": measured(lambda: _select(x, budget, **context), REPEATS),
        "without_labels": measured(lambda: _select(x, budget, probabilities=p), REPEATS),
    }


def one_kernel(n: int) -> dict[str, Any]:
    """Measure several implementations of a sliced map on n rows."""
    import torch
    from benchmarks.kernel import compare

    return {"threads": torch.get_num_threads(), "results": compare(pool(n, 512), [9, 12], REPEATS)}


def one_quality(seeds: int) -> dict[str, Any]:
    """Compare a sample to all rows on digits: accuracy of a linear probe, and distances of rows to their picks."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    from spotal.strategies import SPOT

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    rows = []
    for budget in (5, 10, 15):  # larger ones take all of these rows
        for name, least in (("all rows", len(x)), ("sample", 256)):
            score, away = [], []
            for seed in range(seeds):
                import spotal

                chosen = spotal.select(x, budget, SPOT(sample_size=least), random_state=seed)
                model = LogisticRegression(max_iter=300).fit(x[chosen.indices], y[chosen.indices])
                score.append(float(model.score(x, y)))
                away.append(float(np.square(x - x[chosen.indices[chosen.cells]]).sum(1).mean()))
            rows.append({"budget": budget, "path": name, "accuracy": score, "squared_distance": away})
    return {"rows": rows}


def _apricot(x: Any, budget: int) -> None:
    from apricot import FacilityLocationSelection

    FacilityLocationSelection(budget, "euclidean", verbose=False).fit(x)


def _skactiveml(name: str) -> Callable[[Any, int], None]:
    def query(x: Any, budget: int) -> None:
        from skactiveml import pool as strategies
        from skactiveml.classifier import ParzenWindowClassifier

        y = np.full(len(x), np.nan)
        options: dict[str, Any] = {"X": x, "y": y, "batch_size": budget}
        if name == "Badge":
            y[:10] = np.arange(10) % 2
            options["clf"] = ParzenWindowClassifier(classes=[0, 1])
        getattr(strategies, name)(random_state=0).query(**options)

    return query


def _coreax(x: Any, budget: int) -> None:
    import jax.numpy as jnp
    from coreax import Data
    from coreax.kernels import SquaredExponentialKernel
    from coreax.solvers import KernelHerding

    kernel = SquaredExponentialKernel(length_scale=float(np.sqrt(x.shape[1])))
    coreset, _ = KernelHerding(coreset_size=budget, kernel=kernel, unique=True).reduce(Data(jnp.asarray(x)))
    np.asarray(coreset.unweighted_indices)


def _fads(x: Any, budget: int) -> None:
    from FADS import FADS

    FADS(x.astype(float)).DS(budget)


PEERS: dict[str, Callable[[Any, int], Any]] = {
    "spotal SPOT": _select,
    "skactiveml CoreSet": _skactiveml("CoreSet"),
    "skactiveml Badge": _skactiveml("Badge"),
    "skactiveml TypiClust": _skactiveml("TypiClust"),
    "skactiveml ProbCover": _skactiveml("ProbCover"),
    "skactiveml MaxHerding": _skactiveml("MaxHerding"),
    "apricot facility location": _apricot,
    "coreax kernel herding": _coreax,
    "FADS": _fads,
}


def one_peer(name: str, n: int, budget: int) -> dict[str, Any]:
    """Measure one peer's cold selection from n x 128."""
    x = pool(n, 128)
    with Memory() as memory:
        if name.startswith("spotal"):
            _warm(128)
        else:
            PEERS[name](pool(200, 128), 10)  # loads and compiles
        cost = measured(lambda: PEERS[name](x, budget), 1)
    return {"name": name, "rows": n, "budget": budget, **cost, "anonymous_bytes": memory.peak - memory.before}


def _kmeans(kind: str) -> Callable[[Any, int], None]:
    def choose(x: Any, budget: int) -> None:
        from sklearn import cluster
        from sklearn.metrics import pairwise_distances_argmin

        centers = getattr(cluster, kind)(budget, n_init=1, random_state=0).fit(x).cluster_centers_
        pairwise_distances_argmin(centers, x)

    return choose


RIVALS = {name: _kmeans(name) for name in ("KMeans", "MiniBatchKMeans")} | PEERS


def one_everyday(n: int, dim: int, budget: int, classes: int, name: str) -> dict[str, Any]:
    """Measure a selection from n x dim; with classes, SPOT's with probabilities and ``budget`` labels."""
    x, rng = pool(n, dim), np.random.default_rng(0)
    context: dict[str, Any] = {}
    if classes:
        labeled = rng.choice(n, min(budget, n // 2), replace=False)
        p = rng.dirichlet(np.ones(classes), n).astype(np.float32)
        context = {"probabilities": p, "labeled": labeled, "labels": labeled % classes}
    with Memory() as memory:
        small = pool(400, dim)
        _warm(dim) if name == "spotal SPOT" else RIVALS[name](small, 10)  # loads and compiles
        cost = measured(lambda: RIVALS[name](x, budget, **context), 3)
    return {**cost, "anonymous_bytes": memory.peak - memory.before}


def everyday(options: Any) -> Iterator[dict[str, Any]]:
    """Measure every method in every setting, from the smallest pool until it exceeds a cap."""
    from benchmarks.busy import spinning

    settings = product(options.widths, options.budgets, options.classes, options.modes, options.names)
    for dim, budget, classes, mode, name in settings:
        if classes and name != "spotal SPOT":
            continue
        done: list[dict[str, Any]] = []
        for n in (n for n in options.sizes if n >= 2 * budget):
            result = _predicted(done, n, options.cap, options.memory)
            with spinning(4 * (os.cpu_count() or 1) if mode == "busy" and not result else 0), _environment(mode):
                result = result or apart(
                    "benchmarks.scale",
                    "everyday",
                    n,
                    dim,
                    budget,
                    classes,
                    name,
                    cap=options.cap,
                    memory=options.memory,
                )
            done.append(dict(zip(EVERYDAY, (n, dim, budget, classes, mode, name), strict=True)) | result)
            yield done[-1]
            if "stopped" in result:
                break


@contextmanager
def _environment(mode: str) -> Iterator[None]:
    """Set the environment variables of a mode within the block."""
    before = os.environ.get("OMP_NUM_THREADS")
    if mode == "one":
        os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if mode == "one":
            os.environ.pop("OMP_NUM_THREADS")
            os.environ.update({} if before is None else {"OMP_NUM_THREADS": before})


def peers(names: list[str], cap: float, memory: float, sizes: list[int], budget: int) -> Iterator[dict[str, Any]]:
    """Measure every peer from the smallest pool until it is stopped, without the time to make the pool and compile.

    A size is skipped if the growth so far predicts much more than a cap.
    """
    for name in names:
        done: list[dict[str, Any]] = []
        for n in sizes:
            result = _predicted(done, n, cap, memory) or apart(
                "benchmarks.scale", "peer", name, n, budget, cap=cap + STARTING, memory=memory
            )
            if result.get("seconds", 0) > cap or result.get("stopped") == too_long(cap + STARTING):
                result = {"stopped": too_long(cap)}
            done.append({"name": name, "rows": n, "budget": budget, "cap_seconds": cap, "cap_bytes": memory} | result)
            print(done[-1], file=sys.stderr, flush=True)
            yield done[-1]
            if "stopped" in result:
                break


def _predicted(done: list[dict[str, Any]], n: int, cap: float, memory: float) -> dict[str, Any] | None:
    """The reason to skip n rows, from the growth between the last two sizes; None to try them."""
    if len(done) < 2:
        return None
    before, last = done[-2:]
    steps = math.log(n / last["rows"]) / math.log(last["rows"] / before["rows"])
    seconds, used = (last[k] * (last[k] / before[k]) ** steps for k in ("seconds", "anonymous_bytes"))
    if seconds > FAR * cap:
        return {"stopped": f"{too_long(cap)}: {seconds:,.0f} s by its growth"}
    if used > FAR * memory:
        return {"stopped": f"more than {memory / 1e9:.3g} GB: {used / 1e9:,.0f} GB by its growth"}
    return None


def _earlier(part: str, folder: Path) -> list[dict[str, Any]]:
    """Results of earlier runs of a part."""
    path = folder / f"{part}.json"
    return list(json.loads(path.read_text()).get("results", [])) if path.exists() else []


def main(folder: Path = FOLDER) -> None:
    """Run a part, or one measurement in this process; write results to ``folder``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--cap", type=float, default=CAP, help="seconds that one measurement may take")
    parser.add_argument("--memory", type=float, default=MEMORY_CAP, help="bytes that one measurement may use")
    parser.add_argument("--sizes", type=int, nargs="+", default=None, help="rows of the pools")
    parser.add_argument("--budgets", type=int, nargs="+", default=None)
    parser.add_argument("--names", nargs="+", default=None, choices=list(RIVALS), help="peers to measure")
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 384, 1024], help="widths of everyday pools")
    parser.add_argument(
        "--classes", type=int, nargs="+", default=[0, 10, 77, 1000], help="classes of a round; 0 is a cold selection"
    )
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=list(MODES))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # this also ends the running measurement
    if options.part == "one":
        name, arguments = options.rest
        print(json.dumps(globals()[f"one_{name}"](*json.loads(arguments))))
        return
    if options.part == "write":
        from benchmarks.scale_page import write

        write(folder)
        return
    daily = options.part == "everyday"
    options.budgets = options.budgets or [20, 100, 1000] if daily else list(options.budgets or BUDGETS)
    options.names = options.names or list(RIVALS if daily else PEERS)
    caps = {"cap": options.cap, "memory": options.memory}

    def one(function: str, *arguments: Any) -> dict[str, Any]:
        return apart("benchmarks.scale", function, *arguments, **caps)

    def rows(*default: int) -> list[int]:
        return list(options.sizes or default)

    series: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {  # each measurement is saved at once
        "cold": lambda: ({"budget": budget} | one("cold", budget) for budget in options.budgets),
        "kmeans": lambda: (
            {"budget": budget} | one("kmeans", budget, tried, *rows(1_000_000))
            for budget, tried in KMEANS
            if budget in options.budgets
        ),
        "scaling": lambda: ({"rows": n} | one("scaling", n) for n in rows(10**4, 10**5, 10**6, 10**7)),
        "round": lambda: ({"rows": n} | one("round", n, 1_000) for n in rows(200_000, 1_000_000)),
        "everyday": lambda: everyday(options),
        "peers": lambda: peers(options.names, options.cap, options.memory, rows(*LADDER), 100),
    }
    whole: dict[str, Callable[[], dict[str, Any]]] = {
        "kcenter": lambda: one("kcenter", 1_000_000),
        "kernel": lambda: one("kernel", *rows(24 * 8192)),
        "quality": lambda: one("quality", 8),
    }
    if options.part in whole:
        _save(options.part, whole[options.part](), folder)
        return
    if daily:
        options.sizes = rows(*(10**k for k in range(3, 8)))
    rows_done: list[dict[str, Any]] = []
    earlier, same = _earlier(options.part, folder), EVERYDAY if daily else (SAME[options.part],)
    for row in series[options.part]():
        rows_done.append(row)
        new = {tuple(row[key] for key in same) for row in rows_done}
        others = [row for row in earlier if tuple(row[key] for key in same) not in new]
        _save(options.part, {"results": others + rows_done}, folder)


def _save(part: str, result: dict[str, Any], folder: Path) -> None:
    """Write the results of a part so far."""
    print(json.dumps(result, indent=1))
    save(part, {"origin": origin([0]), "load": os.getloadavg(), **result}, folder)


if __name__ == "__main__":
    main()
