"""Suggestions: unlabeled items that the model is sure of and that look like labeled ones, for a person to confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice.audit import audited
from spotal.project.predictions import Predictions, read_embeddings, read_predictions
from spotal.web.state import item

if TYPE_CHECKING:
    from spotal.project import Project

__all__ = ["LEAST_RIGHT", "SURE", "suggestions"]

SURE = 0.95
"""Smallest probability of a guess that is suggested."""
LEAST_RIGHT = 0.5
"""Smallest accuracy on the audit's items. Less accurate models are often sure and wrong."""
STRIPS, LENGTH = 8, 12
"""Largest number of strips in a response, and of items in a strip."""
MOST_ITEMS, MOST_LABELED = 3_000, 1_000
"""Largest numbers of items (evenly spaced) and of labeled items (the last ones by number) that are compared."""


def suggestions(project: Project) -> dict[str, Any]:
    """Return strips of unlabeled items with the same guessed class, the longest strip first.

    An item is suggested if three conditions hold:

    - The model is sure: a class has at least the probability ``SURE``. If items may have several classes, the model
      must be so sure about each class, present or absent, and at least one must be present.
    - The labeled item with the nearest embedding has the same class or classes.
    - The item can be picked later: nobody has answered it, it is in no batch (people look at these one by one), and it
      is not held back for the audit.

    Nothing is suggested if the model is wrong about more than half of the audit's answered items.

    Returns
    -------
    dict of ``sure`` (smallest probability) and ``strips``, each with its ``label``, its ``items`` (the most similar
        first), and the labeled item that they are ``like``

    Notes
    -----
    Compares at most 3,000 items with at most 1,000 labeled ones: 3 GFLOP for embeddings with 512 dimensions.
    """
    predictions, embeddings = read_predictions(project), read_embeddings(project)
    if predictions is None or embeddings is None or _is_weak(predictions, project):
        return {"sure": SURE, "strips": []}
    numbers = _sure(predictions, project.items.candidate_numbers(), len(embeddings))
    labeled = [one for one in project.labels.current().values() if one.number < len(embeddings)][-MOST_LABELED:]
    strips = _strips(predictions, embeddings, numbers, {one.number: one.label for one in labeled})
    items = {one.number: one for one in project.items.at([*strips, *(k for _, row in strips.values() for k in row)])}
    return {
        "sure": SURE,
        "strips": [
            {"label": label, "like": item(items[like]), "items": [item(items[k]) for k in row]}
            for like, (label, row) in strips.items()
        ],
    }


def _is_weak(predictions: Predictions, project: Project) -> bool:
    """Return whether the model's accuracy on the audit's answers is below ``LEAST_RIGHT``."""
    _, result = audited(predictions, project.rounds.audit())
    return bool(len(result.weight)) and bool(np.average(result.right, weights=result.weight) < LEAST_RIGHT)


def _sure(predictions: Predictions, free: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the numbers of the free items that the model is sure of."""
    free = free[free < min(n, len(predictions))]
    p = predictions.probabilities[free]
    sure = free[(np.maximum(p, 1 - p).min(1) if predictions.many else predictions.confidence[free]) >= SURE]
    if len(sure) <= MOST_ITEMS:
        return sure
    return sure[np.linspace(0, len(sure) - 1, MOST_ITEMS).astype(np.int64)]


def _strips(
    predictions: Predictions, embeddings: NDArray[np.float32], numbers: NDArray[np.int64], labels: dict[int, str | None]
) -> dict[int, tuple[str, list[int]]]:
    """Return the class and items of each strip, by the number of their nearest labeled item."""
    import torch

    from spotal.numeric.nearest import nearest

    places = np.array([k for k in labels if np.isfinite(embeddings[k]).all()], np.int64)
    numbers = numbers[np.isfinite(embeddings[numbers]).all(1)]
    if not len(places) or not len(numbers):
        return {}
    index, far = nearest(torch.from_numpy(embeddings[numbers]), torch.from_numpy(embeddings[places]))
    rows: dict[int, list[tuple[float, int]]] = {}
    for number, like, distance in zip(numbers.tolist(), places[index.numpy()].tolist(), far.tolist(), strict=True):
        guess = predictions.guess(number)
        if guess is not None and guess[0] is not None and guess[0] == labels[like]:
            rows.setdefault(like, []).append((distance, number))
    best = sorted(rows, key=lambda like: (-min(LENGTH, len(rows[like])), like))[:STRIPS]
    return {like: (labels[like] or "", [number for _, number in sorted(rows[like])[:LENGTH]]) for like in best}
