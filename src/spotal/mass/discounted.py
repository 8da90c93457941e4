"""Discount: a rule that has less effect the more the embedding was trained on the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Mass
from spotal.mass.held_out import likeness

__all__ = ["Discounted"]


class Discounted(Mass):
    """A rule whose masses are raised to the power of the likeness of labeled and unlabeled rows.

    A network trained on the labels moves labeled rows close to others of their class and away from unlabeled rows.
    Distances to labeled rows then contain no information beyond the network's probabilities. The likeness
    (:meth:`~.held_out.HeldOut.likeness`) is near 0 for such embeddings. It is 1, so that the rule has its full effect,
    for embeddings that were not trained on the labels, with fewer than 20 labels, or without class numbers.

    Notes
    -----
    Cost in addition to the rule: six regressions on at most 1,000 labels. :class:`~spotal.mass.Tempered` shares five of
    them.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Discounted, Evidence, LabelDistance
    >>> from spotal.pool import as_pool
    >>> evidence = Evidence(as_pool([[0.0], [1.0], [2.0]]), np.array([0]), np.array([0]))
    >>> Discounted(LabelDistance()).weigh(evidence).tolist()
    [0.0, 1.0, 2.0]
    """

    def __init__(self, rule: Mass) -> None:
        self.rule = rule

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the rule's masses to the power of the likeness, float64 (N,); zeros stay zero."""
        mass = self.rule.weigh(evidence)
        return np.where(mass > 0, mass ** likeness(evidence), 0.0)
