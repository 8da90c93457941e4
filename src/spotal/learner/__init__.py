"""Learners: labels in, a model out that gives embeddings and class probabilities.

torch, scikit-learn and lightning are imported when a learner that needs them is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Learner": "spotal.learner.base",
    "LightningLearner": "spotal.learner.lightning_learner",
    "SklearnLearner": "spotal.learner.sklearn_learner",
    "SkorchLearner": "spotal.learner.skorch_learner",
    "TorchLearner": "spotal.learner.torch_learner",
    "TrainingReport": "spotal.learner.base",
    "as_learner": "spotal.learner.adapt",
    "score": "spotal.learner.metrics",
}

__all__ = [
    "Learner",
    "LightningLearner",
    "SklearnLearner",
    "SkorchLearner",
    "TorchLearner",
    "TrainingReport",
    "as_learner",
    "networks",
    "score",
]

if TYPE_CHECKING:
    from spotal.learner import networks
    from spotal.learner.adapt import as_learner
    from spotal.learner.base import Learner, TrainingReport
    from spotal.learner.lightning_learner import LightningLearner
    from spotal.learner.metrics import score
    from spotal.learner.sklearn_learner import SklearnLearner
    from spotal.learner.skorch_learner import SkorchLearner
    from spotal.learner.torch_learner import TorchLearner


def __getattr__(name: str) -> Any:
    if name == "networks":
        return import_module("spotal.learner.networks")
    if name not in _HOMES:
        raise AttributeError(f"module 'spotal.learner' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
