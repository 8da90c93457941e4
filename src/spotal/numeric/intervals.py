"""Confidence intervals: one for shares and one for means, used by everything that prints one."""

from __future__ import annotations

__all__ = ["CONFIDENCE", "half_width", "share_interval"]

CONFIDENCE = 0.95
"""Of every interval, unless somebody asks for another."""


def share_interval(share: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bound a share that was found in a random sample: Clopper and Pearson's exact interval.

    Parameters
    ----------
    share : float, from 0 to 1
    n : float, positive, size of the sample; of a weighted one the effective size, (sum of weights)^2 / (sum of their
        squares) or that of its variance
    confidence : float

    References
    ----------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934. With effective sizes: E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data", Survey Methodology 24(2), 1998.

    Examples
    --------
    >>> low, high = share_interval(0.95, 60)
    >>> round(low, 3), round(high, 3)
    (0.861, 0.99)
    """
    from scipy.special import betaincinv  # scipy.stats takes a moment to import

    tail = (1 - confidence) / 2
    ones, zeros = share * n, (1 - share) * n
    low = float(betaincinv(ones, zeros + 1, tail)) if ones > 0 else 0.0
    high = float(betaincinv(ones + 1, zeros, 1 - tail)) if zeros > 0 else 1.0
    return low, high


def half_width(standard_error: float, degrees: int, confidence: float = CONFIDENCE) -> float:
    """Half the width of Student's interval around a mean, whose standard error has so many degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2)) * standard_error
