"""The size of the audit sample: enough random answers for a useful interval, and what they cost."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt

from spotal.numeric.intervals import share_interval
from spotal.project.settings import Settings

__all__ = ["audit_answers", "suited", "widest_margin"]

HALF_WIDTH = 0.1
"""Half of the interval of the accuracy that is aimed for."""
LEAST_SHARE, MOST_SHARE, MOST_HELD_BACK = 0.05, 0.25, 0.5
_WANTED = 104
"""Answers from which on the exact 95 % interval reaches at most 10 points to either side, whatever the accuracy."""


def widest_margin(answers: int) -> float:
    """Return the half width of the exact 95 % interval of an accuracy of one half, the widest there is.

    Parameters
    ----------
    answers : int, random answers; 0 gives 0.5

    Examples
    --------
    >>> round(widest_margin(104), 2), round(widest_margin(12), 2)
    (0.1, 0.3)
    """
    if answers < 1:
        return 0.5
    low, high = share_interval(0.5, answers)
    return (high - low) / 2


def audit_answers(settings: Settings) -> int | None:
    """Return how many of the budget's items are asked about for the audit; None without a budget, or where it is money.

    The same number of answers is asked for ``settings.overlap`` times.
    """
    if settings.budget is None or settings.limits.cost is not None:
        return None
    return int(settings.audit.share * (settings.budget // settings.overlap) + 1e-9)


def suited(settings: Settings, n_items: int) -> Settings:
    """Choose the audit's share of each batch, and the share of the items that is held back for it.

    The rule: 104 random answers bound the accuracy to 10 points to either side. They take 5 to 25 % of the budget, so
    that a small budget is not spent on measuring: 120 answers have 30 for the audit, which bound it to 19 points; more
    than 2,080 answers have more than 104. Enough items are held back that the audit does not run out of them, half of
    the items at most. Without a budget, or with one of money, the settings come back as they are.

    Parameters
    ----------
    settings : Settings
    n_items : int, items that the project begins with

    Examples
    --------
    >>> from spotal.project import Data, Settings
    >>> settings = suited(Settings(Data("photos"), ("cat", "dog"), budget=500), 2_000)
    >>> settings.audit.share, settings.audit.held_back, audit_answers(settings)
    (0.21, 0.1, 105)
    """
    if settings.budget is None or settings.limits.cost is not None:
        return settings
    items = min(n_items, settings.budget // settings.overlap)
    share = min(MOST_SHARE, max(LEAST_SHARE, ceil(100 * _WANTED / max(1, items)) / 100))
    wanted = share * items
    needed = (wanted + 3 * sqrt(wanted)) / max(1, n_items)  # the number held back is random
    held_back = min(MOST_HELD_BACK, max(settings.audit.held_back, ceil(100 * needed) / 100))
    return replace(settings, audit=replace(settings.audit, share=share, held_back=held_back))
