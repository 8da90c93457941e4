"""Functions shared by the parts: results and their origin, work on several cores, a pool mapped once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.origin import origin as bench_origin
from spotal.transport import Transport

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"


def _git(*words: str) -> str:
    process = subprocess.run(
        ["git", "--no-optional-locks", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return process.stdout.strip() if process.returncode == 0 else ""


def origin(seeds: Iterable[int]) -> dict[str, Any]:
    """Return the commit, date, machine, versions and seeds of a run."""
    here = bench_origin()
    return {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "source_changed": bool(_git("status", "--porcelain", "--", "src", "benchmarks/evidence/*.py")),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seeds": list(seeds),
        "machine": here["machine"],
        "versions": here["versions"] | {"matplotlib": metadata.version("matplotlib")},
    }


def save(part: str, result: dict[str, Any], folder: Path) -> Path:
    """Write the result of a part to a temporary file, and rename it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part}.json"
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    draft.replace(path)
    return path


def spread(function: Callable[..., Any], jobs: list[tuple[Any, ...]], workers: int = 2) -> list[Any]:
    """Return function(*job) for every job, in order, computed by up to ``workers`` processes of one thread each."""
    if workers <= 1 or len(jobs) <= 1:
        return [_alone(function, job) for job in jobs]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=workers)(delayed(_alone)(function, job) for job in jobs))


def _alone(function: Callable[..., Any], job: tuple[Any, ...]) -> Any:
    import torch

    torch.set_num_threads(1)
    return function(*job)


class Carried(Transport):
    """A transport whose output for the pool's rows was computed before.

    ``SPOT.paper(transport=Carried(pool, carried))`` then runs many budgets at the cost of one fit.
    """

    def __init__(self, pool: NDArray[Any], carried: NDArray[Any], random_state: Any = 0) -> None:
        self.pool = pool
        self.carried = carried
        self.random_state = random_state

    def __repr__(self) -> str:
        return "Carried()"  # recorded in the provenance, without the arrays

    def __sklearn_clone__(self) -> Carried:
        return self

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Carried:
        """Do nothing: the transport is fitted."""
        return self

    def transform(self, X: Any) -> Any:
        """Return the stored output; X must be the whole pool, in its order."""
        if not np.array_equal(np.asarray(X, dtype=self.pool.dtype), self.pool):
            raise ValueError("only the pool that was carried beforehand can be transformed")
        return self.carried

    def _fit(self, points: Any, weight: Any, rng: np.random.Generator) -> None:
        raise NotImplementedError

    def _carry(self, points: Any) -> Any:
        raise NotImplementedError

    def _carry_back(self, points: Any) -> Any:
        raise NotImplementedError
