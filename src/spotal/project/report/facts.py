"""The data of a project's report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.intervals import half_width
from spotal.project.advice import Audited, audited
from spotal.project.copies import Copies, find_copies
from spotal.project.predictions import Predictions, read_embeddings, read_predictions
from spotal.project.records import Conflict, Item, Pick, Round, Standing
from spotal.project.report.unseen import Doubt, doubts, unseen
from spotal.project.settings import Settings
from spotal.project.status import Status, read_status
from spotal.report.plots import plane

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["NO_CLASS", "SEVERAL", "Facts", "Pace", "Plane", "gather"]

LEAST_TESTED = 30
"""Minimum number of audit labels to show calibration and confusion: six in each of five bins."""
MOST_ROWS, MOST_DRAWN = 20_000, 1_500
"""Maximum number of unlabeled rows that the map is computed from, and that are drawn. All labeled rows are used."""
SEVERAL, NO_CLASS = "several classes", "none of them"
"""Names on the map for items with several classes or without a class."""
STRETCH = 20
PAUSE = 300.0
"""Seconds between two answers that count as a break."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The pool in two dimensions, before and after transport to the uniform square.

    before, after : float (m, 2); labels : m class names or None; n : int, number of items in the pool
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    labels: list[str | None]
    n: int


@dataclass(frozen=True)
class Pace:
    """Working time per answer.

    seconds : float, total working time; answers : int, answers in this time, without those that were taken back
    mean, low, high : float, seconds per answer with a 95 % interval, None with fewer than two stretches
    """

    seconds: float
    answers: int
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """The data of a report; None and empty where there are none yet.

    predictions : of the newest model; tested : its predictions on the audit, for confusion and calibration
    doubts : labels that may be wrong; checked : the result of this check as a sentence, empty without a model
    copies : items of equal content, and near copies
    leaks : numbers of held-back items that have a copy among the trained items, each with that copy
    sources : number of last answers by source; annotators : number of items by annotator
    """

    name: str
    at: datetime
    settings: Settings
    status: Status
    items: dict[str, Item]
    by_number: dict[int, Item]
    standings: dict[str, Standing]
    rounds: list[Round]
    picks: dict[int, list[Pick]]
    conflicts: list[Conflict]
    annotators: dict[str, int]
    sources: dict[str, int]
    pace: Pace | None
    predictions: Predictions | None
    tested: Audited | None
    doubts: list[Doubt]
    checked: str
    plane: Plane | None
    copies: Copies
    leaks: list[tuple[int, int]]


def gather(project: Project) -> Facts:
    """Gather the data of a report. Changes caches only. The map is computed from at most 20,000 unlabeled items."""
    standings = project.labels.standings()
    out_of_sample, predictions = unseen(project), read_predictions(project)
    tested = None if predictions is None else audited(predictions, project.rounds.audit())[1]
    confirmed = project.labels.confirmed()
    doubtful, checked = ([], "") if out_of_sample is None else doubts(out_of_sample, tested, confirmed)
    if project.settings.many and predictions is not None:
        checked = "Labels of items that may have several classes are not checked for mistakes yet."
    picks: dict[int, list[Pick]] = {}
    for pick in project.rounds.picks():
        picks.setdefault(pick.round, []).append(pick)
    items = list(project.items)
    copies = find_copies(project)
    trained = {row.number for row in project.labels.current().values()}
    return Facts(
        project.folder.name,
        datetime.now(UTC),
        project.settings,
        read_status(project),
        {item.id: item for item in items},
        {item.number: item for item in items},
        standings,
        project.rounds.all(),
        picks,
        project.labels.conflicts(),
        project.labels.annotators(),
        project.labels.sources(),
        _pace(project),
        predictions,
        tested if tested is not None and len(tested.labels) >= LEAST_TESTED else None,
        doubtful,
        checked,
        _plane(project, standings),
        copies,
        copies.leaks({item.number for item in items if item.held_back and not item.missing}, trained),
    )


def _pace(project: Project) -> Pace | None:
    """Compute the pace from answers that followed another of the same person within five minutes.

    Student's interval over stretches of at most 20 answers, because successive answers are correlated.
    """
    history = [event for event in project.labels.history() if event.source != "import"]
    undone = {event.undoes for event in history}
    last: dict[str, datetime] = {}
    steps: dict[str, list[tuple[float, bool]]] = {}
    for event in history:
        gap = (event.at - last[event.annotator]).total_seconds() if event.annotator in last else -1.0
        if 0 < gap <= PAUSE:
            counts = event.undoes is None and event.kind != "withdraw" and event.number not in undone
            steps.setdefault(event.annotator, []).append((gap, counts))
        last[event.annotator] = event.at
    parts = [np.asarray(own[k : k + STRETCH]) for own in steps.values() for k in range(0, len(own), STRETCH)]
    seconds, answers = (np.asarray([part[:, k].sum() for part in parts]) for k in (0, 1))
    if not answers.sum():
        return None
    whole, mean, n = float(seconds.sum()), float(seconds.sum() / answers.sum()), len(parts)
    if n < 2:
        return Pace(whole, int(answers.sum()), mean)
    error = np.std(seconds - mean * answers, ddof=1) / answers.mean() / np.sqrt(n)  # of a ratio
    half = half_width(float(error), n - 1)
    return Pace(whole, int(answers.sum()), mean, max(0.0, mean - half), mean + half)


def _plane(project: Project, standings: dict[str, Standing]) -> Plane | None:
    from spotal.pool.sample import row_uniforms
    from spotal.strategies import TransportedDesign

    embeddings = read_embeddings(project)
    if embeddings is None:
        return None
    settings = project.settings
    labels = {row.number: _map_label(row, settings) for row in standings.values() if row.state in settings.decided}
    there = np.flatnonzero(~np.isnan(embeddings[:, 0]))
    order = there[np.argsort(row_uniforms(there, project.settings.random_state), kind="stable")]
    labeled = np.isin(order, list(labels))
    rows = np.sort(np.concatenate([order[labeled], order[~labeled][:MOST_ROWS]]))
    if len(rows) < 3:
        return None
    pool = np.array(embeddings[rows])
    size = max(1, min(int(labeled.sum()), len(rows) - 1))
    laid = TransportedDesign(transport="sliced").layout(pool, size, random_state=project.settings.random_state)
    drawn = np.isin(rows, np.concatenate([order[labeled], order[~labeled][:MOST_DRAWN]]))
    before, after = plane(laid.reduced(pool)[drawn]), plane(laid.carried[drawn])
    return Plane(before, after, [labels.get(number) for number in rows[drawn].tolist()], len(there))


def _map_label(row: Standing, settings: Settings) -> str | None:
    if not settings.many:
        return row.label
    own = settings.parted(row.label)
    return own[0] if len(own) == 1 else SEVERAL if own else NO_CLASS
