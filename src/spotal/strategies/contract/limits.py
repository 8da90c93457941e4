"""Checks of prices and quotas: a strategy must keep to them exactly, or refuse them."""

from __future__ import annotations

from typing import Any

import numpy as np

from spotal.errors import InputError
from spotal.selection.base import Selection
from spotal.strategies.base import Strategy
from spotal.strategies.contract.asking import case, require, same

__all__ = ["COST", "GROUPS", "LABELED", "LIMIT_CHECKS", "ODDS", "POOL", "N", "ask_within"]

N, CLASSES, COUNT = 90, 3, 20
LABELED = np.arange(0, 24, 3)
_RNG = np.random.default_rng(0)
POOL = np.round(_RNG.normal(size=(N, 4)) * 64) / 64
GROUPS = _RNG.integers(0, COUNT, N)
COST = np.round(_RNG.lognormal(size=N), 2) + 0.01
ODDS = _RNG.dirichlet(np.ones(CLASSES), N)
DRAWS = _RNG.dirichlet(np.ones(CLASSES), (N, 4)).swapaxes(1, 2)


def ask_within(strategy: Strategy, budget: float, **options: Any) -> Selection:
    """Query a pool of 90 rows in 20 groups, with eight labeled rows."""
    labeled = options.setdefault("labeled", LABELED)
    options.setdefault("labels", np.arange(len(labeled)) % CLASSES)
    probabilities = DRAWS if strategy.needs_draws else ODDS
    return strategy.query(POOL, budget, probabilities=probabilities, random_state=0, **options)


def quotas_hold_and_all_of_the_budget_is_used(strategy: Strategy) -> None:
    """Quotas hold, labeled rows count, and the whole budget is used."""
    if not strategy.honors_limits:
        return
    for most in (1, 2):
        room = np.maximum(most - np.bincount(GROUPS[LABELED], minlength=COUNT), 0)
        free = np.setdiff1d(np.arange(N), LABELED)
        able = int(np.minimum(room, np.bincount(GROUPS[free], minlength=COUNT)).sum())
        for budget in (5, able):
            with case(f"budget {budget}, {most} a group"):
                picks = ask_within(strategy, budget, groups=GROUPS, max_per_group=most).indices
                require(len(np.unique(picks)) == budget, f"{budget} picks expected, found {len(np.unique(picks))}")
                require(not np.isin(picks, LABELED).any(), "picks must be unlabeled")
                require((np.bincount(GROUPS[picks], minlength=COUNT) <= room).all(), "a group has too many picks")


def money_is_kept_to_and_buys_no_row_more(strategy: Strategy) -> None:
    """The picks cost at most the budget, and the remaining money buys no other row; also with quotas."""
    if not strategy.honors_limits:
        return
    quotas: dict[str, Any] = {"groups": GROUPS, "max_per_group": 2}
    for budget in (3.5, 20, 1e6):
        for limits in ({}, quotas):
            with case(f"budget {budget}{' with groups' * bool(limits)}"):
                chosen = ask_within(strategy, budget, cost=COST, **limits)
                picks = chosen.indices
                spent = COST[picks].sum()
                require(np.isclose(chosen.diagnostics["cost"], spent), "diagnostics must contain the picks' cost")
                require(spent <= budget + 1e-9, f"the picks cost {spent:g}")
                free = np.setdiff1d(np.arange(N), np.r_[LABELED, picks])
                if limits:
                    count = np.bincount(GROUPS[np.r_[LABELED, picks]], minlength=COUNT)
                    most = np.maximum(2, np.bincount(GROUPS[LABELED], minlength=COUNT))
                    require((count <= most).all(), "a group has too many picks")
                    free = free[count[GROUPS[free]] < 2]
                require(not len(free) or spent + COST[free].min() > budget, "the remaining money buys another row")
                require(np.isclose(chosen.cell_mass.sum(), 1), "cell_mass must sum to 1")


def limits_that_do_not_bind_change_nothing(strategy: Strategy) -> None:
    """Groups of one row, equal prices, and one large group with a large quota do not change the picks."""
    if not strategy.honors_limits:
        return
    plain = ask_within(strategy, 9).indices
    same(ask_within(strategy, 9, groups=np.arange(N), max_per_group=1).indices, plain, "picks, groups of one row")
    same(ask_within(strategy, 18.0, cost=np.full(N, 2.0)).indices, plain, "picks, equal prices")
    same(ask_within(strategy, 9, groups=np.zeros(N), max_per_group=N).indices, plain, "picks, one group")


def prices_next_to_nothing_buy_all(strategy: Strategy) -> None:
    """Tiny prices do not overflow."""
    if not strategy.honors_limits:
        return
    for price in (1e-310, 5e-324):
        count = len(ask_within(strategy, 5.0, cost=np.full(N, price)).indices)
        require(count == N - len(LABELED), f"all {N - len(LABELED)} rows expected, found {count}")


def names_of_groups_do_not_matter(strategy: Strategy) -> None:
    """Groups may be texts, tuples and numbers in any order."""
    if not strategy.honors_limits:
        return
    first = ask_within(strategy, 9, groups=GROUPS, max_per_group=1).indices
    names: list[Any] = [
        [f"patient {g}" for g in GROUPS],
        [(int(g), "left") for g in GROUPS],
        (19 - GROUPS).astype(float),
    ]
    for groups in names:
        with case(f"groups such as {groups[0]!r}"):
            same(ask_within(strategy, 9, groups=groups, max_per_group=1).indices, first, "picks")


def rows_without_mass_come_last_under_limits(strategy: Strategy) -> None:
    """Rows of mass zero are picked only if quotas exclude all others."""
    if not strategy.honors_limits:
        return
    mass = (np.arange(N) % 2).astype(float)
    picks = ask_within(strategy, 12, groups=GROUPS, max_per_group=2, mass=mass).indices
    require(mass[picks].all(), "rows of mass zero are picked while others remain")


def limits_are_refused_unless_honored(strategy: Strategy) -> None:
    """Strategies without limits refuse cost and groups, and name one that supports them."""
    if strategy.honors_limits:
        return
    for limits in ({"groups": GROUPS, "max_per_group": 2}, {"cost": COST}):
        try:
            ask_within(strategy, 5, **limits)
        except InputError as error:
            text = str(error)
        else:
            raise AssertionError("an InputError expected, found a selection")
        require(text.startswith("cost and groups must be left out, since "), f"unexpected sentence {text!r}")
        require("cannot keep to them; use" in text, f"unexpected sentence {text!r}")


LIMIT_CHECKS = (
    quotas_hold_and_all_of_the_budget_is_used,
    money_is_kept_to_and_buys_no_row_more,
    limits_that_do_not_bind_change_nothing,
    prices_next_to_nothing_buy_all,
    names_of_groups_do_not_matter,
    rows_without_mass_come_last_under_limits,
    limits_are_refused_unless_honored,
)
