"""Adapter of spotal's strategies to modAL, as functions of a learner and a pool. Does not import modAL."""

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
    """Make a function ``(classifier, X_pool, n_instances=1)`` for ``modAL.models.ActiveLearner(query_strategy=...)``.

    The learner's ``X_training`` (for a Committee, the ``X_training`` of its first member) is added to the pool as
    labeled rows, so that picks avoid them. For strategies that need several draws, the members of a Committee are the
    draws.

    Parameters
    ----------
    strategy : str or Strategy
        A name (:func:`spotal.strategies.names`), made with ``parameters``, or a strategy made beforehand.
    random_state : int, generator or None
        An int gives the same picks for the same pool and labels.

    Returns
    -------
    function
        It returns the picks, int64 (n_instances,) row numbers of ``X_pool`` (an array, a sparse matrix or a DataFrame),
        and the share of the pool's mass in each pick's cell, float64 (n_instances,). The optional keyword ``mass``
        gives the weights of the rows of ``X_pool``. It raises InputError if classes or widths of the pool and of the
        learner do not match.

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
        """Return the picks, and the share of the pool's mass in the cell of each."""
        X_pool = as_rows(X_pool, "X_pool")[0]
        X_train, y_train = _training(classifier)
        taught = X_train is not None
        pool = stack(X_pool, X_train) if taught else X_pool
        n = count(X_pool)
        labels = np.unique(y_train, return_inverse=True)[1] if taught else np.empty(0, np.int64)
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
        # always a pair: modAL would unpack an array of two picks
        return selection.indices, selection.cell_mass

    choose.__name__ = f"{chosen.name}_query".replace("-", "_")
    return choose


def _training(classifier: Any) -> tuple[Any, Any]:
    """Training rows and labels of a learner or of a Committee's first member; None if there are none."""
    learner = classifier.learner_list[0] if hasattr(classifier, "learner_list") else classifier
    X, y = getattr(learner, "X_training", None), getattr(learner, "y_training", None)
    if X is None or y is None or np.shape(X)[0] == 0:
        return None, None
    return as_rows(X, "X_training")[0], np.asarray(y)


def _votes(classifier: Any, X: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities (n, classes, members) of a Committee."""
    if not hasattr(classifier, "vote_proba"):
        raise InputError(
            "classifier",
            must="be a Committee for a strategy that needs several draws",
            found=type(classifier).__name__,
            remedy="use modAL.models.Committee",
        )
    return np.asarray(classifier.vote_proba(X)).swapaxes(1, 2)
