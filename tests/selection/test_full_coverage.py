"""Coverage of all pairs of rows: the reaches, degrees and picks of the sorted graph, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spotal.constraints.limits import Allowance, Limits
from spotal.selection.coverage import Coverage, reaches
from spotal.selection.full_coverage import FullCoverage, all_cover, full_reaches
from spotal.selection.graph import NeighborGraph
from spotal.selection.pairs import Pairs

POOLS = {
    "cloud": lambda rng, n: rng.normal(size=(n, 9)),
    "wide": lambda rng, n: rng.normal(size=(n, 300)),
    "line": lambda rng, n: rng.normal(size=(n, 1)),
    "grid": lambda rng, n: np.round(rng.normal(size=(n, 2))),
    "copies": lambda rng, n: rng.normal(size=(max(n // 4, 1), 5))[rng.integers(max(n // 4, 1), size=n)],
    "one place": lambda rng, n: np.ones((n, 3)),
}


def points_of(name, n, seed=0):
    return torch.from_numpy(POOLS[name](np.random.default_rng(seed), n).astype(np.float32))


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("n", [1, 2, 30, 700])
def test_neighbors_of_pairs_are_those_of_the_graph(name, n):
    points = points_of(name, n)
    pairs, graph = Pairs.fit(points), NeighborGraph.fit(points, n)
    assert np.array_equal(pairs.farthest(), graph.near[:, -1])
    for k in {1, (n + 1) // 2, n}:
        found = pairs.nearest(k)
        assert np.array_equal(found.near, graph.near[:, :k])
        assert np.array_equal(found.squared, graph.squared[:, :k])
    some = np.arange(n)[::3]
    assert np.array_equal(pairs.nearest(1, some).near, graph.near[some, :1])


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("seed", range(4))
def test_the_picks_are_those_of_the_sorted_graph(name, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(40, 700))
    points, mass, share = points_of(name, n, seed), rng.random(n) ** rng.choice([0, 1, 6]), rng.uniform(0.05, 0.5)
    mass = np.maximum(mass, 1e-4)
    assert all_cover(mass, share)
    pairs, graph = Pairs.fit(points), NeighborGraph.fit(points, n)
    reach, sorted_reach = full_reaches(pairs, mass, share), reaches(graph, mass, share)
    assert np.array_equal(reach.squared, sorted_reach.squared)
    assert np.array_equal(reach.count, sorted_reach.count)
    weight = rng.random(n) * (rng.random(n) < 0.9)
    candidates = rng.permutation(n)[: n - 3]
    labeled = np.setdiff1d(np.arange(n), candidates)[: seed % 3]
    full, one = FullCoverage(pairs, reach, weight), Coverage(graph, reach, weight)
    for coverage in (full, one):
        coverage.add(labeled)
    assert np.array_equal(full.pick(candidates, 25), one.pick(candidates, 25))
    assert np.array_equal(full.covered, one.covered)
    cost, taken = rng.uniform(0.1, 3, n), []
    for coverage in (FullCoverage(pairs, reach, weight), Coverage(graph, reach, weight)):
        allowance = Allowance(Limits(6.0, cost), n, candidates)
        coverage.pick_within(candidates, allowance, lambda rows: rows)
        taken.append(allowance.picks)
    assert taken[0] == taken[1]


def test_float32_never_excludes_the_best():
    """Each bound is at least the gain in float64, for reaches of all sizes and after each pick."""
    rng, points = np.random.default_rng(0), points_of("cloud", 300)
    pairs = Pairs.fit(points)
    for power in (-20, -6, 0, 6):
        reach = full_reaches(pairs, np.ones(300), 0.1)
        reach.squared[:] *= 10.0 ** (power * rng.random(300))
        coverage = FullCoverage(pairs, reach, rng.random(300))
        queue = coverage.queue(np.arange(300), np.ones(300))
        for _ in range(4):
            queue._bound(np.arange(300))
            gains = [coverage.weight @ np.maximum(coverage.degrees(c) - coverage.covered, 0) for c in range(300)]
            open_ = queue.bound > -1
            assert (queue.bound[open_] >= np.array(gains)[open_] * (1 - 1e-12)).all()
            queue.take(1)


def test_where_some_rows_hold_next_to_nothing_the_graph_is_sorted():
    mass = np.ones(100)
    assert all_cover(mass, 0.05)
    assert not all_cover(mass, 0.049)
    assert not all_cover(np.append(mass, 0.0), 0.05)
