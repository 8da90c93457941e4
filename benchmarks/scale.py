"""What selection costs at scale, next to its peers and to one pass over memory: JSON out, docs/performance.md from it.

    python -m benchmarks.scale cold        # a million rows beside the projection pass; --budgets for some of them
    python -m benchmarks.scale kcenter     # and kmeans: what they take on the same pool
    python -m benchmarks.scale scaling     # 10^4 to 10^7 rows from a file; --sizes for some of them
    python -m benchmarks.scale round       # with probabilities and labels
    python -m benchmarks.scale quality     # and uniformity: what speed is not bought with
    python -m benchmarks.scale peers       # until each passes the cap; --names for some of them
    python -m benchmarks.scale write       # the page and its plots

Each part is written into benchmarks/results/scale. Every measurement runs in a process of its own, which says how long
it took by the clock, how long on the processor, and how much memory it held at most; --cap (seconds) and --memory
(bytes) stop it. Peers need the extra ``bench``, and coreax and FADS beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from benchmarks.evidence.common import origin, save

FOLDER = Path(__file__).parent / "results" / "scale"
BUDGETS = (100, 1_000, 10_000, 100_000)
KCENTER_STEPS = 20
KMEANS = (1_000, 1_000_000), (10_000, 100_000)
"""Budgets, and the rows of the million that k-means runs on."""
REPEATS = int(os.environ.get("SPOTAL_REPEATS", "5"))
CAP, MEMORY_CAP = 600.0, 20 * 10**9
"""Seconds and bytes at which a measurement is stopped, unless the command says others."""
STARTING = 60
"""Seconds that a peer's process may take beside: to import, make its pool and compile."""


def pool(n: int, dim: int, out: Any = None, k: int = 200, seed: int = 0) -> Any:
    """k Gaussians of unit variance whose centers are as far from each other; float32 (n, dim).

    Beyond a million rows the first million are repeated, each time moved by a vector of its own.
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


def measured(function: Callable[[], Any], repeats: int) -> dict[str, Any]:
    """Seconds by the clock and on the processor, each call's, and their medians."""
    clock, work = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        function()
        clock.append(time.perf_counter() - start)
        work.append(time.process_time() - used)
    medians = {"seconds": statistics.median(clock), "cpu_seconds": statistics.median(work)}
    return {**medians, "repeats": repeats, "all_seconds": clock}


class Memory:
    """The greatest anonymous memory of this process while the block lasts, beyond what it had before; bytes.

    A process that holds more than the environment's SPOTAL_MEMORY_CAP ends at once, and says so.
    """

    def __enter__(self) -> Memory:
        self.before = self.peak = self._now()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        most = float(os.environ.get("SPOTAL_MEMORY_CAP", "inf"))
        while not self._done.wait(0.02):
            self.peak = max(self.peak, self._now())
            if self.peak > most:
                print(f"more than {most / 1e9:.3g} GB", file=sys.stderr, flush=True)
                os._exit(1)

    @staticmethod
    def _now() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) * 1024


def _select(x: Any, budget: int, **known: Any) -> Any:
    import spotal

    return spotal.select(x, budget, random_state=0, **known)


def _warm(dim: int) -> None:
    """Let the compiled loops of both paths be there: an installation compiles them once."""
    for n in (3_000, 60_000):
        _select(pool(n, dim), 100)


def _forecast(x: Any, budget: int) -> float:
    """Seconds that ``spotal select --plan`` foretells, of a pool in memory or in a file."""
    from spotal.cli.scale import planned
    from spotal.pool import open_pool

    request: Any = SimpleNamespace(features=open_pool(x) if isinstance(x, Path) else x)
    return planned(request, budget, None).seconds


def one_cold(budget: int) -> dict[str, Any]:
    """1,000,000 x 512 in memory: the forecast, and SPOT between two measurements of the projection pass."""
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
    return {
        "budget": budget,
        "threads": torch.get_num_threads(),
        **cost,
        "forecast_seconds": forecast,
        "projection": before,
        "projection_after": measured(lambda: tensor @ axes, 5),
        "anonymous_bytes": memory.peak - memory.before,
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "steps": chosen.timings,
        "uniformity": chosen.figures["uniformity"],
        "cell_mass_cv": float(chosen.cell_mass.std() * budget),
    }


def one_kcenter(rows: int) -> dict[str, Any]:
    """Greedy k-center's first steps on ``rows`` of a million: all cost the same, and are linear in the rows."""
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


