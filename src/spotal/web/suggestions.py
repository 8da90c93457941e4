"""Suggestions: unlabeled items that look like labeled ones and of which the model is sure, for a person to confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spotal.project.advice.audit import audited
from spotal.project.predictions import read_embeddings, read_predictions
from spotal.web.state import item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spotal.project import Project
    from spotal.project.predictions import Predictions

__all__ = ["LEAST_RIGHT", "SURE", "suggestions"]

SURE = 0.95
"""Least probability of the guess."""
LEAST_RIGHT = 0.5
"""Least share of the audit's items that the model is right about: a weak model is often sure and wrong."""
STRIPS, LENGTH = 8, 12
"""Strips returned at a time, and most items in one."""
MOST_ITEMS, MOST_LABELED = 3_000, 1_000
"""Items and labeled items that are compared: of more, as many taken evenly, and the last ones by number."""


def suggestions(project: Project) -> dict[str, Any]:
    """Strips of unlabeled items that the newest model and the labeled items agree about, the longest strip first.

    An item is suggested when three things hold: the model gives one class at least the probability ``SURE`` (where
    items may have several classes, it is as sure of each, that the item has it or not, and the item has some); the
    labeled item whose embedding is nearest has that class, or these; and the item may be picked later, that is, nobody
    has answered it, it is in no batch, and it is not held back for the audit. Items of a batch are left out since they
    were chosen to be looked at one by one. Nothing is suggested while the model is wrong about more than half of the
    audit's answered items.

    Returns
    -------
    dict of ``sure`` (the least probability) and ``strips``, each with its ``label``, the labeled item that its
        ``items`` are ``like``, and these items, the most alike first

    Notes
    -----
    Compares at most 3,000 items with at most 1,000 labeled ones: 3 GFLOP where embeddings have 512 dimensions.
    """
    predictions, embeddings = read_predictions(project), read_embeddings(project)
    if predictions is None or embeddings is None or _is_weak(predictions, project):
        return {"sure": SURE, "strips": []}
    numbers = _sure(predictions, project.items.candidate_numbers(), len(embeddings))
    known = [one for one in project.labels.current().values() if one.number < len(embeddings)][-MOST_LABELED:]
    strips = _strips(predictions, embeddings, numbers, {one.number: one.label for one in known})
    items = {one.number: one for one in project.items.at([*strips, *(k for _, row in strips.values() for k in row)])}
    return {
        "sure": SURE,
        "strips": [
            {"label": label, "like": item(items[like]), "items": [item(items[k]) for k in row]}
            for like, (label, row) in strips.items()
        ],
    }


def _is_weak(predictions: Predictions, project: Project) -> bool:
    """Whether the audit's answers show that the model is wrong more often than right."""
    _, found = audited(predictions, project.rounds.audit())
    return bool(len(found.weight)) and bool(np.average(found.right, weights=found.weight) < LEAST_RIGHT)


def _sure(predictions: Predictions, free: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Numbers of the free items of which the model is sure."""
    free = free[free < min(n, len(predictions))]
    p = predictions.probabilities[free]
    sure = free[(np.maximum(p, 1 - p).min(1) if predictions.many else predictions.confidence[free]) >= SURE]
    if len(sure) <= MOST_ITEMS:
        return sure
    return sure[np.linspace(0, len(sure) - 1, MOST_ITEMS).astype(np.int64)]


def _strips(
    predictions: Predictions, embeddings: NDArray[np.float32], numbers: NDArray[np.int64], known: dict[int, str | None]
) -> dict[int, tuple[str, list[int]]]:
    """The class and the items of each strip, by the number of the labeled item that they are like."""
    import torch

    from spotal.numeric.nearest import nearest

    places = np.array([k for k in known if np.isfinite(embeddings[k]).all()], np.int64)
    numbers = numbers[np.isfinite(embeddings[numbers]).all(1)]
    if not len(places) or not len(numbers):
        return {}
    index, far = nearest(torch.from_numpy(embeddings[numbers]), torch.from_numpy(embeddings[places]))
    rows: dict[int, list[tuple[float, int]]] = {}
    for number, like, distance in zip(numbers.tolist(), places[index.numpy()].tolist(), far.tolist(), strict=True):
        guess = predictions.guess(number)
        if guess is not None and guess[0] is not None and guess[0] == known[like]:
            rows.setdefault(like, []).append((distance, number))
    best = sorted(rows, key=lambda like: (-min(LENGTH, len(rows[like])), like))[:STRIPS]
    return {like: (known[like] or "", [number for _, number in sorted(rows[like])[:LENGTH]]) for like in best}
