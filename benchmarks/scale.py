"""What selection costs at scale, next to its peers and to one pass over memory: JSON out, docs/performance.md from it.

    python -m benchmarks.scale cold | scaling | round | quality | peers   # one part each, into benchmarks/results/scale
    python -m benchmarks.scale write                                      # the page and its plots

Every measurement runs in a process of its own, which says how long it took by the clock, how long on the processor,
and how much memory it held at most. Peers need the extra ``bench``.
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
from typing import Any

import numpy as np
from benchmarks.evidence.common import origin, save

FOLDER = Path(__file__).parent / "results" / "scale"
BUDGETS = (100, 1_000, 10_000, 100_000)
KCENTER_STEPS = 20
REPEATS = int(os.environ.get("SPOTAL_REPEATS", "5"))


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
    """The greatest anonymous memory of this process while the block lasts, beyond what it had before; bytes."""

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
        while not self._done.wait(0.02):
            self.peak = max(self.peak, self._now())

    @staticmethod
    def _now() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) * 1024


def _select(x: Any, budget: int, **known: Any) -> Any:
    import spotal

    return spotal.select(x, budget, random_state=0, **known)


def _warm(x: Any) -> None:
    """Let the compiled loops be there: an installation compiles them once."""
    few = x[: min(len(x), 60_000)]
    _select(np.ascontiguousarray(few), max(1, 2 * 10**10 // (len(few) * x.shape[1]) + 1))


def one_cold(budgets: list[int]) -> dict[str, Any]:
    """1,000,000 x 512 in memory: the projection pass, and SPOT at each budget."""
    import torch

    x = pool(1_000_000, 512)
    tensor, axes = torch.from_numpy(x), torch.randn(512, 8)
    _warm(x)
    found: dict[str, Any] = {"projection": measured(lambda: tensor @ axes, 5), "threads": torch.get_num_threads()}
    rows = []
    for budget in budgets:
        last: list[Any] = []
        with Memory() as memory:
            cost = measured(
                lambda budget=budget, last=last: last.append(_select(x, budget)),
                5 if budget < 10_000 else 3 if budget < 10**5 else 1,
            )
        chosen = last[-1]
        rows.append(
            {
                "budget": budget,
                **cost,
                "anonymous_bytes": memory.peak - memory.before,
                "steps": chosen.timings,
                "uniformity": chosen.figures["uniformity"],
                "cell_mass_cv": float(chosen.cell_mass.std() * budget),
            }
        )
        print(rows[-1], file=sys.stderr, flush=True)
    found["projection_after"] = measured(lambda: tensor @ axes, 5)
    return found | {"spot": rows, "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


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

    x = pool(rows, 512)

    def run() -> None:
        kmeans = faiss.Kmeans(512, budget, niter=20, seed=0, max_points_per_centroid=10**9, min_points_per_centroid=1)
        kmeans.train(x)
        index = faiss.IndexFlatL2(512)
        index.add(x)
        index.search(kmeans.centroids, 1)

    cost, factor = measured(run, 1), 1_000_000 / rows
    return {"rows": rows, "seconds": cost["seconds"] * factor, "cpu_seconds": cost["cpu_seconds"] * factor}


def one_scaling(n: int) -> dict[str, Any]:
    """n x 128 streamed from a file, budget 1,000."""
    folder = tempfile.mkdtemp(dir=os.environ.get("SPOTAL_SCRATCH"))
    path = Path(folder, "pool.npy")
    try:
        pool(n, 128, np.lib.format.open_memmap(path, "w+", np.float32, (n, 128)))
        _warm(pool(60_000, 128))
        with Memory() as memory:
            cost = measured(lambda: _select(path, min(1_000, n // 10)), REPEATS)
        return {"rows": n, **cost, "anonymous_bytes": memory.peak - memory.before, "anonymous_total": memory.peak}
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
    _warm(x)
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
    from spotal.selection.tree import CutTree
    from spotal.strategies import SPOT
    from spotal.strategies._large import FITTED

    x = pool(n, 512)
    rows = []
    for budget in (100, 1_000):
        laid = SPOT(sample_size=FITTED).layout(x, budget, random_state=0)
        u = laid.carried
        grid = (np.arange(n) + 0.5) / n
        axes = [float(np.abs(np.sort(column) - grid).max()) for column in u.T]
        known = np.random.default_rng(1).choice(n, max(FITTED, 10 * budget), replace=False)
        cells = CutTree.fit(u[known], np.ones(len(known)), laid.design).place(u)
        cut = np.bincount(cells, minlength=budget)
        mass = _select(x, budget).cell_mass
        rows.append(
            {
                "budget": budget,
                "dim": u.shape[1],
                "ks_axes_mean": float(np.mean(axes)),
                "ks_axes_worst": max(axes),
                "ks_directions": float(laid.transport.uniformity_),
                "cv_cut": float(cut.std() / cut.mean()),
                "cv_refined": float(mass.std() * budget),
            }
        )
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


PEERS: dict[str, Callable[[Any, int], Any]] = {
    "spotal SPOT": _select,
    "skactiveml CoreSet": _skactiveml("CoreSet"),
    "skactiveml Badge": _skactiveml("Badge"),
    "skactiveml TypiClust": _skactiveml("TypiClust"),
    "skactiveml ProbCover": _skactiveml("ProbCover"),
    "skactiveml MaxHerding": _skactiveml("MaxHerding"),
    "apricot facility location": _apricot,
    "FADS": lambda x, budget: __import__("spotal").select(x, budget, "fads", random_state=0),
}


def one_peer(name: str, n: int, budget: int) -> dict[str, Any]:
    """One peer's cold selection from n x 128."""
    x = pool(n, 128)
    if name.startswith("spotal"):
        _warm(x)
    with Memory() as memory:
        cost = measured(lambda: PEERS[name](x, budget), 1)
    return {"name": name, "rows": n, "budget": budget, **cost, "anonymous_bytes": memory.peak - memory.before}