def one_kmeans(budget: int, rows: int) -> dict[str, Any]:
    """faiss k-means with 20 iterations and the medoids, on ``rows`` of the 1,000,000: the cost is linear in them."""
    import faiss
    import torch

    faiss.omp_set_num_threads(torch.get_num_threads())
    x = pool(rows, 512)

    def run() -> None:
        kmeans = faiss.Kmeans(512, budget, niter=20, seed=0, max_points_per_centroid=10**9, min_points_per_centroid=1)
        kmeans.train(x)
        index = faiss.IndexFlatL2(512)
        index.add(x)
        index.search(kmeans.centroids, 1)

    cost, factor = measured(run, 1), 1_000_000 / rows
    whole = {name: cost[name] * factor for name in ("seconds", "cpu_seconds")}
    return {"budget": budget, "rows": rows, **whole}


def one_scaling(n: int) -> dict[str, Any]:
    """n x 128 streamed from a file, budget 1,000."""
    folder = tempfile.mkdtemp(dir=os.environ.get("SPOTAL_SCRATCH"))
    path = Path(folder, "pool.npy")
    try:
        pool(n, 128, np.lib.format.open_memmap(path, "w+", np.float32, (n, 128)))
        _warm(128)
        budget = min(1_000, n // 10)
        forecast = _forecast(path, budget)
        with Memory() as memory:
            cost = measured(lambda: _select(path, budget), REPEATS)
        held = {"anonymous_bytes": memory.peak - memory.before, "anonymous_total": memory.peak}
        return {"rows": n, "budget": budget, **cost, "forecast_seconds": forecast, **held}
    finally:
        path.unlink()
        os.rmdir(folder)


def one_round(budget: int) -> dict[str, Any]:
    """200,000 x 512: the cold time, and a round's with probabilities of ten classes and 1,000 labeled rows."""
    x = pool(200_000, 512)
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), len(x)).astype(np.float32)
    labeled = rng.choice(len(x), 1_000, replace=False)
    known = {"probabilities": p, "labeled": labeled, "labels": labeled % 10}
    _warm(512)
    return {
        "rows": len(x),
        "cold": measured(lambda: _select(x, budget), REPEATS),
        "round": measured(lambda: _select(x, budget, **known), REPEATS),
        "without_labels": measured(lambda: _select(x, budget, probabilities=p), REPEATS),
    }


def one_quality(seeds: int) -> dict[str, Any]:
    """Fast path against reference: accuracy of a linear probe, and how near rows are to their picks, on digits."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    from spotal.strategies import _large

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    rows = []
    for budget in (20, 50, 150):
        for name, work in (("reference", 1e18), ("fast", 0)):
            _large.EXACT_WORK = work  # type: ignore[assignment]
            score, away = [], []
            for seed in range(seeds):
                import spotal

                chosen = spotal.select(x, budget, random_state=seed)
                model = LogisticRegression(max_iter=300).fit(x[chosen.indices], y[chosen.indices])
                score.append(float(model.score(x, y)))
                away.append(float(np.square(x - x[chosen.indices[chosen.cells]]).sum(1).mean()))
            rows.append({"budget": budget, "path": name, "accuracy": score, "squared_distance": away})
    return {"rows": rows}


def one_uniformity(n: int) -> dict[str, Any]:
    """200 Gaussians in 512 dimensions: marginals of the carried pool, masses of the cut and of the refined cells."""
    import torch

    from spotal.selection.tree import CutTree
    from spotal.strategies import SPOT
    from spotal.strategies._large import FITTED, PER_CELL
    from spotal.transport._cube import ks_distance

    x = pool(n, 512)
    rows = []
    for budget in (100, 1_000, 10_000):
        laid = SPOT(sample_size=FITTED).layout(x, budget, random_state=0)
        u = torch.from_numpy(laid.carried)
        directions = torch.from_numpy(np.random.default_rng(2).standard_normal((u.shape[1], 64)))
        directions = torch.cat([torch.eye(laid.dim, dtype=torch.float64), directions / directions.norm(dim=0)], 1)
        each = torch.cat([ks_distance(u, torch.ones(n), part) for part in directions.split(4, 1)])
        known = np.random.default_rng(1).choice(n, max(FITTED, PER_CELL * budget), replace=False)
        cells = CutTree.fit(laid.carried[known], np.ones(len(known)), laid.design).place(laid.carried)
        cut = np.bincount(cells, minlength=budget)
        mass = _select(x, budget).cell_mass
        rows.append(
            {
                "budget": budget,
                "dim": laid.dim,
                "ks_axes_mean": float(each[: laid.dim].mean()),
                "ks_axes_worst": float(each[: laid.dim].max()),
                "ks_directions": float(each[laid.dim :].mean()),
                "cv_cut": float(cut.std() / cut.mean()),
                "cv_refined": float(mass.std() * budget),
            }
        )
        print(rows[-1], file=sys.stderr, flush=True)
    return {"rows": n, "at": rows}


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
    found, _ = KernelHerding(coreset_size=budget, kernel=kernel, unique=True).reduce(Data(jnp.asarray(x)))
    np.asarray(found.unweighted_indices)


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
    """One peer's cold selection from n x 128."""
    x = pool(n, 128)
    with Memory() as memory:
        if name.startswith("spotal"):
            _warm(128)
        else:
            PEERS[name](pool(200, 128), 10)  # loads and compiles
        cost = measured(lambda: PEERS[name](x, budget), 1)
    return {"name": name, "rows": n, "budget": budget, **cost, "anonymous_bytes": memory.peak - memory.before}


