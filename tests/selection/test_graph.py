"""Neighbor graph: exact while rows are few, nearly so beyond, and the same for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from spotal.selection import graph as module
from spotal.selection.graph import NeighborGraph


def cloud(n, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + 3 * rng.normal(size=(20, d))[rng.integers(20, size=n)]).astype(np.float32)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 7), (700, 20), (1_300, 5)])
def test_few_rows_against_scikit_learn(n, k):
    x = cloud(n)
    found = NeighborGraph.fit(torch.from_numpy(x), k)
    distance, index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x.astype(float)).kneighbors(x)
    assert np.array_equal(found.near, index)
    np.testing.assert_allclose(found.squared, distance**2, atol=1e-3)
    assert (found.squared >= 0).all()
    assert (np.diff(found.squared, axis=1) >= 0).all()


def test_many_rows_find_nearly_all_of_their_neighbors():
    x = cloud(9_000)
    found = NeighborGraph.fit(torch.from_numpy(x), 15)
    exact = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(x).kneighbors(x)[1]
    shared = [len(np.intersect1d(a, b)) for a, b in zip(found.near, exact, strict=True)]
    assert np.mean(shared) > 0.97 * 15
    assert np.array_equal(np.sort(found.near[:, 0]), np.arange(9_000))  # each finds itself


def test_lists_that_are_compared_with_all_others_give_the_exact_graph(monkeypatch):
    x = torch.from_numpy(cloud(3_000))
    exact = NeighborGraph.fit(x, 12)
    monkeypatch.setattr(module, "CANDIDATES", 2_999)
    monkeypatch.setattr(module, "LIST", 3_000)
    assert np.array_equal(NeighborGraph.fit(x, 12).near, exact.near)


@pytest.mark.parametrize("n", [900, 6_000])
def test_the_same_graph_for_any_number_of_threads(n):
    x, before = torch.from_numpy(cloud(n, 40)), torch.get_num_threads()
    try:
        graphs = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            graphs.append(NeighborGraph.fit(x, 9))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for other in graphs[1:]:
        assert np.array_equal(other.near, graphs[0].near)
        assert np.array_equal(other.squared, graphs[0].squared)


def test_rows_in_one_place():
    found = NeighborGraph.fit(torch.ones(5_000, 3), 6)
    assert (found.squared == 0).all()
    assert found.near.shape == (5_000, 6)


@pytest.mark.parametrize("k", [3, 90, 600])
def test_of_rows_equally_near_the_first_come_first(k):
    x = cloud(700, 4)
    x[100:400] = x[0]  # more copies than are asked for, and fewer
    x[400::7] = x[400]
    found = NeighborGraph.fit(torch.from_numpy(x), k)
    half = torch.from_numpy(x).square().sum(1) / 2
    away = torch.addmm(half, torch.from_numpy(x[:512]), torch.from_numpy(x).T, alpha=-1)
    assert np.array_equal(found.near[:512], away.sort(dim=1, stable=True).indices[:, :k])
