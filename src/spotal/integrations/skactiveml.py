"""Adapter of spotal's strategies to scikit-activeml's query strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skactiveml.base import SingleAnnotatorPoolQueryStrategy, SkactivemlClassifier
from skactiveml.utils import MISSING_LABEL, check_equal_missing_label, check_scalar, check_type, is_labeled
from sklearn.base import clone

from spotal.numeric.seeds import Seed
from spotal.strategies import Strategy, get

__all__ = ["SpotalQueryStrategy"]


class SpotalQueryStrategy(SingleAnnotatorPoolQueryStrategy):  # type: ignore[misc]
    """A query strategy of scikit-activeml that uses a strategy of spotal.

    Parameters
    ----------
    strategy : str or Strategy
        A name (:func:`spotal.strategies.names`) or a strategy made beforehand.
    missing_label : scalar, string, None or nan
        The value in ``y`` of rows without a label.
    random_state : int, RandomState or None

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> import numpy as np
    >>> X, _ = make_blobs(60, random_state=0)
    >>> SpotalQueryStrategy("coreset", random_state=0).query(X, np.full(60, np.nan), batch_size=3).shape
    (3,)
    """

    def __init__(
        self, strategy: str | Strategy = "spot", missing_label: Any = MISSING_LABEL, random_state: Seed = None
    ) -> None:
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.strategy = strategy

    def query(  # type: ignore[override,unused-ignore]
        self,
        X: Any,
        y: Any,
        clf: Any = None,
        fit_clf: bool = True,
        candidates: Any = None,
        batch_size: int = 1,
        return_utilities: bool = False,
    ) -> Any:
        """Select ``batch_size`` of the candidates.

        Parameters
        ----------
        X : (n, d) embeddings of labeled and unlabeled rows
        y : (n,) labels; ``missing_label`` marks missing ones
        clf : SkactivemlClassifier or None
            Computes class probabilities; required by strategies that need them. "bald" and "batch-bald" need one with
            ``sample_proba``, or a SklearnClassifier around an ensemble with ``estimators_``.
        fit_clf : bool, whether to fit a copy of ``clf`` on X and y first
        candidates : None, int (k,) or (k, d)
            All unlabeled rows, numbers of rows of X, or new rows. Other unlabeled rows are left out of the pool.
        batch_size : int
        return_utilities : bool

        Returns
        -------
        query_indices : int (batch_size,), in scikit-activeml's numbering
        utilities : (batch_size, n) or (batch_size, k), only if ``return_utilities``
            Line i is 1 at pick i, 0 at the other candidates, and nan at earlier picks and at rows that are not
            candidates: spotal's strategies select a batch as a whole and do not score single rows.

        Raises
        ------
        TypeError, ValueError
            As for scikit-activeml's own strategies; spotal's InputError is a ValueError.
        """
        X, y, candidates, batch_size, return_utilities = self._validate_data(
            X, y, candidates, batch_size, return_utilities, reset=True
        )
        rows, mapping = self._transform_candidates(candidates, X, y)
        check_type(self.strategy, "strategy", str, Strategy)
        strategy = get(self.strategy) if isinstance(self.strategy, str) else self.strategy
        check_scalar(fit_clf, "fit_clf", bool)
        labeled = np.flatnonzero(is_labeled(y, missing_label=self.missing_label_))
        if mapping is not None:
            labeled = np.setdiff1d(labeled, mapping)
        pool = np.concatenate([rows, X[labeled]])
        probabilities, classes = None, None
        if clf is not None or strategy.needs_probabilities:
            check_type(clf, "clf", SkactivemlClassifier)
            check_equal_missing_label(clf.missing_label, self.missing_label_)
            clf = clone(clf).fit(X, y) if fit_clf else clf
            probabilities = _draws(clf, pool, self.random_state_) if strategy.needs_draws else clf.predict_proba(pool)
            classes = list(clf.classes_)
        selection = strategy.query(
            pool,
            batch_size,
            labeled=np.arange(len(rows), len(pool)),
            labels=_encoded(y[labeled], classes),
            probabilities=probabilities,
            random_state=self.random_state_,
        )
        picks = selection.indices if mapping is None else np.asarray(mapping)[selection.indices]
        if not return_utilities:
            return picks
        utilities = np.full((batch_size, len(rows) if mapping is None else len(X)), np.nan)
        for place, line in enumerate(utilities):
            line[slice(None) if mapping is None else mapping] = 0
            line[picks[:place]] = np.nan
            line[picks[place]] = 1
        return picks, utilities


def _encoded(y: NDArray[Any], classes: list[Any] | None) -> NDArray[np.int64]:
    """Encode labels as 0 .. classes - 1."""
    names = sorted(set(y.tolist())) if classes is None else classes
    number = {label: position for position, label in enumerate(names)}
    return np.array([number[label] for label in y.tolist()], np.int64)


def _draws(clf: Any, X: NDArray[Any], random_state: Seed) -> NDArray[np.float64]:
    """Probabilities (n, classes, draws) of the members of an ensemble, or drawn by the classifier."""
    if hasattr(clf, "estimators_"):
        draws = np.zeros((len(X), len(clf.classes_), len(clf.estimators_)))
        for position, member in enumerate(clf.estimators_):
            draws[:, np.asarray(member.classes_, dtype=np.int64), position] = member.predict_proba(X)
        return draws
    if hasattr(clf, "sample_proba"):
        return np.moveaxis(np.asarray(clf.sample_proba(X, random_state=random_state)), 0, 2)
    raise TypeError(
        f"clf must have sample_proba or estimators_ for a strategy that needs several draws, found "
        f"{type(clf).__name__}; wrap an ensemble in SklearnClassifier"
    )
