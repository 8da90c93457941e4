"""Limits on cost and groups, beyond the published contract: which strategies take them, how, and what cannot be met."""

from __future__ import annotations

import numpy as np
import pytest
from tests.raising import raises_input

import spotal
from spotal.errors import BudgetError, InputError
from spotal.mass import Evidence, Price, Uniform
from spotal.pool import ArrayPool
from spotal.strategies import SPOT, get, names
from spotal.strategies.contract.limits import COST, GROUPS, LABELED, ODDS, POOL, N, ask_within

TAKING = [
    "alfamix",
    "badge",
    "bald",
    "clue",
    "coregcn",
    "coreset",
    "dropquery",
    "entropy",
    "facility-location",
    "kmeans",
    "least-confidence",
    "margin",
    "maxherding",
    "powermargin",
    "probcover",
]
TAKING += ["random", "spot", "tcm", "typiclust", "uherding"]


def ask(name, budget, **known):
    return ask_within(get(name), budget, **known)


def test_those_that_take_limits():
    assert [name for name in names() if get(name).honors_limits] == sorted(TAKING)


@pytest.mark.parametrize("name", ["margin", "entropy", "least-confidence"])
def test_scores_count_for_each_unit_of_price(name):
    score = {
        "margin": 1 - np.diff(np.sort(ODDS, axis=1)[:, -2:])[:, 0],
        "entropy": -(ODDS * np.log(ODDS)).sum(1),
        "least-confidence": 1 - ODDS.max(1),
    }[name]
    score[LABELED] = -1
    wanted, left, room = [], 12.0, 2 - np.bincount(GROUPS[LABELED], minlength=20)
    for row in np.argsort(-score / COST):
        if score[row] >= 0 and COST[row] <= left and room[GROUPS[row]] > 0:
            wanted.append(row)
            left -= COST[row]
            room[GROUPS[row]] -= 1
    picks = ask(name, 12.0, cost=COST, groups=GROUPS, max_per_group=2).indices
    assert picks.tolist() == wanted


def test_random_does_not_look_at_prices():
    order = ask("random", N - len(LABELED)).indices
    wanted, left = [], 10.0
    for row in order:
        if COST[row] <= left:
            wanted.append(row)
            left -= COST[row]
    assert ask("random", 10.0, cost=COST).indices.tolist() == wanted


def test_coreset_takes_the_farthest_row_that_it_may():
    picks = ask("coreset", 8, groups=GROUPS, max_per_group=1).indices
    known, room = LABELED.tolist(), 1 - np.bincount(GROUPS[LABELED], minlength=20)
    for pick in picks:
        gap = np.sqrt(((POOL[:, None] - POOL[known]) ** 2).sum(2)).min(1)
        may = (room[GROUPS] > 0) & ~np.isin(np.arange(N), known)
        assert gap[pick] == pytest.approx(gap[may].max())
        known.append(int(pick))
        room[GROUPS[pick]] -= 1


def test_groups_may_have_quotas_of_their_own():
    quotas = np.array([0, 1, 2, 4])[np.arange(20) % 4]
    picks = ask("spot", 20, groups=GROUPS, max_per_group=quotas[GROUPS], labeled=LABELED).indices
    counts = np.bincount(GROUPS[np.r_[picks, LABELED]], minlength=20)
    taken = np.bincount(GROUPS[LABELED], minlength=20)
    assert (counts <= np.maximum(quotas, taken)).all()
    assert len(picks) == 20
    same = ask("spot", 9, groups=GROUPS, max_per_group=np.full(N, 2)).indices
    assert np.array_equal(same, ask("spot", 9, groups=GROUPS, max_per_group=2).indices)


def test_a_strategy_of_one_s_own_refuses_until_it_says_that_it_honors_limits():
    class First(spotal.Strategy):
        name = "first"

        def _choose(self, query):
            raise AssertionError

    with raises_input("cost"):
        First().query(POOL, 3, cost=COST)


