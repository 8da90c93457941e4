"""What models say of labeled items that they were not trained on, and which labels that makes doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.project.predictions import read_embeddings, read_predictions

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["Doubt", "Unseen", "doubts", "unseen"]

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Unseen:
    """Predictions of m labeled items by models that did not know their labels.

    classes : tuple of str (C,); numbers : int64 (m,), of the items; labels : int64 (m,), positions in ``classes``
    probabilities : float64 (m, C)
    weight : float64 (m,), of the audit's items the number of the pool's that each stands for, else 1
    audit : bool, whether these are the audit's random sample, so that figures hold for the pool
    """

    classes: tuple[str, ...]
    numbers: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weight: NDArray[np.float64]
    audit: bool

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


def unseen(project: Project, *, audit: bool = False) -> Unseen | None:
    """Predictions out of sample, of all labeled items or of the audit alone; None before there is a model.

    Items held back are no model's training data: the newest one predicts them. The others are predicted by a linear
    probe on the other four fifths of the labels, where the project's model is such a probe on fixed features, and else
    by the last model from before they were labeled.
    """
    newest = read_predictions(project)
    if newest is None:
        return None
    position = {name: k for k, name in enumerate(newest.classes)}
    weights = {row.number: row.weight for row in project.rounds.audit()}
    rows = [row for row in project.labels.standings().values() if row.state == "labeled" and row.label in position]
    if audit:
        rows = [row for row in rows if row.number in weights]
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
        np.asarray([weights[row.number] if audit else 1.0 for row in kept], np.float64),
        audit,
    )


def doubts(seen: Unseen) -> list[Doubt]:
    """Labels that a model confidently contradicts, the most doubtful first.

    A label is doubtful where the model is as sure of another class as it is, on average, of the items that people gave
    that class.

    References
    ----------
    C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021.
    """
    p, own = seen.probabilities, np.arange(len(seen.labels))
    usual = np.full(len(seen.classes), np.inf)
    for k in np.unique(seen.labels):
        usual[k] = p[seen.labels == k, k].mean()
    sure = np.where(p >= usual, p, 0.0)
    guess = sure.argmax(1)
    chosen = np.flatnonzero((sure.max(1) > 0) & (guess != seen.labels))
    gap = p[own, seen.labels] - p[own, guess]
    return [
        Doubt(
            int(seen.numbers[k]),
            seen.classes[seen.labels[k]],
            seen.classes[guess[k]],
            float(p[k, guess[k]]),
            float(p[k, seen.labels[k]]),
        )
        for k in chosen[np.argsort(gap[chosen], kind="stable")]
    ]


def _crossed(project: Project, model: int, labels: dict[int, int], n_classes: int) -> dict[int, NDArray[np.floating]]:
    """Cross-fitted probabilities of a linear probe on the embeddings, by item number."""
    from sklearn.linear_model import LogisticRegression

    embeddings = read_embeddings(project, model)
    if embeddings is None:
        return {}
    numbers = np.asarray([n for n in labels if n < len(embeddings) and not np.isnan(embeddings[n, 0])], np.int64)
    X, y = np.asarray(embeddings[numbers]), np.asarray([labels[n] for n in numbers.tolist()])
    fold = np.random.default_rng(project.settings.random_state).permutation(len(numbers)) % FOLDS
    found = np.full((len(numbers), n_classes), np.nan)
    for k in range(FOLDS):
        inside, outside = fold != k, fold == k
        if len(set(y[inside].tolist())) < 2 or not outside.any():
            continue
        probe = LogisticRegression(C=1.0, max_iter=500).fit(X[inside], y[inside])
        found[outside] = 0.0
        found[np.ix_(outside, probe.classes_)] = probe.predict_proba(X[outside])
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
