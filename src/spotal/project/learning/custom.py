"""Custom: a person's own function that makes the model."""

from __future__ import annotations

import inspect
import os
import re
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spotal.errors import ModelError, one_line
from spotal.learner import Learner
from spotal.learner.base import is_multilabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spotal.project.learning.base import Inputs, Progress
    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["Custom", "is_reference"]

SIZE = 32


def is_reference(name: str) -> bool:
    """Whether a name has the form ``module:function``."""
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name) is not None and not name.startswith("timm:")


class Custom:
    """What ``module:function`` gives: anything that :func:`spotal.learner.as_learner` takes.

    The module is looked for in the project's folder, in the folder one is in, and among those installed. The function
    is given the number of classes, if it takes anything. Images have the height and width that the model has as
    ``image_size``, else 32.
    """

    def __init__(self, reference: str, folder: Path) -> None:
        self.reference, self.folder = reference, folder

    def make(self, n_classes: int) -> Any:
        """What the function gives. Raises ModelError."""
        home, _, name = self.reference.partition(":")
        places = [str(self.folder), os.getcwd()]
        sys.path[:0] = places
        try:
            function = getattr(import_module(home), name)
            return function(n_classes) if inspect.signature(function).parameters else function()
        except Exception as error:  # a person's code
            reason = one_line(error)
            raise ModelError(
                f"model {self.reference!r} cannot be made ({type(error).__name__}: {reason}); name a Python module "
                "that can be imported and a function in it, which may take the number of classes"
            ) from error
        finally:
            for place in places:
                sys.path.remove(place)

    def learner(self, X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
        """The learner around it; a plain torch module is trained as the function gives it. Raises ModelError.

        Where an item may have several classes (``many``), it may be a torch module, a scikit-learn classifier, or a
        Learner whose ``multilabel`` is True.
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
        """Images in the size that the model wants."""
        from spotal.project.learning import inputs

        made = self.make(len(project.settings.classes))
        sizes = (
            getattr(each, "image_size", None) for each in (made, getattr(made, "module", None))
        )  # skorch's is inside
        return inputs.images(project, items, progress, next((size for size in sizes if size), SIZE))
