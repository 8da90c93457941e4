"""Train: bring a project's model up to date with its items and labels."""

from __future__ import annotations

import logging
import secrets
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import SpotalWarning
from spotal.learner import calls
from spotal.numeric.arrays import blocks
from spotal.project import model_files
from spotal.project.learning import Inputs, Progress, recipe_for
from spotal.project.places import MODELS
from spotal.project.predictions import write_rows
from spotal.storage.files import atomic_path

if TYPE_CHECKING:
    from spotal.project.items import Present
    from spotal.project.project import Project
    from spotal.project.records import Model, Standing
    from spotal.project.settings import Settings

__all__ = ["prepare", "targets", "train"]


_log = logging.getLogger(__name__)
BLOCK = 4_096
"""Items that are hashed at a time."""
ENDINGS = ("embeddings.npy", "predictions.npy", "pt", "joblib")
"""Endings of the files that a training may leave."""


def train(project: Project, on_progress: Progress | None = None) -> Model:
    """Look through the data again, and train on all labels; where nothing has changed, the newest model serves.

    Items that are held back for the audit, and labels of classes that are no longer the project's, are left out. With
    labels of fewer than two classes there is nothing to train: the model recorded is an embedder alone, on no label.

    Parameters
    ----------
    on_progress : called with what is done, how much of it, and of how much or None

    Returns
    -------
    Model, whose predictions and embeddings are on disk (:mod:`spotal.project.predictions`)

    Raises
    ------
    ProjectBusyError
        Another long command is at work.
    DataFileError, InputError, ModelError, OutputError
        The data cannot be read, the model is unknown or fails, or the folder cannot be written.
    """
    with project.lock("train"):
        project.refresh()
        return prepare(project, on_progress or _silent)


def prepare(project: Project, progress: Progress) -> Model:
    """As :func:`train`, for a caller that holds the project's lock and has refreshed it."""
    if project.models.forget_damaged():
        _sweep(project)
    events = project.labels.last_event()
    known = _Known.of(project)
    last = project.models.last()
    if last is not None and last.about.get("made_from") == known.digest and _is_whole(last):
        _log.debug("nothing has changed since model %d, which serves", last.number)
        return last
    recipe = recipe_for(project.settings, project.folder)
    inputs = recipe.inputs(project, known.items, progress)
    rows, labels = known.rows_in(inputs)
    settings = project.settings
    _sweep(project)
    folder = project.folder / MODELS
    stem = f"{len(project.models):04d}-{secrets.token_hex(3)}"
    files: dict[str, Any] = {"embeddings": folder / f"{stem}.embeddings.npy"}
    model_files.note(project.folder, [f"{MODELS}/{stem}.{end}" for end in ENDINGS])
    total = len(project.items)
    if not _tells_apart(labels):
        embeddings = recipe.cold(inputs.X, settings.random_state)
        n_labeled = 0
    else:
        progress(f"training on {len(rows):,} labels", 0, None)
        _log.info("training %s on %d labels of %d items", recipe.name, len(rows), len(inputs.X))
        learner = recipe.learner(inputs.X, len(settings.classes), settings.many)
        calls.fit(learner, inputs.X[rows], labels, random_state=settings.random_state)
        progress("predicting", 0, None)
        if recipe.keeps_cold:
            probabilities = calls.predict(learner, inputs.X)
            embeddings = recipe.cold(inputs.X, settings.random_state)
        else:
            probabilities, embeddings = calls.infer(learner, inputs.X)
        n_labeled = len(rows)
        files["predictions"] = folder / f"{stem}.predictions.npy"
        write_rows(files["predictions"], inputs.numbers, probabilities, total)
        files["weights"] = _save(learner, folder, stem)
    write_rows(files["embeddings"], inputs.numbers, embeddings, total)
    about: dict[str, Any] = {"made_from": known.digest, "classes": list(settings.classes), "model": settings.model}
    if settings.many:
        about["many"] = True
    model = project.models.add(recipe.name, n_labeled=n_labeled, events=events, **files, about=about)
    _sweep(project)
    return model


