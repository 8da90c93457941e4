"""Calibration error: the difference between a model's confidence and its accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["calibration_error"]


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int) -> float:
    """Compute the expected calibration error over ``bins`` bins of equal width, [lower, upper).

    Rows are binned by confidence. The error is the mean of |accuracy - mean confidence|, weighted by the bins' sizes.

    Parameters
    ----------
    confidence : float64 (n,), probability of each row's likeliest class; right : bool (n,); n >= 1

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015.
    """
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(
        index, weights=confidence - right, minlength=bins
    )  # sums over rows: each bin is weighted by its size
    return float(np.abs(gap).sum() / len(confidence))
