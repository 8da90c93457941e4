"""Shares of the pool, estimated from a weighted random sample, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spotal.numeric.intervals import share_interval

__all__ = ["LEAST_AUDIT", "ShareEstimate", "estimate"]

LEAST_AUDIT = 10
"""Audit labels from which on a forecast and the classes' shares of the pool are shown."""


@dataclass(frozen=True)
class ShareEstimate:
    """A share with its 95 % interval, from n items."""

    value: float
    low: float
    high: float
    n: int


def estimate(hit: ArrayLike, weight: ArrayLike) -> ShareEstimate:
    """Estimate the share of the pool for which something holds, such as that a model is right.

    Parameters
    ----------
    hit : bool (n,), n >= 1, whether it holds for each of the sample's items
    weight : (n,), positive, the number of the pool's items that each stands for

    Notes
    -----
    Hajek's ratio estimate; the interval is Korn and Graubard's, :func:`~spotal.numeric.intervals.share_interval` with
    the effective sample size (sum of weights)^2 / (sum of their squares), which keeps its level in small samples.
    """
    true, w = np.asarray(hit, float), np.asarray(weight, float)
    value = float(np.average(true, weights=w))
    low, high = share_interval(value, float(w.sum() ** 2 / (w**2).sum()))
    return ShareEstimate(value, low, high, len(true))
