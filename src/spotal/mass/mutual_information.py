"""Mass by disagreement: mutual information between a row's label and the model's draws (BALD), to a power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Power
from spotal.mass.entropy import entropies

__all__ = ["MutualInformation", "disagreement"]

BLOCK_ENTRIES = 1 << 15
"""Number of probabilities in a block."""


def disagreement(draws: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the entropy of the mean and the mean entropy of draws (N, classes, draws); float64 (N,) each, in nats.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import disagreement
    >>> total, within = disagreement(np.array([[[1.0, 0.0], [0.0, 1.0]]]))
    >>> total.round(3).tolist(), within.round(3).tolist()
    ([0.693], [0.0])
    """
    total, own = np.empty(len(draws)), np.empty(len(draws))
    rows = max(1, BLOCK_ENTRIES // max(1, draws[0].size))
    for start in range(0, len(draws), rows):
        part = draws[start : start + rows].astype(np.float64).clip(0, 1)
        total[start : start + rows] = entropies(part.mean(2))
        own[start : start + rows] = entropies(part).mean(1)
    return total, own


class MutualInformation(Power):
    """(mutual information / log of the number of classes)^power, from draws of an ensemble or of dropout.

    All ones without draws.

    References
    ----------
    N. Houlsby, F. Huszár, Z. Ghahramani, M. Lengyel, "Bayesian active learning for classification and preference
    learning", 2011, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, MutualInformation
    >>> from spotal.pool import as_pool
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> MutualInformation().weigh(Evidence(as_pool(np.eye(2)), np.empty(0, int), draws=draws)).round(3).tolist()
    [0.0, 1.0]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass in [0, 1], float64 (N,). O(N c draws)."""
        if evidence.draws is None:
            return np.ones(len(evidence.pool))
        total, own = disagreement(evidence.draws)
        most = np.log(max(2, evidence.draws.shape[1]))
        return np.asarray(((total - own) / most).clip(0, 1) ** self.power)
