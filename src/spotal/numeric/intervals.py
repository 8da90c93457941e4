"""Confidence intervals for shares and for means."""

from __future__ import annotations

__all__ = ["CONFIDENCE", "half_width", "share_interval"]

CONFIDENCE = 0.95
"""Default confidence level."""


def share_interval(share: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Clopper and Pearson's exact interval for a share measured in a random sample.

    Parameters
    ----------
    share : float, from 0 to 1
    n : float, positive, sample size; for a weighted sample the effective size, from its variance or as
        (sum of weights)^2 / (sum of squared weights)
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
    """Return half the width of Student's interval around a mean, for the standard error's degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2)) * standard_error
