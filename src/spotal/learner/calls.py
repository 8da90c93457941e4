"""Calls of a learner, which turn its exceptions and wrong shapes into one-sentence errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import ModelError, SpotalError
from spotal.learner.base import Learner, TrainingReport
from spotal.pool.rows import count

__all__ = ["embed", "fit", "foreign", "guess", "infer", "predict"]

WRAPPED = ("classifier", "net", "module", "network")
"""Attributes in which our learners hold the user's model."""


@contextmanager
def foreign(model: object, step: str, remedy: str, *, passing: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Turn exceptions of the user's model into a ModelError, except spotal's errors and lack of memory.

    Parameters
    ----------
    model : the model or the learner around it, for the error
    step : str, for "failed in {step}"; remedy : str, what to do
    passing : further exception types that pass unchanged
    """
    through: tuple[type[BaseException], ...] = (SpotalError, MemoryError, *passing)
    try:
        yield
    except through:
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, without importing it
            raise
        reason = " ".join(str(error).split())[:300]
        cause = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        raise ModelError(f"model {_name(model)} failed in {step} ({cause}); {remedy}") from error


def fit(
    learner: Learner,
    X: NDArray[Any],
    y: NDArray[np.int64],
    *,
    random_state: int | None,
    on_epoch: Callable[[TrainingReport], object] | None = None,
) -> None:
    """Fit the learner. Raises ModelError if its code fails; exceptions of ``on_epoch`` pass unchanged."""
    raised: list[Exception] = []

    def report_epoch(report: TrainingReport) -> None:
        assert on_epoch is not None
        try:
            on_epoch(report)
        except Exception as error:
            raised.append(error)
            raise

    options: dict[str, Any] = {} if on_epoch is None else {"on_epoch": report_epoch}
    counts = np.unique(y, return_counts=True)[1] if y.ndim == 1 else y.sum(0)[y.any(0)]
    labels = f"{len(y):,} labels of {len(counts):,} classes, {counts.min(initial=len(y)):,} of the rarest"
    remedy = f"rows have shape {np.shape(X)[1:]}; label more items of each class, or give a model that takes such data"
    try:
        with foreign(learner, f"fit on {labels}", remedy):
            learner.fit(X, y, random_state=random_state, **options)
    except ModelError as error:
        if raised and error.__cause__ is raised[-1]:
            raise raised[-1] from None
        raise


def predict(learner: Learner, X: NDArray[Any]) -> NDArray[np.float32]:
    """Return class probabilities (n, n_classes), checked. Raises ModelError."""
    with foreign(learner, f"predicting {count(X):,} rows", "give a model that gives probabilities of such rows"):
        probabilities = learner.probabilities(X)
    return _checked(learner, probabilities, count(X))


def embed(learner: Learner, X: NDArray[Any]) -> NDArray[np.float32]:
    """Return embeddings (n, d), checked. Raises ModelError."""
    with foreign(learner, f"embedding {len(X):,} rows", "give a model that embeds such rows"):
        embeddings = learner.embeddings(X)
    return _embeddings(learner, embeddings, len(X))


def infer(learner: Learner, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return class probabilities and embeddings, in one pass if the learner has ``infer``. Raises ModelError."""
    own = getattr(learner, "infer", None)
    if own is None:
        return predict(learner, X), embed(learner, X)
    with foreign(learner, f"inference on {len(X):,} rows", "give a model that takes such rows"):
        probabilities, embeddings = own(X)
    return _checked(learner, probabilities, len(X)), _embeddings(learner, embeddings, len(X))


def guess(learner: Learner, X: NDArray[Any]) -> NDArray[np.float32]:
    """Return class probabilities for a strategy; several draws, (n, n_classes, draws), if ``infer`` gives them."""
    return predict(learner, X) if getattr(learner, "infer", None) is None else infer(learner, X)[0]


def _checked(learner: Learner, probabilities: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Check probabilities of n rows, which have a third axis for several draws."""
    shape = np.shape(probabilities)
    if len(shape) not in (2, 3) or shape[:2] != (n, learner.n_classes):
        raise ModelError(
            f"model {_name(learner)} must give ({n}, {learner.n_classes}) probabilities, found {shape}; give one "
            "column for each class"
        )
    if not np.isfinite(probabilities).all():
        raise ModelError(
            f"model {_name(learner)} must give finite probabilities, found NaN or infinity; check its training"
        )
    return probabilities


def _embeddings(learner: Learner, embeddings: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    shape = np.shape(embeddings)
    if len(shape) != 2 or shape[0] != n:
        raise ModelError(f"model {_name(learner)} must give one embedding a row, ({n}, d), found {shape}")
    return embeddings


def _name(model: Any) -> str:
    """Return the class name of the model inside the learner."""
    inner = next((getattr(model, name) for name in WRAPPED if getattr(model, name, None) is not None), model)
    return getattr(inner, "__name__", None) or type(inner).__name__
