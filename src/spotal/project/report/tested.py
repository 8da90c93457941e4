"""The section about what the newest model gets right: calibration, and which classes it takes for each other."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice import Audited, ShareEstimate, class_scores, estimate
from spotal.project.report import plots
from spotal.project.report.facts import Facts
from spotal.report.parts import figure, table, themed

__all__ = ["confusions", "most_confused", "spread", "tested"]

MOST_CLASSES = 20
"""Classes of a confusion matrix; of more, those that are confused most."""
FEW = 10
"""Classes whose confusions are drawn small and in their own order."""
PAIRS = 10
"""Pairs of confused classes that are listed."""
BINS = 5
SETS = {
    "accuracy": "items with all classes right",
    "class_accuracy": "classes of items that are right (1 − Hamming loss)",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1, the mean over classes",
    "balanced_accuracy": "balanced accuracy, the mean over classes",
    "mean_average_precision": "mean average precision",
}
"""Figures of items that may have several classes, in words."""


def spread(found: Any) -> str:
    """A share with its 95 % interval, in percent."""
    return f"{100 * found.value:.1f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def tested(facts: Facts) -> str:
    """How sure the newest model is, how often it is right, and which classes it takes for each other."""
    seen = facts.tested
    if seen is None:
        return ""
    if seen.many:
        return _sets(facts, seen)
    n = len(seen.labels)
    bins = _bins(seen)
    words = [f"{100 * sure:.0f} % sure, {100 * found.value:.0f} % right of {found.n}" for sure, found in bins]
    left = figure(
        themed(plots.calibration, bins, "Calibration: " + "; ".join(words)),
        f"Calibration: how often the newest model is right when it is so sure, on {n:,} random items that it was never "
        "trained on; bars are 95 % intervals. On the dashed line it is as often right as it is sure.",
    )
    names, counts = confusions(seen)
    shown = most_confused(counts)
    worst = _pairs(names, counts)
    told = ", ".join(f"{a} taken for {b} ({count:.0f})" for a, b, count, _ in worst[:5]) or "nothing"
    alt = f"Confusion matrix, people by model: {int(seen.right.sum())} on the diagonal; most often {told}"
    content = ([names[k] for k in shown], counts[np.ix_(shown, shown)])
    caption = "Confusion: how many of these items people gave the class of the row, and the model that of the column."
    if len(shown) < len(names):
        caption += f" The {len(shown)} of {len(names)} classes that are confused most."
    if len(shown) > FEW:
        caption += " Classes that are taken for each other are neighbors."
    right = themed(plots.confusion, content, alt)
    rows = [[a, b, f"{count:.0f}", f"{100 * share:.0f} %"] for a, b, count, share in worst]
    pairs = (
        "<h4>Most often confused</h4>" + table(["people say", "the model says", "items", "of that class"], rows)
        if rows
        else "<p>Nothing is confused.</p>"
    )
    title = "<h2>What the model gets right</h2>"
    if len(shown) <= FEW:
        return f'{title}<div class="pair"><div>{left}</div>{figure(right, caption)}</div>{pairs}'
    big = f'<div class="scroll" tabindex="0"><div style="min-width: {120 + 40 * len(shown)}px">{right}</div></div>'
    return (
        f'{title}<div class="pair"><div>{left}</div><div>{pairs}</div></div>'
        f'<figure class="big">{big}<figcaption>{escape(caption)}</figcaption></figure>'
    )


def _pairs(names: list[str], counts: NDArray[np.float64]) -> list[tuple[str, str, float, float]]:
    """What was confused most often: people's class, the model's, the items, and their share of people's class."""
    found = [
        (names[a], names[b], float(counts[a, b]), float(counts[a, b] / counts[a].sum()))
        for a, b in np.argwhere(counts > 0)
        if a != b
    ]
    return sorted(found, key=lambda pair: -pair[2])[:PAIRS]


def most_confused(counts: NDArray[np.float64]) -> list[int]:
    """Choose which classes are shown, and in which order: of more than a few, those taken for each other lie together.

    Parameters
    ----------
    counts : float64 (c, c), people's classes by the model's

    Returns
    -------
    list of int, all classes, or the ``MOST_CLASSES`` that are confused most

    Notes
    -----
    The order is that of the leaves of a tree by average linkage, where classes are the nearer the larger the shares of
    their items that are taken for the other.
    """
    wrong = counts - np.diag(np.diag(counts))
    heavy = np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")[:MOST_CLASSES]
    shown = np.sort(heavy)
    if len(shown) <= FEW:
        return [int(k) for k in shown]
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    share = (wrong / np.maximum(counts.sum(1, keepdims=True), 1))[np.ix_(shown, shown)]
    far = 2 - share - share.T
    np.fill_diagonal(far, 0)
    order = leaves_list(linkage(squareform(far, checks=False), "average", optimal_ordering=True))
    return [int(k) for k in shown[order]]


def _bins(seen: Audited) -> list[tuple[float, ShareEstimate]]:
    """Mean confidence, and how often the model is right, in bins of about as many items each."""
    confidence = seen.probabilities.max(1)
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [
        (float(np.average(confidence[part], weights=seen.weight[part])), estimate(seen.right[part], seen.weight[part]))
        for part in parts
    ]


def confusions(seen: Audited) -> tuple[list[str], NDArray[np.float64]]:
    """Names of the classes that occur and counts (c, c) of items, people's classes by the model's.

    The last class may be none of the project's.
    """
    guess, names = seen.probabilities.argmax(1), [*seen.classes, "none of these"]
    labels = np.where(seen.labels < 0, len(seen.classes), seen.labels)
    there = np.unique(np.concatenate([labels, guess]))
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (labels, guess), 1)
    return [names[k] for k in there], counts[np.ix_(there, there)]


def _sets(facts: Facts, seen: Audited) -> str:
    """Figures of the sets of classes, and of each class."""
    figures = [
        [SETS[name], f"{100 * one.value:.1f} %" if one.low is None or one.high is None else spread(one)]
        for name, one in facts.status.sets.items()
        if name in SETS
    ]

    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.0f} %"

    rows = [
        [name, f"{one.labels:,}", percent(one.precision), percent(one.recall), percent(one.f1)]
        for name, one in class_scores(seen).items()
    ]
    return (
        f"<h2>What the model gets right</h2>{table(['', ''], figures)}"
        f"<h3>By class</h3>{table(['class', 'random items of it', 'precision', 'recall', 'F1'], rows)}"
        f'<p class="note">The newest model on the {len(seen.labels):,} random items that it was never trained on, '
        "weighted so that they stand for the pool. An item has the classes whose probability is a half or more. "
        "Precision: of the items that the model gives a class, the share that people give it too. Recall: of those "
        "that people give it, the share that the model gives it too. F1: their harmonic mean. In brackets 95 % "
        "intervals.</p>"
    )
