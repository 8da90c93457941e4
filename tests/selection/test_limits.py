"""Limits: in whatever order rows are taken, prices and quotas hold, nothing that fits is left, cells are served."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from spotal.constraints.limits import Allowance, Limits, assign_rows_to_cells

SEEDS = st.integers(0, 10_000)


def limited(seed, n=24, priced=True, grouped=True):
    """Random limits on n rows, of which some are free; prices are whole cents."""
    rng = np.random.default_rng(seed)
    free = np.sort(rng.permutation(n)[: rng.integers(1, n + 1)])
    cost = rng.integers(1, 300, n) / 100 if priced else None
    group = rng.integers(0, rng.integers(1, 8), n) if grouped else None
    room = None if group is None else rng.integers(0, 4, group.max() + 1)
    budget = float(rng.integers(0, 1_000) / 100 if priced else rng.integers(0, n))
    return Limits(budget, cost, group, room), free, rng


def keeps(limits, picks, free):
    assert len(np.unique(picks)) == len(picks)
    assert np.isin(picks, free).all()
    if limits.group is not None:
        assert (np.bincount(limits.group[picks], minlength=len(limits.room)) <= limits.room).all()
    spent = len(picks) if limits.cost is None else limits.cost[picks].sum()
    assert spent <= limits.budget + 1e-9
    return True


def fits(limits, picks, row):
    """Whether one more row could be had."""
    more = np.append(picks, row)
    roomy = limits.group is None or (limits.group[more] == limits.group[row]).sum() <= limits.room[limits.group[row]]
    spent = len(more) if limits.cost is None else limits.cost[more].sum()
    return roomy and spent <= limits.budget + 1e-9


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.booleans(), st.booleans())
def test_any_walk_keeps_to_the_limits_and_leaves_nothing_that_fits(seed, priced, grouped):
    limits, free, rng = limited(seed, priced=priced, grouped=grouped)
    allowance = Allowance(limits, 24, free)
    picks = allowance.walk(rng.permutation(free))
    assert keeps(limits, picks, free)
    assert allowance.full
    assert not allowance.open.any()
    assert not any(fits(limits, picks, row) for row in np.setdiff1d(free, picks))


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_quotas_alone_never_cost_a_pick(seed):
    """Quotas are a matroid: any order reaches the most rows that they allow."""
    limits, free, rng = limited(seed, priced=False)
    most = int(np.minimum(np.bincount(limits.group[free], minlength=len(limits.room)), limits.room).sum())
    assert limits.most(free) == min(most, limits.budget)
    assert len(Allowance(limits, 24, free).walk(rng.permutation(free))) == min(most, limits.budget)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_most_is_what_trying_all_sets_finds(seed):
    limits, free, _ = limited(seed, n=9)
    best = max(
        k
        for k in range(len(free) + 1)
        for rows in combinations(free, k)
        if (limits.cost[list(rows)].sum() <= limits.budget + 1e-9)
        and (np.bincount(limits.group[list(rows)], minlength=len(limits.room)) <= limits.room).all()
    )
    assert limits.most(free) == best


def test_sums_that_are_not_exact_still_buy_what_they_say():
    allowance = Allowance(Limits(1.0, np.full(12, 0.1)), 12, np.arange(12))
    assert len(allowance.walk(np.arange(12))) == 10


def test_a_row_that_may_not_be_picked_is_refused():
    allowance = Allowance(Limits(2), 3, np.array([0, 1]))
    with pytest.raises(ValueError, match="row 2 may not"):
        allowance.take(2)


def cells_of(seed, cells=6, groups=5, rows=18):
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, cells, rows)
    group = rng.integers(0, groups, rows)
    room = rng.integers(0, 3, groups)
    turn = rng.permutation(rows)
    return turn, cell, group, room


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_as_many_cells_are_served_as_can_be(seed):
    turn, cell, group, room = cells_of(seed)
    picks = assign_rows_to_cells(turn, cell[turn], Allowance(Limits(18, None, group, room), 18, np.arange(18)))
    assert keeps(Limits(18, None, group, room), picks, np.arange(18))
    # cells against places in groups: an independent matching
    places = np.repeat(np.arange(len(room)), room)
    edges = np.array([[np.any((cell == c) & (group == g)) for g in places] for c in range(6)]).reshape(6, len(places))
    matched = maximum_bipartite_matching(csr_matrix(edges), perm_type="column") if len(places) else np.full(6, -1)
    assert len(np.unique(cell[picks])) == (matched >= 0).sum()


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_earlier_cells_are_served_first(seed):
    """Of all choices of a row for each cell, none serves a set of cells that comes before ours."""
    turn, cell, group, room = cells_of(seed, cells=4, groups=3, rows=8)
    order = list(dict.fromkeys(cell[turn].tolist()))
    picks = assign_rows_to_cells(turn, cell[turn], Allowance(Limits(8, None, group, room), 8, np.arange(8)))
    served = [c in cell[picks] for c in order]
    options = [[None, *np.flatnonzero(cell == c).tolist()] for c in order]
    best = max(
        [row is not None for row in rows]
        for rows in product(*options)
        if (np.bincount(group[[r for r in rows if r is not None]], minlength=3) <= room).all()
    )
    assert served == best


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_serving_keeps_to_prices_too_and_leaves_nothing_that_fits(seed):
    limits, free, rng = limited(seed)
    turn = rng.permutation(free)
    cell = rng.integers(0, 7, 24)
    picks = assign_rows_to_cells(turn, cell[turn], Allowance(limits, 24, free))
    assert keeps(limits, picks, free)
    assert not any(fits(limits, picks, row) for row in np.setdiff1d(free, picks))


def test_a_cell_moves_so_that_another_can_be_served():
    # cell 0 would take row 0 of group 0; cell 1 has nothing but group 0
    group, cell = np.array([0, 1, 0]), np.array([0, 0, 1])
    picks = assign_rows_to_cells(
        np.arange(3), cell, Allowance(Limits(2, None, group, np.array([1, 1])), 3, np.arange(3))
    )
    assert picks.tolist() == [1, 2]


def test_a_move_that_costs_too_much_is_not_made():
    group, cell, cost = np.array([0, 1, 0]), np.array([0, 0, 1]), np.array([1.0, 5.0, 1.0])
    limits = Limits(4, cost, group, np.array([1, 1]))
    assert assign_rows_to_cells(np.arange(3), cell, Allowance(limits, 3, np.arange(3))).tolist() == [0]


def test_without_limits_that_bind_each_cell_has_its_first_row():
    turn, cell = np.array([4, 2, 0, 1, 3]), np.array([1, 0, 1, 0, 1])
    picks = assign_rows_to_cells(
        turn, cell, Allowance(Limits(3, None, np.arange(5), np.ones(5, np.int64)), 5, np.arange(5))
    )
    assert picks.tolist() == [4, 2, 0]
