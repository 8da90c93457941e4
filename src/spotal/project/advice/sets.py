"""Metrics of a model with several classes per item, estimated from the audit sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spotal.learner.metrics import f1_scores, score_sets
from spotal.numeric.intervals import CONFIDENCE
from spotal.project.advice.audit import LEAST_AUDIT, Audited
from spotal.project.records import Metric

__all__ = ["ClassScore", "class_scores", "set_figures"]

DRAWS = 200
SHOWN = ("accuracy", "class_accuracy", "micro_f1", "macro_f1", "balanced_accuracy", "mean_average_precision")


@dataclass(frozen=True)
class ClassScore:
    """Metrics of one class: its number of audit labels, and precision, recall and F1 (None where undefined)."""

    labels: int
    precision: float | None
    recall: float | None
    f1: float | None


def set_figures(tested: Audited | None, random_state: int = 0) -> dict[str, Metric]:
    """Compute the metrics of :func:`~spotal.learner.metrics.score_sets`, by name; empty below 10 labels.

    Notes
    -----
    F1 and the accuracy of classes have 95 % percentile intervals from 200 bootstrap samples of the audit items. One
    artificial item is part of the sample; the model is wrong about all its classes. Without it, a few items that are
    all right would give an interval of zero width.
    """
    if tested is None or not tested.many or len(tested.labels) < LEAST_AUDIT:
        return {}
    scores = score_sets(tested.probabilities, tested.labels, tested.weight)
    guess, true = tested.probabilities >= 0.5, tested.labels.astype(bool)
    rng, drawn = np.random.default_rng(random_state), []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(true) + 1, len(true))
        artificial, rows = rows == len(true), np.minimum(rows, len(true) - 1)
        predicted, w = np.where(artificial[:, None], ~true[rows], guess[rows]), tested.weight[rows]
        micro, macro, _ = f1_scores(predicted, true[rows], w)
        drawn.append((micro, macro, np.average((predicted == true[rows]).mean(1), weights=w)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    intervals = {
        name: (min(float(low[k]), scores[name]), max(float(high[k]), scores[name]))
        for k, name in enumerate(("micro_f1", "macro_f1", "class_accuracy"))
    }
    return {name: Metric(name, scores[name], *intervals.get(name, (None, None))) for name in SHOWN}


def class_scores(tested: Audited) -> dict[str, ClassScore]:
    """Compute weighted precision, recall and F1 of each class on the audit sample, by name."""
    guess, true, w = tested.probabilities >= 0.5, tested.labels.astype(bool), tested.weight
    each = f1_scores(guess, true, w)[2]
    both, guessed, there = w @ (guess & true), w @ guess, w @ true

    def share(part: float, whole: float) -> float | None:
        return float(part / whole) if whole > 0 else None

    return {
        name: ClassScore(
            int(true[:, k].sum()),
            share(both[k], guessed[k]),
            share(both[k], there[k]),
            None if np.isnan(each[k]) else float(each[k]),
        )
        for k, name in enumerate(tested.classes)
    }
