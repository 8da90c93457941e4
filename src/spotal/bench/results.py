"""Finished jobs of a run, as curves by strategy and seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.jobs import Job
from spotal.bench.protocol import Protocol
from spotal.bench.store import Store
from spotal.errors import DataFileError

__all__ = ["METRIC", "Cell", "JobCurve", "read"]

METRIC = "balanced_accuracy"
"""Metric of curves, areas and ranks."""


@dataclass(frozen=True)
class JobCurve:
    """One finished job.

    metrics : maps a name to float64 (k,), after the first batch and after each query
    query_seconds, memory : processor seconds and peak bytes of each query by the strategy
    seconds : maps train, embed, query, measure, label and wall to seconds over all rounds
    picks : rows asked for in each round
    """

    job: Job
    asked: NDArray[np.int64]
    metrics: dict[str, NDArray[np.float64]]
    query_seconds: list[float]
    memory: list[int]
    seconds: dict[str, float]
    picks: list[list[int]]
    origins: set[str]


@dataclass
class Cell:
    """A protocol's finished curves, by the strategy's label and the seed. ``missing`` is the number of other jobs."""

    protocol: Protocol
    curves: dict[str, dict[int, JobCurve]] = field(default_factory=dict)
    missing: int = 0

    @property
    def asked(self) -> list[int]:
        """Number of labels asked for at each measurement."""
        return next(curve.asked.tolist() for seeds in self.curves.values() for curve in seeds.values())

    def seeds(self, *strategies: str) -> list[int]:
        """Return the seeds that all of these strategies (by default every one) have finished."""
        sets = [set(self.curves[name]) for name in strategies or self.curves]
        return sorted(set.intersection(*sets)) if sets else []

    def values(self, strategy: str, metric: str, seeds: list[int] | None = None) -> NDArray[np.float64]:
        """Return the curves (seeds, k) of a strategy, in the order of ``seeds`` (by default all, ascending)."""
        chosen = sorted(self.curves[strategy]) if seeds is None else seeds
        return np.stack([self.curves[strategy][seed].metrics[metric] for seed in chosen])


def read(store: Store) -> list[Cell]:
    """Read all protocols of a run that have a finished job, ordered by name.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from spotal.bench import Cache, Store, load_protocol, read, run
    >>> protocol = replace(load_protocol("dev-digits-probe"), seeds=1, rounds=1)
    >>> protocol = replace(protocol, strategies=protocol.strategies[:1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     outcome = run([protocol], Path(folder), cache=Cache(Path(folder, "cache")))
    ...     with Store(Path(folder)) as store:
    ...         print([cell.protocol.name for cell in read(store)])
    ['dev-digits-probe']
    """
    finished, cells = store.finished(), []
    for protocol in store.protocols():
        cell = Cell(protocol)
        for choice in protocol.strategies:
            for seed in protocol.all_seeds:
                job = Job(protocol, choice, seed)
                if job.id not in finished:
                    cell.missing += 1
                    continue
                try:
                    curve = _curve(job, store.rounds(job))
                except DataFileError:
                    raise
                except (KeyError, TypeError, ValueError, OverflowError) as error:
                    raise DataFileError(
                        f"{store.path} is damaged (rounds of {job}: {error!r:.80}); run the benchmark to a new folder"
                    ) from None
                if curve is not None:
                    cell.curves.setdefault(choice.label, {})[seed] = curve
        if cell.curves:
            cells.append(cell)
    return cells


def _curve(job: Job, rounds: list[dict[str, Any]]) -> JobCurve | None:
    measured = [done for done in rounds if done["metrics"]]
    for done in measured:
        float(done["metrics"][METRIC])  # raises for damaged content
    if len(measured) < 2:
        return None
    queried = [done for done in rounds if done["memory"] is not None]
    names = {name for done in rounds for name in done["seconds"]}
    return JobCurve(
        job,
        np.array([done["asked"] for done in measured], np.int64),
        {name: np.array([done["metrics"][name] for done in measured]) for name in measured[0]["metrics"]},
        [_query_seconds(done["seconds"]) for done in queried if "query" in done["seconds"]],
        [done["memory"] for done in queried],
        {name: sum(done["seconds"].get(name, 0.0) for done in rounds) for name in sorted(names)},
        [done["picks"] for done in rounds],
        {done["origin"] for done in rounds if done["origin"]},
    )


def _query_seconds(seconds: dict[str, float]) -> float:
    """Processor seconds, or wall-clock seconds in older results, which lack them."""
    return seconds.get("processor", seconds["query"])
