"""Accuracy over the pool, estimated from a weighted random sample, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["CONFIDENCE", "Estimate", "estimate"]

CONFIDENCE = 0.95
"""Of all intervals."""


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval, from n items."""

    value: float
    low: float
    high: float
    n: int


def estimate(right: ArrayLike, weight: ArrayLike) -> Estimate:
    """The share of the pool on which a model is right.

    Parameters
    ----------
    right : bool (n,), n >= 1, of the sample's items
    weight : (n,), positive, the number of the pool's items that each stands for

    Notes
    -----
    Hajek's ratio estimate; the interval is Clopper and Pearson's with the effective sample size
    (sum of weights)^2 / (sum of their squares), which keeps its level in small samples.

    References
    ----------
    E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 24(2), 1998.
    """
    from scipy.stats import beta

    hit, w = np.asarray(right, float), np.asarray(weight, float)
    value = float(np.average(hit, weights=w))
    n = float(w.sum() ** 2 / (w**2).sum())
    x, tail = value * n, (1 - CONFIDENCE) / 2
    low = 0.0 if x <= 0 else float(beta.ppf(tail, x, n - x + 1))
    high = 1.0 if x >= n else float(beta.ppf(1 - tail, x + 1, n - x))
    return Estimate(value, low, high, len(hit))
