"""Recipe: the conversion of a project's items to a model's inputs, and the learner that is trained on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.learner import Learner

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["Inputs", "Progress", "Recipe"]

Progress = Callable[[str, int, "int | None"], object]
"""Called with the name of the present step, the amount done, and the total amount or None if that is unknown."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The items as inputs of a model.

    numbers : int64 (n,), numbers of the readable items, ascending; X : (n, ...), their rows
    """

    numbers: NDArray[np.int64]
    X: NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """A kind of model.

    name : str, for records
    inputs : function of a project, items in the order of their numbers, and Progress, returns Inputs; cached
    learner : function of inputs, the number of classes, and whether an item may have several; returns an unfitted
        Learner
    cold : function of inputs and a seed, returns embeddings (n, d) to use before there are labels
    check : function that loads the model, to test whether it is available; raises ModelError and DataFileError
    keeps_cold : bool, whether rows are compared by the ``cold`` embeddings after training too, as for fine-tuned
        networks
    """

    name: str
    inputs: Callable[[Project, Sequence[Item], Progress], Inputs]
    learner: Callable[[NDArray[Any], int, bool], Learner]
    cold: Callable[[NDArray[Any], int], NDArray[Any]]
    check: Callable[[], object] = lambda: None
    keeps_cold: bool = False
