"""Classes of a loop whose rows may have several, as 0 and 1 for each row and class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.learner.base import Learner
from spotal.loop.oracle import SKIPPED
from spotal.numeric.indicator import check_indicator, indicator_of

__all__ = ["SetClasses", "SetOracle"]


class SetOracle:
    """An oracle that looks labels up in a matrix of 0 and 1 (N, classes), with rows of -1 for no label."""

    def __init__(self, Y: NDArray[Any]) -> None:
        self._Y = Y.copy()

    def __len__(self) -> int:
        return len(self._Y)

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return the labels (n, classes) of the rows ``indices`` (n,)."""
        return np.asarray(self._Y[indices])


class SetClasses:
    """Classes of rows that may have several, numbered as the learner's columns.

    Same interface as :class:`~spotal.loop.classes.ClassNames`; labels are int64 (n, n_classes) of 0 and 1.

    Raises
    ------
    InputError
        ``given`` names classes, the learner has no number of classes, or y_test is not an indicator matrix.
    """

    def __init__(self, learner: Learner, given: ArrayLike | None, y_test: Any, n_test: int) -> None:
        if given is not None:
            raise InputError("classes", "are for rows of one class each", "leave it out: columns are numbered")
        if getattr(learner, "learns_classes", False):
            raise InputError(
                "learner",
                "does not say how many classes there are",
                "give their number: SklearnLearner(classifier, 3, multilabel=True)",
            )
        self.n = learner.n_classes
        self.test: NDArray[np.int64] | None = None
        if y_test is not None:
            matrix = indicator_of(y_test, self.n, "y_test")
            self.test = check_indicator(matrix, n_test, self.n, "y_test", "X_test")

    def numbered(self, values: NDArray[Any]) -> bool:
        """Return False: labels are not numbers of columns, since each class has its own column."""
        return False

    def names(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the numbers of the columns."""
        return np.arange(self.n)

    def codes(self, values: NDArray[Any], name: str = "oracle") -> NDArray[np.int64]:
        """Return labels as the learner takes them, (n, n_classes). Raises InputError for another width."""
        return check_indicator(values, len(values), self.n, name) if len(values) else np.empty((0, self.n), np.int64)

    def test_codes(self, values: NDArray[Any]) -> NDArray[np.int64] | None:
        """Return the labels of the test data."""
        return self.test

    def answers(self, answered: Any, n: int, so_far: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Check an oracle's answer; return labels (n, n_classes) and a mask of labeled rows. Raises InputError."""
        if isinstance(answered, list | tuple) and answered and all(one is None for one in answered):
            answered = np.full((len(answered), self.n), SKIPPED)
        matrix = indicator_of(answered, self.n, "oracle")
        if matrix.shape != (n, self.n):
            raise InputError(
                "oracle",
                must=f"answer 0 and 1 of shape ({n}, {self.n}), or a set of classes for each row",
                found=f"shape {matrix.shape}",
            )
        present: NDArray[np.bool_] = ~(matrix == SKIPPED).all(1)
        if present.any():
            check_indicator(matrix[present], int(present.sum()), self.n, "oracle")
        return matrix.astype(np.int64), present
