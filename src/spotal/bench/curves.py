"""Learning curves in numbers: area under them, labels needed to reach a level, intervals over seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["area", "bootstrap", "labels_to_reach", "saving"]

DRAWS = 2_000


def area(asked: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Normalized area under curves: the mean height over the labels bought, by the trapezoid rule.

    Parameters
    ----------
    asked : (k,), labels asked for at each measurement, ascending, k >= 2
    values : (..., k)

    Returns
    -------
    float64 (...), 1 for a curve that is 1 everywhere
    """
    x, y = np.asarray(asked, float), np.asarray(values, float)
    found: NDArray[np.float64] = np.asarray(np.trapezoid(y, x, axis=-1) / (x[-1] - x[0]))
    return found


def labels_to_reach(asked: ArrayLike, values: ArrayLike, level: float) -> float | None:
    """Labels at which a curve (k,) first reaches a level, between two measurements on a straight line; None if never.

    A curve that begins at or above the level needs at most ``asked[0]``, and that is the answer.
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
    """Share of the baseline's labels that are saved to be as good as the baseline at its end.

    Parameters
    ----------
    own, base : (k,), mean curves

    Returns
    -------
    float below 1, or None
        1 - (own labels at the baseline's last height) / (the baseline's own labels at that height, or fewer where it
        was as high before). None where the own curve never gets there: more labels are needed than were bought.
    """
    level = float(np.asarray(base, float)[-1])
    needed, spent = labels_to_reach(asked, own, level), labels_to_reach(asked, base, level)
    return None if needed is None or spent is None else 1 - needed / spent


def bootstrap(values: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> tuple[list[float], list[float]]:
    """Percentile bootstrap interval of the mean over seeds, for each column.

    Parameters
    ----------
    values : (seeds, k)

    Returns
    -------
    low, high : lists of k numbers; both the value itself with one seed

    Notes
    -----
    ``scipy.stats.bootstrap`` with 2,000 draws, whole seeds drawn. With five seeds or fewer it is narrower than a
    Student interval: tests are done by other means (:mod:`spotal.bench.compare`).
    """
    found = np.asarray(values, float)
    if len(found) < 2:
        return found.mean(0).tolist(), found.mean(0).tolist()
    from scipy import stats

    options = {"n_resamples": DRAWS, "confidence_level": confidence, "method": "percentile", "random_state": seed}
    done = stats.bootstrap((found,), np.mean, axis=0, vectorized=True, **options)
    interval = done.confidence_interval
    return interval.low.tolist(), interval.high.tolist()
