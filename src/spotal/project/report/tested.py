"""Section of the report about the newest model's predictions: calibration and confused classes."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice import Audited, ShareEstimate, class_scores, estimate
from spotal.project.report import plots
from spotal.project.report.facts import Facts
from spotal.report.parts import figure, table, themed
from spotal.terminal import percent

__all__ = ["confusions", "most_confused", "tested"]

MOST_CLASSES = 20
"""Maximum number of classes in a confusion matrix: those that are confused most."""
FEW = 10
"""Maximum number of classes for a small matrix in the original order of the classes."""
PAIRS = 10
"""Maximum number of pairs of confused classes in the list."""
BINS = 5
SETS = {
    "accuracy": "items with all classes right",
    "class_accuracy": "classes of items that are right (1 − Hamming loss)",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1, the mean over classes",
    "balanced_accuracy": "balanced accuracy, the mean over classes",
    "mean_average_precision": "mean average precision",
}
"""Names of the metrics for several classes per item."""


def tested(facts: Facts) -> str:
    """Show the newest model's calibration, and which classes it confuses."""
    seen = facts.tested
    if seen is None:
        return ""
    if seen.many:
        return _sets(facts, seen)
    n = len(seen.labels)
    bins = _bins(seen)
    words = [f"{100 * sure:.0f} % sure, {100 * right.value:.0f} % right of {right.n}" for sure, right in bins]
    calibration = figure(
        themed(plots.calibration, bins, "Calibration: " + "; ".join(words)),
        f"Calibration: share of right predictions by the model's confidence, on {n:,} random items that it was never "
        "trained on; bars are 95 % intervals. On the dashed line, both are equal.",
    )
    names, counts = confusions(seen)
    shown = most_confused(counts)
    worst = _pairs(names, counts)
    pairs = ", ".join(f"{a} taken for {b} ({count:.0f})" for a, b, count, _ in worst[:5]) or "nothing"
    alt = f"Confusion matrix, people by model: {int(seen.right.sum())} on the diagonal; most often {pairs}"
    content = ([names[k] for k in shown], counts[np.ix_(shown, shown)])
    caption = "Confusion: number of items by people's class (row) and the model's class (column)."
    if len(shown) < len(names):
        caption += f" The {len(shown)} of {len(names)} classes that are confused most."
    if len(shown) > FEW:
        caption += " Classes that are often confused are neighbors."
    matrix = themed(plots.confusion, content, alt)
    rows = [[a, b, f"{count:.0f}", f"{100 * share:.0f} %"] for a, b, count, share in worst]
    listed = (
        "<h4>Most often confused</h4>" + table(["people say", "the model says", "items", "of that class"], rows)
        if rows
        else "<p>Nothing is confused.</p>"
    )
    title = "<h2>What the model gets right</h2>"
    if len(shown) <= FEW:
        return f'{title}<div class="pair"><div>{calibration}</div>{figure(matrix, caption)}</div>{listed}'
    big = f'<div class="scroll" tabindex="0"><div style="min-width: {120 + 40 * len(shown)}px">{matrix}</div></div>'
    return (
        f'{title}<div class="pair"><div>{calibration}</div><div>{listed}</div></div>'
        f'<figure class="big">{big}<figcaption>{escape(caption)}</figcaption></figure>'
    )


def _pairs(names: list[str], counts: NDArray[np.float64]) -> list[tuple[str, str, float, float]]:
    """Return the most frequent confusions: people's class, the model's class, items, share of people's class."""
    pairs = [
        (names[a], names[b], float(counts[a, b]), float(counts[a, b] / counts[a].sum()))
        for a, b in np.argwhere(counts > 0)
        if a != b
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:PAIRS]


def most_confused(counts: NDArray[np.float64]) -> list[int]:
    """Select the ``MOST_CLASSES`` classes that are confused most, from counts (c, c): people's classes by the model's.

    If there are more than ``FEW``, similar classes are neighbors: the order is that of the leaves of a tree by average
    linkage. The distance of two classes falls with the shares of their items that are confused.
    """
    wrong = counts - np.diag(np.diag(counts))
    shown = np.sort(np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")[:MOST_CLASSES])
    if len(shown) <= FEW:
        return [int(k) for k in shown]
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    share = (wrong / np.maximum(counts.sum(1, keepdims=True), 1))[np.ix_(shown, shown)]
    distance = 2 - share - share.T
    np.fill_diagonal(distance, 0)
    order = leaves_list(linkage(squareform(distance, checks=False), "average", optimal_ordering=True))
    return [int(k) for k in shown[order]]


def _bins(seen: Audited) -> list[tuple[float, ShareEstimate]]:
    """Return the mean confidence and the accuracy in bins of about equally many items."""
    confidence = seen.probabilities.max(1)
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [
        (float(np.average(confidence[part], weights=seen.weight[part])), estimate(seen.right[part], seen.weight[part]))
        for part in parts
    ]


def confusions(seen: Audited) -> tuple[list[str], NDArray[np.float64]]:
    """Return the classes that occur, the last may be "none of these", and counts (c, c): people's by the model's."""
    guess, names = seen.probabilities.argmax(1), [*seen.classes, "none of these"]
    labels = np.where(seen.labels < 0, len(seen.classes), seen.labels)
    there = np.unique(np.concatenate([labels, guess]))
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (labels, guess), 1)
    return [names[k] for k in there], counts[np.ix_(there, there)]


def _sets(facts: Facts, seen: Audited) -> str:
    """Show the metrics for several classes per item, and of each class."""
    figures = [
        [SETS[name], percent(one.value, one.low, one.high)] for name, one in facts.status.sets.items() if name in SETS
    ]

    def rounded(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.0f} %"

    rows = [
        [name, f"{one.labels:,}", rounded(one.precision), rounded(one.recall), rounded(one.f1)]
        for name, one in class_scores(seen).items()
    ]
    return (
        f"<h2>What the model gets right</h2>{table(['', ''], figures)}"
        f"<h3>By class</h3>{table(['class', 'random items of it', 'precision', 'recall', 'F1'], rows)}"
        f'<p class="note">The newest model on the {len(seen.labels):,} random items that it was never trained on, '
        "weighted so that they represent the pool. The model gives an item each class whose probability is at least "
        "0.5. Precision: of the items to which the model gives a class, the share to which people give it too. Recall: "
        "of the items to which people give a class, the share to which the model gives it too. F1: their harmonic "
        "mean. In brackets 95 % intervals.</p>"
    )
