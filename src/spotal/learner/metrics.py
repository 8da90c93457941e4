"""Metrics of class probabilities against known labels, of one class or of several."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.calibration import calibration_error

__all__ = ["f1_scores", "score", "score_sets"]

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


def f1_scores(
    guess: NDArray[np.bool_], y: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    """Compute micro F1, macro F1 and the F1 of each class, (n_classes,), NaN for a class in neither guess nor y.

    Parameters
    ----------
    guess, y : bool (n, n_classes); weight : float64 (n,), of the rows

    Notes
    -----
    F1 = 2 tp / (2 tp + fp + fn). Micro F1 counts over all classes; macro F1 is the mean over classes in y, 0 without
    any.
    """
    both = weight @ (guess & y)
    all_ = weight @ guess + weight @ y
    each = np.divide(2 * both, all_, out=np.full(len(both), np.nan), where=all_ > 0)
    there = y.any(0)
    micro = float(2 * both.sum() / all_.sum()) if all_.sum() > 0 else 0.0
    return micro, float(each[there].mean()) if there.any() else 0.0, each


def score_sets(
    probabilities: NDArray[Any], y: NDArray[np.int64], weight: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Score probabilities of each class against known sets of classes. A class is predicted if its probability is >=
    1/2.

    Parameters
    ----------
    probabilities : float (n, n_classes) in [0, 1], n >= 1, a column for each class
    y : int (n, n_classes), 0 and 1
    weight : float64 (n,), positive weights of the rows; None for equal weights

    Returns
    -------
    dict
        ``accuracy``, the share of rows with all classes right (subset accuracy); ``class_accuracy``, the share of pairs
        of a row and a class that are right (1 - Hamming loss); ``micro_f1``, ``macro_f1`` (:func:`f1_scores`);
        ``balanced_accuracy``, the mean over classes of half of recall and specificity; ``mean_average_precision``, the
        mean over classes of average precision; ``log_loss``, the mean binary log loss over pairs, in nats
        (probabilities are clipped at 1e-7); ``calibration_error``, over pairs. Means over classes exclude classes that
        no row has and, for balanced accuracy, classes that all rows have. If no class remains, the mean is 0.

    References
    ----------
    M.-L. Zhang, Z.-H. Zhou, "A review on multi-label learning algorithms", IEEE TKDE 26(8), 2014, section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.learner import score_sets
    >>> score_sets(np.array([[0.9, 0.8], [0.2, 0.6]]), np.array([[1, 1], [1, 1]]))["class_accuracy"]
    0.75
    """
    from sklearn.metrics import average_precision_score

    p, true = probabilities.astype(np.float64), y.astype(bool)
    w = np.ones(len(p)) if weight is None else weight
    guess = p >= 0.5
    right = guess == true
    micro, macro, _ = f1_scores(guess, true, w)
    some = true.any(0)
    mixed = np.flatnonzero(some & ~true.all(0))
    balanced = []
    for k in mixed:
        has = true[:, k]
        recall, specificity = np.average(guess[has, k], weights=w[has]), np.average(right[~has, k], weights=w[~has])
        balanced.append((recall + specificity) / 2)
    precision = [average_precision_score(true[:, k], p[:, k], sample_weight=w) for k in np.flatnonzero(some)]
    likelihood = np.where(true, p, 1 - p).clip(1e-7, 1.0)
    sure = np.maximum(p, 1 - p)
    return {
        "accuracy": float(np.average(right.all(1), weights=w)),
        "class_accuracy": float(np.average(right.mean(1), weights=w)),
        "micro_f1": micro,
        "macro_f1": macro,
        "balanced_accuracy": float(np.mean(balanced)) if balanced else 0.0,
        "mean_average_precision": float(np.mean(precision)) if precision else 0.0,
        "log_loss": float(np.average(-np.log(likelihood).mean(1), weights=w)),
        "calibration_error": calibration_error(sure.ravel(), right.ravel(), BINS),
    }
