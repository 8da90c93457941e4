"""Selection of the batch that people label next."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import BudgetError, FinishedError
from spotal.project.advice.stopping import verdict
from spotal.project.learning import Progress
from spotal.project.limits import limits_of, read_prices
from spotal.project.predictions import Predictions, read_embeddings, read_predictions
from spotal.project.records import Counts, Model, Pick, Round
from spotal.project.rounds import ROUNDING
from spotal.project.settings import LimitSettings, Settings
from spotal.project.training import prepare, targets

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.selection import Selection

__all__ = ["next_batch"]

_log = logging.getLogger(__name__)
NEIGHBORS = 5


def next_batch(
    project: Project,
    n: float | None = None,
    *,
    anyway: bool = False,
    keep_changed: bool = False,
    wait: float = 0.0,
    on_progress: Progress | None = None,
) -> Round:
    """Choose and record the next batch. A batch that still waits for answers is returned unchanged.

    Reads the data again, computes embeddings of new and changed items, and trains if there are labels. The picks depend
    only on the items, the labels, the settings and the number of the round. So a run that was killed makes the same
    picks when it is repeated.

    Parameters
    ----------
    n : int, float or None. Number of picks including the audit picks, or an amount of money if answers have a price;
        None for ``batch_size`` of spotal.toml
    anyway : bool, whether to choose a new batch even if one waits for answers or the stopping rule is met
    keep_changed : bool, whether to use labels again that were set aside because their items changed. Changes that are
        first noticed by this call are excluded, because no one has seen them yet
    wait : float, seconds to wait for another long command
    on_progress : function or None, called with a description, the amount done, and the total (None if unknown)

    Returns
    -------
    Round, the new one, or the last one if its picks wait for answers; ``project.rounds.batch()`` lists its tasks

    Raises
    ------
    BudgetError
        The money of the batch does not cover the cost of any item, or n is not an integer although answers have no
        price.
    FinishedError
        The budget is spent, the stopping rule is met, or nothing remains to pick.
    ProjectBusyError
        Another long command is running.
    DataFileError, InputError, ModelError, OutputError
        As :func:`spotal.project.train`.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from spotal.project import Data, Project, Settings, next_batch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/pool.npy", np.random.default_rng(0).normal(size=(100, 8)))
    ...     settings = Settings(data=Data(path="pool.npy", kind="embedding"), classes=("cat", "dog"), batch_size=5)
    ...     with Project.create(folder, settings) as project:
    ...         print(next_batch(project).n_picks)
    5
    """
    progress = on_progress or (lambda what, done, total: None)
    with project.lock("next", wait):
        if keep_changed:
            project.labels.keep()
        project.refresh()
        counts = project.counts()
        if counts.open and not anyway:
            return project.rounds.all()[-1]
        settings = project.settings
        asked = _asked(settings, n)
        costs, prices, least = None, None, 1.0
        if settings.limits.cost is not None:
            items = list(project.items)
            missing = [item.id for item in items if item.missing]
            rows = {item.id: item.row for item in items if not item.missing}
            costs = read_prices(settings, project.folder, rows, [*missing, *project.arrived.empty])
            prices = {name: settings.overlap * cost for name, cost in costs.items()}  # of all answers about an item
            least = min((prices[item.id] for item in project.items.candidates()), default=0.0)
        remaining = counts.left if counts.left is None or prices else counts.left // settings.overlap  # money or items
        size = asked if remaining is None else min(asked, remaining)
        if remaining is not None and remaining + ROUNDING * (counts.budget or 0) < least:
            over = f" but for {counts.left:,.10g}, less than an item needs" if counts.left else ""
            raise FinishedError(f"the budget of {counts.budget} is spent{over}; raise budget in spotal.toml to go on")
        model = prepare(project, progress)
        result = verdict(project)
        if result is not None and result.met and not anyway:
            raise FinishedError(f"the stopping rule is met: {result.sentence}; change it in spotal.toml to go on")
        audit, rest = _audit(project, counts, size, prices, least)
        progress("choosing items" if prices else f"choosing {size:,} items", 0, None)
        picks, about = _choose(project, rest, model, prices)
        if not picks:
            raise FinishedError(
                "every item is labeled, skipped or held back, or in a group at its limit; add items, or "
                "train on what there is"
            )
        _log.info("round %d: %d picks by %s and %d for the audit", counts.rounds, len(picks), settings.strategy, audit)
        return project.rounds.add(
            picks,
            audit=audit,
            strategy=settings.strategy,
            n_labeled=model.n_labeled,
            model=model.number,
            about=about,
            costs=costs,
        )


def _asked(settings: Settings, n: float | None) -> float:
    """Return the size of the batch in picks or money."""
    if n is None:
        return settings.batch_size
    if settings.limits.cost is None and n != int(n):
        raise BudgetError(
            "n", must="be an integer, the items of the batch", found=f"{n:g}", remedy="money needs limits.cost"
        )
    if n <= 0:
        raise BudgetError("n", must="be positive", found=f"{n:g}", remedy="leave it out for batch_size")
    return n


def _audit(
    project: Project, counts: Counts, size: float, prices: dict[str, float] | None, least: float
) -> tuple[int, float]:
    """Return the number of audit picks, and what remains of ``size`` for other picks; the cheapest costs ``least``."""
    # With prices, the audit's share is money at the mean price. The number drawn must not depend on which items are
    # drawn, so it is limited to what half of the batch (or the share, if larger) pays at the highest prices.
    share = project.settings.audit.share
    if prices is None:
        count = int(min(size, max(0, int((counts.picked + size) * share + 1e-9) - counts.audit_picked)))
        return count, size - count
    reserve = [prices[name] for name in project.rounds.reserve()]
    if not reserve or not share:
        return 0, size
    picked = [pick for pick in project.rounds.picks() if "cost" in pick.about]
    spent, audited = (
        project.settings.overlap * sum(pick.about["cost"] for pick in picks)
        for picks in (picked, [pick for pick in picked if pick.role == "audit"])
    )
    wanted = int(((spent + size) * share - audited) / np.mean(reserve) + 1e-9)
    room = min(size * max(share, 0.5), size - least)
    most = int(np.searchsorted(np.cumsum(sorted(reserve, reverse=True)), room, side="right"))
    count = max(0, min(wanted, most))
    return count, size - sum(reserve[:count])


def _choose(
    project: Project, size: float, model: Model, prices: dict[str, float] | None
) -> tuple[list[Pick], dict[str, Any]]:
    """Return picks for ``size`` items or that much money, and the strategy's record of the selection."""
    from spotal.strategies import get

    embeddings = read_embeddings(project, model.number)
    predictions = read_predictions(project, model.number) if model.predictions else None
    assert embeddings is not None  # every model of a project has them
    seen = ~np.isnan(embeddings[:, 0])
    candidates = project.items.candidate_numbers()
    candidates = candidates[candidates < len(seen)]
    candidates = candidates[seen[candidates]]
    if not len(candidates):
        return [], {}
    strategy = get(project.settings.strategy)
    note = {}
    if strategy.needs_probabilities and predictions is None:
        note = {"note": f"{strategy.name} needs a trained model and there is none yet, so these picks are random"}
        strategy = get("random")
    labels = [row for row in project.labels.current().values() if row.number < len(seen) and seen[row.number]]
    labeled: dict[int, Any] = dict(targets(project.settings, labels))
    numbers = np.sort(np.concatenate([candidates, np.fromiter(labeled, np.int64, len(labeled))]))
    rows = np.searchsorted(numbers, sorted(labeled))
    names: list[str] = []
    if project.settings.limits != LimitSettings():
        ids = {item.number: item.id for item in project.items}
        names = [ids[number] for number in numbers.tolist()]
    limits = limits_of(project, names, {row.item for row in labels if row.number in labeled}, prices)
    most = limits.most(np.setdiff1d(np.arange(len(numbers)), rows), rows, priced=False)
    if prices is None:
        size = int(min(size, most))
    if most < 1 or size <= 0:
        return [], {}
    seed = np.random.SeedSequence(project.settings.random_state, spawn_key=(len(project.rounds),))
    try:
        selection = strategy.query(
            embeddings[numbers],
            size,
            labeled=rows,
            labels=_labels(labeled, project.settings),
            probabilities=None if predictions is None else predictions.of(numbers),
            **limits.arguments(),
            random_state=int(seed.generate_state(1, np.uint32)[0]),
        )
    except BudgetError as error:  # money that buys nothing
        raise error.renamed("batch_size") from None
    about = note | {
        "diagnostics": selection.diagnostics,
        "timings": selection.timings,
        "provenance": selection.provenance,
    }
    return _picks(project, selection, numbers, candidates, embeddings, predictions), about


