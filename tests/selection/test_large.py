"""Cells of a large pool: as good as those refined row by row, and the same however the pool is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import spotal
from spotal._arrays import block_rows
from spotal.errors import InputError
from spotal.mass import Evidence
from spotal.pool import ArrayPool, ShardedPool
from spotal.pool.sample import priority_sample, row_uniforms
from spotal.selection.large import Placed, Table
from spotal.selection.tree import CutTree
from spotal.strategies import SPOT, _large
from spotal.transport import SlicedTransport


@pytest.fixture(autouse=True)
def _every_pool_is_large(monkeypatch):
    monkeypatch.setattr(_large, "EXACT_WORK", 0)


def clusters(n, d=40, k=12, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + 2 * rng.normal(size=(k, d))[rng.integers(k, size=n)]).astype(np.float32)


def few_frames(**options):
    return SPOT(transport=SlicedTransport(min_iter=8, max_iter=8), **options)


def within(x, chosen):
    return np.square(x - x[chosen.indices[chosen.cells]]).sum(1).mean()


def test_picks_are_as_near_to_what_they_stand_for_as_those_refined_row_by_row(monkeypatch):
    x = clusters(2_500)
    fast = np.mean([within(x, few_frames().query(x, 60, random_state=seed)) for seed in range(3)])
    monkeypatch.setattr(_large, "EXACT_WORK", 1e18)
    exact = np.mean([within(x, few_frames().query(x, 60, random_state=seed)) for seed in range(3)])
    assert fast < 1.05 * exact


def test_every_cell_has_its_pick_and_masses_add_up():
    x = clusters(900)
    labeled = np.arange(0, 900, 7)
    weights = np.random.default_rng(0).random(900)
    chosen = few_frames().query(x, 120, labeled=labeled, labels=labeled % 3, mass=weights, random_state=0)
    assert len(np.unique(chosen.indices)) == 120
    assert not np.isin(chosen.indices, labeled).any()
    assert (chosen.cells[labeled] == -1).all()
    assert np.array_equal(chosen.cells[chosen.indices], np.arange(120))
    free = chosen.cells >= 0
    expected = np.bincount(chosen.cells[free], weights[free], 120) / weights[free].sum()
    np.testing.assert_allclose(chosen.cell_mass, expected, atol=1e-9)


def test_probabilities_and_labels_draw_the_picks():
    x = clusters(1_500)
    p = np.where(x[:, 0] > np.median(x[:, 0]), 0.5, 0.99)
    chosen = few_frames().query(x, 40, labeled=[0, 1], labels=[0, 1], probabilities=np.c_[p, 1 - p], random_state=0)
    assert np.mean(p[chosen.indices] == 0.5) > 0.9


def test_distances_to_labels_are_those_to_rows_hardly_farther_than_the_nearest():
    x = clusters(2_000)
    labeled = np.arange(0, 2_000, 9)
    known = ArrayPool(x), labeled
    near, exact = _large.LargeEvidence(*known).squared_to_labels(), Evidence(*known).squared_to_labels()
    assert (near >= exact - 1e-3).all()
    assert np.mean(near) < 1.02 * np.mean(exact)
    assert np.mean(near < exact + 1e-3) > 0.8
    assert (near[labeled] == 0).all()
    double = _large.LargeEvidence(ArrayPool(x.astype(np.float64)), labeled)
    assert np.array_equal(double.squared_to_labels(), near)


def test_all_rows_can_be_taken_and_rows_without_mass_come_last():
    x = clusters(150)
    assert np.array_equal(np.sort(few_frames().query(x, 150, random_state=0).indices), np.arange(150))
    mass = np.zeros(150)
    mass[40:60] = 1
    chosen = few_frames().query(x, 33, mass=mass, random_state=0)
    assert set(chosen.indices[:20]) == set(range(40, 60))
    assert len(np.unique(chosen.indices)) == 33


def test_copies_are_chosen_no_more_often_than_needed():
    x = np.repeat(clusters(5), 40, axis=0)
    chosen = few_frames().query(x, 50, random_state=0)
    assert len(np.unique(chosen.indices)) == 50


@pytest.mark.parametrize(("reduction", "labels", "dim"), [(None, 0, 8), ("pca", 0, 8), ("pca", 200, 40)])
def test_same_picks_for_any_batches_threads_and_precision(monkeypatch, reduction, labels, dim):
    x = clusters(4_000, d=dim)
    strategy = few_frames(reduction=reduction)
    known = {}
    if labels:
        p = np.random.default_rng(1).dirichlet(np.ones(3), 4_000)
        known = {"labeled": np.arange(labels) * 3, "labels": np.arange(labels) % 3, "probabilities": p}
    whole = strategy.query(x, 150, random_state=3, **known)
    before = torch.get_num_threads()
    try:
        for threads, target in ((1, 1 << 14), (3, 1 << 12), (2, 1 << 30)):
            torch.set_num_threads(threads)
            monkeypatch.setattr(block_rows, "__defaults__", (4, target))
            for pool in (x, x.astype(np.float64), torch.from_numpy(x), np.asfortranarray(x)):
                again = strategy.query(pool, 150, random_state=3, **known)
                assert np.array_equal(again.indices, whole.indices)
                assert np.array_equal(again.cells, whole.cells)
                assert np.array_equal(again.cell_mass, whole.cell_mass)
    finally:
        torch.set_num_threads(before)


def test_same_picks_for_any_sharding(tmp_path):
    x = clusters(3_000)
    whole = spotal.select(x, 70, few_frames(), random_state=1)
    for count in (1, 2, 7):
        folder = tmp_path / str(count)
        folder.mkdir()
        cuts = np.sort(np.random.default_rng(count).integers(1, 3_000, count - 1))
        for number, part in enumerate(np.split(x, cuts)):
            if len(part):
                np.save(folder / f"{number:02}.npy", part)
        chosen = spotal.select(folder, 70, few_frames(), random_state=1)
        assert np.array_equal(chosen.indices, whole.indices)
        assert np.array_equal(chosen.cells, whole.cells)


def test_tables_merge_in_any_order_and_grouping():
    rng = np.random.default_rng(0)

    def part(first):
        cell = rng.integers(5, size=30)
        mass = rng.integers(1, 9, 30)
        return Placed(cell, rng.integers(4, size=30).astype(float), np.arange(first, first + 30), mass, mass)

    parts = [part(30 * k) for k in range(6)]

    def total(order, sizes):
        tables = []
        for size in sizes:
            table = Table.empty(5, 3, 1.0)
            for k in order[:size]:
                table.add(parts[k])
            tables.append(table)
            order = order[size:]
        merged = Table.empty(5, 3, 1.0)
        for table in tables:
            merged.add(table)
        return merged

    first = total([0, 1, 2, 3, 4, 5], [6])
    for order, sizes in (([5, 3, 1, 0, 2, 4], [2, 2, 2]), ([2, 1, 0, 5, 4, 3], [1, 5])):
        again = total(order, sizes)
        for name in ("key", "row", "mass", "weight", "count"):
            assert np.array_equal(getattr(again, name), getattr(first, name)), name


def test_rows_that_are_not_finite_are_refused_where_the_sample_has_them_and_where_not(monkeypatch):
    x = clusters(400)
    x[217, 3] = np.nan
    with pytest.raises(InputError, match=r"row\(s\) 217"):
        few_frames().query(x, 20, random_state=0)
    strategy = few_frames(sample_size=50)
    monkeypatch.setattr(_large, "PER_CELL", 1)
    chosen = strategy.query(clusters(400), 5, random_state=0)
    x = clusters(400)
    sampled = priority_sample(None, 400, 50, chosen.provenance["seed"])[0]
    row = int(np.setdiff1d(np.arange(400), sampled)[0])
    x[row, 0] = np.inf
    with pytest.raises(InputError, match=rf"infinity first\) in row\(s\) {row}"):
        strategy.query(x, 5, random_state=0)


def test_the_cut_gives_every_design_point_its_share_of_the_mass():
    rng = np.random.default_rng(0)
    u, weight = rng.random((5_000, 3)).astype(np.float32), rng.random(5_000)
    design = rng.random((37, 3))
    tree = CutTree.fit(u, weight, design)
    index = tree.place(u)
    share = np.bincount(index, weight, 37) / weight.sum() * 37
    assert share.std() < 0.05
    fresh = rng.random((200_000, 3)).astype(np.float32)
    assert (np.bincount(tree.place(fresh), minlength=37) / 200_000 * 37).std() < 0.2


def test_a_cut_of_fewer_points_than_cells():
    design = np.random.default_rng(0).random((9, 2))
    tree = CutTree.fit(design[:2].astype(np.float32), np.ones(2), design)
    assert len(tree.place(design.astype(np.float32))) == 9


def test_cells_cut_from_200_gaussians_are_even():
    """The pool of the performance page, smaller: marginals uniform to .01, masses of the cut even to .3."""
    x = clusters(30_000, d=64, k=200)
    strategy = SPOT(sample_size=20_000)
    laid = strategy.layout(x, 100, random_state=0)
    seen = np.sort(laid.carried.astype(np.float64), axis=0)
    grid = (np.arange(len(x)) + 0.5) / len(x)
    assert np.abs(seen - grid[:, None]).max(0).mean() <= 0.01
    tree = CutTree.fit(laid.carried[:20_000], np.ones(20_000), laid.design)
    mass = np.bincount(tree.place(laid.carried), minlength=100)
    assert mass.std() / mass.mean() <= 0.3


def test_priority_samples_do_not_depend_on_the_stretch(monkeypatch):
    from spotal.pool import sample

    mass = np.random.default_rng(0).random(5_000)
    priority = mass / row_uniforms(np.arange(5_000), sample.as_seed(4))
    expected = np.sort(np.argsort(priority)[-300:])
    for stretch in (1 << 20, 777, 100):
        monkeypatch.setattr(sample, "STRETCH", stretch)
        rows, weight = priority_sample(mass, 5_000, 300, 4)
        assert np.array_equal(rows, expected)
        np.testing.assert_array_equal(weight, np.maximum(mass[rows], np.sort(priority)[-301]))


def test_a_pool_object_is_a_pool():
    x = clusters(300)
    assert np.array_equal(
        spotal.select(ArrayPool(x), 9, random_state=0).indices, spotal.select(x, 9, random_state=0).indices
    )
    assert not isinstance(x, ShardedPool)
