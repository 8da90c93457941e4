"""Checks of results: picks, cells, masses, seeds, order of rows, degenerate pools, records."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np

from spotal.strategies.base import Strategy
from spotal.strategies.contract.asking import (
    BUDGET,
    DIM,
    LABELED,
    LABELS,
    N,
    ask,
    case,
    cloud,
    odds,
    require,
    same,
    satisfies,
)

__all__ = ["OUTCOME_CHECKS"]

FREE = N - len(LABELED)


def picks_cells_and_masses(strategy: Strategy) -> None:
    """Picks are distinct unlabeled rows, and every unlabeled row is in the cell of a pick."""
    chosen = ask(strategy, cloud(), labeled=LABELED, labels=LABELS)
    satisfies(chosen, N, BUDGET, LABELED)
    share = np.bincount(chosen.cells + 1, minlength=BUDGET + 1)[1:] / FREE
    require(np.allclose(chosen.cell_mass, share), f"cell_mass must be the share of rows {share}")


def the_same_seed_gives_the_same_selection(strategy: Strategy) -> None:
    """The same query gives the same result."""
    first, again = (ask(strategy, cloud(), labeled=LABELED, labels=LABELS) for _ in range(2))
    same(again.indices, first.indices, "picks of the second query")
    same(again.cells, first.cells, "cells of the second query")
    same(again.cell_mass, first.cell_mass, "masses of the second query")
    require(again.diagnostics == first.diagnostics, "diagnostics must repeat")


def order_of_rows_does_not_matter(strategy: Strategy) -> None:
    """The same rows in another order give the same picks, unless the class sets ``ignores_order = False``."""
    if not strategy.ignores_order:
        return
    order = np.random.default_rng(2).permutation(N)
    for name, pool in {"plain": cloud(), "first columns constant": np.c_[np.zeros((N, 5)), cloud()]}.items():
        with case(name):
            straight = ask(strategy, pool, labeled=LABELED)
            moved = np.argsort(order)[LABELED]
            mixed = ask(strategy, pool[order], labeled=moved, probabilities=odds(strategy)[order])
            same(order[mixed.indices], straight.indices, "picks (or set ignores_order = False on the class)")
            same(mixed.cells, straight.cells[order], "cells")


def order_of_labeled_rows_does_not_matter(strategy: Strategy) -> None:
    """The order of labeled rows has no effect."""
    straight = ask(strategy, cloud(), labeled=LABELED, labels=LABELS)
    mixed = ask(strategy, cloud(), labeled=LABELED[::-1], labels=LABELS[::-1])
    same(mixed.indices, straight.indices, "picks")


def budget_zero(strategy: Strategy) -> None:
    """A budget of 0 picks no row, with or without unlabeled rows."""
    satisfies(ask(strategy, cloud(), 0, labeled=LABELED), N, 0, LABELED)
    satisfies(ask(strategy, cloud(), 0, labeled=np.arange(N)), N, 0, np.arange(N))


def one_row_left(strategy: Strategy) -> None:
    """The only unlabeled row is picked."""
    labeled = np.delete(np.arange(N), 17)
    chosen = ask(strategy, cloud(), 1, labeled=labeled)
    satisfies(chosen, N, 1, labeled)
    same(chosen.indices, [17], "picks")


def everything_that_is_unlabeled(strategy: Strategy) -> None:
    """A budget of all unlabeled rows picks them all."""
    chosen = ask(strategy, cloud(), FREE, labeled=LABELED)
    satisfies(chosen, N, FREE, LABELED)
    require(np.allclose(chosen.cell_mass, 1 / FREE), "each row must be in a cell of its own")


def nothing_labeled(strategy: Strategy) -> None:
    """None and empty arrays mean that nothing is labeled."""
    ways: list[Any] = [None, [], np.empty(0, np.int64)]
    for labeled in ways:
        with case(repr(labeled)):
            chosen = ask(strategy, cloud(20), 4, labeled=labeled, labels=None if labeled is None else [])
            satisfies(chosen, 20, 4)


def degenerate_pools(strategy: Strategy) -> None:
    """Pools of one row, equal rows, rows on a line, tiny and large numbers give valid selections."""
    pools = {
        "one row": cloud(1),
        "two rows": cloud(2),
        "all the same": np.full((24, 3), 0.1, np.float32),
        "all zero": np.zeros((24, 3)),
        "all the same and far out": np.full((24, 3), 1e12 / 3),
        "three points, eight times each": np.repeat(cloud(3), 8, axis=0),
        "constant columns": np.c_[np.full(24, 7.0), cloud(24, 2), np.full(24, 1e6)],
        "one column": cloud(24, 1),
        "a line in space": np.linspace(0, 1, 24)[:, None] * [1.0, -2.0, 3.0],
        "wider than long": cloud(12, 90),
        "tiny numbers": cloud(24) * 1e-30,
        "great numbers": cloud(24) * 1e15,
        "one row far from all others": np.r_[cloud(23), np.full((1, DIM), 1e9)],
    }
    for name, pool in pools.items():
        n = len(pool)
        with case(name):
            satisfies(ask(strategy, pool, n), n, n)
            labeled = [n // 2] * (n > 1)
            satisfies(ask(strategy, pool, max(1, n // 3), labeled=labeled), n, max(1, n // 3), labeled)


def rows_of_mass_zero_come_last(strategy: Strategy) -> None:
    """Rows of mass zero are picked only after all rows with mass."""
    mass = np.where(np.arange(N) % 3 == 0, np.random.default_rng(5).random(N) + 0.1, 0)
    heavy = np.setdiff1d(np.flatnonzero(mass), LABELED)
    chosen = ask(strategy, cloud(), len(heavy) - 2, labeled=LABELED, mass=mass)
    require(np.isin(chosen.indices, heavy).all(), "rows of mass zero are picked while others remain")
    satisfies(chosen, N, len(heavy) - 2, LABELED)
    chosen = ask(strategy, cloud(), len(heavy) + 5, labeled=LABELED, mass=mass)
    require(np.isin(heavy, chosen.indices).all(), "rows of mass zero are picked while others remain")
    satisfies(chosen, N, len(heavy) + 5, LABELED)


def cell_mass_is_the_share_of_the_mass_given(strategy: Strategy) -> None:
    """The mass of a cell is the share of its rows' mass."""
    mass = np.random.default_rng(6).random(N)
    chosen = ask(strategy, cloud(), labeled=LABELED, mass=mass)
    share = np.array([mass[chosen.members(k)].sum() for k in range(BUDGET)]) / np.delete(mass, LABELED).sum()
    require(np.allclose(chosen.cell_mass, share), f"cell_mass must be {share}, found {chosen.cell_mass}")


