"""Discount: what a rule says by the embedding counts as far as the labels have not arranged that embedding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass
from spotal.mass.held_out import likeness

__all__ = ["Discounted"]


class Discounted(Mass):
    """Another rule to the power of the likeness of labeled and unlabeled rows.

    A network that is trained on the labels gathers them by class, away from every row that has none. Distances to
    labels then repeat, with the network's errors, what its probabilities say. The likeness
    (:meth:`~.held_out.HeldOut.likeness`) is 1 for embeddings that have not seen the labels, where the rule counts in
    full, and also with fewer than 20 labels or where classes are not known; near 0 where labels have arranged them.

    Notes
    -----
    Beyond the rule: six regressions on at most 1,000 labels, of which :class:`~spotal.mass.Tempered` shares five.
    """

    def __init__(self, rule: Mass) -> None:
        self.rule = rule

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """The rule's masses, nearer to one another; float64 (N,). What has no mass gets none."""
        mass = self.rule.weigh(evidence)
        return np.where(mass > 0, mass ** likeness(evidence), 0.0)
