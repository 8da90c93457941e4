"""What models say of labeled items that they were not trained on, and which labels that makes doubtful."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice import Audited, estimate
from spotal.project.predictions import read_embeddings, read_predictions

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["Doubt", "Unseen", "cross_fitted", "doubts", "unseen"]

FOLDS = 5
LEAST_LABELS = 40
"""Labels with a prediction out of sample from which on some may be called doubtful."""
LEAST_RIGHT = 0.6
"""Lower end of the interval of the model's accuracy from which on it may contradict people."""
LEAST_OTHER, MOST_GIVEN = 0.9, 0.01
"""Probability of the other class, at least, and of the label, at most, where a label is called doubtful."""
MOST_NAMED, MOST_SHARE = 5, 0.1
"""Labels that are named, at most, and their share of all labels."""


@dataclass(frozen=True, eq=False)
class Unseen:
    """Predictions of m labeled items by models that did not know their labels.

    classes : tuple of str (C,); numbers : int64 (m,), of the items; labels : int64 (m,), positions in ``classes``
    probabilities : float64 (m, C)
    """

    classes: tuple[str, ...]
    numbers: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Weights (m,) of the items: all 1."""
        return np.ones(len(self.labels))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the likeliest class is the label."""
        return np.asarray(self.probabilities.argmax(1) == self.labels)


@dataclass(frozen=True)
class Doubt:
    """A label that is likely wrong: the item, what people say, what the model says, and how sure it is of either."""

    number: int
    label: str
    guess: str
    confidence: float
    of_label: float


def unseen(project: Project) -> Unseen | None:
    """Predictions out of sample, of all labeled items; None before there is a model.

    Items held back are no model's training data: the newest one predicts them. The others are predicted by a linear
    probe on the other four fifths of the labels, where the project's model is such a probe on fixed features, and else
    by the last model from before they were labeled. None too where items may have several classes.
    """
    newest = read_predictions(project)
    if newest is None or newest.many or project.settings.many:
        return None
    position = {name: k for k, name in enumerate(newest.classes)}
    rows = [row for row in project.labels.standings().values() if row.state == "labeled" and row.label in position]
    found = {row.number: newest.of(np.asarray([row.number]))[0] for row in rows if row.held_back}
    trained = {row.number: position[row.label or ""] for row in rows if not row.held_back}
    if "linear probe" in newest.model.name:
        found |= _crossed(project, newest.model.number, trained, len(position))
    else:
        found |= _before(project, trained, newest.classes)
    kept = [row for row in rows if row.number in found and not np.isnan(found[row.number]).any()]
    if not kept:
        return None
    return Unseen(
        newest.classes,
        np.asarray([row.number for row in kept], np.int64),
        np.asarray([position[row.label or ""] for row in kept], np.int64),
        np.stack([found[row.number] for row in kept]).astype(np.float64),
    )


def doubts(
    seen: Unseen, tested: Audited | None = None, confirmed: Collection[int] = frozenset()
) -> tuple[list[Doubt], str]:
    """Name the few labels that are most likely wrong, and say in one or two sentences what was found.

    No label is named before there are ``LEAST_LABELS`` labels and the model is right often enough, on these labels and
    on the random sample ``tested`` if it is not empty. Often enough means, for the lower end of the accuracy's
    interval: at least ``LEAST_RIGHT``, and at most half the errors of always answering the commonest class. A label is
    named where no person confirmed it (``confirmed`` holds numbers of items), the likeliest class is another one, its
    probability reaches the mean that this class has among items that people gave it, and the evidence is strong: at
    least ``LEAST_OTHER`` for it, at most ``MOST_GIVEN`` for the label.

    Notes
    -----
    Thresholds of classes, and the order (by the probability of the label minus that of the other class), are those of
    confident learning. Its rule alone named 87 of 120 labels of a model that was right on 23 %. On digits (linear
    probe, means of 10 seeds) these constants name 0.2 of 120 correct labels, 0.2 of 500 correct ones, and, of 500
    labels with 50 wrong ones, 5 that are all wrong.

    References
    ----------
    C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021.
    """
    n = len(seen.labels)
    if n < LEAST_LABELS:
        return [], (
            f"Labels are checked from {LEAST_LABELS} on that a model predicted without being trained on them; there "
            f"are {n} so far."
        )
    for group, about in ((seen, "labels that it was not trained on"), (tested, "random items that measure accuracy")):
        if group is None or not len(group.labels):
            continue
        least, found = _needed(group), estimate(group.right, group.weight)
        if found.low < least:
            return [], (
                f"No label is named: the model is not right often enough yet. It is right on {100 * found.value:.0f} % "
                f"({100 * found.low:.0f} to {100 * found.high:.0f}) of the {found.n:,} {about}; the interval must "
                f"begin at {100 * least:.0f} % or more."
            )
    p, own = seen.probabilities, np.arange(n)
    usual = np.full(len(seen.classes), np.inf)
    for k in np.unique(seen.labels):
        usual[k] = p[seen.labels == k, k].mean()
    guess = p.argmax(1)
    other, given = p[own, guess], p[own, seen.labels]
    sure = (other >= np.maximum(usual[guess], LEAST_OTHER)) & (given <= MOST_GIVEN)
    sure &= (guess != seen.labels) & ~np.isin(seen.numbers, list(confirmed))
    chosen = np.flatnonzero(sure)
    chosen = chosen[np.argsort((given - other)[chosen], kind="stable")][: min(MOST_NAMED, int(n * MOST_SHARE))]
    if not len(chosen):
        return [], f"None of {n:,} labels stands out: no model that was not trained on them clearly contradicts them."
    return [
        Doubt(
            int(seen.numbers[k]),
            seen.classes[seen.labels[k]],
            seen.classes[guess[k]],
            float(other[k]),
            float(given[k]),
        )
        for k in chosen
    ], (
        f"The {len(chosen)} most doubtful of {n:,} labels, the most doubtful first. A model that was not trained on "
        f"them is at least {100 * LEAST_OTHER:.0f} % sure of another class, and gives the label at most "
        f"{100 * MOST_GIVEN:.0f} %. Look at each: the model may be wrong too. A label that "
        "somebody gives once more is not named again."
    )


