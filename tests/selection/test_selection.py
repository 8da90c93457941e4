"""From a design to rows: nearest, assignment and cells against brute force; the Selection itself."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from spotal.errors import BudgetError
from spotal.pool import ArrayPool
from spotal.selection import Selection, assigned_rows, nearest_rows
from spotal.selection.cells import Cells, cell_means, cut, refine, represent, settle, spread


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
def test_nearest_rows_where_the_neighbors_run_out(neighbors, monkeypatch):
    """All design points crowd in one corner: rings of rows around it are used up, and the tree is made anew."""
    from spotal.selection import nearest

    monkeypatch.setattr(nearest, "NEIGHBORS", neighbors)
    monkeypatch.setattr(nearest, "MOST_NEIGHBORS", 12)
    monkeypatch.setattr(nearest, "BLOCK", 50)
    rng = np.random.default_rng(0)
    carried, design = rng.random((400, 2)), rng.random((390, 2)) / 100
    free = np.arange(5, 400)
    assert np.array_equal(nearest_rows(carried, free, design), greedy(carried, free, design))


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


def test_cut_is_the_nearest_design_point():
    rng = np.random.default_rng(0)
    carried, design = rng.random((500, 3)).astype(np.float32), rng.random((17, 3))
    assert np.array_equal(cut(carried, design), cdist(carried, design).argmin(1))


def test_means_by_hand():
    pool = np.array([[0.0, 1], [2, 3], [4, 5], [6, 7]])
    weight, means = cell_means(ArrayPool(pool), np.array([1.0, 3, 2, 0]), np.array([0, 0, 2, 1]), 3)
    assert weight.tolist() == [4, 0, 2]
    assert means.tolist() == [[1.5, 2.5], [0, 0], [4, 5]]


def test_means_weigh_as_numpy_does():
    rng = np.random.default_rng(1)
    pool, mass, index = rng.normal(size=(700, 4)).astype(np.float32), rng.random(700), rng.integers(0, 9, 700)
    weight, means = cell_means(ArrayPool(pool), mass, index, 9)
    for k in range(9):
        mine = index == k
        assert weight[k] == pytest.approx(mass[mine].sum())
        np.testing.assert_allclose(means[k], np.average(pool[mine].astype(float), axis=0, weights=mass[mine]))


@pytest.mark.parametrize("weighted", [False, True])
def test_every_refinement_lowers_the_weighted_cost(weighted):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(800, 3))
    pool, mass = ArrayPool(x), rng.random(800) ** 4 if weighted else np.ones(800)
    centers, cost = torch.from_numpy(x[:15].copy()), []
    for _ in range(6):
        cells = settle(pool, centers)
        cost.append(within(x, mass, cells.index, centers.numpy()))
        centers = refine(pool, mass, centers, 1)
    assert (np.diff(cost) < 0).all()
    assert cost[-1] < 0.9 * cost[0]
    np.testing.assert_array_equal(refine(pool, mass, torch.from_numpy(x[:15].copy()), 6), centers)


def test_refinement_of_no_steps_and_of_cells_without_mass():
    x = np.array([[0.0], [1.0], [10.0], [11.0]])
    centers = torch.tensor([[0.0], [10.0], [99.0]], dtype=torch.float64)
    assert refine(ArrayPool(x), np.ones(4), centers, 0).tolist() == centers.tolist()
    assert refine(ArrayPool(x), np.ones(4), centers, 3).tolist() == [[0.5], [10.5], [99.0]]
    assert refine(ArrayPool(x), np.array([1.0, 1, 0, 0]), centers, 3).tolist() == [[0.5], [10.0], [99.0]]


def test_focus_by_hand():
    """One cell around 0: squared distances 0, 1 and 9, median 1; weights 1, e^-f and e^-9f times mass 1, 2, 1."""
    x = np.array([[0.0], [1.0], [3.0]])
    for focus in (0.5, 2.0):
        weight = np.array([1, 2, 1]) * np.exp(-focus * np.array([0, 1, 9]))
        center = refine(ArrayPool(x), np.array([1.0, 2, 1]), torch.zeros(1, 1, dtype=torch.float64), 1, focus)
        np.testing.assert_allclose(center, [[(weight * x[:, 0]).sum() / weight.sum()]])
    # rows without mass do not count in the median: it is 4.5 of 0 and 9
    center = refine(ArrayPool(x), np.array([1.0, 0, 1]), torch.zeros(1, 1, dtype=torch.float64), 1, 1.0)
    np.testing.assert_allclose(center, [[3 * np.exp(-2) / (1 + np.exp(-2))]])


def test_with_focus_each_step_covers_more():
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(0, 1, (200, 2)), rng.uniform(-9, 9, (40, 2))])
    pool, mass, centers = ArrayPool(x), np.ones(len(x)), torch.from_numpy(x[:6].copy())

    def within(centers, scale):
        return np.exp(-cdist(x, centers.numpy(), "sqeuclidean").min(1) / scale).sum()

    for _ in range(5):
        scale = spread(settle(pool, centers), mass)
        moved = refine(pool, mass, centers, 1, 1.0)
        assert within(moved, scale) >= within(centers, scale)
        centers = moved


def test_settling_is_the_nearest_center_and_its_distance():
    rng = np.random.default_rng(3)
    x, centers = rng.normal(size=(400, 5)).astype(np.float32), rng.normal(size=(11, 5))
    cells = settle(ArrayPool(x), torch.from_numpy(centers))
    distance = cdist(x, centers)
    assert np.array_equal(cells.index, distance.argmin(1))
    np.testing.assert_allclose(cells.squared, distance.min(1) ** 2, rtol=1e-6)


def settled(x, centers):
    return settle(ArrayPool(x), torch.from_numpy(centers))


def test_representatives_of_equal_mass_are_medoids_of_their_own_cells():
    rng = np.random.default_rng(4)
    x, centers = rng.normal(size=(300, 2)), rng.normal(size=(12, 2))
    cells = settled(x, centers)
    picks = represent(cells, np.ones(300), np.arange(300), 12)
    assert np.array_equal(np.sort(cells.index[picks]), np.arange(12))
    for pick in picks:
        mine = np.flatnonzero(cells.index == cells.index[pick])
        assert pick == mine[cells.squared[mine].argmin()]
    sizes = np.bincount(cells.index)[cells.index[picks]]
    assert (np.diff(sizes) <= 0).all()  # heaviest cell first


def test_a_heavy_row_stands_for_its_cell_before_a_near_one():
    x = np.array([[0.0], [0.3], [1.0], [10.0], [10.5], [11.0]])
    cells = settled(x, np.array([[0.0], [10.0]]))
    mass = np.array([0.1, 1, 1, 1, 0.1, 0.1])
    # scale: the median squared distance, 0.17; by score = log mass - squared / scale
    assert represent(cells, mass, np.arange(6), 2).tolist() == [1, 3]


def test_representatives_are_free_rows():
    x = np.array([[0.0], [0.1], [0.2], [10.0], [10.1]])
    cells = settled(x, np.array([[0.0], [10.0]]))
    assert represent(cells, np.ones(5), np.array([1, 2, 4]), 2).tolist() == [1, 4]


def test_cells_without_a_free_row_pass_it_to_the_heaviest():
    x = np.array([[0.0], [0.1], [0.2], [5.0], [10.0], [10.1]])
    cells = settled(x, np.array([[0.0], [5.0], [10.0], [99.0]]))
    free = np.array([0, 1, 2, 4, 5])
    assert represent(cells, np.ones(6), free, 4).tolist() == [0, 4, 1, 5]
    assert represent(cells, np.ones(6), free, 5).tolist() == [0, 4, 1, 5, 2]


def test_rows_without_mass_represent_last():
    x = np.array([[0.0], [0.1], [10.0], [10.1]])
    cells = settled(x, np.array([[0.0], [10.0]]))
    assert represent(cells, np.array([0, 0.5, 0, 0]), np.arange(4), 4).tolist()[0] == 1
    assert represent(cells, np.array([1, 0.5, 0, 0]), np.arange(4), 2).tolist() == [0, 1]


def test_all_rows_in_one_place_are_taken_in_order():
    cells = Cells(np.zeros(5, np.int64), np.zeros(5), torch.zeros(1, 1))
    assert represent(cells, np.ones(5), np.arange(5), 3).tolist() == [0, 1, 2]


# --- Selection


def selection():
    cells = np.array([0, 1, 1, -1, 0])
    calls = []

    def represent_():
        calls.append(1)
        return cells, np.array([0.25, 0.75])

    return Selection(np.array([4, 1]), {"dim": 2.0}, {"total": 0.1}, {"strategy": "x"}, _represent=represent_), calls


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
        "figures": {"dim": 2.0},
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
    assert "indices=array([4, 1])" in repr(chosen)
    assert calls == []


def test_a_selection_without_cells_says_so():
    with pytest.raises(RuntimeError, match="without its cells"):
        _ = Selection(np.array([1])).cells