def apart(function: str, *arguments: Any, cap: float = 600) -> dict[str, Any]:
    """Run one measurement in a process of its own; one that takes longer than ``cap`` seconds, or fails, says so."""
    command = [sys.executable, "-m", "benchmarks.scale", "one", function, json.dumps(arguments)]
    environment = {"OMP_WAIT_POLICY": "passive"} | os.environ
    with tempfile.TemporaryFile("w+") as log:
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=log, text=True, timeout=cap, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            return {"stopped": f"longer than {cap:.0f} s"}
        if done.returncode:
            log.seek(0)
            return {"stopped": (log.read().strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def peers(cap: float, sizes: list[int], budget: int) -> dict[str, Any]:
    """Every peer from the smallest pool up until it stops."""
    rows = []
    for name in PEERS:
        for n in sizes:
            found = apart("peer", name, n, budget, cap=cap)
            rows.append({"name": name, "rows": n, "budget": budget} | found)
            print(rows[-1], flush=True)
            if "stopped" in found:
                break
    return {"cap_seconds": cap, "results": rows}


def _kept(part: str, sizes: list[int]) -> list[dict[str, Any]]:
    """What an earlier run measured at other sizes."""
    path = FOLDER / f"{part}.json"
    earlier = json.loads(path.read_text())["results"] if path.exists() else []
    return [row for row in earlier if row.get("rows") is not None and row["rows"] not in sizes]


def main() -> None:
    """Run a part, or one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--cap", type=float, default=600, help="seconds that one measurement may take")
    parser.add_argument("--sizes", type=int, nargs="+", default=None, help="rows, for scaling and peers")
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS))
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
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "cold": lambda: apart("cold", options.budgets, cap=options.cap),
        "kcenter": lambda: apart("kcenter", 200_000, cap=options.cap),
        "kmeans": lambda: apart("kmeans", 1_000, 20_000, cap=options.cap),
        "scaling": lambda: {"results": _kept("scaling", sizes) + [apart("scaling", n, cap=options.cap) for n in sizes]},
        "round": lambda: apart("round", 1_000, cap=options.cap),
        "quality": lambda: apart("quality", 8, cap=options.cap),
        "uniformity": lambda: apart("uniformity", 100_000, cap=options.cap),
        "peers": lambda: peers(options.cap, options.sizes or [10**3, 10**4, 10**5], 100),
    }
    found = parts[options.part]()
    print(json.dumps(found, indent=1))
    save(options.part, {"origin": origin([0]), "load": os.getloadavg(), **found}, FOLDER)


if __name__ == "__main__":
    main()
