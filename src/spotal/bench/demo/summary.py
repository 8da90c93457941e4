"""Statistics of a demo: curves with intervals, the paired difference, and a sentence with the result."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.demo.run import BASE, OWN, WIDTH, Demo
from spotal.numeric.intervals import half_width
from spotal.selection.provenance import describe, versions

__all__ = ["summarize"]

MEASURES = ("accuracy", "balanced_accuracy", "worst_class_recall", "log_loss")


def summarize(demo: Demo) -> dict[str, Any]:
    """Compute every number of a demo as plain JSON types: the content of ``curves.json``.

    ``curves`` has the mean, the sample standard deviation (0 for one seed) and the 95 % Student interval of the mean
    over seeds (None for one seed), for each strategy, measure and number of labels. ``difference`` is SPOT minus random
    picking, paired by seed. ``records`` has each measurement and its picks, as rows of the data.
    """
    data, cell = demo.data, demo.cell
    curves = {name: {measure: _spread(cell.values(name, measure)) for measure in MEASURES} for name in (BASE, OWN)}
    gaps = cell.values(OWN, "accuracy") - cell.values(BASE, "accuracy")
    over_rounds: dict[str, Any] = {"runs": gaps[:, 1:].mean(1).tolist(), **_scalar(gaps[:, 1:].mean(1))}
    verdict = _verdict(over_rounds)
    first = demo.protocol.first_seed
    last = next(done for done in reversed(demo.rounds[OWN, first]) if done["picks"])
    return {
        "format": 1,
        "headline": _headline(cell.asked[-1], curves, over_rounds, verdict),
        "verdict": verdict,
        "data": {
            "name": data.name,
            "shape": list(data.X.shape[1:]),
            "class_names": list(data.class_names),
            "pool_sizes": [len(pool.rows) for pool in demo.pools],
            "class_counts": [np.bincount(pool.labels, minlength=data.n_classes).tolist() for pool in demo.pools],
            "test_size": demo.n_test,
        },
        "settings": {
            **asdict(demo.settings),
            "first_batch": "random, the same for both strategies of a seed",
            "network": f"SmallCNN of width {WIDTH}, trained from scratch in each round, "
            f"{demo.protocol.learner.steps} steps at least",
        },
        "labels": cell.asked,
        "curves": curves,
        "difference": {
            "of": OWN,
            "to": BASE,
            "measure": "accuracy",
            "by_labels": _spread(gaps),
            "over_rounds": over_rounds,
        },
        "records": [
            {
                "strategy": strategy,
                "seed": seed - first,
                "n_labeled": done["labeled"],
                "metrics": done["metrics"],
                "timings": done["seconds"],
                "picks": demo.pools[seed - first].rows[done["picks"]].tolist() if done["picks"] else [],
            }
            for (strategy, seed), rounds in demo.rounds.items()
            for done in rounds
        ],
        "seconds": demo.seconds,
        "query_seconds": {
            name: float(np.mean([s for curve in cell.curves[name].values() for s in curve.query_seconds]))
            for name in curves
        },
        "parameters": describe(demo.query.selection.provenance.get("parameters", {})),
        "diagnostics": last["figures"],
        "versions": versions(),
    }


def _spread(runs: NDArray[np.float64]) -> dict[str, Any]:
    """Mean, deviation and interval of each column."""
    columns = [_scalar(column) for column in runs.T]
    return {key: [column[key] for column in columns] for key in ("mean", "sd", "low", "high")} | {"runs": runs.tolist()}


def _scalar(values: NDArray[np.float64]) -> dict[str, float | None]:
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return {"mean": mean, "sd": 0.0, "low": None, "high": None}
    sd = float(values.std(ddof=1))
    half = half_width(sd / n**0.5, n - 1)
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half}


def _verdict(gap: dict[str, Any]) -> str:
    if gap["low"] is None:
        return "one seed"
    return "ahead" if gap["low"] > 0 else "behind" if gap["high"] < 0 else "no clear difference"


def _headline(labels: int, curves: dict[str, Any], gap: dict[str, Any], verdict: str) -> str:
    """Summarize the comparison in one sentence, with its interval."""
    end = [100 * curves[name]["accuracy"]["mean"][-1] for name in (OWN, BASE)]
    points = 100 * gap["mean"]
    lead = f"{abs(points):.1f} points {'higher' if points >= 0 else 'lower'}"
    close = f"it ends at {end[0]:.1f} % against {end[1]:.1f} % with {labels} labels"
    if verdict == "one seed":
        return (
            "In a single run, which cannot tell a difference from chance, SPOT's test accuracy averaged over the "
            f"rounds is {lead} than random picking's, and {close}."
        )
    spread = f"95 % interval {100 * gap['low']:+.1f} to {100 * gap['high']:+.1f}, {len(gap['runs'])} paired seeds"
    start = {
        "ahead": "SPOT is ahead of random picking",
        "behind": "SPOT is behind random picking",
        "no clear difference": "SPOT is not clearly ahead of random picking here",
    }[verdict]
    return f"{start}: averaged over the rounds its test accuracy is {lead} ({spread}), and {close}."
