"""Calls into a learner: what a person's model raises, or gives in a wrong shape, becomes one sentence."""

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
"""Attributes in which a learner of ours keeps the model of a person."""


@contextmanager
def foreign(model: object, step: str, remedy: str, *, passing: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Turn what the code of a person's model raises into a ModelError; spotal's own errors and those of memory pass.

    Parameters
    ----------
    model : the model or the learner around it, named in the sentence
    step : str, what was done, as in "failed in fit"; remedy : str, what to do
    passing : exception types that pass too
    """
    through: tuple[type[BaseException], ...] = (SpotalError, MemoryError, *passing)
    try:
        yield
    except through:
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, which need not be imported for this
            raise
        reason = " ".join(str(error).split())[:300]
        said = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        raise ModelError(f"model {_name(model)} failed in {step} ({said}); {remedy}") from error


def fit(
    learner: Learner,
    X: NDArray[Any],
    y: NDArray[np.int64],
    *,
    random_state: int | None,
    on_epoch: Callable[[TrainingReport], object] | None = None,
) -> None:
    """Fit the learner. Raises ModelError where its own code fails; what ``on_epoch`` raises passes."""
    raised: list[Exception] = []

    def told(report: TrainingReport) -> None:
        assert on_epoch is not None
        try:
            on_epoch(report)
        except Exception as error:
            raised.append(error)
            raise

    options: dict[str, Any] = {} if on_epoch is None else {"on_epoch": told}
    counts = np.unique(y, return_counts=True)[1] if y.ndim == 1 else y.sum(0)[y.any(0)]
    given = f"{len(y):,} labels of {len(counts):,} classes, {counts.min(initial=len(y)):,} of the rarest"
    remedy = f"rows have shape {np.shape(X)[1:]}; label more items of each class, or give a model that takes such data"
    try:
        with foreign(learner, f"fit on {given}", remedy):
            learner.fit(X, y, random_state=random_state, **options)
    except ModelError as error:
        if raised and error.__cause__ is raised[-1]:
            raise raised[-1] from None
        raise


def predict(learner: Learner, X: NDArray[Any]) -> NDArray[np.float32]:
    """Class probabilities (n, n_classes), checked. Raises ModelError."""
    with foreign(learner, f"predicting {count(X):,} rows", "give a model that gives probabilities of such rows"):
        found = learner.probabilities(X)
    return _checked(learner, found, count(X))


def embed(learner: Learner, X: NDArray[Any]) -> NDArray[np.float32]:
    """Embeddings (n, d), checked. Raises ModelError."""
    with foreign(learner, f"embedding {len(X):,} rows", "give a model that embeds such rows"):
        found = learner.embeddings(X)
    return _embeddings(learner, found, len(X))


def infer(learner: Learner, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Class probabilities and embeddings, in one pass where the learner has ``infer``. Raises ModelError."""
    own = getattr(learner, "infer", None)
    if own is None:
        return predict(learner, X), embed(learner, X)
    with foreign(learner, f"inference on {len(X):,} rows", "give a model that takes such rows"):
        probabilities, embeddings = own(X)
    return _checked(learner, probabilities, len(X)), _embeddings(learner, embeddings, len(X))


def guess(learner: Learner, X: NDArray[Any]) -> NDArray[np.float32]:
    """Class probabilities for a strategy: of several draws, (n, n_classes, draws), where ``infer`` gives these."""
    return predict(learner, X) if getattr(learner, "infer", None) is None else infer(learner, X)[0]


def _checked(learner: Learner, found: Any, n: int) -> NDArray[np.float32]:
    """Probabilities of n rows; those of several draws have a third axis."""
    shape = np.shape(found)
    if len(shape) not in (2, 3) or shape[:2] != (n, learner.n_classes):
        raise ModelError(
            f"model {_name(learner)} must give ({n}, {learner.n_classes}) probabilities, found {shape}; give one "
            "column for each class"
        )
    probabilities: NDArray[np.float32] = found
    if not np.isfinite(probabilities).all():
        raise ModelError(
            f"model {_name(learner)} must give finite probabilities, found NaN or infinity; check its training"
        )
    return probabilities


def _embeddings(learner: Learner, found: Any, n: int) -> NDArray[np.float32]:
    shape = np.shape(found)
    if len(shape) != 2 or shape[0] != n:
        raise ModelError(f"model {_name(learner)} must give one embedding a row, ({n}, d), found {shape}")
    embeddings: NDArray[np.float32] = found
    return embeddings


def _name(model: Any) -> str:
    """What a person calls the model: the class of what is inside the learner."""
    inner = next((getattr(model, name) for name in WRAPPED if getattr(model, name, None) is not None), model)
    return getattr(inner, "__name__", None) or type(inner).__name__
