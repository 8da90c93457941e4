"""What a project's models say of its items: predictions and embeddings as .npy files, a row for each item's number."""

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
"""Probability from which on a class is one of an item's, where it may have several."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities of the project's items under one model.

    model : Model
    classes : tuple of str (C,), the columns' names: the project's classes when the model was trained
    probabilities : float32 (n, C), row k of the item with number k; NaN for items that the model has not seen: those
        added later, missing, or unreadable then
    many : bool, whether items may have several classes: each column is then the probability of that class alone
    """

    model: Model
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    many: bool = False

    def __len__(self) -> int:
        return len(self.probabilities)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether the model has seen each item; bool (n,)."""
        return ~np.isnan(self.probabilities[:, 0])

    @cached_property
    def predicted(self) -> NDArray[Any]:
        """Number in ``classes`` of each item's likeliest class, -1 where there is none; int64 (n,).

        Where items may have several classes: bool (n, C), whether each class's probability is a half or more.
        """
        if self.many:
            return self.probabilities >= LIKELY
        return np.where(self.known, self.probabilities.argmax(1), -1)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Probability of that class, NaN where there is none; float32 (n,).

        Where items may have several classes: the mean over classes of the likelier answer's, having it or not.
        """
        if self.many:
            return np.asarray(np.maximum(self.probabilities, 1 - self.probabilities).mean(1, dtype=np.float32))
        found: NDArray[np.float32] = self.probabilities.max(1)
        return found

    def guess(self, number: int) -> tuple[str | None, float] | None:
        """The likeliest class of the item of that number and its probability, or None.

        Where items may have several classes: the likely ones as one label, None for none of them, and the confidence.
        """
        if number >= len(self) or not self.known[number]:
            return None
        if self.many:
            return joined(np.asarray(self.classes)[self.predicted[number]].tolist()), float(self.confidence[number])
        return self.classes[self.predicted[number]], float(self.confidence[number])

    def of(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Probabilities (m, C) of the items of these numbers, NaN where there are none."""
        rows = np.full((len(numbers), len(self.classes)), np.nan, np.float32)
        there = numbers < len(self)
        rows[there] = self.probabilities[numbers[there]]
        return rows


def read_predictions(project: Project, model: int | None = None) -> Predictions | None:
    """Predictions of a model, or of the newest that has some; None where there are none."""
    found = _newest(project, "predictions", model)
    if found is None or found.predictions is None:
        return None
    classes = tuple(found.about["classes"])
    array = _read(project.models.file(found.predictions), len(classes))
    return Predictions(found, classes, array, bool(found.about.get("many")))


def read_embeddings(project: Project, model: int | None = None) -> NDArray[np.float32] | None:
    """Embeddings float32 (n, d) by a model, or by the newest that has some: memory-mapped, a row for each item's
    number, NaN for items that it has not seen; None where there are none.
    """
    found = _newest(project, "embeddings", model)
    return None if found is None or found.embeddings is None else _read(project.models.file(found.embeddings))


def write_rows(path: Path, numbers: NDArray[np.int64], rows: NDArray[Any], n: int) -> None:
    """Write rows (m, d) of the items of these numbers as an .npy file float32 (n, d), NaN elsewhere."""
    with atomic_path(path) as part:
        array = np.lib.format.open_memmap(part, "w+", np.float32, (n, rows.shape[1]))
        array[:] = np.nan
        array[numbers] = rows
        array.flush()


def is_rows(path: Path, most: int, width: int | None = None) -> bool:
    """Whether a file holds rows for items, at most that many, of that width or any; a damaged one does not."""
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
