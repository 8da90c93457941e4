"""Choice of the model: the recipe for its name in spotal.toml, and the replacement of the name "auto"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spotal.embed.models.hub import is_reference
from spotal.errors import ModelError
from spotal.learner import Learner
from spotal.learner.cold import cold_embeddings
from spotal.learner.sklearn_learner import linear_probe
from spotal.project.learning import inputs
from spotal.project.learning.base import Inputs, Progress, Recipe
from spotal.project.learning.custom import Custom
from spotal.project.learning.fine_tune import fine_tune
from spotal.project.learning.frozen import Frozen

if TYPE_CHECKING:
    from spotal.embed.automatic import Automatic
    from spotal.project.project import Project
    from spotal.project.records import Item
    from spotal.project.settings import Settings

__all__ = ["recipe_for", "resolve"]

SIZE = 32
"""Height and width of images for networks that are made for small images."""
STEPS = {"small-cnn": 500, "resnet18": 1_000}
"""Minimum number of optimizer steps of a training: for two cores, or a GPU for "resnet18"."""
TUNE = "fine-tune:"
BUILT_IN = ("auto", "built-in")


def resolve(settings: Settings, tell: Callable[[str], object] | None = None) -> tuple[Settings, Automatic | None]:
    """Replace the model "auto" by the best model that is available on this machine.

    Returns the new settings, and the choice: None if the settings already name a model or the items are embeddings.
    The name of a pretrained encoder includes its revision, so that later rounds never compare vectors of two encoders.
    ``tell`` is called with a sentence before a download.
    """
    if settings.model != "auto":
        return settings, None
    if settings.data.kind == "embedding":
        return replace(settings, model="built-in"), None
    from spotal.embed.automatic import choose_model

    choice = choose_model("images" if settings.data.kind == "image" else "text", tell=tell)
    return replace(settings, model=choice.model or "built-in"), choice


def recipe_for(settings: Settings, folder: Path) -> Recipe:
    """Return the recipe for ``model`` of spotal.toml, for a project in ``folder``. Loads nothing.

    ``model`` is one of

    - ``built-in``: a linear probe on the project's embeddings, on principal components of small copies of its images,
      or on principal directions of its texts' TF-IDF. ``auto`` in a spotal.toml means the same, because "auto" is
      replaced when the project is created (:func:`spotal.project.learning.resolve`);
    - ``small-cnn``, ``resnet18``: a network for small images, trained from random weights;
    - the name or folder of a pretrained model: a linear probe on its features, see
      :class:`~spotal.embed.TorchEmbedder`; with the prefix ``fine-tune:`` the whole model is trained;
    - ``module:function``: see :class:`Custom`. Texts are passed as the features of ``built-in``.

    Raises
    ------
    ModelError
        The model does not support the project's kind of items.
    """
    name, kind = settings.model, settings.data.kind
    plain = {"image": _pixels, "text": inputs.tfidf, "embedding": inputs.matrix}[kind]
    if name in BUILT_IN:
        title = {"image": "pixels, linear probe", "text": "words, linear probe", "embedding": "linear probe"}[kind]
        return Recipe(title, plain, linear_probe, _unchanged)
    if is_reference(name):
        custom = Custom(name, folder)
        ready = partial(custom.make, len(settings.classes))
        return Recipe(name, custom.images if kind == "image" else plain, custom.learner, cold_embeddings, ready)
    if name in STEPS:
        if kind != "image":
            raise ModelError(f"model {name!r} takes images, found a project of kind {kind!r}; take 'built-in'")
        return Recipe(name, partial(inputs.images, size=SIZE), partial(_network, name), cold_embeddings)
    if name.startswith(TUNE):
        return fine_tune(name.removeprefix(TUNE), kind, folder)
    if kind == "embedding":
        raise ModelError(f"model {name!r} embeds images or texts, found embeddings; take 'built-in' or module:function")
    frozen = Frozen(name, kind, folder)
    return Recipe(f"{frozen.title}, linear probe", frozen, linear_probe, _unchanged, frozen.load)


def _unchanged(X: NDArray[Any], random_state: int) -> NDArray[Any]:
    return X


def _network(name: str, X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
    from spotal.learner import TorchLearner, networks

    network = networks.get(name, 3, n_classes)
    return TorchLearner(network, n_classes, multilabel=many, min_steps=STEPS[name], normalize_from=X)


def _pixels(project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """Return principal components of small copies of the images."""
    small = inputs.images(project, items, progress, SIZE)
    return Inputs(small.numbers, cold_embeddings(small.X, project.settings.random_state))
