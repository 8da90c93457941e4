"""Limits over the rounds of a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.constraints.check import check_limits
from spotal.constraints.limits import Limits
from spotal.errors import BudgetError
from spotal.numeric.shapes import ArrayOrTensor

__all__ = ["RoundLimits"]


@dataclass(frozen=True)
class RoundLimits:
    """Limits on each round's picks among n rows; false if there are none.

    cost : float64 (n,) or None
    group : int64 (n,) or None, the number of each row's group
    quota : int, int64 (n,) or None, maximum number of labels in each row's group, over all rounds
    money : float, the budget of a round
    """

    cost: NDArray[np.float64] | None = None
    group: NDArray[np.int64] | None = None
    quota: Any = None
    money: float = np.inf

    @classmethod
    def of(
        cls, n: int, batch_size: Any, cost: ArrayOrTensor | None, groups: ArrayOrTensor | None, max_per_group: Any
    ) -> RoundLimits:
        """Check ``cost``, ``groups`` and ``max_per_group`` of ``Strategy.query`` for n rows.

        ``batch_size`` is the money of a round if rows have prices. Raises InputError, or BudgetError for it.
        """
        none, priced = np.empty(0, np.int64), cost is not None
        try:
            limits = check_limits(batch_size if priced else 0, cost, groups, max_per_group, none, np.arange(n))
        except BudgetError as error:
            raise error.renamed("batch_size") from None
        if limits is None:
            return cls()
        if priced and limits.budget == 0:
            raise BudgetError(
                "batch_size", must="be positive, the money of a round", found="0", remedy="give what a round may cost"
            )
        quota = max_per_group if np.ndim(max_per_group) == 0 else np.asarray(max_per_group, np.int64)
        return cls(limits.cost, limits.group, quota, limits.budget if priced else np.inf)

    def __bool__(self) -> bool:
        return self.priced or self.group is not None

    @property
    def priced(self) -> bool:
        """True if labels have prices."""
        return self.cost is not None

    def most(self, rows: NDArray[np.int64], labeled: NDArray[np.int64], *, priced: bool = True) -> int:
        """Return the maximum number of picks of a round among the unlabeled ``rows``; ``priced``: for its money."""
        money, cost = (self.money, self.cost) if priced else (np.inf, None)
        if self.group is None:
            return Limits(money, cost).most(rows)
        room = np.zeros(int(self.group.max(initial=-1)) + 1, np.int64)
        room[self.group] = self.quota
        taken = np.bincount(self.group[labeled], minlength=len(room))
        return Limits(money, cost, self.group, room - taken).most(rows)

    def arguments(self, rows: NDArray[np.int64] | slice = slice(None), *, priced: bool = True) -> dict[str, Any]:
        """Return the arguments of ``query`` for a pool of these rows."""
        arguments: dict[str, Any] = {}
        if self.cost is not None and priced:
            arguments["cost"] = self.cost[rows]
        if self.group is not None:
            quota = self.quota if np.ndim(self.quota) == 0 else self.quota[rows]
            arguments |= {"groups": self.group[rows], "max_per_group": quota}
        return arguments
