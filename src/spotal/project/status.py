"""Status: all that is known of how far a project is, as one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spotal.project.advice import Forecast, Verdict, forecast, learning_curve, stability, verdict
from spotal.project.predictions import read_predictions
from spotal.project.records import Agreement, Counts
from spotal.project.told import told_aside

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["ClassCount", "Point", "Status", "read_status"]

AHEAD = 100
"""Labels that the forecast looks ahead."""


@dataclass(frozen=True)
class Point:
    """Accuracy of the model trained on so many labels, with its interval, from so many audit labels."""

    labels: int
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ClassCount:
    """Labels of a class, and how many of the pool's items are expected to be of it, None before there is a model."""

    labels: int
    expected: float | None


@dataclass(frozen=True)
class Status:
    """How far a project is.

    model : str or None, n_trained : int, of the newest model that was trained
    stale : bool, whether answers came after it
    classes : by name; curve : list of Point, empty without audit labels
    coverage : figures of :class:`~spotal.project.advice.Cover`, by name, empty before there are any
    set_aside : sentences about labels that do not hold since their items changed, empty where there are none
    """

    counts: Counts
    model: str | None
    n_trained: int
    stale: bool
    classes: dict[str, ClassCount]
    curve: list[Point]
    forecast: Forecast
    coverage: dict[str, float]
    stability: float | None
    verdict: Verdict | None
    agreement: list[Agreement]
    set_aside: list[str]


def read_status(project: Project) -> Status:
    """What is known now. Changes nothing, trains nothing, needs no lock."""
    found = learning_curve(project)
    predictions = read_predictions(project)
    labels = [row.label for row in project.labels.standings().values() if row.state == "labeled"]
    expected: dict[str, float] = {}
    if predictions is not None:
        rows = predictions.probabilities[predictions.known]
        expected = {name: float(rows[:, k].sum(dtype=np.float64)) for k, name in enumerate(predictions.classes)}
    last = project.models.last()
    metrics = {} if last is None else project.models.metrics(last.number)
    model = None if predictions is None else predictions.model
    return Status(
        project.counts(),
        None if model is None else model.name,
        0 if model is None else model.n_labeled,
        last is not None and project.labels.last_event() > last.events,
        {name: ClassCount(labels.count(name), expected.get(name)) for name in project.settings.classes},
        [
            Point(int(n), point.value, point.low, point.high, point.n)
            for n, point in zip(found.labels, found.points, strict=bool(found.points))
        ],
        forecast(found, AHEAD, project.settings.random_state),
        {name: metric.value for name, metric in metrics.items() if name != "accuracy"},
        stability(project),
        verdict(project),
        project.labels.agreement(),
        list(told_aside(project.labels.set_aside())),
    )