def apart(function: str, *arguments: Any, cap: float = CAP, memory: float = MEMORY_CAP) -> dict[str, Any]:
    """Run one measurement in a process of its own; one that passes a cap, or fails, says so."""
    command = [sys.executable, "-m", "benchmarks.scale", "one", function, json.dumps(arguments)]
    environment = {"OMP_WAIT_POLICY": "passive"} | os.environ | {"SPOTAL_MEMORY_CAP": str(memory)}
    with tempfile.TemporaryFile("w+") as log:
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=log, text=True, timeout=cap, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            return {"stopped": _too_long(cap)}
        if done.returncode:
            log.seek(0)
            return {"stopped": (log.read().strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _too_long(cap: float) -> str:
    return f"longer than {cap:.0f} s"


def peers(names: list[str], cap: float, memory: float, sizes: list[int], budget: int) -> dict[str, Any]:
    """Every peer from the smallest pool up until it stops; its time counts, not that to make the pool and compile."""
    rows = [row for row in _earlier("peers") if row["name"] not in names]
    for name in names:
        for n in sizes:
            found = apart("peer", name, n, budget, cap=cap + STARTING, memory=memory)
            if found.get("seconds", 0) > cap or found.get("stopped") == _too_long(cap + STARTING):
                found = {"stopped": _too_long(cap)}
            rows.append({"name": name, "rows": n, "budget": budget, "cap_seconds": cap, "cap_bytes": memory} | found)
            print(rows[-1], file=sys.stderr, flush=True)
            if "stopped" in found:
                break
    return {"results": rows}


def _earlier(part: str) -> list[dict[str, Any]]:
    """What an earlier run of a part measured."""
    path = FOLDER / f"{part}.json"
    return list(json.loads(path.read_text()).get("results", [])) if path.exists() else []


def main() -> None:
    """Run a part, or one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--cap", type=float, default=CAP, help="seconds that one measurement may take")
    parser.add_argument("--memory", type=float, default=MEMORY_CAP, help="bytes that it may hold")
    parser.add_argument("--sizes", type=int, nargs="+", default=None, help="rows, for scaling and peers")
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--names", nargs="+", default=list(PEERS), choices=list(PEERS), help="peers to measure")
    options = parser.parse_args()
    if options.part == "one":
        name, arguments = options.rest
        print(json.dumps(globals()[f"one_{name}"](*json.loads(arguments))))
        return
    if options.part == "write":
        from benchmarks.scale_page import write

        write(FOLDER)
        return
    sizes = options.sizes or [10**4, 10**5, 10**6, 10**7]
    kept = [row for row in _earlier(options.part) if "stopped" not in row]
    other = [row for row in kept if row.get("budget") not in options.budgets]
    smaller = [row for row in kept if row.get("rows") not in sizes]
    caps = {"cap": options.cap, "memory": options.memory}
    ladder = options.sizes or [k * 10**e for e in range(3, 7) for k in (1, 3)]
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "cold": lambda: {"results": other + [apart("cold", budget, **caps) for budget in options.budgets]},
        "kcenter": lambda: apart("kcenter", 1_000_000, **caps),
        "kmeans": lambda: {"results": [apart("kmeans", *job, **caps) for job in KMEANS]},
        "scaling": lambda: {"results": smaller + [apart("scaling", n, **caps) for n in sizes]},
        "round": lambda: apart("round", 1_000, **caps),
        "quality": lambda: apart("quality", 8, **caps),
        "uniformity": lambda: apart("uniformity", 1_000_000, **caps),
        "peers": lambda: peers(options.names, options.cap, options.memory, ladder, 100),
    }
    found = parts[options.part]()
    print(json.dumps(found, indent=1))
    save(options.part, {"origin": origin([0]), "load": os.getloadavg(), **found}, FOLDER)


if __name__ == "__main__":
    main()