def _labels(labeled: dict[int, Any], settings: Settings) -> NDArray[np.int64]:
    """Return class indices by ascending item number, or an indicator matrix if items may have several classes."""
    labels = np.asarray([labeled[number] for number in sorted(labeled)], np.int64)
    return labels.reshape(-1, len(settings.classes)) if settings.many else labels


def _picks(
    project: Project,
    selection: Selection,
    numbers: NDArray[np.int64],
    candidates: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    predictions: Predictions | None,
) -> list[Pick]:
    """Return the picks with the mass share, item count and nearest candidates of their cells."""
    order = np.argsort(selection.cells, kind="stable")
    ends = np.searchsorted(selection.cells[order], np.arange(len(selection) + 1))
    is_free = np.zeros(len(embeddings), bool)
    is_free[candidates] = True
    chosen = numbers[selection.indices].tolist()
    nearest: list[list[int]] = []
    for k, number in enumerate(chosen):
        members = numbers[order[ends[k] : ends[k + 1]]]
        others = members[members != number]
        gaps = np.linalg.norm(embeddings[others] - embeddings[number], axis=1)
        near = others[np.argsort(gaps, kind="stable")[:NEIGHBORS]]
        nearest.append(near[is_free[near]].tolist())
    ids = project.items.ids({*chosen, *chain(*nearest)})
    picks = []
    for k, (number, near) in enumerate(zip(chosen, nearest, strict=True)):
        about: dict[str, Any] = {"neighbors": [ids[n] for n in near]}
        guess = None if predictions is None else predictions.guess(number)
        if guess is not None:
            about |= {"guess": guess[0], "confidence": guess[1]}
        uncertainty = None if guess is None else 1.0 - guess[1]
        picks.append(Pick(ids[number], float(selection.cell_mass[k]), int(ends[k + 1] - ends[k]), uncertainty, about))
    return picks
