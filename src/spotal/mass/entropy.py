"""Mass by uncertainty: the entropy of the class probabilities, to a power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Power

__all__ = ["Entropy", "entropies"]


def entropies(probabilities: NDArray[np.floating], multilabel: bool = False) -> NDArray[np.float64]:
    """Return the Shannon entropy in nats along axis 1, float64. O(N c).

    With ``multilabel``, it is the mean over classes of the entropy of having the class or not.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import entropies
    >>> entropies(np.array([[1.0, 0.0], [0.5, 0.5]])).round(3).tolist()
    [0.0, 0.693]
    """
    if multilabel:
        return np.asarray((entropies(probabilities) + entropies(1 - probabilities)) / probabilities.shape[1])
    p = probabilities.astype(np.float64).clip(0, 1)
    return np.asarray(-(p * np.log(p.clip(1e-300))).sum(1)).clip(0)


class Entropy(Power):
    """(entropy / its largest value)^power (Shannon 1948); all ones without probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Entropy, Evidence
    >>> from spotal.pool import as_pool
    >>> p = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> Entropy().weigh(Evidence(as_pool(np.eye(2)), np.empty(0, int), probabilities=p)).tolist()
    [0.0, 1.0]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass in [0, 1], float64 (N,)."""
        if evidence.probabilities is None:
            return np.ones(len(evidence.pool))
        most = np.log(2 if evidence.multilabel else max(2, evidence.probabilities.shape[1]))
        return np.asarray((entropies(evidence.probabilities, evidence.multilabel) / most).clip(0, 1) ** self.power)
