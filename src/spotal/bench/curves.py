"""Statistics of learning curves: area under them, labels needed to reach a level, intervals over seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["area", "bootstrap", "labels_to_reach", "saving"]

DRAWS = 2_000


def area(asked: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Compute the mean height of curves over the labels bought, by the trapezoid rule.

    Parameters
    ----------
    asked : (k,), number of labels at each measurement, ascending, k >= 2
    values : (..., k)

    Returns
    -------
    float64 (...), 1 for a curve that is 1 everywhere
    """
    x, y = np.asarray(asked, float), np.asarray(values, float)
    return np.asarray(np.trapezoid(y, x, axis=-1) / (x[-1] - x[0]), np.float64)


def labels_to_reach(asked: ArrayLike, values: ArrayLike, level: float) -> float | None:
    """Return the number of labels at which a curve (k,) first reaches ``level``, or None if it never does.

    Interpolates linearly between measurements. A curve that starts at or above the level gives ``asked[0]``.
    """
    x, y = np.asarray(asked, float), np.asarray(values, float)
    above = np.flatnonzero(y >= level)
    if not above.size:
        return None
    k = int(above[0])
    if k == 0:
        return float(x[0])
    return float(x[k - 1] + (x[k] - x[k - 1]) * (level - y[k - 1]) / (y[k] - y[k - 1]))


def saving(asked: ArrayLike, own: ArrayLike, base: ArrayLike) -> float | None:
    """Compute the share of the baseline's labels that a strategy saves when it matches the baseline's final value.

    Parameters
    ----------
    own, base : (k,), mean curves

    Returns
    -------
    float below 1, or None
        1 - (own labels at the baseline's final value) / (labels at which the baseline first reached that value). None
        if the own curve never reaches it.
    """
    level = float(np.asarray(base, float)[-1])
    needed, spent = labels_to_reach(asked, own, level), labels_to_reach(asked, base, level)
    return None if needed is None or spent is None else 1 - needed / spent


def bootstrap(values: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> tuple[list[float], list[float]]:
    """Compute a percentile bootstrap interval of the mean over seeds, for each column.

    Parameters
    ----------
    values : (seeds, k)

    Returns
    -------
    low, high : lists of k numbers; both the value itself with one seed

    Notes
    -----
    ``scipy.stats.bootstrap`` with 2,000 resamples of whole seeds. With five seeds or fewer, the interval is narrower
    than a Student interval, so tests use :mod:`spotal.bench.compare` instead.
    """
    runs = np.asarray(values, float)
    if len(runs) < 2:
        return runs.mean(0).tolist(), runs.mean(0).tolist()
    from scipy import stats

    options = {"n_resamples": DRAWS, "confidence_level": confidence, "method": "percentile", "random_state": seed}
    interval = stats.bootstrap((runs,), np.mean, axis=0, vectorized=True, **options).confidence_interval
    return interval.low.tolist(), interval.high.tolist()
