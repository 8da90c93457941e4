"""The status of a project: all figures about its progress in one record."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from spotal.project.advice import (
    LEAST_AUDIT,
    Curve,
    Forecast,
    Verdict,
    audited,
    covered,
    estimate,
    forecast,
    learning_curve,
    set_figures,
    stability,
    verdict,
)
from spotal.project.findings import describe_set_aside
from spotal.project.predictions import read_predictions
from spotal.project.records import Agreement, Counts, Metric

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["ClassCount", "Point", "Status", "points_of", "read_status"]

AHEAD = 100
"""Number of further labels that the forecast assumes."""


@dataclass(frozen=True)
class Point:
    """Accuracy of a model trained on ``labels`` labels, with 95 % interval, from ``n`` audit labels."""

    labels: int
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ClassCount:
    """Number of labels of a class, and estimated number of the pool's items that belong to it.

    expected, low, high : float, estimate from the audit sample and its 95 % interval; None before 10 audit labels
    """

    labels: int
    expected: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Status:
    """Progress of a project.

    model : str or None, name of the newest trained model; n_trained : int, number of its labels
    stale : bool, whether answers are newer than the model
    classes : by name; curve : list of Point, empty without audit labels
    accuracy : Point of the newest model, None without audit labels
    coverage : figures of :class:`~spotal.project.advice.Cover` by name, empty before the first measurement
    set_aside : sentences about labels that became invalid because their items changed
    sets : figures of the newest model by name if items may have several classes (``many``); ``accuracy`` is then the
        share of items with all classes right
    """

    counts: Counts
    model: str | None
    n_trained: int
    stale: bool
    classes: dict[str, ClassCount]
    curve: list[Point]
    accuracy: Point | None
    forecast: Forecast
    coverage: dict[str, float]
    stability: float | None
    verdict: Verdict | None
    agreement: list[Agreement]
    set_aside: list[str]
    sets: dict[str, Metric]


def read_status(project: Project) -> Status:
    """Return the present status. Measures and stores coverage if labels changed. Trains nothing, needs no lock."""
    curve = learning_curve(project)
    predictions = read_predictions(project)
    counts = project.counts()
    last = project.models.last()
    model = None if predictions is None else predictions.model
    return Status(
        counts,
        None if model is None else model.name,
        0 if model is None else model.n_labeled,
        last is not None and project.labels.last_event() > last.events,
        _classes(project, counts.items - counts.missing),
        points_of(curve),
        None if model is None or curve.now is None else Point(model.n_labeled, **asdict(curve.now)),
        forecast(curve, AHEAD, project.settings.random_state),
        covered(project),
        stability(project),
        verdict(project),
        project.labels.agreement(),
        list(describe_set_aside(project.labels.set_aside())),
        {} if predictions is None else set_figures(audited(predictions, project.rounds.audit())[1]),
    )


def points_of(curve: Curve) -> list[Point]:
    """Return the points of a learning curve, as ``status``, the report and the page show them."""
    pairs = zip(curve.labels.tolist(), curve.points, strict=bool(curve.points))
    return [Point(labels, **asdict(point)) for labels, point in pairs]


def _classes(project: Project, items: int) -> dict[str, ClassCount]:
    """Count labels of each class, and estimate its number of items in the pool of ``items``."""
    # The weighted share of a class in the audit sample estimates its share of the pool (Korn-Graubard interval). It has
    # at least its labeled items, and at most all items except those with another label.
    standings = project.labels.standings().values()
    parted = project.settings.parted
    labels = Counter(name for row in standings if row.state == "labeled" for name in parted(row.label))
    decided = sum(row.state in ("labeled", "none_of_these") for row in standings)
    audit = project.rounds.audit()
    if len(audit) < LEAST_AUDIT:
        return {name: ClassCount(labels[name]) for name in project.settings.classes}
    weight = [row.weight for row in audit]
    counts = {}
    for name in project.settings.classes:
        share, least = estimate([name in parted(row.label) for row in audit], weight), labels[name]
        most = max(least, items - (decided - least))
        figures = (float(min(max(items * x, least), most)) for x in (share.value, share.low, share.high))
        counts[name] = ClassCount(least, *figures)
    return counts
