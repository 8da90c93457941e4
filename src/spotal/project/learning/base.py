"""Recipe: how a project's items become a model's inputs, and the learner that is trained on them."""

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
"""Told what is done, how much of it, and of how much where that is known."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a model sees of the items.

    numbers : int64 (n,), of the items that could be read, ascending; X : (n, ...), their rows
    """

    numbers: NDArray[np.int64]
    X: NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """A kind of model.

    name : str, for records
    inputs : from a project, items in the order of their numbers, and Progress, to Inputs; works out only what is new
    learner : from inputs, the number of classes, and whether an item may have several, to a Learner, not fitted
    cold : from inputs and a seed to embeddings (n, d) for the time before there are labels
    keeps_cold : bool, whether rows are compared by these embeddings after training too. So it is where they come from
        a pretrained network and the learner is trained as a whole: labels have not changed them
    check : loads what it needs, to find out whether it can be had; raises ModelError and DataFileError
    """

    name: str
    inputs: Callable[[Project, Sequence[Item], Progress], Inputs]
    learner: Callable[[NDArray[Any], int, bool], Learner]
    cold: Callable[[NDArray[Any], int], NDArray[Any]]
    check: Callable[[], object] = lambda: None
    keeps_cold: bool = False
