"""spotal's strategies as modAL query strategies: functions of a learner and a pool. Does not import modAL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.seeds import Seed
from spotal.pool.rows import as_rows, count, stack
from spotal.strategies import Strategy, get

__all__ = ["query_strategy"]

QueryStrategy = Callable[..., tuple[NDArray[np.int64], NDArray[np.float64]]]


def query_strategy(strategy: str | Strategy = "spot", *, random_state: Seed = None, **parameters: Any) -> QueryStrategy:
    """A function ``(classifier, X_pool, n_instances=1)`` for ``modAL.models.ActiveLearner(query_strategy=...)``.

    What the learner was taught counts as labeled: its ``X_training`` joins the pool, so that picks go where labels are
    not (of a Committee, what its first member was taught). A Committee's members serve as draws for strategies that
    need several.

    Parameters
    ----------
    strategy : str or Strategy
        A name (:func:`spotal.strategies.names`), made with ``parameters``, or a strategy made beforehand.
    random_state : int, generator or None
        An int gives the same picks for the same pool and labels.

    Returns
    -------
    function
        Gives the picks, rows of ``X_pool`` (an array, a sparse matrix or a DataFrame), int64 (n_instances,), and the
        share of the pool that each stands for. It takes ``n_instances`` and, as a keyword, ``mass`` for the rows of
        X_pool. It raises InputError for classes or pools that do not fit.

    Examples
    --------
    >>> from modAL.models import ActiveLearner                                                # doctest: +SKIP
    >>> learner = ActiveLearner(RandomForestClassifier(), query_strategy("uherding"), X, y)  # doctest: +SKIP
    >>> rows, _ = learner.query(X_pool, n_instances=10)                                       # doctest: +SKIP
    """
    chosen = strategy if isinstance(strategy, Strategy) else get(strategy, **parameters)
    if isinstance(strategy, Strategy) and parameters:
        raise InputError(
            "parameters", f"go with a strategy's name, found {sorted(parameters)} with {strategy!r}", "drop them"
        )

    def choose(
        classifier: Any, X_pool: Any, n_instances: int = 1, *, mass: Any = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The picks, and the share of the pool that each stands for."""
        X_pool = as_rows(X_pool, "X_pool")[0]
        X_known, y_known, classes = _taught(classifier)
        taught = X_known is not None
        pool = stack(X_pool, X_known) if taught else X_pool
        n = count(X_pool)
        labels = np.searchsorted(classes, y_known) if taught else np.empty(0, np.int64)
        probabilities: Any = None
        if taught or chosen.needs_probabilities:
            probabilities = _votes(classifier, pool) if chosen.needs_draws else classifier.predict_proba(pool)
        if mass is not None and taught:
            mass = np.concatenate([np.asarray(mass, dtype=np.float64), np.zeros(len(labels))])
        selection = chosen.query(
            pool,
            n_instances,
            labeled=np.arange(n, n + len(labels)),
            labels=labels,
            probabilities=probabilities,
            mass=mass,
            random_state=random_state,
        )
        # always a pair: modAL takes an array of two picks apart
        return selection.indices, selection.cell_mass

    choose.__name__ = f"{chosen.name}_query".replace("-", "_")
    return choose


def _taught(classifier: Any) -> tuple[Any, Any, Any]:
    """What a learner, or the first member of a Committee, was taught, and the classes it knows; Nones for nothing."""
    learner = classifier.learner_list[0] if hasattr(classifier, "learner_list") else classifier
    X, y = getattr(learner, "X_training", None), getattr(learner, "y_training", None)
    if X is None or y is None or np.shape(X)[0] == 0:
        return None, None, None
    return as_rows(X, "X_training")[0], np.asarray(y), np.unique(y)


def _votes(classifier: Any, X: NDArray[Any]) -> NDArray[np.float64]:
    """A Committee's probabilities (n, classes, members)."""
    if not hasattr(classifier, "vote_proba"):
        raise InputError(
            "classifier",
            must="be a Committee for a strategy that needs several draws",
            found=type(classifier).__name__,
            remedy="use modAL.models.Committee",
        )
    return np.asarray(classifier.vote_proba(X)).swapaxes(1, 2)
