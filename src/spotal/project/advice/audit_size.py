"""Size of the audit sample: enough random answers for a useful interval at a limited cost."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt

from spotal.numeric.intervals import share_interval
from spotal.project.settings import Settings

__all__ = ["audit_answers", "suited", "widest_margin"]

LEAST_SHARE, MOST_SHARE, MOST_HELD_BACK = 0.05, 0.25, 0.5
_WANTED = 104
"""Number of answers for which the exact 95 % interval of any accuracy is at most 10 points wide on either side."""


def widest_margin(answers: int) -> float:
    """Return the largest half width of the exact 95 % interval of an accuracy from so many random answers.

    Examples
    --------
    >>> round(widest_margin(104), 2), round(widest_margin(12), 2)
    (0.1, 0.29)
    """
    if answers < 1:
        return 0.5
    low, high = share_interval(0.5, answers)
    return (high - low) / 2


def audit_answers(settings: Settings) -> int | None:
    """Return how many of the budget's items are audit items; None without a budget or if the budget is money."""
    if settings.budget is None or settings.limits.cost is not None:
        return None
    return int(settings.audit.share * (settings.budget // settings.overlap) + 1e-9)


def suited(settings: Settings, n_items: int) -> Settings:
    """Choose the audit's share of each batch and the share of items that is held back.

    The audit gets 104 answers, which estimate the accuracy to within 10 points, but at least 5 % and at most 25 % of
    the budget. A budget of 120 has 30 audit answers (19 points); a budget over 2,080 has more than 104. Enough items
    are held back for these answers, at most half of the ``n_items`` items. Without a budget, or if the budget is money,
    the settings are returned unchanged.

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
