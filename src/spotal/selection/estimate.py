"""Estimate of a pool's mean from its picks, as a weighted, stratified sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.intervals import half_width, share_interval

__all__ = ["Estimate", "Sampling", "collapse", "estimate_mean"]

STRATUM = 3
"""Maximum size of a collapsed stratum (minimum 2)."""
STEPS = 20
"""Steps of power iteration: an approximate direction of spread is enough."""


@dataclass(frozen=True)
class Sampling:
    """Weights and strata of n picks as a sample of a pool.

    Attributes
    ----------
    weight : float64 (n,), weight of each pick's value in the mean
    stratum : int64 (n,), number of each pick's stratum; the error is estimated from the differences of values within a
        stratum
    probability : float64 (n,), probability with which each pick was drawn; None if picks were not drawn at random

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.selection import Sampling
    >>> Sampling(weight=np.array([0.25, 0.75]), stratum=np.array([0, 0])).probability is None
    True
    """

    weight: NDArray[np.float64]
    stratum: NDArray[np.int64]
    probability: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Estimate:
    """An estimate of a pool's mean.

    Attributes
    ----------
    mean, standard_error : float
    low, high : float, confidence interval
    confidence : float
    n : int, number of values
    effective_size : float, number of random labels with the same standard error; itself an estimate
    random_error : float, standard error of the mean of n random labels
    unbiased : bool, whether picks were drawn with known probabilities

    Examples
    --------
    >>> import numpy as np, spotal
    >>> pool = np.arange(100.0)[:, None]
    >>> picks = spotal.select(pool, 10, "random", random_state=0)
    >>> estimate = picks.estimate(pool[picks.indices, 0])
    >>> estimate.unbiased, bool(estimate.low < 49.5 < estimate.high)
    (True, True)
    """

    mean: float
    standard_error: float
    low: float
    high: float
    confidence: float
    n: int
    effective_size: float
    random_error: float
    unbiased: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def estimate_mean(values: ArrayLike, sampling: Sampling, confidence: float = 0.95) -> Estimate:
    """Return the weighted mean of ``values`` (n,) with its error, see ``Selection.estimate``. O(n)."""
    y, a, stratum = _checked(values, sampling, confidence), sampling.weight, sampling.stratum
    n, drawn = len(y), sampling.probability is not None
    probability = np.zeros(n) if sampling.probability is None else sampling.probability
    rows = float((1 / probability).sum()) if drawn else np.inf
    size = np.bincount(stratum)
    inside = (np.bincount(stratum, weights=y) / size.clip(1))[stratum]
    # rows near a pick vary as the picks of its stratum do; a pick that is its whole cell has no error
    spread = size[stratum] / (size[stratum] - 1).clip(1) * (y - inside) ** 2
    variance = float(((1 - probability) * a**2) @ spread)
    mean = float(a @ y)
    scatter = float(a @ (y - mean) ** 2) + variance  # the pool's own variance
    scatter *= rows / (rows - 1) if 1 < rows < np.inf else 1.0
    like_random = scatter * (1 / n - 1 / max(rows, n))  # variance of the mean of n distinct random labels
    share = variance / scatter + 1 / rows if scatter > 0 else 1 / n
    low, high = _interval(mean, variance, y, max(1, n - int((size > 0).sum())), confidence)
    return Estimate(
        mean=mean,
        standard_error=float(np.sqrt(variance)),
        low=low,
        high=high,
        confidence=float(confidence),
        n=n,
        effective_size=1 / share if share > 0 else float("inf"),
        random_error=float(np.sqrt(like_random)),
        unbiased=drawn,
    )


def _checked(values: ArrayLike, sampling: Sampling, confidence: float) -> NDArray[np.float64]:
    n = len(sampling.weight)
    y = as_array(values, "values")
    if y.shape != (n,):
        raise InputError("values", must=f"have shape ({n},), one for each pick in its order", found=f"shape {y.shape}")
    if y.dtype.kind not in "fiub":
        raise InputError(
            "values",
            must="be numbers",
            found=f"dtype {y.dtype}",
            remedy="give 1 where a statement is true and 0 elsewhere",
        )
    y = y.astype(np.float64)
    if not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise InputError(
            "values", must="be finite", found=f"{y[row]} at position {row}", remedy="every pick needs its value"
        )
    if n < 2:
        raise InputError("values", must="be 2 at least for an error bar", found=n, remedy="pick more rows")
    if not 0 < confidence < 1:
        raise InputError("confidence", must="lie between 0 and 1", found=repr(confidence), remedy="0.95 is usual")
    return y


def _interval(
    mean: float, variance: float, y: NDArray[np.float64], degrees: int, confidence: float
) -> tuple[float, float]:
    """Return Student's interval; if all values are 0 or 1, Korn and Graubard's, also valid if all are equal."""
    if not np.isin(y, (0, 1)).all():
        half = half_width(float(np.sqrt(variance)), degrees, confidence)
        return mean - half, mean + half
    n, p = len(y), min(max(mean, 0.0), 1.0)
    ratio = half_width(1.0, n - 1, confidence) / half_width(1.0, degrees, confidence)
    return share_interval(p, (p * (1 - p) / variance if variance > 0 else n) * ratio**2, confidence)


def collapse(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """Group points (n, d) into strata of 2 or 3, int64 (n,), by halving along the direction of greatest spread.

    O(n d log n). Up to 3 points form one stratum.
    """
    stratum = np.zeros(len(points), np.int64)
    x = np.asarray(points, np.float64)
    waiting, count = [np.arange(len(x))], 0
    while waiting:
        rows = waiting.pop()
        if len(rows) <= STRATUM:
            stratum[rows] = count
            count += 1
            continue
        part = x[rows] - x[rows].mean(0)
        part /= np.abs(part).max() or 1.0
        direction = part[np.square(part).sum(1).argmax()]
        for _ in range(STEPS):
            direction = part.T @ (part @ direction)
            direction = direction / (np.linalg.norm(direction) or 1.0)
        order = rows[np.argsort(part @ direction, kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return stratum
