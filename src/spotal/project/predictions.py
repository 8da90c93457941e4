"""Predictions and embeddings of a project's models: .npy files with one row for each item number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, ProjectError
from spotal.project.class_sets import joined
from spotal.storage.files import atomic_path
from spotal.tables.arrays import read_npy

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Model

__all__ = ["LIKELY", "Predictions", "is_rows", "read_embeddings", "read_predictions", "write_rows"]

LIKELY = 0.5
"""Least probability of a predicted class if items may have several classes."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities of the project's items under one model.

    model : Model
    classes : tuple of str (C,), names of the columns: the project's classes when the model was trained
    probabilities : float32 (n, C), row k for item number k; NaN for items without a prediction, because they were added
        later or were missing or unreadable
    many : bool, whether items may have several classes; each column is then an independent probability
    """

    model: Model
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    many: bool = False

    def __len__(self) -> int:
        return len(self.probabilities)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Mask of the items with a prediction; bool (n,)."""
        return ~np.isnan(self.probabilities[:, 0])

    @cached_property
    def predicted(self) -> NDArray[Any]:
        """Index of each item's most likely class, -1 for items without a prediction; int64 (n,).

        If items may have several classes: bool (n, C), whether the probability of each class is at least 0.5.
        """
        if self.many:
            return self.probabilities >= LIKELY
        return np.where(self.known, self.probabilities.argmax(1), -1)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Probability of the predicted class, NaN for items without a prediction; float32 (n,).

        If items may have several classes: the mean of max(p, 1 - p) over the classes' probabilities p.
        """
        if self.many:
            return np.asarray(np.maximum(self.probabilities, 1 - self.probabilities).mean(1, dtype=np.float32))
        largest: NDArray[np.float32] = self.probabilities.max(1)
        return largest

    def guess(self, number: int) -> tuple[str | None, float] | None:
        """Return the most likely class of an item and its probability; None for an item without a prediction.

        If items may have several classes, return the predicted set as one label (None if empty) and the confidence.
        """
        if number >= len(self) or not self.known[number]:
            return None
        if self.many:
            return joined(np.asarray(self.classes)[self.predicted[number]].tolist()), float(self.confidence[number])
        return self.classes[self.predicted[number]], float(self.confidence[number])

    def of(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the probabilities (m, C) of items by number, NaN for items without a prediction."""
        rows = np.full((len(numbers), len(self.classes)), np.nan, np.float32)
        inside = numbers < len(self)
        rows[inside] = self.probabilities[numbers[inside]]
        return rows


def read_predictions(project: Project, model: int | None = None) -> Predictions | None:
    """Return the predictions of a model, or of the newest model that has any; None if there are none.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from spotal.project import Data, Project, Settings, read_predictions, train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/pool.npy", np.eye(8))
    ...     settings = Settings(data=Data(path="pool.npy", kind="embedding"), classes=("cat", "dog"))
    ...     with Project.create(folder, settings) as project:
    ...         _ = project.labels.record("0", "cat", annotator="ann")
    ...         _ = project.labels.record("1", "dog", annotator="ann")
    ...         _ = train(project)
    ...         print(read_predictions(project).classes)
    ('cat', 'dog')
    """
    newest = _newest(project, "predictions", model)
    if newest is None or newest.predictions is None:
        return None
    classes = tuple(newest.about["classes"])
    array = _read(project.models.file(newest.predictions), len(classes))
    return Predictions(newest, classes, array, bool(newest.about.get("many")))


def read_embeddings(project: Project, model: int | None = None) -> NDArray[np.float32] | None:
    """Return memory-mapped embeddings float32 (n, d) of a model, or of the newest model that has any.

    Row k belongs to item number k, with NaN for items without an embedding. None if there are no embeddings.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from spotal.project import Data, Project, Settings, read_embeddings, train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/pool.npy", np.eye(8))
    ...     settings = Settings(data=Data(path="pool.npy", kind="embedding"), classes=("cat", "dog"))
    ...     with Project.create(folder, settings) as project:
    ...         _ = train(project)
    ...         print(read_embeddings(project).shape)
    (8, 8)
    """
    newest = _newest(project, "embeddings", model)
    return None if newest is None or newest.embeddings is None else _read(project.models.file(newest.embeddings))


def write_rows(path: Path, numbers: NDArray[np.int64], rows: NDArray[Any], n: int) -> None:
    """Write rows (m, d) of the numbered items as an .npy file float32 (n, d), NaN elsewhere."""
    with atomic_path(path) as part:
        array = np.lib.format.open_memmap(part, "w+", np.float32, (n, rows.shape[1]))
        array[:] = np.nan
        array[numbers] = rows
        array.flush()


def is_rows(path: Path, most: int, width: int | None = None) -> bool:
    """Return whether a file is a readable array of at most ``most`` rows, and of ``width`` columns if given."""
    try:
        return len(_read(path, width)) <= most
    except ProjectError:
        return False


def _newest(project: Project, kind: str, number: int | None) -> Model | None:
    if number is not None:
        return project.models.get(number)
    return next((model for model in reversed(project.models.all()) if getattr(model, kind) is not None), None)


def _read(path: Path, width: int | None = None) -> NDArray[np.float32]:
    try:
        array: NDArray[np.float32] = read_npy(path)
    except DataFileError as error:
        raise ProjectError(f"{path} cannot be read ({error}); train again by spotal train") from None
    if array.ndim != 2 or array.dtype.kind != "f" or width not in (None, array.shape[1]):
        raise ProjectError(
            f"{path} cannot be read (it holds {array.dtype} of shape {array.shape}); train again by spotal train"
        )
    return array
