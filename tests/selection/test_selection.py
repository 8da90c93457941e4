"""From a design to rows: nearest, assignment and Lloyd steps against brute force; the Selection itself."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from spotal.errors import BudgetError, InputError
from spotal.pool import ArrayPool
from spotal.selection import Selection, assigned_rows, nearest_rows
from spotal.selection.lloyd import lloyd, settle


def greedy(carried, free, design):
    """Each design point in turn takes the nearest row that nobody has."""
    distance = cdist(design, carried[free])
    rows = []
    for gaps in distance:
        row = int(gaps.argmin())
        rows.append(free[row])
        distance[:, row] = np.inf
    return np.array(rows, dtype=np.int64)


def problems():
    """Clouds, free rows and designs: sparse and crowded, few rows and many."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, dim = int(rng.integers(1, 60)), int(rng.integers(1, 5))
        free = n + int(rng.choice([0, 1, 20, 300]))
        carried = rng.random((free + 10, dim)) ** rng.choice([1, 5])
        yield carried, np.sort(rng.choice(free + 10, free, replace=False)), rng.random((n, dim))


def test_nearest_rows_against_brute_force():
    for carried, free, design in problems():
        assert np.array_equal(nearest_rows(carried, free, design), greedy(carried, free, design))


@pytest.mark.parametrize("neighbors", [1, 3])
def test_nearest_rows_where_the_neighbors_run_out(neighbors):
    """All design points crowd in one corner: rings of rows around it are used up, and the tree is made anew."""
    rng = np.random.default_rng(0)
    carried, design = rng.random((400, 2)), rng.random((390, 2)) / 100
    free = np.arange(5, 400)
    found = nearest_rows(carried, free, design, neighbors=neighbors, most_neighbors=12, block=50)
    assert np.array_equal(found, greedy(carried, free, design))


def test_nearest_rows_of_a_single_place():
    carried = np.full((2_000, 3), 0.5, np.float32)
    rows = nearest_rows(carried, np.arange(2_000), np.random.default_rng(0).random((1_500, 3)))
    assert len(np.unique(rows)) == 1_500


def test_assignment_costs_what_the_whole_matrix_does():
    for carried, free, design in problems():
        rows = assigned_rows(carried, free, design)
        assert len(np.unique(rows)) == len(design)
        assert np.isin(rows, free).all()
        cost = cdist(design, carried[free], "sqeuclidean")
        best = cost[linear_sum_assignment(cost)].sum()
        assert ((design - carried[rows]) ** 2).sum() == pytest.approx(best, rel=1e-9)


def test_assignment_of_a_crowd():
    """The best rows lie far beyond the first candidates of every point."""
    rng = np.random.default_rng(0)
    carried, design = rng.random((300, 2)), rng.random((80, 2)) / 100
    cost = cdist(design, carried, "sqeuclidean")
    rows = assigned_rows(carried, np.arange(300), design)
    assert ((design - carried[rows]) ** 2).sum() == pytest.approx(cost[linear_sum_assignment(cost)].sum(), rel=1e-9)
    assert len(np.unique(assigned_rows(np.full((90, 2), 0.5), np.arange(90), design))) == 80


def test_assignment_never_costs_more_than_the_greedy_way():
    gains = []
    for carried, free, design in problems():
        cost = [((design - carried[rows(carried, free, design)]) ** 2).sum() for rows in (assigned_rows, nearest_rows)]
        assert cost[0] <= cost[1] + 1e-12
        gains.append(cost[0] < cost[1] - 1e-9)
    assert sum(gains) > 10


def test_assignment_of_too_many():
    with pytest.raises(BudgetError, match="at most 4000 for selection='assignment', found 4001"):
        assigned_rows(np.zeros((4_001, 1)), np.arange(4_001), np.zeros((4_001, 1)))


# --- cells


def within(pool, mass, index, centers):
    """Weighted squared distance of rows to the center of their cell."""
    return float(mass @ ((pool - centers[index]) ** 2).sum(1))


@pytest.mark.parametrize("weighted", [False, True])
def test_every_lloyd_step_lowers_the_weighted_cost(weighted):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(800, 3))
    pool, mass = ArrayPool(x), rng.random(800) ** 4 if weighted else np.ones(800)
    centers, cost = torch.from_numpy(x[:15].copy()), []
    for _ in range(6):
        cells = settle(pool, centers)
        cost.append(within(x, mass, cells.index, centers.numpy()))
        centers = lloyd(pool, mass, centers)
    assert (np.diff(cost) < 0).all()
    assert cost[-1] < 0.9 * cost[0]


