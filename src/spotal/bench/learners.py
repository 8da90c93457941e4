"""Learners that a protocol may name."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from spotal.bench.protocol import LearnerChoice
from spotal.errors import InputError
from spotal.learner import Learner

__all__ = ["STEPS", "WIDTH", "make_learner"]

STEPS = {"small-cnn": 500, "resnet18": 1_000, "efficientnet-lite0": 60, "mlp": 300}
"""Default of the minimum number of optimizer steps; fits two cores, or a GPU for "resnet18"."""
WIDTH = {"small-cnn": 16, "resnet18": 64, "mlp": 16}
"""Default number of channels of the first block."""
TREES = 100


def make_learner(choice: LearnerChoice, X: NDArray[Any], n_classes: int) -> Learner:
    """Make the learner for a pool X: images (n, height, width, channels) or features (n, d).

    "linear-probe" is scikit-learn's LogisticRegression with C = 1; "random-forest" has 100 trees; "mlp" has two hidden
    layers. Networks standardize their input by the mean and standard deviation of X, except "efficientnet-lite0".

    Raises
    ------
    InputError
        A network for images is given features.
    """
    from spotal.learner import SklearnLearner, TorchLearner, networks

    if choice.kind == "linear-probe":
        from sklearn.linear_model import LogisticRegression

        return SklearnLearner(LogisticRegression(C=1.0, max_iter=500), n_classes)
    if choice.kind == "random-forest":
        from sklearn.ensemble import RandomForestClassifier

        return SklearnLearner(RandomForestClassifier(TREES, n_jobs=1), n_classes)
    steps = choice.steps or STEPS[choice.kind]
    if choice.kind == "efficientnet-lite0":
        from spotal.bench.lite0 import FineTuned

        return FineTuned(n_classes, steps)
    width = choice.width or WIDTH[choice.kind]
    if choice.kind == "mlp":
        return TorchLearner(_mlp(X.shape[1], 8 * width, n_classes), n_classes, min_steps=steps, normalize_from=X)
    if X.ndim != 4:
        raise InputError(
            "learner", f"{choice.kind!r} takes images, found features of shape {X.shape}", "take another learner"
        )
    make = networks.SmallCNN if choice.kind == "small-cnn" else networks.ResNet18
    network = make(X.shape[3], n_classes, width)
    return TorchLearner(network, n_classes, min_steps=steps, normalize_from=X)


def _mlp(inputs: int, hidden: int, n_classes: int) -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, n_classes)
    )
