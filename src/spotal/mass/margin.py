"""Mass by uncertainty: one minus the margin between the two most probable classes, to a power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass

__all__ = ["Margin", "margins"]


def margins(probabilities: NDArray[np.floating], multilabel: bool = False) -> NDArray[np.float64]:
    """Difference between the two greatest probabilities of each row; 1 with a single class. float64 (N,), O(N c).

    Of rows that may have several classes (``multilabel``) each class is a question with two answers, whose margin is
    |2 p - 1|, and the mean over classes is taken (A. Esuli, F. Sebastiani, "Active learning strategies for multi-label
    text classification", ECIR 2009, section 3, the average over classes).
    """
    if multilabel:
        return np.asarray(np.abs(2 * probabilities.astype(np.float64) - 1).mean(1))
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0], dtype=np.float64)


class Margin(Mass):
    """(1 - margin)^power (Scheffer, Decomain and Wrobel 2001); all ones while there are no probabilities."""

    def __init__(self, power: float = 2.0) -> None:
        self.power = power

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Mass in [0, 1]; float64 (N,)."""
        if evidence.probabilities is None:
            return np.ones(len(evidence.pool))
        return np.asarray((1 - margins(evidence.probabilities, evidence.multilabel)).clip(0, 1) ** self.power)
