"""Prices of labels and quotas of groups over the rounds of a loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.constraints.check import check_limits
from spotal.constraints.limits import Limits
from spotal.errors import BudgetError

__all__ = ["RoundLimits"]


class RoundLimits:
    """What one round may ask for, of n rows; ``cost``, ``groups`` and ``max_per_group`` as for ``Strategy.query``.

    Raises InputError and BudgetError, which names ``batch_size``, the money of a round where rows have a price.
    """

    def __init__(self, n: int, batch_size: Any, cost: Any, groups: Any, max_per_group: Any) -> None:
        self.priced, self._max_per_group = cost is not None, max_per_group
        self._limits: Limits | None = None
        if cost is None and groups is None and max_per_group is None:
            return
        none = np.empty(0, np.int64)
        try:
            limits = check_limits(batch_size if self.priced else 0, cost, groups, max_per_group, none, np.arange(n))
        except BudgetError as error:
            raise error.renamed("batch_size") from None
        assert limits is not None
        if self.priced and limits.budget == 0:
            raise BudgetError(
                "batch_size", must="be positive, the money of a round", found="0", remedy="give what a round may cost"
            )
        self._limits = limits if self.priced else replace(limits, budget=np.inf)

    def __bool__(self) -> bool:
        return self._limits is not None

    def most(self, rows: NDArray[np.int64], labeled: NDArray[np.int64], *, priced: bool = True) -> int:
        """How many of the unlabeled ``rows`` one round may have; ``priced``: for its money."""
        limits = self._limits
        if limits is None:
            return len(rows)
        if not priced:
            limits = replace(limits, cost=None, budget=np.inf)
        if limits.group is not None and limits.room is not None:
            taken = np.bincount(limits.group[labeled], minlength=len(limits.room))
            limits = replace(limits, room=limits.room - taken)
        return limits.most(rows)

    def known(self, rows: NDArray[np.int64], *, priced: bool = True) -> dict[str, Any]:
        """Arguments of ``query`` for a pool of these rows."""
        known: dict[str, Any] = {}
        if self._limits is not None and self._limits.cost is not None and priced:
            known["cost"] = self._limits.cost[rows]
        if self._limits is not None and self._limits.group is not None:
            known |= {"groups": self._limits.group[rows], "max_per_group": self._max_per_group}
        return known
