"""The recipe that a project's word for its model stands for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spotal.errors import ModelError
from spotal.learner import Learner
from spotal.learner.cold import cold_embeddings
from spotal.project.learning import inputs
from spotal.project.learning.base import Inputs, Progress, Recipe

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Item
    from spotal.project.settings import Settings

__all__ = ["recipe_for"]

SIZE = 32
"""Height and width of images that networks made for small ones see."""
STEPS = {"small-cnn": 500, "resnet18": 1_000}
"""Least optimizer steps of a training: what two cores can afford, a GPU for "resnet18"."""


def recipe_for(settings: Settings, folder: Path) -> Recipe:
    """The recipe of the model of a project in ``folder``.

    Raises ModelError for a model that is unknown or does not take this kind of items.
    """
    name, kind = settings.model, settings.data.kind
    if name == "auto":
        return {
            "image": Recipe("pixels, linear probe", _pixels, probe, _as_they_are),
            "text": Recipe("words, linear probe", inputs.tfidf, probe, _as_they_are),
            "embedding": Recipe("linear probe", inputs.matrix, probe, _as_they_are),
        }[kind]
    if name in STEPS:
        if kind != "image":
            raise ModelError(f"model {name!r} takes images, found a project of kind {kind!r}; take 'auto'")
        return Recipe(name, partial(inputs.images, size=SIZE), partial(_network, name), cold_embeddings)
    raise ModelError(f"model must be auto, {' or '.join(STEPS)}, found {name!r}; change it in spotal.toml")


def probe(X: NDArray[Any], n_classes: int) -> Learner:
    """A linear probe: logistic regression with C = 1 on features as they are."""
    from sklearn.linear_model import LogisticRegression

    from spotal.learner import SklearnLearner

    return SklearnLearner(LogisticRegression(C=1.0, max_iter=500), n_classes)


def _as_they_are(X: NDArray[Any], random_state: int) -> NDArray[Any]:
    return X


def _network(name: str, X: NDArray[Any], n_classes: int) -> Learner:
    from spotal.learner import TorchLearner, networks

    return TorchLearner(networks.get(name, 3, n_classes), n_classes, min_steps=STEPS[name], normalize_from=X)


def _pixels(project: Project, items: list[Item], progress: Progress) -> Inputs:
    """Principal components of small copies, on a common scale: a weak descriptor that needs no weights."""
    found = inputs.images(project, items, progress, SIZE)
    rows = cold_embeddings(found.X, project.settings.random_state)
    return Inputs(found.numbers, rows / (rows.std() or 1.0))
