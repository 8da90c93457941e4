"""The learning curve: every model so far, measured on all audit labels that there are now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.project.advice.accuracy import ShareEstimate, estimate
from spotal.project.advice.audit import audited
from spotal.project.predictions import Predictions, read_predictions

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Model

__all__ = ["Curve", "learning_curve", "stability"]


@dataclass(frozen=True, eq=False)
class Curve:
    """What each of k models says of the audit sample's m items.

    models : list of Model (k,), the last one for each number of labels, in order
    right : float (k, m), 1 or 0; NaN for items that came later than the model; "none of these" is never right
    weight : float64 (m,), number of the pool's items that each stands for
    """

    models: list[Model]
    right: NDArray[np.floating]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.models)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels that each model was trained on, int64 (k,)."""
        return np.asarray([model.n_labeled for model in self.models], np.int64)

    @cached_property
    def points(self) -> list[ShareEstimate]:
        """Accuracy of each model, on the audit's items that it has seen; none where there is no audit label."""
        seen = ~np.isnan(self.right)
        return [
            estimate(row[there], self.weight[there]) for row, there in zip(self.right, seen, strict=True) if there.any()
        ]

    @property
    def now(self) -> ShareEstimate | None:
        """Accuracy of the newest model, which need not be the one with the most labels; None where it is not known."""
        if not self.points:
            return None
        return self.points[max(range(len(self)), key=lambda k: self.models[k].number)]

    def common(self) -> Curve:
        """The same curve on the items that all of its models have seen, so that its points can be compared."""
        seen = ~np.isnan(self.right).any(0)
        return Curve(self.models, self.right[:, seen], self.weight[seen])


def learning_curve(project: Project) -> Curve:
    """Measure every model on all audit labels that there are now.

    The one source of a project's accuracy. Models that have seen no item of the audit have no point.

    Cost: reads the audit's rows of the predictions of every model.
    """
    latest: dict[int, Model] = {}
    for model in project.models.all():
        if model.predictions is not None:
            latest[model.n_labeled] = model
    audit = project.rounds.audit()
    models, rows = [], []
    for n in sorted(latest):
        predictions = read_predictions(project, latest[n].number)
        assert predictions is not None
        seen, found = audited(predictions, audit)
        if audit and not seen.any():
            continue
        row = np.full(len(audit), np.nan)
        row[seen] = found.right
        models.append(latest[n])
        rows.append(row)
    weight = np.asarray([label.weight for label in audit], float)
    return Curve(models, np.asarray(rows).reshape(len(models), len(audit)), weight)


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
    if before.many and after.many:
        if before.classes != after.classes:
            return 0.0
        return float((before.predicted[:n][both] == after.predicted[:n][both]).all(1).mean())
    if before.many or after.many:
        return 0.0
    a, b = (np.asarray(each.classes, str)[each.predicted[:n][both]] for each in (before, after))
    return float((a == b).mean())
