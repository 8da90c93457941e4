"""Limits on the cost of picks and on the labels of each group, and picking within them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Allowance", "Limits", "assign_rows_to_cells"]

ROUNDING = 1e-12
"""Relative tolerance for sums of prices, so that 1 buys ten labels at 0.1."""


@dataclass(frozen=True)
class Limits:
    """Checked limits on the picks from a pool of N rows.

    Attributes
    ----------
    budget : rows to pick, or money to spend if rows have prices
    cost : float64 (N,), positive prices, or None
    group : int64 (N,), the number of each row's group, or None
    room : int64 (groups,), remaining quota of each group, or None

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.constraints import Limits
    >>> Limits(budget=5.0, cost=np.array([1.0, 2.0]), group=None, room=None).budget
    5.0
    """

    budget: float
    cost: NDArray[np.float64] | None = None
    group: NDArray[np.int64] | None = None
    room: NDArray[np.int64] | None = None

    def most(self, free: NDArray[np.int64]) -> int:
        """Return the maximum number of rows among ``free`` that can be picked together. O(m log m)."""
        price = np.ones(len(free)) if self.cost is None else self.cost[free]
        if self.group is not None and self.room is not None:
            group = self.group[free]
            order = np.lexsort((price, group))
            starts = np.flatnonzero(np.diff(group[order], prepend=-1))
            rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
            price = price[order][rank < self.room[group[order]]]
        return int(np.searchsorted(np.cumsum(np.sort(price)), self.budget * (1 + ROUNDING), side="right"))

    def bought(self, free: NDArray[np.int64], price: float) -> int:
        """Return the number of rows among ``free`` that can be bought at a mean ``price``, which may be near 0."""
        most = self.most(free)
        return round(min(float(self.budget) / price, most)) if price > 0 else most


class Allowance:
    """The rows that may still be picked, while rows are taken one by one.

    Attributes
    ----------
    open : bool (N,), rows that may be picked next: free, not picked, affordable, in a group with room. Read only.
    picks : list of int, rows taken so far

    Notes
    -----
    Taking only open rows keeps the limits. Take rows until ``full``. Without prices the picks then reach the budget if
    the groups allow it (quotas form a matroid). With prices, the remaining money is less than the price of every other
    row that may be picked. O(N log N) for all picks together.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.constraints import Allowance, Limits
    >>> limits = Limits(budget=3.0, cost=np.array([1.0, 2.0, 5.0]), group=None, room=None)
    >>> allowance = Allowance(limits, 3, np.arange(3))
    >>> allowance.take(1)
    >>> allowance.open.tolist()
    [True, False, False]
    """

    def __init__(self, limits: Limits, n: int, free: NDArray[np.int64]) -> None:
        self.limits = limits
        self.picks: list[int] = []
        self.open = np.zeros(n, dtype=bool)
        self.open[free] = True
        self._n_open = len(free)
        self._remaining = limits.budget
        if limits.group is not None and limits.room is not None:
            self._room = limits.room.copy()
            self._members = np.argsort(limits.group, kind="stable")
            self._ends = np.cumsum(np.bincount(limits.group, minlength=len(limits.room)))
            self._close(np.flatnonzero(self._room[limits.group] <= 0))
        if limits.cost is not None:
            self._dear = free[np.argsort(-limits.cost[free], kind="stable")]
            self._rising = -limits.cost[self._dear]
        self._close_dear()

    @property
    def full(self) -> bool:
        """True if no more rows may be picked."""
        return self._n_open == 0

    @property
    def remaining(self) -> float:
        """Remaining rows or money, with tolerance for rounding."""
        return self._remaining + ROUNDING * self.limits.budget

    def room(self, row: int) -> int:
        """Return the remaining quota of the group of ``row``, or the number of open rows without groups."""
        return self._n_open if self.limits.group is None else int(self._room[self.limits.group[row]])

    def take(self, row: int) -> None:
        """Pick an open row."""
        if not self.open[row]:
            raise ValueError(f"row {row} may not be picked")
        self.picks.append(int(row))
        self._close(np.array([row]))
        if self.limits.group is not None:
            group = self.limits.group[row]
            self._room[group] -= 1
            if self._room[group] == 0:
                start = self._ends[group - 1] if group else 0
                self._close(self._members[start : self._ends[group]])
        self._remaining -= 1 if self.limits.cost is None else self.limits.cost[row]
        self._close_dear()

    def walk(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take each of ``rows`` in order if it is still open; return all picks so far, int64 (k,)."""
        for row in rows[self.open[rows]]:
            if self.full:
                break
            if self.open[row]:
                self.take(row)
        return np.array(self.picks, np.int64)

    def _close(self, rows: NDArray[np.int64]) -> None:
        self._n_open -= int(self.open[rows].sum())
        self.open[rows] = False

    def _close_dear(self) -> None:
        """Exclude rows that cost more than the remaining budget."""
        if self.limits.cost is None:
            if self._remaining < 1:
                self._close(np.flatnonzero(self.open))
            return
        count = int(np.searchsorted(self._rising, -self.remaining, side="left"))
        self._close(self._dear[:count])
        self._dear, self._rising = self._dear[count:], self._rising[count:]


