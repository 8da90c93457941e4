"""SklearnLearner: any scikit-learn classifier with probabilities as a learner on fixed features."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError, ModelError
from spotal.learner.base import check_indicator, check_labels
from spotal.numeric.arrays import block_rows, blocks, to_numpy
from spotal.numeric.checks import check_count

__all__ = ["SklearnLearner"]


class SklearnLearner:
    """A learner around a scikit-learn classifier; its embeddings are the features themselves.

    Parameters
    ----------
    classifier : estimator with ``fit`` and ``predict_proba``, or a pipeline that ends in one
        Cloned before each fit; every ``random_state`` among its parameters is set from the seed.
    n_classes : int, at least 2
        Columns of ``probabilities``, also for classes that have no label yet, which get 0.
    multilabel : bool
        Whether items may have several classes, or none: one-vs-rest, a clone of the classifier for each class.

    Attributes
    ----------
    classifier_ : the fitted clone, or None where the labels had one class only: that class then has probability 1.
        With ``multilabel`` a list of them, one for each class, None for a class that all k = n or k = 0 of n labels
        have: its probability is then (k + 1/2) / (n + 1) everywhere, Krichevsky and Trofimov's estimate.

    Notes
    -----
    Rows of more than one axis, such as images, are flattened. Probabilities are worked out in blocks of rows, so ``X``
    may be a ``np.memmap``; ``embeddings`` are a float32 copy of the whole.
    """

    classifier_: Any

    def __init__(self, classifier: Any, n_classes: int, *, multilabel: bool = False) -> None:
        if not hasattr(classifier, "fit") or not hasattr(classifier, "predict_proba"):
            raise ModelError(
                f"classifier must have fit and predict_proba, found {type(classifier).__name__} without; take one that "
                "gives probabilities, or wrap it in sklearn.calibration.CalibratedClassifierCV"
            )
        self.classifier = classifier
        self.n_classes = check_count(n_classes, "n_classes", 2)
        self.multilabel = bool(multilabel)

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> Self:
        """Fit a clone of the classifier from nothing.

        Parameters
        ----------
        X : numbers (n, ...), n >= 1
        y : int (n,), classes 0 .. n_classes - 1; with ``multilabel`` 0 and 1 (n, n_classes)
        random_state : int or None

        Raises
        ------
        InputError
            X or y has the wrong shape, dtype or range.
        """
        data = _check(X)
        seed = int(np.random.SeedSequence(random_state).generate_state(1, np.uint32)[0])
        if self.multilabel:
            marks = check_indicator(y, len(data), self.n_classes)
            self._rates = (marks.sum(0) + 0.5) / (len(marks) + 1)
            self.classifier_ = [self._fitted(data, marks[:, k], seed) for k in range(self.n_classes)]
        else:
            labels = check_labels(y, len(data), self.n_classes)
            self._classes = np.unique(labels)
            self.classifier_ = self._fitted(data, labels, seed)
        self._width = _width(data)
        return self

    def _fitted(self, data: NDArray[Any], labels: NDArray[np.int64], seed: int) -> Any:
        """A clone of the classifier fitted to labels (n,); None where they are all of one class."""
        from sklearn.base import clone

        if (labels == labels[0]).all():
            return None
        classifier = clone(self.classifier)
        seeded = [key for key in classifier.get_params() if key.split("__")[-1] == "random_state"]
        classifier.set_params(**dict.fromkeys(seeded, seed))
        with warnings.catch_warnings():  # few labels of many classes are no regression
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            return classifier.fit(_flat(data), labels)

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Class probabilities (n, n_classes) and embeddings (n, d), float32. Raises as ``probabilities`` does."""
        return self.probabilities(X), self.embeddings(X)

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Class probabilities (n, n_classes), float32; rows sum to 1, except with ``multilabel``.

        Raises
        ------
        InputError
            Rows of X differ in size from those fitted on.
        ModelError
            The learner has not been fitted.
        """
        if not hasattr(self, "_width"):
            raise ModelError("the learner has not been fitted; call fit first")
        data = _check(X)
        if _width(data) != self._width:
            raise InputError("X", must=f"have {self._width} numbers a row, as in fit", found=_width(data))
        probabilities = np.zeros((len(data), self.n_classes), np.float32)
        parts = list(blocks(len(data), block_rows(self._width, 8)))
        if self.multilabel:
            for k, one in enumerate(self.classifier_):
                probabilities[:, k] = self._rates[k]
                for part in parts if one is not None else ():
                    probabilities[part, k] = one.predict_proba(_flat(data[part]))[:, 1]
            return probabilities
        if self.classifier_ is None:
            probabilities[:, self._classes[0]] = 1
            return probabilities
        columns = self.classifier_.classes_
        for part in parts:
            probabilities[part, columns] = self.classifier_.predict_proba(_flat(data[part]))
        return probabilities

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """The features themselves, float32 (n, d). Needs no fit."""
        return _flat(_check(X)).astype(np.float32)


def _check(X: Any) -> NDArray[Any]:
    data = to_numpy(X)
    if data.ndim < 2:
        raise InputError(
            "X", must="have one row for each item, (n, d)", found=f"shape {data.shape}", remedy="reshape it"
        )
    if data.dtype.kind not in "fuib":
        raise InputError(
            "X", must="hold real numbers", found=f"dtype {data.dtype}", remedy="encode its values as numbers first"
        )
    return data


def _width(data: NDArray[Any]) -> int:
    return int(np.prod(data.shape[1:]))


def _flat(data: NDArray[Any]) -> NDArray[Any]:
    return data.reshape(len(data), _width(data))
