"""Statistics of a run as plain JSON types: everything that the page and the tables show."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from spotal.bench.compare import average_ranks, budgets, holm, paired, penalties
from spotal.bench.curves import area, bootstrap, labels_to_reach, saving
from spotal.bench.results import METRIC, Cell
from spotal.bench.store import Store

__all__ = ["BASE", "METRIC", "summarize"]

BASE = "random"
"""Baseline that the other strategies are compared to."""
LEAST_BLOCKS = 4
"""With this many benchmarks or more, ranks have one block a benchmark; with fewer, one a pool (benchmark and seed)."""


def summarize(cells: list[Cell], store: Store) -> dict[str, Any]:
    """Compute all statistics of a run. Intervals are 95 %.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from spotal.bench import Cache, Store, load_protocol, read, run, summarize
    >>> protocol = replace(load_protocol("dev-digits-probe"), seeds=1, rounds=1)
    >>> protocol = replace(protocol, strategies=protocol.strategies[:1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     outcome = run([protocol], Path(folder), cache=Cache(Path(folder, "cache")))
    ...     with Store(Path(folder)) as store:
    ...         print(summarize(read(store), store)["metric"])
    balanced_accuracy
    """
    used = {
        name for cell in cells for seeds in cell.curves.values() for curve in seeds.values() for name in curve.origins
    }
    origins = store.origins()
    summary: dict[str, Any] = _plain(
        {
            "format": 1,
            "metric": METRIC,
            "base": BASE,
            "cells": [_cell(cell) for cell in cells],
            "penalty": _penalty(cells),
            "ranks": _ranks(cells),
            "time": _time(cells),
            "origins": [origins[name] for name in sorted(used) if name in origins],
            "digest": store.digest(),
        }
    )
    return summary


def _cell(cell: Cell) -> dict[str, Any]:
    protocol = cell.protocol
    strategies = {name: _strategy(cell, name) for name in cell.curves}
    others = [name for name in strategies if strategies[name].get("against")]
    for kind in ("t", "wilcoxon"):
        adjusted = holm([strategies[name]["against"][kind] for name in others])
        for name, value in zip(others, adjusted, strict=True):
            strategies[name]["against"][f"{kind}_holm"] = float(value)
    return {
        "name": protocol.name,
        "title": protocol.title or protocol.name,
        "role": protocol.role,
        "protocol": protocol.table(),
        "asked": cell.asked,
        "missing": cell.missing,
        "strategies": dict(sorted(strategies.items(), key=lambda item: -item[1]["area"]["mean"])),
    }


def _strategy(cell: Cell, name: str) -> dict[str, Any]:
    asked, curves = cell.asked, cell.values(name, METRIC)
    runs = [cell.curves[name][seed] for seed in sorted(cell.curves[name])]
    low, high = bootstrap(curves)
    areas = area(asked, curves)
    area_low, area_high = bootstrap(areas[:, None])
    queries = [seconds for run in runs for seconds in run.query_seconds]
    # the first query of a process is left out: it may load libraries
    memory = [peak for run in runs for peak in run.memory[len(run.memory) > 1 :]]
    final = {metric: float(np.mean([run.metrics[metric][-1] for run in runs])) for metric in runs[0].metrics}
    return {
        "seeds": sorted(cell.curves[name]),
        "curve": {"mean": curves.mean(0).tolist(), "low": low, "high": high, "runs": curves.tolist()},
        "area": {"mean": float(areas.mean()), "low": area_low[0], "high": area_high[0], "runs": areas.tolist()},
        "final": final,
        "query_seconds": float(np.mean(queries)) if queries else None,
        "memory_mib": max(memory) / 2**20 if memory else None,
        "train_seconds": float(np.mean([run.seconds.get("train", 0.0) / len(asked) for run in runs])),
        **_against(cell, name),
    }


def _against(cell: Cell, name: str) -> dict[str, Any]:
    """Comparison to the baseline on the seeds that both have."""
    if BASE not in cell.curves or name == BASE or not cell.seeds(name, BASE):
        return {"against": None, "saving": None, "labels_to_reach": None}
    seeds = cell.seeds(name, BASE)
    own, base = (cell.values(strategy, METRIC, seeds) for strategy in (name, BASE))
    return {
        "against": asdict(paired(area(cell.asked, own), area(cell.asked, base))),
        "saving": saving(cell.asked, own.mean(0), base.mean(0)),
        "labels_to_reach": labels_to_reach(cell.asked, own.mean(0), float(base.mean(0)[-1])),
    }


def _shared(cells: list[Cell]) -> tuple[list[str], list[Cell]]:
    """Strategies that every benchmark has, and the benchmarks with a seed that all of these finished."""
    if not cells:
        return [], []
    names = [name for name in cells[0].curves if all(name in cell.curves for cell in cells)]
    return names, [cell for cell in cells if names and cell.seeds(*names)]


def _penalty(cells: list[Cell]) -> dict[str, Any] | None:
    names, usable = _shared(cells)
    usable = [cell for cell in usable if len(cell.seeds(*names)) > 1]
    if len(names) < 2 or not usable:
        return None
    curves = [{name: cell.values(name, METRIC, cell.seeds(*names)) for name in names} for cell in usable]
    matrix = penalties(curves, names)
    losses = matrix.mean(0)
    order = np.argsort(losses, kind="stable")
    return {
        "strategies": [names[k] for k in order],
        "matrix": matrix[np.ix_(order, order)].tolist(),
        "losses": losses[order].tolist(),
        "most": len(usable),
        "asked": {cell.protocol.name: [cell.asked[k] for k in budgets(len(cell.asked))] for cell in usable},
    }


def _ranks(cells: list[Cell]) -> dict[str, Any] | None:
    names, usable = _shared(cells)
    if len(names) < 2 or not usable:
        return None
    areas = [
        np.stack([area(cell.asked, cell.values(name, METRIC, cell.seeds(*names))) for name in names], 1)
        for cell in usable
    ]
    whole = len(usable) >= LEAST_BLOCKS
    blocks = np.stack([runs.mean(0) for runs in areas]) if whole else np.concatenate(areas)
    ranks = average_ranks(blocks, names)
    return {
        "blocks": "benchmarks" if whole else "pools",
        "n": ranks.n,
        "mean": dict(sorted(ranks.mean.items(), key=lambda item: item[1])),
        "critical": ranks.critical,
        "friedman": ranks.friedman,
    }


def _time(cells: list[Cell]) -> dict[str, float]:
    """Seconds over all jobs by kind of work; ``harness`` is the remaining time."""
    total: dict[str, float] = {}
    for cell in cells:
        for seeds in cell.curves.values():
            for curve in seeds.values():
                for name, seconds in curve.seconds.items():
                    total[name] = total.get(name, 0.0) + seconds
    wall = total.get("wall", 0.0)
    work = sum(total.get(name, 0.0) for name in ("train", "encode", "embed", "query", "measure"))
    share = (wall - work) / wall if wall else 0.0
    return {**total, "harness": wall - work, "harness_share": share}


def _plain(value: Any) -> Any:
    """Replace nan and infinity, which JSON lacks, by None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