def test_lloyd_steps_by_hand_and_cells_without_mass():
    x = np.array([[0.0], [1.0], [10.0], [11.0]])
    centers = torch.tensor([[0.0], [10.0], [99.0]], dtype=torch.float64)
    assert lloyd(ArrayPool(x), np.ones(4), centers).tolist() == [[0.5], [10.5], [99.0]]
    assert lloyd(ArrayPool(x), np.array([1.0, 1, 0, 0]), centers).tolist() == [[0.5], [10.0], [99.0]]
    assert lloyd(ArrayPool(x), np.array([3.0, 1, 0, 1]), centers).tolist() == [[0.25], [11.0], [99.0]]


def test_settling_is_the_nearest_center_and_its_distance():
    rng = np.random.default_rng(3)
    x, centers = rng.normal(size=(400, 5)).astype(np.float32), rng.normal(size=(11, 5))
    cells = settle(ArrayPool(x), torch.from_numpy(centers))
    distance = cdist(x, centers)
    assert np.array_equal(cells.index, distance.argmin(1))
    np.testing.assert_allclose(cells.squared, distance.min(1) ** 2, rtol=1e-6)


# --- Selection


def selection():
    cells = np.array([0, 1, 1, -1, 0])
    calls = []

    def represent_():
        calls.append(1)
        return cells, np.array([0.25, 0.75])

    record = {"diagnostics": {"dim": 2.0}, "timings": {"total": 0.1}, "provenance": {"strategy": "x"}}
    return Selection(np.array([4, 1]), represent=represent_, **record), calls


def test_cells_are_found_once_and_when_asked_for():
    chosen, calls = selection()
    assert len(chosen) == 2
    assert calls == []
    assert chosen.cells.tolist() == [0, 1, 1, -1, 0]
    assert chosen.cell_mass.tolist() == [0.25, 0.75]
    assert calls == [1]


def test_members():
    chosen, _ = selection()
    assert chosen.members(0).tolist() == [0, 4]
    assert chosen.members(1).tolist() == chosen.members(-1).tolist() == [1, 2]
    for pick in (2, -3):
        with pytest.raises(IndexError, match="2, the number of picks"):
            chosen.members(pick)


def test_to_dict_is_json():
    chosen, _ = selection()
    assert json.loads(json.dumps(chosen.to_dict())) == {
        "indices": [4, 1],
        "cell_mass": [0.25, 0.75],
        "diagnostics": {"dim": 2.0},
        "timings": {"total": 0.1},
        "provenance": {"strategy": "x"},
    }


def test_pickling_finds_the_cells_first():
    chosen, calls = selection()
    back = pickle.loads(pickle.dumps(chosen))
    assert calls == [1]
    assert back.cells.tolist() == [0, 1, 1, -1, 0]
    assert back.to_dict() == chosen.to_dict()


def test_selections_compare_by_identity_and_print_without_their_cells():
    chosen, calls = selection()
    assert chosen == chosen
    assert chosen != selection()[0]
    assert repr(chosen) == "<Selection: 2 picks by 'x'; indices [4, 1]>"
    assert calls == []


def test_a_selection_without_cells_says_so():
    with pytest.raises(RuntimeError, match="without its cells"):
        _ = Selection(np.array([1])).cells


def test_a_selection_of_one_s_own():
    chosen = Selection([4, 1], cells=[1, 1, -1, 0, 0, 1])
    assert chosen.indices.dtype == chosen.cells.dtype == np.int64
    assert chosen.cell_mass.tolist() == [0.4, 0.6]
    assert Selection([4, 1], [1, 1, -1, 0, 0, 1], [0.25, 0.75]).cell_mass.tolist() == [0.25, 0.75]
    assert chosen.estimate([1.0, 2.0]).mean == pytest.approx(1.6)
    assert pickle.loads(pickle.dumps(chosen)).to_dict() == chosen.to_dict()
    assert len(Selection([])) == 0
    there = chosen.renumbered(np.array([1, 2, 3, 5, 7, 9]), 11)
    assert there.indices.tolist() == [7, 2]
    assert there.cells.tolist() == [-1, 1, 1, -1, -1, 0, -1, 0, -1, 1, -1]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"indices": [1, 1]}, "indices"),
        ({"indices": [-1]}, "indices"),
        ({"indices": [0.5]}, "indices"),
        ({"indices": [[1]]}, "indices"),
        ({"indices": [2], "cells": [0, 0]}, "cells"),
        ({"indices": [1], "cells": [0, 1]}, "cells"),
        ({"indices": [1], "cells": [0, -1]}, "cells"),
        ({"indices": [1], "cells": [0.0, 0.0]}, "cells"),
        ({"indices": [1], "cell_mass": [1.0]}, "cells"),
        ({"indices": [1], "cells": [0, 0], "cell_mass": [0.5]}, "cell_mass"),
        ({"indices": [1], "cells": [0, 0], "cell_mass": [0.5, 0.5]}, "cell_mass"),
    ],
)
def test_a_selection_of_one_s_own_that_cannot_be(arguments, word):
    with pytest.raises(InputError, match=f"^{word} must"):
        Selection(**arguments)
