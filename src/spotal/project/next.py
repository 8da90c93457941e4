"""Next: choose the batch that people label next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import FinishedError
from spotal.project.advice.stopping import verdict
from spotal.project.learning import Progress
from spotal.project.predictions import Predictions, read_embeddings, read_predictions
from spotal.project.records import Pick, Round
from spotal.project.train import prepare

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Item, Model
    from spotal.selection import Selection

__all__ = ["next_batch"]

NEIGHBORS = 5


def next_batch(
    project: Project,
    n: int | None = None,
    *,
    anyway: bool = False,
    wait: float = 0.0,
    on_progress: Progress | None = None,
) -> Round:
    """Choose and record the next batch; one that still waits for answers is returned as it is.

    Looks through the data again, works out embeddings of what is new or changed, and trains if there are labels. Its
    picks follow from the items, the labels, the settings and the number of the round alone: a run that was killed
    chooses the same when it is repeated.

    Parameters
    ----------
    n : int or None, picks, those for the audit among them; None for ``batch_size`` of spotal.toml
    anyway : bool, whether to choose a new batch although one waits for answers or the stopping rule is met
    wait : float, seconds to wait for another long command
    on_progress : called with what is done, how much of it, and of how much or None

    Returns
    -------
    Round, the new one, or the last one where some of its picks wait for answers; ``project.rounds.batch()`` lists
    what to answer

    Raises
    ------
    FinishedError
        The budget is spent, the stopping rule is met, or nothing is left to pick.
    ProjectBusyError
        Another long command is at work.
    DataFileError, InputError, ModelError, OutputError
        As :func:`spotal.project.train`.
    """
    progress = on_progress or (lambda what, done, total: None)
    with project.lock("next", wait):
        project.refresh()
        counts = project.counts()
        if counts.open and not anyway:
            return project.rounds.all()[-1]
        asked = project.settings.batch_size if n is None else n
        size = asked if counts.left is None else min(asked, counts.left)
        if size < 1:
            raise FinishedError(f"the budget of {counts.budget} is spent; raise budget in spotal.toml to go on")
        model = prepare(project, progress)
        found = verdict(project)
        if found is not None and found.met and not anyway:
            raise FinishedError(f"the stopping rule is met: {found.sentence}; change it in spotal.toml to go on")
        share = project.settings.audit.share
        audit = min(size, max(0, int((counts.picked + size) * share + 1e-9) - counts.audit_picked))
        progress(f"choosing {size:,} items", 0, None)
        picks, about = _choose(project, size - audit, model)
        if not picks:
            raise FinishedError("every item is labeled, skipped or held back; add items, or train on what there is")
        name, labels = project.settings.strategy, model.n_labeled
        return project.rounds.add(picks, audit=audit, strategy=name, n_labeled=labels, model=model.number, about=about)


def _choose(project: Project, size: int, model: Model) -> tuple[list[Pick], dict[str, Any]]:
    """Up to ``size`` picks by the project's strategy, and what it says of them all."""
    from spotal.strategies import get

    embeddings = read_embeddings(project, model.number)
    predictions = read_predictions(project, model.number) if model.predictions else None
    assert embeddings is not None  # every model of a project has them
    seen = ~np.isnan(embeddings[:, 0])
    candidates = [item for item in project.items.candidates() if item.number < len(seen) and seen[item.number]]
    size = min(size, len(candidates))
    if size < 1:
        return [], {}
    strategy = get(project.settings.strategy)
    note = {}
    if strategy.needs_probabilities and predictions is None:
        note = {"note": f"{strategy.name} needs a trained model and there is none yet, so these picks are random"}
        strategy = get("random")
    classes = {name: k for k, name in enumerate(project.settings.classes)}
    labeled = {
        row.number: classes[row.label]
        for row in project.labels.current().values()
        if row.label in classes and row.number < len(seen) and seen[row.number]
    }
    numbers = np.sort(np.asarray([*(item.number for item in candidates), *labeled], np.int64))
    rows = np.searchsorted(numbers, sorted(labeled))
    seed = np.random.SeedSequence(project.settings.random_state, spawn_key=(len(project.rounds),))
    selection = strategy.query(
        embeddings[numbers],
        size,
        labeled=rows,
        labels=[labeled[number] for number in sorted(labeled)],
        probabilities=None if predictions is None else predictions.of(numbers),
        random_state=int(seed.generate_state(1, np.uint32)[0]),
    )
    about = note | {"figures": selection.figures, "timings": selection.timings, "provenance": selection.provenance}
    return _picks(selection, numbers, {item.number: item for item in candidates}, embeddings, predictions), about


def _picks(
    selection: Selection,
    numbers: NDArray[np.int64],
    items: dict[int, Item],
    embeddings: NDArray[np.float32],
    predictions: Predictions | None,
) -> list[Pick]:
    """The picks with what each stands for: its share of mass, how many items, and the nearest of them."""
    picks = []
    order = np.argsort(selection.cells, kind="stable")
    ends = np.searchsorted(selection.cells[order], np.arange(len(selection) + 1))
    for k, row in enumerate(selection.indices.tolist()):
        members = numbers[order[ends[k] : ends[k + 1]]]
        number = int(numbers[row])
        others = members[members != number]
        gaps = np.linalg.norm(embeddings[others] - embeddings[number], axis=1)
        near = others[np.argsort(gaps, kind="stable")[:NEIGHBORS]]
        about: dict[str, Any] = {"neighbors": [items[n].id for n in near.tolist() if n in items]}
        guess = None if predictions is None else predictions.guess(number)
        if guess is not None:
            about |= {"guess": guess[0], "confidence": guess[1]}
        uncertainty = None if guess is None else 1.0 - guess[1]
        picks.append(Pick(items[number].id, float(selection.cell_mass[k]), len(members), uncertainty, about))
    return picks
