"""Next: choose the batch that people label next."""

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
from spotal.project.records import Counts, Pick, Round
from spotal.project.rounds import ROUNDING
from spotal.project.settings import LimitSettings, Settings
from spotal.project.training import prepare, targets

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Model
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
    """Choose and record the next batch; one that still waits for answers is returned as it is.

    Looks through the data again, works out embeddings of what is new or changed, and trains if there are labels. Its
    picks follow from the items, the labels, the settings and the number of the round alone: a run that was killed
    chooses the same when it is repeated.

    Parameters
    ----------
    n : int or None, picks, those for the audit among them, or float, the money for the answers about them where answers
        have a price; None for ``batch_size`` of spotal.toml
    anyway : bool, whether to choose a new batch although one waits for answers or the stopping rule is met
    keep_changed : bool, whether a person says that the labels set aside before now hold for their changed items;
        those of items that are found changed only now are not among them, since nobody was told of these yet
    wait : float, seconds to wait for another long command
    on_progress : called with what is done, how much of it, and of how much or None

    Returns
    -------
    Round, the new one, or the last one where some of its picks wait for answers; ``project.rounds.batch()`` lists
    what to answer

    Raises
    ------
    BudgetError
        The batch's money buys no item; or n is no number of items where answers have no price.
    FinishedError
        The budget is spent, the stopping rule is met, or nothing is left to pick.
    ProjectBusyError
        Another long command is at work.
    DataFileError, InputError, ModelError, OutputError
        As :func:`spotal.project.train`.
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
        prices, least = None, 1.0
        if settings.limits.cost is not None:
            items = list(project.items)
            gone = [item.id for item in items if item.missing]
            rows = {item.id: item.row for item in items if not item.missing}
            known = read_prices(settings, project.folder, rows, [*gone, *project.arrived.empty])
            prices = {name: settings.overlap * price for name, price in known.items()}  # of all answers about an item
            least = min((prices[item.id] for item in project.items.candidates()), default=0.0)
        left = counts.left if counts.left is None or prices else counts.left // settings.overlap  # money, else items
        size = asked if left is None else min(asked, left)
        if left is not None and left + ROUNDING * (counts.budget or 0) < least:
            over = f" but for {counts.left:,.10g}, less than an item needs" if counts.left else ""
            raise FinishedError(f"the budget of {counts.budget} is spent{over}; raise budget in spotal.toml to go on")
        model = prepare(project, progress)
        found = verdict(project)
        if found is not None and found.met and not anyway:
            raise FinishedError(f"the stopping rule is met: {found.sentence}; change it in spotal.toml to go on")
        audit, rest = _audit(project, counts, size, prices, least)
        progress("choosing items" if prices else f"choosing {size:,} items", 0, None)
        picks, about = _choose(project, rest, model, prices)
        if not picks:
            raise FinishedError(
                "every item is labeled, skipped or held back, or in a group with as many as it may have; add items, or "
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
            costs=None if prices is None else known,
        )


def _asked(settings: Settings, n: float | None) -> float:
    """Picks of the batch, or their money."""
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
    """Random picks of a batch, and what it has left for others, whose cheapest costs ``least``.

    With prices their share is one of money, at the mean price; but no more are drawn than half of the batch, or that
    share, could pay for were they the dearest: how many are drawn must not hang on which.
    """
    share = project.settings.audit.share
    if prices is None:
        count = int(min(size, max(0, int((counts.picked + size) * share + 1e-9) - counts.audit_picked)))
        return count, size - count
    reserve = [prices[name] for name in project.rounds.reserve()]
    if not reserve or not share:
        return 0, size
    picked = [pick for pick in project.rounds.picks() if "cost" in pick.about]
    spent, audited = (
        project.settings.overlap * sum(pick.about["cost"] for pick in some)
        for some in (picked, [pick for pick in picked if pick.role == "audit"])
    )
    wanted = int(((spent + size) * share - audited) / np.mean(reserve) + 1e-9)
    room = min(size * max(share, 0.5), size - least)
    most = int(np.searchsorted(np.cumsum(sorted(reserve, reverse=True)), room, side="right"))
    count = max(0, min(wanted, most))
    return count, size - sum(reserve[:count])


def _choose(
    project: Project, size: float, model: Model, prices: dict[str, float] | None
) -> tuple[list[Pick], dict[str, Any]]:
    """Up to ``size`` picks by the project's strategy, or for that much money, and what it says of them all."""
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
    there = [row for row in project.labels.current().values() if row.number < len(seen) and seen[row.number]]
    labeled: dict[int, Any] = dict(targets(project.settings, there))
    standing = [row for row in there if row.number in labeled]
    numbers = np.sort(np.concatenate([candidates, np.fromiter(labeled, np.int64, len(labeled))]))
    rows = np.searchsorted(numbers, sorted(labeled))
    names: list[str] = []
    if project.settings.limits != LimitSettings():
        ids = {item.number: item.id for item in project.items}
        names = [ids[number] for number in numbers.tolist()]
    limits = limits_of(project, names, {row.item for row in standing}, prices)
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
    """Classes of labeled items by ascending number; 0 and 1 for each class where items may have several."""
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
    """The picks with what each stands for: its share of mass, how many items, and the nearest of them."""
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
