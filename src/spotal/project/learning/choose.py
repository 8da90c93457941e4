"""The recipe that a project's word for its model stands for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import ModelError
from spotal.learner import Learner
from spotal.learner.cold import cold_embeddings
from spotal.project.learning import inputs
from spotal.project.learning.base import Inputs, Progress, Recipe
from spotal.project.learning.custom import Custom, is_reference
from spotal.project.learning.fine_tune import fine_tune
from spotal.project.learning.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spotal.project.project import Project
    from spotal.project.records import Item
    from spotal.project.settings import Settings

__all__ = ["recipe_for"]

SIZE = 32
"""Height and width of images that networks made for small ones see."""
STEPS = {"small-cnn": 500, "resnet18": 1_000}
"""Least optimizer steps of a training: what two cores can afford, a GPU for "resnet18"."""
TUNE = "fine-tune:"
SCALE_ROWS = 10_000


def recipe_for(settings: Settings, folder: Path) -> Recipe:
    """The recipe of the model of a project in ``folder``; loads nothing.

    ``model`` of spotal.toml is one of

    - ``auto``: a linear probe on embeddings that the project has, on principal components of small copies of its
      images, or on the main directions of its texts' weighted words;
    - ``small-cnn``, ``resnet18``: a network for small images, trained from nothing;
    - the name or folder of a pretrained model, whose features a linear probe is put on: see
      :class:`~spotal.embed.TorchEmbedder`; with ``fine-tune:`` before it the whole model is trained;
    - ``module:function``: see :class:`Custom`. Texts come to it as the features that ``auto`` has.

    Raises
    ------
    ModelError
        The model does not take the project's kind of items.
    """
    name, kind = settings.model, settings.data.kind
    plain = {"image": _pixels, "text": inputs.tfidf, "embedding": inputs.matrix}[kind]
    if name == "auto":
        title = {"image": "pixels, linear probe", "text": "words, linear probe", "embedding": "linear probe"}[kind]
        return Recipe(title, plain, probe, _as_they_are)
    if is_reference(name):
        custom = Custom(name, folder)
        ready = partial(custom.make, len(settings.classes))
        return Recipe(name, custom.images if kind == "image" else plain, custom.learner, cold_embeddings, ready)
    if name in STEPS:
        if kind != "image":
            raise ModelError(f"model {name!r} takes images, found a project of kind {kind!r}; take 'auto'")
        return Recipe(name, partial(inputs.images, size=SIZE), partial(_network, name), cold_embeddings)
    if name.startswith(TUNE):
        return fine_tune(name.removeprefix(TUNE), kind, folder)
    if kind == "embedding":
        raise ModelError(f"model {name!r} embeds images or texts, found embeddings; take 'auto' or module:function")
    frozen = Frozen(name, kind, folder)
    return Recipe(f"{frozen.title}, linear probe", frozen, probe, _as_they_are, frozen.load)


def probe(X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
    """A linear probe: logistic regression with C = 1 on features whose deviation as a whole is brought to 1.

    Where an item may have several classes there is one regression a class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from spotal.learner import SklearnLearner

    deviation = float(X[:: max(1, len(X) // SCALE_ROWS)].std(dtype=np.float64)) or 1.0
    scaled = FunctionTransformer(partial(np.multiply, 1 / deviation))
    return SklearnLearner(make_pipeline(scaled, LogisticRegression(C=1.0, max_iter=500)), n_classes, multilabel=many)


def _as_they_are(X: NDArray[Any], random_state: int) -> NDArray[Any]:
    return X


def _network(name: str, X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
    from spotal.learner import TorchLearner, networks

    network = networks.get(name, 3, n_classes)
    return TorchLearner(network, n_classes, multilabel=many, min_steps=STEPS[name], normalize_from=X)


def _pixels(project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """Principal components of small copies: a weak descriptor that needs no weights."""
    found = inputs.images(project, items, progress, SIZE)
    return Inputs(found.numbers, cold_embeddings(found.X, project.settings.random_state))
