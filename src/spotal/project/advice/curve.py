"""The learning curve: every model so far, measured on all audit labels that there are now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice.accuracy import Estimate, estimate
from spotal.project.predictions import Predictions, read_predictions

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Model

__all__ = ["Curve", "learning_curve", "stability"]


@dataclass(frozen=True, eq=False)
class Curve:
    """What each of k models says of the audit sample's m items.

    models : list of Model (k,), the last one for each number of labels, in order
    right : bool (k, m); "none of these" is never right
    weight : float64 (m,), number of the pool's items that each stands for
    """

    models: list[Model]
    right: NDArray[np.bool_]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.models)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels that each model was trained on, int64 (k,)."""
        return np.asarray([model.n_labeled for model in self.models], np.int64)

    @cached_property
    def points(self) -> list[Estimate]:
        """Accuracy of each model; none where there is no audit label."""
        return [estimate(row, self.weight) for row in self.right] if self.weight.size else []


def learning_curve(project: Project) -> Curve:
    """The curve by now. Items of the audit that one of its models has not seen, since they came or
    changed later, are left out.

    Cost: reads the audit's rows of the predictions of every model.
    """
    latest: dict[int, Model] = {}
    for model in project.models.all():
        if model.predictions is not None:
            latest[model.n_labeled] = model
    models = [latest[n] for n in sorted(latest)]
    audit = project.rounds.audit()
    numbers = np.asarray([label.number for label in audit], np.int64)
    names = np.asarray([label.label or "" for label in audit], str)  # no class has an empty name
    right = np.zeros((len(models), len(audit)), bool)
    seen = np.ones(len(audit), bool)
    for row, model in enumerate(models):
        found = read_predictions(project, model.number)
        assert found is not None
        probabilities = found.of(numbers)
        same = [label.changed is None or label.changed < model.at for label in audit]  # what the model saw
        there = ~np.isnan(probabilities[:, 0]) & np.asarray(same, bool)
        seen &= there
        classes = np.asarray(found.classes, str)
        right[row] = there & (classes[np.nan_to_num(probabilities).argmax(1)] == names)
    weight = np.asarray([label.weight for label in audit], float)
    return Curve(models, right[:, seen], weight[seen])


def stability(project: Project) -> float | None:
    """Share of the pool's items whose predicted class stayed the same: the lesser share of the last two trainings.

    None before there are three models on different labels. One quiet training may be chance, two hardly.

    References
    ----------
    M. Bloodgood, K. Vijay-Shanker, "A method for stopping active learning based on stabilizing predictions and the need
    for user-adjustable stopping", CoNLL 2009.
    """
    models = {model.events: model for model in project.models.all() if model.predictions is not None}
    last = [read_predictions(project, model.number) for model in list(models.values())[-3:]]
    found = [each for each in last if each is not None]
    if len(found) < 3:
        return None
    return min(_same(a, b) for a, b in pairwise(found))


def _same(before: Predictions, after: Predictions) -> float:
    n = min(len(before), len(after))
    both = before.known[:n] & after.known[:n]
    if not both.any():
        return 0.0
    a, b = (np.asarray(each.classes, str)[each.predicted[:n][both]] for each in (before, after))
    return float((a == b).mean())
