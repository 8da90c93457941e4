"""Learning curve: the accuracy of every model so far, on all present audit labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice.audit import ShareEstimate, audited, estimate
from spotal.project.predictions import Predictions, read_predictions

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Model

__all__ = ["Curve", "learning_curve", "stability"]


@dataclass(frozen=True, eq=False)
class Curve:
    """Results of k models on the m items of the audit sample.

    models : list of Model (k,), the last one for each number of labels, in order
    right : float (k, m), 1 or 0; NaN for items added after the model; 0 for "none of these"
    weight : float64 (m,), number of the pool's items that each item represents
    """

    models: list[Model]
    right: NDArray[np.floating]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.models)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Number of labels that each model was trained on, int64 (k,)."""
        return np.asarray([model.n_labeled for model in self.models], np.int64)

    @cached_property
    def points(self) -> list[ShareEstimate]:
        """Accuracy of each model on the audit items that it has seen; empty without audit labels."""
        seen = ~np.isnan(self.right)
        return [
            estimate(row[there], self.weight[there]) for row, there in zip(self.right, seen, strict=True) if there.any()
        ]

    @property
    def now(self) -> ShareEstimate | None:
        """Accuracy of the newest model (not always the one with the most labels); None without audit labels."""
        if not self.points:
            return None
        return self.points[max(range(len(self)), key=lambda k: self.models[k].number)]

    def common(self) -> Curve:
        """Return the curve on the items that all models have seen, so that its points are comparable."""
        seen = ~np.isnan(self.right).any(0)
        return Curve(self.models, self.right[:, seen], self.weight[seen])


def learning_curve(project: Project) -> Curve:
    """Measure every model on all present audit labels. All outputs take a project's accuracy from here.

    Models that have seen no audit item have no point. Cost: reads the audit rows of every model's predictions.
    """
    latest = {model.n_labeled: model for model in project.models.all() if model.predictions is not None}
    audit = project.rounds.audit()
    models, rows = [], []
    for n in sorted(latest):
        predictions = read_predictions(project, latest[n].number)
        assert predictions is not None
        seen, results = audited(predictions, audit)
        if audit and not seen.any():
            continue
        row = np.full(len(audit), np.nan)
        row[seen] = results.right
        models.append(latest[n])
        rows.append(row)
    weight = np.asarray([label.weight for label in audit], float)
    return Curve(models, np.asarray(rows).reshape(len(models), len(audit)), weight)


def stability(project: Project) -> float | None:
    """Return the share of items whose predicted class did not change, the smaller one of the last two trainings.

    Two trainings are compared because one may be unchanged by chance. None before three models on different labels.

    References
    ----------
    M. Bloodgood, K. Vijay-Shanker, "A method for stopping active learning based on stabilizing predictions and the need
    for user-adjustable stopping", CoNLL 2009.
    """
    models = {model.events: model for model in project.models.all() if model.predictions is not None}
    read = (read_predictions(project, model.number) for model in list(models.values())[-3:])
    predictions = [each for each in read if each is not None]
    if len(predictions) < 3:
        return None
    return min(_unchanged_share(a, b) for a, b in pairwise(predictions))


def _unchanged_share(before: Predictions, after: Predictions) -> float:
    n = min(len(before), len(after))
    both = before.known[:n] & after.known[:n]
    if not both.any() or before.many != after.many:
        return 0.0
    if before.many:
        if before.classes != after.classes:
            return 0.0
        return float((before.predicted[:n][both] == after.predicted[:n][both]).all(1).mean())
    a, b = (np.asarray(each.classes, str)[each.predicted[:n][both]] for each in (before, after))
    return float((a == b).mean())
