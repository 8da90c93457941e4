"""Estimates of shares of the pool, with intervals, from a weighted random sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spotal.numeric.intervals import share_interval

__all__ = ["LEAST_AUDIT", "ShareEstimate", "estimate"]

LEAST_AUDIT = 10
"""Minimum number of audit labels for a forecast and for the classes' shares of the pool."""


@dataclass(frozen=True)
class ShareEstimate:
    """A share with its 95 % interval, estimated from n items."""

    value: float
    low: float
    high: float
    n: int


def estimate(hit: ArrayLike, weight: ArrayLike) -> ShareEstimate:
    """Estimate the share of the pool's items that have a property, for example that a model is right.

    Parameters
    ----------
    hit : bool (n,), n >= 1, whether each item of the sample has the property
    weight : (n,), positive, number of the pool's items that each item of the sample represents

    Notes
    -----
    Hajek's ratio estimate with Korn and Graubard's interval: :func:`~spotal.numeric.intervals.share_interval` for the
    effective sample size (sum of weights)^2 / (sum of their squares). It keeps its level in small samples.
    """
    true, w = np.asarray(hit, float), np.asarray(weight, float)
    value = float(np.average(true, weights=w))
    low, high = share_interval(value, float(w.sum() ** 2 / (w**2).sum()))
    return ShareEstimate(value, low, high, len(true))
