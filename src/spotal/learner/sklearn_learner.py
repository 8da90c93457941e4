"""SklearnLearner: any scikit-learn classifier or pipeline as a learner on fixed features."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError, ModelError, to_call
from spotal.learner.base import check_labels
from spotal.numeric.arrays import block_rows, blocks, to_numpy
from spotal.numeric.checks import check_count
from spotal.numeric.indicator import check_indicator
from spotal.pool import ArrayPool, as_pool
from spotal.pool.frames import is_frame
from spotal.pool.rows import count, take
from spotal.pool.sparse import is_sparse
from spotal.pool.texts import are_texts

__all__ = ["SklearnLearner", "linear_probe"]

BLOCK_ROWS = 4096
"""Rows of a sparse matrix, a frame or texts in one block of probabilities."""
SCALE_ROWS = 10_000
"""Rows of the pool from which the scale of a linear probe is estimated."""


class Classifier(Protocol):
    """A scikit-learn classifier, or a pipeline that ends in one; it also has predict_proba or decision_function."""

    def fit(self, X: object, y: NDArray[Any]) -> object: ...


class SklearnLearner:
    """A learner that wraps a scikit-learn classifier. Its embeddings are the features.

    Parameters
    ----------
    classifier : estimator with ``fit`` and ``predict_proba``, or a pipeline that ends in one
        Cloned before each fit; every ``random_state`` among its parameters is set from the seed. A classifier without
        ``predict_proba``, such as a support vector machine, needs ``decision_function``. Its probabilities are the
        softmax of the scores (the logistic function for two classes), which rank rows as scores do but are not
        calibrated. ``sklearn.calibration.CalibratedClassifierCV`` around the classifier calibrates them.
    n_classes : int, at least 2, or None
        Columns of ``probabilities``; classes without labels get probability 0. None takes the number from the labels in
        ``fit``.
    multilabel : bool
        Whether items may have several classes, or none: one-vs-rest, a clone of the classifier for each class.

    Attributes
    ----------
    classifier_ : the fitted clone, or None if all labels have one class, which then has probability 1. With
        ``multilabel`` a list, one for each class; None for a class of k = n or k = 0 of n rows, whose probability is
        (k + 1/2) / (n + 1) everywhere (Krichevsky and Trofimov's estimate).
    learns_classes : bool, whether the labels in ``fit`` determine n_classes

    Notes
    -----
    ``X`` is the classifier's input: numbers (n, ...), flattened if rows have several axes, such as images; a scipy
    sparse matrix; a DataFrame or texts (n,) for a pipeline that begins with transformers. Probabilities are computed in
    blocks of rows, so ``X`` may be a ``np.memmap``; ``embeddings`` are a float32 copy of all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.svm import LinearSVC
    >>> from spotal import SklearnLearner
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    >>> SklearnLearner(LinearSVC()).fit(X, np.array([0, 1, 0, 1]), random_state=0).probabilities(X).argmax(1).tolist()
    [0, 1, 0, 1]
    """

    classifier_: Any

    def __init__(self, classifier: Classifier, n_classes: int | None = None, *, multilabel: bool = False) -> None:
        if isinstance(classifier, type):
            raise ModelError(
                f"classifier must be a model, found the class {classifier.__name__}; {to_call(classifier)}"
            )
        scores = any(hasattr(classifier, method) for method in ("predict_proba", "decision_function"))
        if not hasattr(classifier, "fit") or not scores:
            raise ModelError(
                f"classifier must have fit and predict_proba or decision_function, found {type(classifier).__name__} "
                "without; take a classifier that gives probabilities, such as LogisticRegression(), or wrap it in "
                "sklearn.calibration.CalibratedClassifierCV"
            )
        self.classifier: Any = classifier
        self.learns_classes = n_classes is None
        self.n_classes = 2 if n_classes is None else check_count(n_classes, "n_classes", 2)
        self.multilabel = bool(multilabel)

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> Self:
        """Fit a new clone of the classifier.

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
            if self.learns_classes and np.ndim(y) == 2:
                self.n_classes = max(2, np.shape(y)[1])
            marks = check_indicator(y, count(data), self.n_classes)
            self._rates = (marks.sum(0) + 0.5) / (len(marks) + 1)
            self.classifier_ = [self._fitted(data, marks[:, k], seed) for k in range(self.n_classes)]
        else:
            labels = check_labels(y, count(data), np.iinfo(np.int64).max if self.learns_classes else self.n_classes)
            if self.learns_classes:
                self.n_classes = max(self.n_classes, int(labels.max()) + 1)
            self._classes = np.unique(labels)
            self.classifier_ = self._fitted(data, labels, seed)
        self._width = _width(data)
        return self

    def _fitted(self, data: Any, labels: NDArray[np.int64], seed: int) -> Any:
        """Fit a clone of the classifier to labels (n,); return None if all are of one class."""
        from sklearn.base import clone

        if (labels == labels[0]).all():
            return None
        classifier = clone(self.classifier)
        seeded = [key for key in classifier.get_params() if key.split("__")[-1] == "random_state"]
        classifier.set_params(**dict.fromkeys(seeded, seed))
        with warnings.catch_warnings():  # few labels of many classes look like a regression
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            return classifier.fit(_flat(data), labels)

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return class probabilities (n, n_classes), float32; rows sum to 1, except with ``multilabel``.

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
        probabilities = np.zeros((count(data), self.n_classes), np.float32)
        parts = list(blocks(count(data), block_rows(self._width, 8) if _is_plain(data) else BLOCK_ROWS))
        if self.multilabel:
            for k, one in enumerate(self.classifier_):
                probabilities[:, k] = self._rates[k]
                for part in parts if one is not None else ():
                    probabilities[part, k] = _probabilities(one, _flat(take(data, part)))[:, 1]
            return probabilities
        if self.classifier_ is None:
            probabilities[:, self._classes[0]] = 1
            return probabilities
        columns = self.classifier_.classes_
        for part in parts:
            probabilities[part, columns] = _probabilities(self.classifier_, _flat(take(data, part)))
        return probabilities

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the features, float32 (n, d); a sparse matrix is reduced. Works before fit."""
        data = _check(X)
        if not _is_plain(data):
            data = to_numpy(cast(ArrayPool, as_pool(data)).array)
        features: NDArray[np.float32] = _flat(data).astype(np.float32)
        return features


def linear_probe(X: NDArray[Any], n_classes: int, many: bool = False) -> SklearnLearner:
    """Make a logistic regression with C = 1 on features scaled to an overall standard deviation of 1.

    Parameters
    ----------
    X : (n, d), the pool; about 10,000 rows are read
    n_classes : int
    many : bool, whether an item may have several classes, with one regression for each class

    Returns
    -------
    SklearnLearner, not fitted
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    deviation = float(X[:: max(1, len(X) // SCALE_ROWS)].std(dtype=np.float64)) or 1.0
    scaled = FunctionTransformer(partial(np.multiply, 1 / deviation))
    return SklearnLearner(make_pipeline(scaled, LogisticRegression(C=1.0, max_iter=500)), n_classes, multilabel=many)


def _probabilities(classifier: Any, X: Any) -> NDArray[np.floating]:
    """Return ``predict_proba``, or the softmax of ``decision_function``."""
    if hasattr(classifier, "predict_proba"):
        probabilities: NDArray[np.floating] = classifier.predict_proba(X)
        return probabilities
    scores = np.asarray(classifier.decision_function(X), np.float64)
    if scores.ndim == 1:  # two classes: scores of the second
        scores = np.stack([np.zeros(len(scores)), scores], 1)
    if scores.shape[1] != len(classifier.classes_):
        raise ModelError(
            f"classifier {type(classifier).__name__} compares classes in pairs; give decision_function_shape='ovr'"
        )
    odds = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))


def _is_plain(data: Any) -> bool:
    return isinstance(data, np.ndarray) and not are_texts(data)


def _check(X: Any) -> Any:
    if is_sparse(X) or is_frame(X) or are_texts(X):
        return X
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


def _width(data: Any) -> int:
    return int(np.prod(data.shape[1:]))


def _flat(data: Any) -> Any:
    return data.reshape(len(data), _width(data)) if _is_plain(data) else data
