"""Learners: models trained on labels that give embeddings and class probabilities.

torch, scikit-learn and lightning are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.lazy import lazily

_HOMES = {
    "Learner": "spotal.learner.base",
    "LightningLearner": "spotal.learner.lightning_learner",
    "SklearnLearner": "spotal.learner.sklearn_learner",
    "SkorchLearner": "spotal.learner.skorch_learner",
    "TorchLearner": "spotal.learner.torch_learner",
    "TrainingReport": "spotal.learner.base",
    "as_learner": "spotal.learner.adapt",
    "score": "spotal.learner.metrics",
    "score_sets": "spotal.learner.metrics",
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
    "score_sets",
]

if TYPE_CHECKING:
    from spotal.learner import networks
    from spotal.learner.adapt import as_learner
    from spotal.learner.base import Learner, TrainingReport
    from spotal.learner.lightning_learner import LightningLearner
    from spotal.learner.metrics import score, score_sets
    from spotal.learner.sklearn_learner import SklearnLearner
    from spotal.learner.skorch_learner import SkorchLearner
    from spotal.learner.torch_learner import TorchLearner

__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