def _needed(seen: Unseen | Audited) -> float:
    """Return the accuracy that the model must surely have: ``LEAST_RIGHT``, or more where one class is common."""
    commonest = np.bincount(seen.labels + 1, weights=seen.weight).max() / seen.weight.sum()  # -1: none of these
    return max(LEAST_RIGHT, (1 + float(commonest)) / 2)


def cross_fitted(X: NDArray[Any], y: NDArray[np.int64], n_classes: int, random_state: int) -> NDArray[np.float64]:
    """Predict each row by a linear probe on the other four fifths; NaN where these have fewer than two classes.

    Features are scaled so that their deviation as a whole is 1, as for the project's own probe.
    """
    from sklearn.linear_model import LogisticRegression

    X = X / (float(X.std(dtype=np.float64)) or 1.0) if len(X) else X
    fold = np.random.default_rng(random_state).permutation(len(y)) % FOLDS
    found = np.full((len(y), n_classes), np.nan)
    for k in range(FOLDS):
        inside, outside = fold != k, fold == k
        if len(set(y[inside].tolist())) < 2 or not outside.any():
            continue
        probe = LogisticRegression(C=1.0, max_iter=500).fit(X[inside], y[inside])
        found[outside] = 0.0
        found[np.ix_(outside, probe.classes_)] = probe.predict_proba(X[outside])
    return found


def _crossed(project: Project, model: int, labels: dict[int, int], n_classes: int) -> dict[int, NDArray[np.floating]]:
    """Cross-fitted probabilities of a linear probe on the embeddings, by item number."""
    embeddings = read_embeddings(project, model)
    if embeddings is None:
        return {}
    numbers = np.asarray([n for n in labels if n < len(embeddings) and not np.isnan(embeddings[n, 0])], np.int64)
    y = np.asarray([labels[n] for n in numbers.tolist()], np.int64)
    found = cross_fitted(np.asarray(embeddings[numbers]), y, n_classes, project.settings.random_state)
    return dict(zip(numbers.tolist(), found, strict=True))


def _before(project: Project, labels: dict[int, int], classes: tuple[str, ...]) -> dict[int, NDArray[np.floating]]:
    """Probabilities by the last model from before each item was first spoken of."""
    first: dict[str, int] = {}
    for event in project.labels.history():
        first.setdefault(event.item, event.number)
    models = [model for model in project.models.all() if model.predictions is not None]
    ours = {item.number: first[item.id] for item in project.items.at(labels) if item.id in first}
    found: dict[int, NDArray[np.floating]] = {}
    for k, model in enumerate(models):
        until = models[k + 1].events if k + 1 < len(models) else np.inf
        numbers = [n for n, event in ours.items() if model.events < event <= until]
        predictions = read_predictions(project, model.number) if numbers else None
        if predictions is not None and predictions.classes == classes:
            found |= dict(zip(numbers, predictions.of(np.asarray(numbers)), strict=True))
    return found