@dataclass(frozen=True)
class _Known:
    """The items that are there, those of them that may be trained on, and a digest of all that a model depends on.

    labeled : the class of each, or 0 and 1 for each class where an item may have several
    """

    items: Present
    labeled: dict[int, int] | dict[int, list[int]]
    digest: str

    @classmethod
    def of(cls, project: Project) -> _Known:
        settings = project.settings
        items = project.items.present()
        standings = project.labels.current()
        labeled = targets(settings, standings.values())
        if len(labeled) < len(standings):
            names = {name for row in standings.values() for name in settings.parted(row.label)}
            gone = sorted(names - set(settings.classes))
            warnings.warn(
                f"left out {len(standings) - len(labeled):,} labels of classes that are not in spotal.toml "
                f"({', '.join(gone[:3])}); add these classes, or label the items anew",
                SpotalWarning,
                stacklevel=4,
            )
        digest = blake2b(digest_size=12)
        parts = (settings.model, settings.classes, settings.random_state, settings.data, sorted(labeled.items()))
        for part in parts + (("many",) if settings.many else ()):
            digest.update(repr(part).encode())
        for some in blocks(len(items), BLOCK):
            pairs = zip(items.numbers[some].tolist(), items.contents[some], strict=True)
            digest.update("".join(f"{number}\0{content}\0" for number, content in pairs).encode())
        return cls(items, labeled, digest.hexdigest())

    def rows_in(self, inputs: Inputs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of ``inputs`` that have labels, and these; without items that could not be read."""
        rows = [row for row, n in enumerate(inputs.numbers.tolist()) if n in self.labeled]
        labels = [self.labeled[n] for n in inputs.numbers[rows].tolist()]
        return np.asarray(rows, np.int64), np.asarray(labels, np.int64)


def targets(settings: Settings, standings: Iterable[Standing]) -> dict[int, int] | dict[int, list[int]]:
    """Return what a model learns of items, by number: the class, or 0 and 1 for each class where there may be several.

    Items of a class that is no longer the project's are left out.
    """
    found = {row.number: settings.places(row.label) for row in standings}
    if settings.many:
        count = len(settings.classes)
        return {n: [int(k in own) for k in range(count)] for n, own in found.items() if own is not None}
    return {number: own[0] for number, own in found.items() if own}


def _tells_apart(labels: NDArray[np.int64]) -> bool:
    """Whether there are two classes to learn; of an indicator matrix, a class that some labels have and others not."""
    return len(labels) > 0 and bool((labels != labels[0]).any())


def _is_whole(model: Model) -> bool:
    """Whether a model has all that it was recorded with; see :meth:`Models.forget_damaged`."""
    return model.embeddings is not None and (model.predictions is not None or not model.n_labeled)


def _sweep(project: Project) -> None:
    """Remove what runs that were killed have left, and embeddings of all models but the last two."""
    kept = set()
    models = project.models.all()
    for model in models:
        if model.embeddings is not None and model not in models[-2:]:
            project.models.attach(model.number, embeddings=None)
        else:
            kept.add(model.embeddings)
        kept |= {model.weights, model.predictions}
    model_files.sweep(project.folder, kept)


def _save(learner: Any, folder: Path, stem: str) -> Path:
    if hasattr(learner, "save"):
        path = folder / f"{stem}.pt"
        with atomic_path(path) as part:
            _keep(learner, lambda: learner.save(part))
        return path
    import joblib

    path = folder / f"{stem}.joblib"
    with atomic_path(path) as part:
        _keep(learner, lambda: joblib.dump(learner, part))
    return path


def _keep(learner: Any, write: Callable[[], object]) -> None:
    """Write a learner's weights; what its own code raises is a ModelError, what the disk says is left alone."""
    remedy = "give one that joblib can write, without lambdas and open files"
    with calls.foreign(learner, "writing its weights", remedy, passing=(OSError,)):
        write()


def _silent(what: str, done: int, total: int | None) -> None:
    pass
