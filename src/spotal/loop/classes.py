"""Classes of a loop: names as people write them, and numbers as a learner takes them; one class a row, or several."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError, SpotalWarning
from spotal.learner.base import Learner, check_labels
from spotal.loop.oracle import SKIPPED
from spotal.numeric.classes import codes_of, read_labels, shape_of
from spotal.numeric.indicator import check_indicator, indicator_of

__all__ = ["ClassNames", "SetClasses"]


class ClassNames:
    """Names of the classes of a loop, and their columns of probabilities.

    For a learner with a fixed number of outputs, integer labels are the numbers of its columns. All other labels are
    names: the given ones, or the sorted labels and test labels so far.

    Parameters
    ----------
    learner : Learner; with ``learns_classes`` its number of columns follows the classes
    given : (c,) all classes in the order of the learner's columns, or None to learn them
    y_test : (m,) labels of the test data, or None; n_test : int, number of test rows

    Raises
    ------
    InputError
        given or y_test are not classes, or more than the learner has outputs.
    """

    def __init__(self, learner: Learner, given: ArrayLike | None, y_test: Any, n_test: int) -> None:
        self.learner = learner
        self.learns = bool(getattr(learner, "learns_classes", False))
        self.given: NDArray[Any] | None = None
        self.test: NDArray[Any] | None = None
        if given is not None:
            names, present = read_labels(given, "classes", minus_one=False)
            if not present.all() or len(np.unique(names)) < max(len(names), 2):
                raise InputError("classes", must="be two at least, all different", found=names.tolist())
            self.given = names
            self._fit_to(names, "classes")
        if y_test is not None:
            if given is None and not self.learns and np.asarray(y_test).dtype.kind in "iu":
                self.test = check_labels(y_test, n_test, learner.n_classes, "y_test", "X_test")
            else:
                self.test = self._all_known(y_test, n_test)

    @property
    def has_no_minus_one(self) -> bool:
        """True if -1 is not a class and means no label."""
        return self.given is None or not (self.given.dtype.kind == "i" and SKIPPED in self.given)

    def numbered(self, values: NDArray[Any]) -> bool:
        """Return whether labels are numbers of columns."""
        return self.given is None and not self.learns and values.dtype.kind == "i"

    def names(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return all classes in the order of their codes, given the labels so far, ``values`` (n,)."""
        if self.given is not None:
            return self.given
        if self.numbered(values):
            return np.arange(self.learner.n_classes)
        parts = [values] if len(values) else []
        if self.test is not None:
            parts.append(self.test)
        if not parts:
            return np.empty(0, np.int64)
        if not _alike(parts[0], parts[-1]):
            raise InputError(
                "y_test", must="hold classes of the type that the oracle answers", found=f"dtype {parts[-1].dtype}"
            )
        return np.unique(np.concatenate(parts))

    def codes(self, values: NDArray[Any], name: str = "oracle") -> NDArray[np.int64]:
        """Return labels (n,) as numbers of columns, int64 (n,), after fitting the learner's columns to them."""
        if self.numbered(values):
            outside = values[(values < 0) | (values >= self.learner.n_classes)]
            if outside.size:
                raise InputError(name, must=f"hold classes 0..{self.learner.n_classes - 1}", found=outside[0])
            return values.astype(np.int64)
        names = self.names(values)
        self._fit_to(names, name)
        return codes_of(values, names, name) if len(values) else np.empty(0, np.int64)

    def test_codes(self, values: NDArray[Any]) -> NDArray[np.int64] | None:
        """Return the test labels as numbers of columns, given the labels so far, ``values``."""
        if self.test is None or (self.numbered(self.test) and self.numbered(values)):
            return self.test
        return codes_of(self.test, self.names(values), "y_test")

    def answers(self, answered: object, n: int, so_far: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Check an oracle's answer; return labels (n,) and a mask of labeled rows.

        Raises
        ------
        InputError
            It is not one label for each row, of the type of the labels ``so_far`` and a class of this loop.

        Warns
        -----
        SpotalWarning
            All labels so far are 1 and others are -1. Two classes may be meant, but -1 means no label.
        """
        shape = shape_of(answered)
        if shape != (n,):
            raise InputError(
                "oracle",
                must=f"answer one label for each of {n} rows",
                found=f"shape {shape}",
                remedy="for a function of one row, pass lambda rows: [function(row) for row in rows]",
            )
        values, present = read_labels(answered, "oracle", minus_one=False)
        if values.dtype.kind == "i" and self.has_no_minus_one:
            skipped = present & (values == SKIPPED)
            present &= ~skipped
            if skipped.any() and present.any() and (values[present] == 1).all() and not (so_far != 1).any():
                warnings.warn(
                    f"the oracle answered -1 and 1: -1 means no label, so {int(skipped.sum()):,} rows got none and are "
                    "never asked for again; if -1 is a class, pass classes=[-1, 1]",
                    SpotalWarning,
                    stacklevel=4,
                )
        new = values[present]
        if not len(new):
            return values, present
        if len(so_far) and not _alike(so_far, new):
            raise InputError(
                "oracle",
                must=f"answer classes of one type, {so_far.dtype} as before",
                found=f"dtype {new.dtype}",
                remedy="convert them",
            )
        if self.numbered(new):
            outside = new[(new < SKIPPED) | (new >= self.learner.n_classes)]
            if outside.size:
                raise InputError(
                    "oracle",
                    must=f"answer classes 0..{self.learner.n_classes - 1}, or -1 for no label",
                    found=outside[0],
                )
        else:
            self.codes(np.concatenate([so_far, new]) if len(so_far) else new)
        return values, present

    def _all_known(self, y_test: Any, n_test: int) -> NDArray[Any]:
        values, present = read_labels(y_test, "y_test", minus_one=False)
        if len(values) != n_test:
            raise InputError(
                "y_test", must=f"have shape ({n_test},), one label for each row of X_test", found=values.shape
            )
        if not present.all():
            raise InputError("y_test", must="have a label for each row", found=f"none in row {int(present.argmin())}")
        if self.given is not None:
            codes_of(values, self.given, "y_test")
        return values

    def _fit_to(self, names: NDArray[Any], name: str) -> None:
        if self.learns:
            self.learner.n_classes = max(2, len(names))
        elif len(names) > self.learner.n_classes:
            raise InputError(
                name,
                f"has {len(names)} classes where the learner has {self.learner.n_classes} outputs",
                "give a learner with one output for each class",
            )


class SetClasses:
    """Classes of rows that may have several, numbered as the learner's columns.

    Same interface as :class:`ClassNames`; labels are int64 (n, n_classes) of 0 and 1.

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

    def answers(self, answered: object, n: int, so_far: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
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


def _alike(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Return whether labels are of one type; whole floats were read as integers."""
    return first.dtype.kind == second.dtype.kind or {first.dtype.kind, second.dtype.kind} == set("if")
