"""Out-of-sample predictions for labeled items, and the labels that they make doubtful."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
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
"""Minimum number of labels with an out-of-sample prediction for a check."""
LEAST_RIGHT = 0.6
"""Minimum lower end of the interval of the model's accuracy for a check."""
LEAST_OTHER, MOST_GIVEN = 0.9, 0.01
"""A label is doubtful if another class has at least the first probability and the label at most the second."""
MOST_NAMED, MOST_SHARE = 5, 0.1
"""Maximum number of doubtful labels, and their maximum share of all labels."""


@dataclass(frozen=True, eq=False)
class Unseen(Audited):
    """Predictions for m labeled items by models that were not trained on their labels; each item has the weight 1.

    numbers : int64 (m,), of the items
    """

    numbers: NDArray[np.int64] = field(kw_only=True)


@dataclass(frozen=True)
class Doubt:
    """A label that is likely wrong: the item, its label, the model's class, and the probabilities of this class and of
    the label.
    """

    number: int
    label: str
    guess: str
    confidence: float
    of_label: float


def unseen(project: Project) -> Unseen | None:
    """Return out-of-sample predictions for all labeled items; None without a model, and with several classes per item.

    Held-back items are predicted by the newest model. If the project's model is a linear probe on fixed features, the
    other items are predicted by a linear probe on the other four fifths of the labels. For other models, each item is
    predicted by the last model from before it was labeled.
    """
    newest = read_predictions(project)
    if newest is None or newest.many or project.settings.many:
        return None
    position = {name: k for k, name in enumerate(newest.classes)}
    rows = [row for row in project.labels.standings().values() if row.state == "labeled" and row.label in position]
    predicted = {row.number: newest.of(np.asarray([row.number]))[0] for row in rows if row.held_back}
    trained = {row.number: position[row.label or ""] for row in rows if not row.held_back}
    if "linear probe" in newest.model.name:
        predicted |= _by_other_folds(project, newest.model.number, trained, len(position))
    else:
        predicted |= _by_earlier_models(project, trained, newest.classes)
    rows = [row for row in rows if row.number in predicted and not np.isnan(predicted[row.number]).any()]
    if not rows:
        return None
    return Unseen(
        newest.classes,
        np.asarray([position[row.label or ""] for row in rows], np.int64),
        np.stack([predicted[row.number] for row in rows]).astype(np.float64),
        np.ones(len(rows)),
        numbers=np.asarray([row.number for row in rows], np.int64),
    )


