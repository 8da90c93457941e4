"""Coverage: reaches by hand, the greedy picks against the plain greedy method, its guarantee, and limits."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import qmc

from spotal.constraints import Allowance, Limits
from spotal.selection import _compiled_loops, _numpy_loops
from spotal.selection import coverage as module
from spotal.selection import graph as graph_module
from spotal.selection.coverage import Coverage, Reach, extent, neighbors_needed, reaches
from spotal.selection.graph import NeighborGraph


def graph_of(x, k=None):
    return NeighborGraph.fit(torch.from_numpy(np.asarray(x, np.float32)), k or len(x))


def everywhere(x, squared):
    """Every row may cover every other, whose reach is given."""
    return graph_of(x), Reach(np.broadcast_to(float(squared), len(x)).copy(), np.full(len(x), len(x)))


def degrees(x, squared):
    return np.exp(-cdist(x, x, "sqeuclidean") / squared)


def plain_greedy(degree, weight, count, labeled=()):
    """degree (row, candidate)."""
    covered = degree[:, list(labeled)].max(1) if len(labeled) else np.zeros(len(degree))
    picks = []
    for _ in range(count):
        gain = weight @ np.maximum(degree - covered[:, None], 0)
        gain[[*labeled, *picks]] = -1
        picks.append(int(gain.argmax()))
        covered = np.maximum(covered, degree[:, picks[-1]])
    return picks, float(weight @ covered / weight.sum())


def test_reach_is_the_distance_within_which_mass_is_found(monkeypatch):
    monkeypatch.setattr(module, "LEAST", 1)
    monkeypatch.setattr(module, "EXTENT", 1)
    monkeypatch.setattr(module, "extent", lambda share: share)
    x = np.array([[0.0], [1], [3], [7]])
    by = {share: reaches(graph_of(x), np.ones(4), share) for share in (0.25, 0.5)}
    assert by[0.25].squared.tolist() == [1, 1, 4, 16]
    assert by[0.5].squared.tolist() == [9, 4, 9, 36]
    assert by[0.25].count.tolist() == [2, 2, 2, 2]
    assert by[0.5].count.tolist() == [3, 3, 3, 3]
    # the second row holds half of all mass; a row's own mass does not count
    heavy = reaches(graph_of(x), np.array([1.0, 3, 1, 1]), 0.5)
    assert heavy.squared.tolist() == [1, 36, 4, 36]


def test_five_neighbors_are_within_reach_at_least_and_twenty_may_cover():
    x = np.arange(40.0)[:, None]
    found = reaches(graph_of(x, neighbors_needed(40, 0.001)), np.ones(40), 0.001)
    assert found.squared[0] == 25
    assert found.squared[20] == 9
    assert (found.count == 21).all()


def test_rows_may_be_covered_from_a_greater_mass_than_lies_within_reach():
    x = np.arange(400.0)[:, None]
    mass = np.where(np.arange(400) < 200, 1.0, 3.0)
    few = reaches(graph_of(x), mass, 0.02)  # of 800; (20 x .02)^1.25 is .318, of which 254 hold
    assert few.squared[100] == 64
    assert few.count[100] == 1 + 199 + 19  # 199 rows of mass 1 and 19 of mass 3 hold 256
    assert few.count[300] == 86  # 85 of mass 3 hold 255


def test_with_few_picks_any_row_may_cover_any_other():
    x = np.arange(400.0)[:, None]
    assert (reaches(graph_of(x), np.ones(400), 0.05).count == 400).all()
    assert [neighbors_needed(1_000, share) for share in (0.5, 0.05, 0.01, 0.001)] == [1_000, 1_000, 202, 21]
    assert neighbors_needed(1_000, 0.01, equal=True) == 135
    assert extent(0.0001) / 0.0001 == pytest.approx(4.2, abs=0.1)


def test_copies_have_a_positive_reach():
    x = np.r_[np.zeros(30), np.arange(9.0)][:, None]
    found = reaches(graph_of(x), np.ones(39), 0.1)
    assert (found.squared > 0).all()


@pytest.mark.parametrize("labeled", [[], [3, 50]])
def test_picks_are_those_of_the_plain_greedy_method(labeled):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, weight = rng.normal(size=(120, 3)), rng.random(120) ** 3
        weight[labeled] = 0
        coverage = Coverage(*everywhere(x, 0.7), weight)
        coverage.add(np.array(labeled, np.int64))
        picks = coverage.pick(np.setdiff1d(np.arange(120), labeled), 15)
        expected, value = plain_greedy(degrees(x, 0.7), weight, 15, labeled)
        assert picks.tolist() == expected
        assert coverage.value == pytest.approx(value, rel=1e-5)


def test_only_rows_within_reach_are_covered():
    x = np.array([[0.0], [1], [2], [10]])
    reach = Reach(np.ones(4), np.array([2, 2, 2, 1]))
    coverage = Coverage(graph_of(x), reach, np.ones(4))
    coverage.add(np.array([1]))
    np.testing.assert_allclose(coverage.covered, [np.exp(-1), 1, np.exp(-1), 0], rtol=1e-6)


def test_greedy_covers_what_the_guarantee_says_of_the_best_set():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, weight = rng.random((14, 2)), rng.random(14)
        coverage = Coverage(*everywhere(x, 0.05), weight)
        coverage.pick(np.arange(14), 4)
        degree = degrees(x, 0.05)
        best = max(weight @ degree[:, list(some)].max(1) for some in combinations(range(14), 4)) / weight.sum()
        assert (1 - 1 / np.e) * best <= coverage.value <= best + 1e-6


def test_ties_go_to_the_first_candidate_and_nothing_is_picked_for_nothing():
    x = np.array([[0.0], [100], [200], [300]])
    coverage = Coverage(*everywhere(x, 1), np.array([1.0, 1, 1, 0]))
    assert coverage.pick(np.array([2, 3, 0, 1]), 4).tolist() == [2, 0, 1]
    assert coverage.value == pytest.approx(1)


def test_limits_are_kept_in_the_greedy_step():
    rng = np.random.default_rng(0)
    x, cost = rng.normal(size=(60, 2)), rng.uniform(1, 3, 60)
    group = rng.integers(4, size=60)
    limits = Limits(12.0, cost, group, np.array([2, 2, 2, 2]))
    allowance = Allowance(limits, 60, np.arange(60))
    Coverage(*everywhere(x, 0.5), np.ones(60)).pick_within(np.arange(60), allowance, lambda rows: rows)
    # the plain cost-benefit greedy method, among what is still allowed
    other, degree = Allowance(limits, 60, np.arange(60)), degrees(x, 0.5)
    covered = np.zeros(60)
    while not other.full:
        gain = np.maximum(degree - covered[:, None], 0).sum(0) / cost
        gain[~other.open] = -1
        other.take(int(gain.argmax()))
        covered = np.maximum(covered, degree[:, other.picks[-1]])
    assert allowance.picks == other.picks
    assert cost[allowance.picks].sum() <= 12
    assert np.bincount(group[allowance.picks], minlength=4).max() <= 2


def test_a_price_next_to_nothing_beside_others_is_no_warning():
    x, cost = np.arange(40.0)[:, None], np.r_[1e-300, np.full(39, 1e300)]
    allowance = Allowance(Limits(2e300, cost), 40, np.arange(40))
    Coverage(*everywhere(x, 0.5), np.ones(40)).pick_within(np.arange(40), allowance, lambda rows: rows)
    assert allowance.picks[0] == 0


def test_in_one_dimension_picks_are_those_of_a_design_after_exact_transport():
    """Transport makes distance mean mass: on the line, picks stand at evenly spaced quantiles, as a design's points."""
    n, count = 2_000, 10
    quantiles = (np.arange(n) + 0.5) / n
    x = -np.log1p(-quantiles)[:, None]  # exponential: dense at 0, sparse far out
    graph = graph_of(x)
    reach = reaches(graph, np.ones(n), 0.5 / count)
    picks = np.sort(Coverage(graph, reach, np.ones(n)).pick(np.arange(n), count))
    carried = quantiles[picks]  # the exact map to the uniform measure
    gaps = np.diff(np.r_[-carried[0], carried, 2 - carried[-1]])
    assert gaps.max() < 1.8 / count
    assert gaps.min() > 0.5 / count
    # the same greedy picks in the cube, after the transport, where all reaches are equal
    flat = graph_of(quantiles[:, None])
    even = np.sort(Coverage(flat, reaches(flat, np.ones(n), 0.5 / count), np.ones(n)).pick(np.arange(n), count))
    assert np.abs(quantiles[even] - carried).max() < 1 / count


