"""Metrics of class probabilities against known labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.calibration import calibration_error

__all__ = ["score"]

BINS = 15
"""Bins of the calibration error."""


def score(probabilities: NDArray[Any], y: NDArray[np.int64]) -> dict[str, float]:
    """Score class probabilities against known labels.

    Parameters
    ----------
    probabilities : float (n, n_classes), rows sum to 1, n >= 1
    y : int (n,), classes 0 .. n_classes - 1

    Returns
    -------
    dict
        ``accuracy``; ``balanced_accuracy``, the mean recall of the classes in y; ``worst_class_recall``, the lowest
        recall of a class in y; ``log_loss``, the mean negative log-likelihood in nats (probabilities are clipped at
        1e-7); ``calibration_error``, the mean absolute difference of confidence and accuracy over bins of confidence.

    Notes
    -----
    O(n n_classes). The calibration error is :func:`~spotal.numeric.calibration.calibration_error` over 15 bins.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.learner import score
    >>> score(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]))["accuracy"]
    0.5
    """
    hit = probabilities.argmax(1) == y
    counts = np.bincount(y, minlength=probabilities.shape[1])
    recall = np.bincount(y, weights=hit, minlength=probabilities.shape[1])[counts > 0] / counts[counts > 0]
    likelihood = probabilities[np.arange(len(y)), y].astype(np.float64)
    return {
        "accuracy": float(hit.mean()),
        "balanced_accuracy": float(recall.mean()),
        "worst_class_recall": float(recall.min()),
        "log_loss": float(-np.log(np.clip(likelihood, 1e-7, 1.0)).mean()),
        "calibration_error": calibration_error(probabilities.max(1).astype(np.float64), hit, BINS),
    }