def doubts(
    seen: Unseen, tested: Audited | None = None, confirmed: Collection[int] = frozenset()
) -> tuple[list[Doubt], str]:
    """Return the labels that are most likely wrong, and the result of the check in one or two sentences.

    The check needs ``LEAST_LABELS`` labels and an accurate model, on these labels and on the random sample ``tested``
    if it is not empty. The lower end of the accuracy's interval must be at least ``LEAST_RIGHT``, and the errors at
    most half of those of the constant answer with the most common class. A label is returned if

    - no person confirmed it (``confirmed`` holds numbers of items),
    - the likeliest class is another one, with a probability of at least ``LEAST_OTHER`` and at least the mean
      probability of this class among items with this label, and
    - the label's probability is at most ``MOST_GIVEN``.

    Notes
    -----
    The thresholds by class, and the order by the difference of both probabilities, are those of confident learning.
    Alone, they would return 87 of 120 labels of a model with an accuracy of 23 %. On digits (linear probe, means of 10
    seeds) this function returns 0.2 of 120 correct labels and 0.2 of 500 correct labels. Of 500 labels with 50 wrong
    ones it returns 5, all of them wrong.

    References
    ----------
    C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021.
    """
    n = len(seen.labels)
    if n < LEAST_LABELS:
        return [], (
            f"The check needs {LEAST_LABELS} labels that a model predicted without being trained on them; there are "
            f"{n} so far."
        )
    for group, about in ((seen, "labels that it was not trained on"), (tested, "random items that measure accuracy")):
        if group is None or not len(group.labels):
            continue
        least, right = _needed(group), estimate(group.right, group.weight)
        if right.low < least:
            return [], (
                f"No label is named: the model is not right often enough yet. It is right on {100 * right.value:.0f} % "
                f"({100 * right.low:.0f} to {100 * right.high:.0f}) of the {right.n:,} {about}; the interval must "
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
        return [], f"None of {n:,} labels is doubtful: no model that was not trained on them clearly contradicts them."
    names, numbers = seen.classes, seen.numbers.tolist()
    return [
        Doubt(numbers[k], names[seen.labels[k]], names[guess[k]], float(other[k]), float(given[k])) for k in chosen
    ], (
        f"The {len(chosen)} most doubtful of {n:,} labels, the most doubtful first. A model that was not trained on "
        f"them is at least {100 * LEAST_OTHER:.0f} % sure of another class, and gives the label at most "
        f"{100 * MOST_GIVEN:.0f} %. Look at each: the model may be wrong too. A label that "
        "somebody gives once more is not named again."
    )


def _needed(seen: Audited) -> float:
    """Return the accuracy that the model needs: ``LEAST_RIGHT``, or more where one class is common."""
    most_common = np.bincount(seen.labels + 1, weights=seen.weight).max() / seen.weight.sum()  # -1: none of these
    return max(LEAST_RIGHT, (1 + float(most_common)) / 2)


def cross_fitted(X: NDArray[Any], y: NDArray[np.int64], n_classes: int, random_state: int) -> NDArray[np.float64]:
    """Predict each row by a linear probe on the other four fifths; NaN if these have fewer than two classes.

    Features are divided by their overall standard deviation, as for the project's own probe.
    """
    from sklearn.linear_model import LogisticRegression

    X = X / (float(X.std(dtype=np.float64)) or 1.0) if len(X) else X
    fold = np.random.default_rng(random_state).permutation(len(y)) % FOLDS
    probabilities = np.full((len(y), n_classes), np.nan)
    for k in range(FOLDS):
        inside, outside = fold != k, fold == k
        if len(set(y[inside].tolist())) < 2 or not outside.any():
            continue
        probe = LogisticRegression(C=1.0, max_iter=500).fit(X[inside], y[inside])
        probabilities[outside] = 0.0
        probabilities[np.ix_(outside, probe.classes_)] = probe.predict_proba(X[outside])
    return probabilities


def _by_other_folds(
    project: Project, model: int, labels: dict[int, int], n_classes: int
) -> dict[int, NDArray[np.floating]]:
    """Return cross-fitted probabilities of a linear probe on the embeddings, by item number."""
    embeddings = read_embeddings(project, model)
    if embeddings is None:
        return {}
    numbers = np.asarray([n for n in labels if n < len(embeddings) and not np.isnan(embeddings[n, 0])], np.int64)
    y = np.asarray([labels[n] for n in numbers.tolist()], np.int64)
    probabilities = cross_fitted(np.asarray(embeddings[numbers]), y, n_classes, project.settings.random_state)
    return dict(zip(numbers.tolist(), probabilities, strict=True))


def _by_earlier_models(
    project: Project, labels: dict[int, int], classes: tuple[str, ...]
) -> dict[int, NDArray[np.floating]]:
    """Return the probabilities by the last model from before each item's first answer, by item number."""
    first: dict[str, int] = {}
    for event in project.labels.history():
        first.setdefault(event.item, event.number)
    models = [model for model in project.models.all() if model.predictions is not None]
    events = {item.number: first[item.id] for item in project.items.at(labels) if item.id in first}
    predicted: dict[int, NDArray[np.floating]] = {}
    for k, model in enumerate(models):
        until = models[k + 1].events if k + 1 < len(models) else np.inf
        numbers = [n for n, event in events.items() if model.events < event <= until]
        predictions = read_predictions(project, model.number) if numbers else None
        if predictions is not None and predictions.classes == classes:
            predicted |= dict(zip(numbers, predictions.of(np.asarray(numbers)), strict=True))
    return predicted