def spread(x, count, h=0):
    """Picks before there is a model: all of a pick's mass within reach, rows worth their reach to the power h."""
    graph = graph_of(x, neighbors_needed(len(x), 1 / count))
    reach = reaches(graph, np.ones(len(x)), 1 / count)
    coverage = Coverage(graph, reach, reach.squared ** (h / 2))
    return coverage.pick(np.random.default_rng(0).permutation(len(x)), count)


@pytest.mark.parametrize("seed", range(3))
def test_in_two_dimensions_picks_fill_the_square_after_exact_transport(seed):
    carried = qmc.Sobol(2, rng=seed).random(4_096)
    x = np.stack([-np.log1p(-carried[:, 0]), np.exp(carried[:, 1])], 1)  # each column's map to uniform is known
    rng = np.random.default_rng(seed)
    for count in (64, 100):
        random = np.mean([qmc.discrepancy(carried[rng.permutation(4_096)[:count]]) for _ in range(20)])
        assert qmc.discrepancy(carried[spread(x, count)]) < 0.5 * random


def test_picks_are_spread_as_the_mass_is_and_space_filling_moves_them_toward_the_volume():
    rng = np.random.default_rng(0)
    x = rng.random((4_000, 2)) + np.where(np.arange(4_000) < 3_200, 0, 3)[:, None]
    share = [float(np.mean(spread(x, 100, h) < 3_200)) for h in (0, 1, 2)]
    assert share[0] == pytest.approx(0.8, abs=0.05)
    assert share[0] - 0.05 > share[1] > share[2] + 0.05 > 0.55


