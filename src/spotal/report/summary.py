"""From runs to numbers: curves with intervals, the paired difference, and one honest sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.intervals import half_width
from spotal.report.comparison import STEPS, WIDTH, Comparison
from spotal.selection.provenance import describe, versions

__all__ = ["LABELS", "MEASURES", "label_of", "summarize"]

MEASURES = ("accuracy", "balanced_accuracy", "worst_class_recall", "log_loss")
LABELS = {"random": "random", "spot": "SPOT", "spot-paper": "SPOT as published"}


def label_of(strategy: str) -> str:
    """A strategy's name for people."""
    return LABELS.get(strategy, strategy)


def summarize(comparison: Comparison) -> dict[str, Any]:
    """Every number of a comparison as plain JSON types: what ``curves.json`` holds.

    ``curves`` has, for each strategy and measure, the mean, standard deviation (of a sample; 0 for one seed) and 95 %
    Student interval of the mean over the seeds (None for one) at each number of labels. ``difference`` is SPOT's, or
    the last strategy's, less the baseline's, paired by seed. ``records`` has each single measurement and its picks, as
    rows of the data.
    """
    settings, data = comparison.settings, comparison.data
    base, own = settings.strategies[0], settings.strategies[-1]
    curves = {name: _curves(comparison, name) for name in settings.strategies}
    gaps = _matrix(comparison, own, "accuracy") - _matrix(comparison, base, "accuracy")
    over_rounds: dict[str, Any] = {"runs": gaps[:, 1:].mean(1).tolist(), **_scalar(gaps[:, 1:].mean(1))}
    difference = {
        "of": own,
        "to": base,
        "measure": "accuracy",
        "by_labels": _spread(gaps),
        "over_rounds": over_rounds,
    }
    verdict = _verdict(over_rounds)
    pools = [run.rows for run in comparison.of(base)]
    last = comparison.of(own)[0].queried[-1].selection
    return {
        "format": 1,
        "headline": _headline(comparison, curves, over_rounds, verdict),
        "verdict": verdict,
        "data": {
            "name": data.name,
            "shape": list(data.X.shape[1:]),
            "class_names": list(data.class_names),
            "pool_sizes": [len(rows) for rows in pools],
            "class_counts": [np.bincount(data.y[rows], minlength=data.n_classes).tolist() for rows in pools],
            "test_size": comparison.n_test,
        },
        "settings": {
            "rounds": settings.rounds,
            "budget": settings.budget,
            "seeds": settings.seeds,
            "pool": settings.pool,
            "imbalance": settings.imbalance,
            "random_state": settings.random_state,
            "first_batch": "random, the same for all strategies of a seed",
            "network": f"SmallCNN of width {WIDTH}, trained from nothing in each round, {STEPS} steps at least",
        },
        "labels": settings.labels,
        "curves": curves,
        "difference": difference,
        "records": [
            {
                "strategy": run.strategy,
                "seed": run.seed,
                "n_labeled": done.n_labeled,
                "metrics": done.metrics,
                "timings": done.timings,
                "picks": run.rows[done.picks].tolist(),
            }
            for run in comparison.runs
            for done in run.rounds
        ],
        "seconds": comparison.seconds,
        "query_seconds": {name: _query_seconds(comparison, name) for name in settings.strategies},
        "parameters": describe(last.provenance.get("parameters", {})) if last else {},
        "diagnostics": dict(last.diagnostics) if last else {},
        "versions": versions(),
    }


def _matrix(comparison: Comparison, strategy: str, measure: str) -> NDArray[np.float64]:
    """One row a seed, one column a number of labels."""
    return np.asarray([[done.metrics[measure] for done in run.measured] for run in comparison.of(strategy)])


def _curves(comparison: Comparison, strategy: str) -> dict[str, Any]:
    return {measure: _spread(_matrix(comparison, strategy, measure)) for measure in MEASURES}


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


def _query_seconds(comparison: Comparison, strategy: str) -> float:
    """Mean seconds of one query."""
    return float(np.mean([done.timings["query"] for run in comparison.of(strategy) for done in run.queried]))


def _verdict(gap: dict[str, Any]) -> str:
    if gap["low"] is None:
        return "one seed"
    return "ahead" if gap["low"] > 0 else "behind" if gap["high"] < 0 else "no clear difference"


def _headline(comparison: Comparison, curves: dict[str, Any], gap: dict[str, Any], verdict: str) -> str:
    """One sentence that does not claim more than the interval allows."""
    settings = comparison.settings
    base, own = settings.strategies[0], settings.strategies[-1]
    end = [100 * curves[name]["accuracy"]["mean"][-1] for name in (own, base)]
    points = 100 * gap["mean"]
    lead = f"{abs(points):.1f} points {'higher' if points >= 0 else 'lower'}"
    close = f"it ends at {end[0]:.1f} % against {end[1]:.1f} % with {settings.labels[-1]} labels"
    if verdict == "one seed":
        return (
            f"In a single run, which cannot tell a difference from chance, {label_of(own)}'s test accuracy averaged "
            f"over the rounds is {lead} than {base} picking's, and {close}."
        )
    spread = f"95 % interval {100 * gap['low']:+.1f} to {100 * gap['high']:+.1f}, {settings.seeds} paired seeds"
    start = {
        "ahead": f"{label_of(own)} is ahead of {base} picking",
        "behind": f"{label_of(own)} is behind {base} picking",
        "no clear difference": f"{label_of(own)} is not clearly ahead of {base} picking here",
    }[verdict]
    return f"{start}: averaged over the rounds its test accuracy is {lead} ({spread}), and {close}."
