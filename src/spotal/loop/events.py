"""Events of the labeling loop for observers, and the record of a round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spotal.learner import TrainingReport
    from spotal.selection import Selection

__all__ = [
    "Event",
    "Labeled",
    "Queried",
    "Round",
    "RoundFinished",
    "RoundStarted",
    "Trained",
    "TrainingProgress",
]


@dataclass(frozen=True)
class Round:
    """Record of one round.

    Attributes
    ----------
    number : int, from 0
    n_labeled : int, number of labels on which the round's model was trained, for which ``metrics`` were measured
    picks : int64 (k,), pool rows that were queried; none in the closing round
    metrics : dict of str to float, on the test data; empty without test data or labels
    timings : dict of str to float, seconds: train, embed, measure, query, label
    selection : Selection or None; None if no strategy chose the picks, and for rounds read from a state

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.loop import Round
    >>> Round(0, 20, np.array([4, 7]), {"accuracy": 0.8}).metrics
    {'accuracy': 0.8}
    """

    number: int
    n_labeled: int
    picks: NDArray[np.int64]
    metrics: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict, repr=False)
    selection: Selection | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RoundStarted:
    """A round begins."""

    number: int
    n_labeled: int
    n_unlabeled: int


@dataclass(frozen=True)
class TrainingProgress:
    """The learner finished an epoch; sent only for learners that report epochs."""

    number: int
    report: TrainingReport


@dataclass(frozen=True)
class Trained:
    """The learner was trained, and measured if there are test data."""

    number: int
    n_labeled: int
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Queried:
    """Rows were picked, but not yet labeled. ``source`` is "strategy", "random" or "given"; ``note`` gives the
    reason."""

    number: int
    picks: NDArray[np.int64]
    source: str
    note: str = ""


@dataclass(frozen=True)
class Labeled:
    """The oracle answered: rows and their labels, -1 for the ``n_skipped`` rows that got none."""

    number: int
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_skipped: int


@dataclass(frozen=True)
class RoundFinished:
    """A round is over."""

    round: Round


Event = RoundStarted | TrainingProgress | Trained | Queried | Labeled | RoundFinished
