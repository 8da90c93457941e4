"""Mass by uncertainty: one minus the greatest class probability, to a power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.mass.base import Evidence, Power
from spotal.mass.probabilities import margins

__all__ = ["LeastConfidence"]


class LeastConfidence(Power):
    """((1 - greatest probability) / its largest value 1 - 1/classes)^power (Lewis and Gale 1994).

    If rows may have several classes, the mean over classes is used. All ones without probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, LeastConfidence
    >>> from spotal.pool import as_pool
    >>> p = np.array([[0.75, 0.25], [0.5, 0.5]])
    >>> LeastConfidence().weigh(Evidence(as_pool(np.eye(2)), np.empty(0, int), probabilities=p)).tolist()
    [0.5, 1.0]
    """

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return mass in [0, 1], float64 (N,). O(N c)."""
        if evidence.probabilities is None:
            return np.ones(len(evidence.pool))
        if evidence.multilabel:
            return np.asarray((1 - margins(evidence.probabilities, True)).clip(0, 1) ** self.power)
        most = 1 - 1 / max(2, evidence.probabilities.shape[1])
        top = evidence.probabilities.max(1).astype(np.float64)
        return np.asarray(((1 - top) / most).clip(0, 1) ** self.power)
