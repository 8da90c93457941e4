"""Calibration error: by how much a model's confidence and its accuracy differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["calibration_error"]


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int) -> float:
    """Compute the expected calibration error over ``bins`` bins of equal width, [lower, upper).

    Rows are binned by confidence, and |accuracy - mean confidence| is averaged, each bin weighted by its share of rows.

    Parameters
    ----------
    confidence : float64 (n,), probability of each row's likeliest class; right : bool (n,); n >= 1

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015.
    """
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(index, weights=confidence - right, minlength=bins)  # sums, so a bin's share is in it
    return float(np.abs(gap).sum() / len(confidence))
