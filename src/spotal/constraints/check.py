"""Checks of a budget with prices and quotas of groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.constraints.limits import Limits
from spotal.errors import BudgetError, InputError
from spotal.numeric.arrays import as_array, check_weight
from spotal.numeric.checks import check_count
from spotal.numeric.shapes import ArrayOrTensor

__all__ = ["check_limits"]


def check_limits(
    budget: Any,
    cost: ArrayOrTensor | None,
    groups: ArrayOrTensor | None,
    max_per_group: Any,
    labeled: NDArray[np.int64],
    unlabeled: NDArray[np.int64],
) -> Limits | None:
    """Return the limits on picks among ``unlabeled``, or None without cost and groups.

    Parameters
    ----------
    budget : rows, an integer that is already checked; or money, with ``cost``
    cost, groups, max_per_group : arguments of ``Strategy.query``
    labeled, unlabeled : int64 (m,), (N - m,)

    Raises
    ------
    BudgetError
        The budget is not an amount of money, buys no row, or is more rows than the groups allow.
    InputError
        cost or groups have a wrong shape or content, or max_per_group is missing, unused or not a positive integer.
    """
    if cost is None and groups is None and max_per_group is None:
        return None
    n = len(labeled) + len(unlabeled)
    price = _prices(cost, n)
    group, room = _groups(groups, max_per_group, n, labeled)
    limits = Limits(float(budget) if cost is None else _money(budget), price, group, room)
    if limits.budget == 0:
        return limits
    most = replace(limits, budget=np.inf).most(unlabeled)
    if cost is None and budget > most:
        raise BudgetError(
            "budget",
            must=f"be at most {most}, since each of the {0 if room is None else len(room)} groups may have "
            f"{'its quota of' if np.ndim(max_per_group) else max_per_group} "
            f"labels and {len(labeled)} rows are labeled already",
            found=budget,
            remedy="lower it or raise max_per_group",
        )
    if price is not None:
        if most == 0:
            raise BudgetError(
                "budget",
                must="be 0, since no unlabeled row is in a group with room for another label",
                found=budget,
                remedy="raise max_per_group",
            )
        if limits.most(unlabeled) == 0:
            inside = unlabeled if group is None or room is None else unlabeled[room[group[unlabeled]] > 0]
            raise BudgetError(
                "budget",
                must=f"be at least {price[inside].min():g}, the price of the cheapest row that may be picked",
                found=budget,
                remedy="raise it",
            )
    return limits


def _money(budget: Any) -> float:
    real = isinstance(budget, (int, float, np.integer, np.floating)) and not isinstance(budget, bool)
    if not real or not np.isfinite(budget) or budget < 0:
        raise BudgetError("budget", must="be an amount of money of at least 0 where cost is given", found=repr(budget))
    return float(budget)


def _prices(cost: Any, n: int) -> NDArray[np.float64] | None:
    price = check_weight(cost, n, "cost", all_zero=True)
    if price is not None and not price.all():
        row = int(np.flatnonzero(price == 0)[0])
        raise InputError("cost", must="be positive", found=f"0 at row {row}", remedy="give each label its price")
    return price


def _groups(
    groups: Any, max_per_group: Any, n: int, labeled: NDArray[np.int64]
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Return the group number of each row, int64 (N,), and the remaining quota of each group."""
    if (groups is None) != (max_per_group is None):
        given, missing = ("groups", "max_per_group") if max_per_group is None else ("max_per_group", "groups")
        raise InputError(missing, must=f"be given with {given}", found="None", remedy="give both or neither")
    if groups is None:
        return None, None
    if np.ndim(max_per_group) == 0:
        check_count(max_per_group, "max_per_group", 1)
    names = as_array(groups, "groups")
    if names.ndim == 2 and (names.dtype == object or not hasattr(groups, "ndim")):
        rows = np.empty(len(names), object)  # tuples, such as (patient, day)
        rows[:] = [tuple(name) for name in names.tolist()]
        names = rows
    if names.shape != (n,):
        raise InputError("groups", must=f"have shape ({n},), the group of each row", found=f"shape {names.shape}")
    number: dict[Any, int] = {}
    try:
        codes = [number.setdefault(name, len(number)) for name in names.tolist()]
        odd = next((name for name in number if name is None or name != name), 0)
    except TypeError as error:
        raise InputError("groups", must="be ids such as integers or text", found=f"another type ({error})") from None
    if odd is None or odd != odd:
        row = codes.index(number[odd])
        raise InputError(
            "groups", must="name the group of each row", found=f"{odd} at row {row}", remedy="give it an id of its own"
        )
    group = np.array(codes, np.int64)
    taken = np.bincount(group[labeled], minlength=len(number))
    return group, np.maximum(_quotas(max_per_group, group, len(number)) - taken, 0)


def _quotas(max_per_group: Any, group: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the quota of each group, int64 (count,), from one integer or one for each row."""
    if np.ndim(max_per_group) == 0:
        return np.full(count, int(max_per_group))
    quota = as_array(max_per_group, "max_per_group")
    if quota.shape != group.shape or quota.dtype.kind not in "iu" or (quota < 0).any():
        raise InputError(
            "max_per_group",
            must=f"be integers of at least 0 of shape {group.shape}, the quota of each row's group",
            found=f"dtype {quota.dtype} of shape {quota.shape}",
            subject="max_per_group, where it is not one integer,",
        )
    quotas = np.zeros(count, np.int64)
    quotas[group] = quota
    odd = np.flatnonzero(quotas[group] != quota)
    if len(odd):
        raise InputError(
            "max_per_group",
            must="be the same for all rows of a group",
            found=f"{quota[odd[0]]} and {quotas[group[odd[0]]]} in the group of row {odd[0]}",
        )
    return quotas
