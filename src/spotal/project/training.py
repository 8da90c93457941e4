"""Training of a project's model on its present items and labels."""

from __future__ import annotations

import logging
import secrets
import warnings
from collections.abc import Iterable
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
"""Number of items hashed at a time."""
ENDINGS = ("embeddings.npy", "predictions.npy", "pt", "joblib")
"""Endings of the files that a training may write."""


def train(project: Project, on_progress: Progress | None = None) -> Model:
    """Read the data again and train on all labels. If nothing has changed, return the newest model.

    Items held back for the audit, and labels of classes that the project no longer has, are left out. With labels of
    fewer than two classes, only embeddings are computed, and the recorded model has no labels.

    Parameters
    ----------
    on_progress : function or None, called with a description, the amount done, and the total (None if unknown)

    Returns
    -------
    Model, whose predictions and embeddings are on disk (:mod:`spotal.project.predictions`)

    Raises
    ------
    ProjectBusyError
        Another long command is running.
    DataFileError, InputError, ModelError, OutputError
        The data cannot be read, the model is unknown or fails, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from spotal.project import Data, Project, Settings, next_batch, train
    >>> pool = np.random.default_rng(0).normal(size=(100, 8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/pool.npy", pool)
    ...     settings = Settings(data=Data(path="pool.npy", kind="embedding"), classes=("cat", "dog"))
    ...     with Project.create(folder, settings) as project:
    ...         for row in range(20):
    ...             _ = project.labels.record(str(row), "cat" if pool[row, 0] > 0 else "dog", annotator="ann")
    ...         print(train(project).number)
    0
    """
    with project.lock("train"):
        project.refresh()
        return prepare(project, on_progress or (lambda what, done, total: None))


def prepare(project: Project, progress: Progress) -> Model:
    """Train as :func:`train`, for a caller that holds the project's lock and has refreshed it."""
    if project.models.forget_damaged():
        _sweep(project)
    events = project.labels.last_event()
    state = _State.of(project)
    last = project.models.last()
    if last is not None and last.about.get("made_from") == state.digest and _is_whole(last):
        _log.debug("nothing has changed since model %d, which is used again", last.number)
        return last
    recipe = recipe_for(project.settings, project.folder)
    inputs = recipe.inputs(project, state.items, progress)
    rows, labels = state.rows_in(inputs)
    settings = project.settings
    _sweep(project)
    folder = project.folder / MODELS
    stem = f"{len(project.models):04d}-{secrets.token_hex(3)}"
    files: dict[str, Any] = {"embeddings": folder / f"{stem}.embeddings.npy"}
    model_files.note(project.folder, [f"{MODELS}/{stem}.{end}" for end in ENDINGS])
    total = len(project.items)
    if not len(labels) or not (labels != labels[0]).any():  # fewer than two classes, or no class that differs
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
    about: dict[str, Any] = {"made_from": state.digest, "classes": list(settings.classes), "model": settings.model}
    if settings.many:
        about["many"] = True
    model = project.models.add(recipe.name, n_labeled=n_labeled, events=events, **files, about=about)
    _sweep(project)
    return model


@dataclass(frozen=True)
class _State:
    """The present items, the targets of items to train on, and a digest of all that a model depends on."""

    items: Present
    labeled: dict[int, int] | dict[int, list[int]]
    digest: str

    @classmethod
    def of(cls, project: Project) -> _State:
        settings = project.settings
        items = project.items.present()
        standings = project.labels.current()
        labeled = targets(settings, standings.values())
        if len(labeled) < len(standings):
            names = {name for row in standings.values() for name in settings.parted(row.label)}
            removed = sorted(names - set(settings.classes))
            warnings.warn(
                f"left out {len(standings) - len(labeled):,} labels of classes that are not in spotal.toml "
                f"({', '.join(removed[:3])}); add these classes, or label the items anew",
                SpotalWarning,
                stacklevel=4,
            )
        digest = blake2b(digest_size=12)
        parts = (settings.model, settings.classes, settings.random_state, settings.data, sorted(labeled.items()))
        for part in parts + (("many",) if settings.many else ()):
            digest.update(repr(part).encode())
        for block in blocks(len(items), BLOCK):
            pairs = zip(items.numbers[block].tolist(), items.contents[block], strict=True)
            digest.update("".join(f"{number}\0{content}\0" for number, content in pairs).encode())
        return cls(items, labeled, digest.hexdigest())

    def rows_in(self, inputs: Inputs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the labeled rows of ``inputs``, which lack unreadable items, and their labels."""
        rows = [row for row, n in enumerate(inputs.numbers.tolist()) if n in self.labeled]
        labels = [self.labeled[n] for n in inputs.numbers[rows].tolist()]
        return np.asarray(rows, np.int64), np.asarray(labels, np.int64)


def targets(settings: Settings, standings: Iterable[Standing]) -> dict[int, int] | dict[int, list[int]]:
    """Return training targets by item number: a class index, or 0 and 1 for each class if there may be several.

    Items of a class that the project no longer has are left out.
    """
    indices = {row.number: settings.places(row.label) for row in standings}
    if settings.many:
        count = len(settings.classes)
        return {n: [int(k in own) for k in range(count)] for n, own in indices.items() if own is not None}
    return {number: own[0] for number, own in indices.items() if own}


def _is_whole(model: Model) -> bool:
    """Return whether no file of the model is missing; see :meth:`Models.forget_damaged`."""
    return model.embeddings is not None and (model.predictions is not None or not model.n_labeled)


def _sweep(project: Project) -> None:
    """Remove files of killed runs, and embeddings of all models except the last two."""
    used = set()
    models = project.models.all()
    for model in models:
        if model.embeddings is not None and model not in models[-2:]:
            project.models.attach(model.number, embeddings=None)
        else:
            used.add(model.embeddings)
        used |= {model.weights, model.predictions}
    model_files.sweep(project.folder, used)


def _save(learner: Any, folder: Path, stem: str) -> Path:
    """Write a learner's weights. Errors of its own code become a ModelError, disk errors are passed on."""
    has_save = hasattr(learner, "save")
    path = folder / f"{stem}.{'pt' if has_save else 'joblib'}"
    remedy = "give one that joblib can write, without lambdas and open files"
    with atomic_path(path) as part, calls.foreign(learner, "writing its weights", remedy, passing=(OSError,)):
        if has_save:
            learner.save(part)
        else:
            import joblib

            joblib.dump(learner, part)
    return path
