"""Margins and class shares of class probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_shares", "margins"]


def margins(probabilities: NDArray[np.floating], multilabel: bool = False) -> NDArray[np.float64]:
    """Return the difference of each row's two greatest probabilities, float64 (N,); 1 with a single class. O(N c).

    With ``multilabel`` the margin of each class is |2 p - 1|, and the mean over classes is returned (A. Esuli,
    F. Sebastiani, "Active learning strategies for multi-label text classification", ECIR 2009, section 3, the average
    over classes).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import margins
    >>> margins(np.array([[0.75, 0.25], [0.5, 0.5]])).tolist()
    [0.5, 0.0]
    """
    if multilabel:
        return np.asarray(np.abs(2 * probabilities.astype(np.float64) - 1).mean(1))
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0], dtype=np.float64)


def class_shares(probabilities: NDArray[np.floating], sample_weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the share of the pool that a model expects in each class: its mean probabilities, float64 (c,) of sum 1.

    Parameters
    ----------
    probabilities : (N, c); sample_weight : float64 (N,), not all zero, or None for equal weights

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import class_shares
    >>> class_shares(np.array([[1.0, 0.0], [0.5, 0.5]]), None).tolist()
    [0.75, 0.25]
    """
    weight = sample_weight if sample_weight is not None and sample_weight.any() else None
    mean = np.average(probabilities.astype(np.float64).clip(0), axis=0, weights=weight)
    total = mean.sum()
    return np.asarray(mean / total if total > 0 else np.full(len(mean), 1 / len(mean)))