def mass_on_labeled_rows_alone(strategy: Strategy) -> None:
    """Rows are picked even if no unlabeled row has mass."""
    mass = np.zeros(N)
    mass[LABELED] = 1
    satisfies(ask(strategy, cloud(), labeled=LABELED, mass=mass), N, BUDGET, LABELED)


def only_ratios_of_masses_matter(strategy: Strategy) -> None:
    """Scaling masses by a power of two has no effect, and equal masses are the same as none."""
    mass = np.random.default_rng(7).random(N) + 0.5
    chosen = ask(strategy, cloud(), labeled=LABELED, mass=mass)
    for scale in (2.0**1000, 2.0**-1000):
        scaled = ask(strategy, cloud(), labeled=LABELED, mass=mass * scale)
        same(scaled.indices, chosen.indices, "picks")
        require(np.allclose(scaled.cell_mass, chosen.cell_mass), "cell_mass must not change")
    plain = ask(strategy, cloud(), labeled=LABELED, labels=LABELS)
    for level in (1.0, 1e-300, 1e300):
        equal = ask(strategy, cloud(), labeled=LABELED, labels=LABELS, mass=np.full(N, level))
        same(equal.indices, plain.indices, f"picks with all masses {level:g}")


def provenance_says_what_was_asked(strategy: Strategy) -> None:
    """The record is JSON with strategy, parameters, budget, seed, versions and the shape of the input."""
    record = ask(strategy, cloud(), labeled=LABELED, labels=LABELS).provenance
    require(json.loads(json.dumps(record, allow_nan=False)) == record, "provenance must be JSON")
    require(record["strategy"] == strategy.name, f"strategy {strategy.name!r} expected, found {record['strategy']!r}")
    require(set(record["parameters"]) == set(vars(strategy)), "all parameters must be on record")
    asked = record["budget"], record["labeled"], record["random_state"]
    require(asked == (BUDGET, len(LABELED), 0), f"budget, labeled and random_state expected, found {asked}")
    require({"python", "spotal", "numpy", "torch"} <= set(record["versions"]), "versions must be on record")
    given = record["input"]
    require((given["rows"], given["dim"], given["dtype"]) == (N, DIM, "float64"), f"unexpected input {given}")


def a_selection_can_be_pickled(strategy: Strategy) -> None:
    """A pickled selection keeps picks, cells and provenance."""
    chosen = ask(strategy, cloud(20), 4)
    back = pickle.loads(pickle.dumps(chosen))
    satisfies(back, 20, 4)
    same(back.indices, chosen.indices, "picks")
    same(back.cells, chosen.cells, "cells")
    require(back.to_dict()["provenance"] == chosen.to_dict()["provenance"], "provenance must not change")


def strategies_are_stateless(strategy: Strategy) -> None:
    """Another query changes neither picks nor parameters, and the repr names the class."""
    before = repr(strategy)
    require(isinstance(strategy, Strategy), "a strategy is an instance of spotal.strategies.Strategy")
    require(type(strategy).__name__ in before, f"the repr must name the class, found {before}")
    first = ask(strategy, cloud(20), 4)
    ask(strategy, cloud(30, seed=8), 9, labeled=[0], random_state=1)
    same(ask(strategy, cloud(20), 4).indices, first.indices, "picks after another query")
    require(repr(strategy) == before, f"parameters must not change, found {strategy!r}")


OUTCOME_CHECKS = (
    picks_cells_and_masses,
    the_same_seed_gives_the_same_selection,
    order_of_rows_does_not_matter,
    order_of_labeled_rows_does_not_matter,
    budget_zero,
    one_row_left,
    everything_that_is_unlabeled,
    degenerate_pools,
    rows_of_mass_zero_come_last,
    cell_mass_is_the_share_of_the_mass_given,
    mass_on_labeled_rows_alone,
    provenance_says_what_was_asked,
    nothing_labeled,
    only_ratios_of_masses_matter,
    a_selection_can_be_pickled,
    strategies_are_stateless,
)
