"""Predictions: what a model says about every item, a file of probabilities whose row is the item's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Model

__all__ = ["Predictions"]


class Predictions:
    """Probabilities of the newest model that has them.

    Parameters
    ----------
    model : Model
    classes : tuple of str, of which the first are those of the columns: new ones are added at the end
    probabilities : float (rows, columns); a row is an item's number, one of nan an item without a prediction
    """

    def __init__(self, model: Model, classes: tuple[str, ...], probabilities: NDArray[np.floating]) -> None:
        self.model, self.classes, self.probabilities = model, classes, probabilities

    @classmethod
    def newest(cls, project: Project) -> Predictions | None:
        """Those of the newest model that has some (mapped from disk, not read), None where none has.

        Raises DataFileError where the file is gone or holds something else.
        """
        model = next((model for model in reversed(project.models.all()) if model.predictions is not None), None)
        if model is None or model.predictions is None:
            return None
        path = project.models.file(model.predictions)
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataFileError(f"{path} cannot be read ({error}); train again") from None
        classes = project.settings.classes
        if not isinstance(array, np.ndarray) or array.ndim != 2 or not 1 < array.shape[1] <= len(classes):
            raise DataFileError(f"{path} must hold a column for each of {len(classes)} classes; train again")
        return cls(model, classes, array)

    def of(self, number: int, most: int = 3) -> list[tuple[str, float]]:
        """The likeliest classes of the item of that number with their probabilities, none where it has none."""
        if number >= len(self.probabilities):  # added later
            return []
        row = np.asarray(self.probabilities[number], np.float64)
        if np.isnan(row).any():
            return []
        return [(self.classes[k], float(row[k])) for k in np.argsort(-row, kind="stable")[:most]]