def assign_rows_to_cells(turn: NDArray[np.int64], cell: NDArray[np.int64], allowance: Allowance) -> NDArray[np.int64]:
    """Take one row for each cell if the limits allow it, then other rows until the allowance is full.

    Cells take rows in the order of their first rows in ``turn``. Each cell takes its first open row. If all its rows
    are in full groups, another cell may move to a row of a group with room, and so on along the shortest chain of
    moves. Without prices, the number of cells with a row is then the maximum within the quotas, and earlier cells have
    priority (augmenting paths in the transversal matroid of cells: J. Edmonds, D. Fulkerson, "Transversals and matroid
    partition", 1965). With prices, a chain must be affordable. Rows in ``turn`` then use up the remaining budget.

    Parameters
    ----------
    turn : int64 (m,), distinct rows in the order in which they would be taken without limits
    cell : int64 (m,), the cell of each of these rows
    allowance : it takes the rows

    Returns
    -------
    int64 (k,), in the order of cells, then of ``turn``. O(m log m) while groups have room; O(m) for each cell that
    looks for a chain.
    """
    limits = allowance.limits
    group = np.arange(len(allowance.open)) if limits.group is None else limits.group
    price = np.zeros(len(allowance.open)) if limits.cost is None else limits.cost
    # cells in the order of their first rows, and the open rows of each in the order of turn
    _, first, place = np.unique(cell, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[place]
    inside = np.flatnonzero(allowance.open[turn])
    inside = inside[np.argsort(rank[inside], kind="stable")]
    members = np.split(turn[inside], np.cumsum(np.bincount(rank[inside], minlength=len(first)))[:-1])
    remaining = allowance.remaining
    chosen: dict[int, int] = {}
    holders: dict[int, list[int]] = {}
    for start in range(len(members)):
        if limits.cost is None and len(chosen) + 1 > remaining:
            break
        for holder, row in _chain(start, members, chosen, holders, group, price, remaining, allowance):
            if holder in chosen:
                holders[group[chosen[holder]]].remove(holder)
                remaining += price[chosen[holder]]
            chosen[holder] = row
            holders.setdefault(group[row], []).append(holder)
            remaining -= price[row]
    allowance.walk(np.array([chosen[start] for start in sorted(chosen)], np.int64))
    return allowance.walk(turn)


def _chain(
    start: int,
    members: list[NDArray[np.int64]],
    chosen: dict[int, int],
    holders: dict[int, list[int]],
    group: NDArray[np.int64],
    price: NDArray[np.float64],
    budget: float,
    allowance: Allowance,
) -> list[tuple[int, int]]:
    """Return the fewest moves (cell, row) that give ``start`` a row, or none if that is impossible."""
    came: dict[int, tuple[int, int] | None] = {start: None}  # cell: the cell that displaces it, and the row it takes
    spent = {start: 0.0}
    seen: set[int] = set()
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for row in members[here].tolist():
            to = int(group[row])
            if to in seen:
                continue
            others = holders.get(to, [])
            if len(others) < allowance.room(row):
                if spent[here] + price[row] > budget:
                    continue
                moves = [(here, row)]
                while (by := came[moves[-1][0]]) is not None:
                    moves.append(by)
                return moves
            seen.add(to)
            for other in others:
                if other not in came:
                    came[other] = (here, row)
                    spent[other] = spent[here] + price[row] - price[chosen[other]]
                    queue.append(other)
    return []
