"""All that a project's report shows, gathered once."""

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
"""Audit labels from which on calibration and confusion are shown: five bins of six, no fewer."""
MOST_ROWS = 20_000
MOST_DRAWN = 1_500
"""Rows of the pool that the map is worked out from, and that are drawn on it; labeled ones always are."""
SEVERAL, NO_CLASS = "several classes", "none of them"
"""What items with several classes, or none, are called on the map."""
STRETCH = 20
PAUSE = 300.0
"""Seconds between two answers from which on somebody did something else."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The pool on two coordinates, before and after transport to the uniform square.

    before, after : float (m, 2); labels : m class names or None; n : int, items of the pool
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    labels: list[str | None]
    n: int


@dataclass(frozen=True)
class Pace:
    """How long people work for an answer.

    seconds : float, at work, in all; answers : int, those that it gave: taken back ones do not count
    mean, low, high : float, seconds for an answer, with the mean's 95 % interval, None with fewer than two stretches
    """

    seconds: float
    answers: int
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a project; None and empty where there is nothing yet.

    predictions : of the newest model; tested : the same model's on the audit, what confusion and calibration are of
    doubts : the labels that are most likely wrong; checked : what was found among them, empty before there is a model
    copies : items of equal content or nearly alike
    leaks : numbers of held-back items that have a copy among the labels that models are trained on, each with that copy
    sources : standing answers by where they came from; annotators : items that each one's last word stands on
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
    """What is known now. Changes caches only; reads predictions, and works out the map from at most 20,000 items."""
    standings = project.labels.standings()
    every, predictions = unseen(project), read_predictions(project)
    tested = None if predictions is None else audited(predictions, project.rounds.audit())[1]
    doubtful, checked = ([], "") if every is None else doubts(every, tested, project.labels.confirmed())
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
    """Answers that followed one of the same person within five minutes; what was taken back took time too.

    The interval is Student's over stretches of at most 20 such steps: neighboring steps are alike, where somebody is
    tired or answers many items at once.
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
    known = {row.number: _called(row, settings) for row in standings.values() if row.state in settings.decided}
    there = np.flatnonzero(~np.isnan(embeddings[:, 0]))
    order = there[np.argsort(row_uniforms(there, project.settings.random_state), kind="stable")]
    labeled = np.isin(order, list(known))
    rows = np.sort(np.concatenate([order[labeled], order[~labeled][:MOST_ROWS]]))
    if len(rows) < 3:
        return None
    pool = np.array(embeddings[rows])
    size = max(1, min(int(labeled.sum()), len(rows) - 1))
    laid = TransportedDesign(transport="sliced").layout(pool, size, random_state=project.settings.random_state)
    drawn = np.isin(rows, np.concatenate([order[labeled], order[~labeled][:MOST_DRAWN]]))
    before, after = plane(laid.reduced(pool)[drawn]), plane(laid.carried[drawn])
    return Plane(before, after, [known.get(number) for number in rows[drawn].tolist()], len(there))


def _called(row: Standing, settings: Settings) -> str | None:
    """What an item is called on the map: by its class, or by having several or none."""
    if not settings.many:
        return row.label
    own = settings.parted(row.label)
    return own[0] if len(own) == 1 else SEVERAL if own else NO_CLASS