@pytest.mark.parametrize(
    ("budget", "limits", "error", "said"),
    [
        (
            41,
            {"groups": GROUPS, "max_per_group": 1},
            BudgetError,
            r"at most \d+, since each of the 20 groups may have 1",
        ),
        (3, {"groups": GROUPS}, InputError, "max_per_group must be given with groups"),
        (3, {"max_per_group": 3}, InputError, "groups must be given with max_per_group"),
        (
            3,
            {"groups": GROUPS, "max_per_group": 0},
            InputError,
            "max_per_group must be an integer of at least 1, found 0",
        ),
        (3, {"groups": GROUPS, "max_per_group": 1.5}, InputError, "max_per_group must be an integer"),
        (3, {"groups": GROUPS, "max_per_group": [2, 2]}, InputError, r"integers of at least 0 of shape \(90,\)"),
        (3, {"groups": GROUPS, "max_per_group": np.arange(N)}, InputError, "must be the same for all rows of a group"),
        (3, {"groups": GROUPS[:-1], "max_per_group": 1}, InputError, r"groups must have shape \(90,\)"),
        (3, {"groups": [None, *GROUPS[1:]], "max_per_group": 1}, InputError, "found None at row 0"),
        (3, {"groups": [*GROUPS[1:], np.nan], "max_per_group": 1}, InputError, "found nan at row 89"),
        (3, {"cost": np.zeros(N)}, InputError, "cost must be positive, found 0 at row 0"),
        (3, {"cost": -COST}, InputError, "cost must not be negative"),
        (3, {"cost": COST[:-1]}, InputError, r"cost must have shape \(90,\)"),
        (-1.0, {"cost": COST}, BudgetError, "amount of money of at least 0"),
        (float("nan"), {"cost": COST}, BudgetError, "amount of money"),
        ("3", {"cost": COST}, BudgetError, "amount of money"),
        (0.001, {"cost": COST}, BudgetError, "budget must be at least .*, the price of the cheapest row"),
        (2.5, {"groups": GROUPS, "max_per_group": 2}, BudgetError, "budget must be an integer"),
        (3.0, {"cost": COST, "groups": np.zeros(N), "max_per_group": 8}, BudgetError, "no unlabeled row is in a group"),
    ],
)
def test_what_cannot_be_met_is_one_sentence(budget, limits, error, said):
    with pytest.raises(error, match=said) as caught:
        ask("random", budget, **limits)
    assert "\n" not in str(caught.value)


def test_no_money_buys_nothing():
    assert len(ask("spot", 0.0, cost=COST)) == 0


def test_spot_keeps_quotas_in_its_greedy_step():
    """A quota that is used up sends the next picks to the best rows of the others."""
    rng = np.random.default_rng(1)
    pool = rng.normal(size=(400, 3))
    groups = (pool[:, 0] > 0).astype(int)  # half of the space each
    picks = SPOT().query(pool, 20, groups=groups, max_per_group=10, random_state=0).indices
    assert (np.bincount(groups[picks]) == 10).all()


def test_spot_covers_most_for_its_money():
    """Gain for each unit of price: cheap regions have most of the picks, dear ones some."""
    rng = np.random.default_rng(2)
    pool = rng.normal(size=(600, 2))
    cost = np.where(pool[:, 0] > 0, 4.0, 1.0)
    chosen = SPOT().query(pool, 60.0, cost=cost, random_state=0)
    dear = (cost[chosen.indices] == 4).sum()
    assert 1 <= dear <= 10
    assert len(chosen) > 3 * dear
    assert cost[chosen.indices].sum() > 59


def test_the_record_says_what_the_limits_were():
    chosen = ask("spot", 12.5, cost=COST, groups=GROUPS, max_per_group=2)
    assert chosen.provenance["budget"] == 12.5
    assert chosen.provenance["groups"] == len(np.unique(GROUPS))
    assert chosen.provenance["max_per_group"] == 2


def test_price_is_mass_for_each_unit():
    pool, cost = ArrayPool(POOL), np.linspace(2, 8, N)
    np.testing.assert_allclose(Price().weigh(Evidence(pool, LABELED, cost=cost)), 2 / cost)
    np.testing.assert_allclose((Uniform() * Price(0.5)).weigh(Evidence(pool, LABELED, cost=cost)), np.sqrt(2 / cost))
    assert (Price().weigh(Evidence(pool, LABELED)) == 1).all()


def test_one_call_takes_limits_too():
    first = spotal.select(POOL, 9, "random", groups=GROUPS, max_per_group=1, random_state=3).indices
    assert np.array_equal(first, get("random").query(POOL, 9, groups=GROUPS, max_per_group=1, random_state=3).indices)
    assert len(spotal.select(POOL, 5.0, "random", cost=COST, random_state=3))