@pytest.mark.parametrize("seed", range(6))
def test_little_work_is_done_without_compiled_code_to_the_same_bits(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    size, share = int(rng.integers(40, 900)), 1 / int(rng.integers(3, 30))
    points = rng.normal(size=(size, 3)).astype(np.float32)
    points = points.round() if seed % 3 == 0 else points  # equal distances
    mass = np.concatenate([np.zeros(3), rng.uniform(size=size - 3)]) if seed % 2 else np.ones(size)
    labeled, candidates = np.arange(5), np.arange(5, size)
    limits = Limits(20.0, rng.uniform(1, 3, size), rng.integers(4, size=size), np.full(4, 5))

    def found(home):
        for user in (module, graph_module):
            monkeypatch.setattr(user, "loops_for", lambda edges=0: home)
        graph = NeighborGraph.fit(torch.from_numpy(points), neighbors_needed(size, share))
        reach = reaches(graph, mass, share)
        coverage, within = Coverage(graph, reach, mass), Coverage(graph, reach, mass)
        coverage.add(labeled)
        picks = coverage.pick(candidates, 30)
        allowance = Allowance(limits, size, candidates)
        within.pick_within(candidates, allowance, lambda rows: rows)
        first = (graph.near, graph.squared, reach.squared, reach.count, coverage.start, coverage.row, coverage.degree)
        return *first, coverage.covered, picks, within.covered, allowance.open

    for one, other in zip(found(_compiled_loops), found(_numpy_loops), strict=True):
        assert np.array_equal(one, other)


def test_compiled_code_is_loaded_where_it_repays():
    code = (
        "import sys, numpy as np, spotal\n"
        "X = np.random.default_rng(0).normal(size=(600, 4))\n"
        "first = spotal.select(X, 5, random_state=0).indices.tolist()\n"
        "assert 'numba' not in sys.modules\n"
        "from spotal.selection import _loops\n"
        "_loops.REPAID = 0\n"
        "assert spotal.select(X, 5, random_state=0).indices.tolist() == first\n"
        "assert 'numba' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
