"""Custom: a model that a user's own function makes."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spotal.embed.models.hub import imported
from spotal.errors import ModelError
from spotal.learner import Learner
from spotal.learner.base import is_multilabel

if TYPE_CHECKING:
    from spotal.project.learning.base import Inputs, Progress
    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["Custom"]

SIZE = 32
Made = Any
"""Any type of model that :func:`spotal.learner.as_learner` accepts."""


class Custom:
    """The model that ``module:function`` returns: any type that :func:`spotal.learner.as_learner` accepts.

    The module is searched in the project's folder, in the working directory, and among installed packages. The function
    may take the number of classes. The height and width of images is the model's ``image_size``, or 32.
    """

    def __init__(self, reference: str, folder: Path) -> None:
        self.reference, self.folder = reference, folder

    def make(self, n_classes: int) -> Made:
        """Call the function. Raises ModelError."""
        gives = "a Python module that can be imported and a function in it, which may take the number of classes"
        with imported(self.reference, str(self.folder), os.getcwd(), gives=gives) as function:
            made = function(n_classes) if inspect.signature(function).parameters else function()
        return made

    def learner(self, X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
        """Return the learner for the model. Raises ModelError.

        Every training of a plain torch module begins with a new module. With several classes per item (``many``), the
        function may return a torch module, a scikit-learn classifier, or a Learner whose ``multilabel`` is True.
        """
        from torch import nn

        from spotal.learner import TorchLearner, as_learner

        made = self.make(n_classes)
        if isinstance(made, nn.Module) and not hasattr(made, "training_step"):
            return TorchLearner(partial(self.make, n_classes), n_classes, multilabel=many, normalize_from=X)
        learner = as_learner(made, X, n_classes, multilabel=many)
        if is_multilabel(learner) != many:
            raise ModelError(
                f"model {self.reference!r} gives a learner for items of {'one class' if many else 'several classes'}, "
                f"found many = {str(many).lower()} in spotal.toml; give one whose multilabel is {many}"
            )
        return learner

    def images(self, project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
        """Read the images in the model's ``image_size``."""
        from spotal.project.learning import inputs

        made = self.make(len(project.settings.classes))
        inner = getattr(made, "module", None)  # of skorch
        size = getattr(made, "image_size", None) or getattr(inner, "image_size", None) or SIZE
        return inputs.images(project, items, progress, size)
