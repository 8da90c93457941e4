"""SPOT: what the picks cover, what they follow, and that a sample of a long pool serves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.raising import raises_input
from tests.strategies.asked import asked

import spotal
from spotal.mass import Uniform
from spotal.numeric.arrays import batches_of
from spotal.reduce import SoftSphere
from spotal.selection import assign
from spotal.strategies import SPOT, TransportedDesign, get
from spotal.strategies._sample import Sample, rows_needed
from spotal.strategies.spot import narrowed, unevenness


def square(n, seed=0):
    return np.random.default_rng(seed).random((n, 2))


def clusters(n, d=40, k=12, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + 2 * rng.normal(size=(k, d))[rng.integers(k, size=n)]).astype(np.float32)


def pick(x, budget, **known):
    options = {
        name: known.pop(name) for name in ("mass_rule", "reach", "space_filling", "sample_size") if name in known
    }
    if "mass_rule" in options:
        options["mass"] = options.pop("mass_rule")
    return SPOT(**options).query(x, budget, random_state=0, **known)


def test_every_cluster_has_a_pick_before_any_has_two():
    rng = np.random.default_rng(0)
    centers = 20 * rng.normal(size=(15, 10))
    group = np.repeat(np.arange(15), rng.integers(20, 60, 15))
    x = centers[group] + rng.normal(size=(len(group), 10))
    assert len(np.unique(group[pick(x, 15).indices])) == 15


def test_new_picks_go_where_no_labels_are():
    x = square(600)
    labeled = np.flatnonzero(x[:, 0] < 0.5)[:40]
    assert np.mean(x[pick(x, 24, labeled=labeled).indices, 0] > 0.5) > 0.7


def test_picks_follow_uncertainty_and_a_rule_by_name():
    x = square(600)
    p = np.where(x[:, 0] > 0.7, 0.5, 0.99)
    known = {"labeled": [0, 1], "labels": [0, 1], "probabilities": np.c_[p, 1 - p]}
    assert np.mean(x[pick(x, 20, **known).indices, 0] > 0.7) >= 0.9
    even = pick(x, 20, mass_rule="uniform", space_filling=0, **known)
    assert np.mean(x[even.indices, 0] > 0.7) < 0.6
    assert np.array_equal(even.indices, pick(x, 20, mass_rule=Uniform(), space_filling=0, **known).indices)


def test_picks_follow_the_mass_given():
    """A quarter of the rows holds 9/10 of the mass, and gets about that share of the picks."""
    x = square(800)
    dense = x[:, 0] < 0.25
    mass = np.where(dense, 0.9 / dense.sum(), 0.1 / (~dense).sum())
    assert 0.8 < dense[pick(x, 40, mass=mass).indices].mean() < 1
    assert 0.15 < dense[pick(x, 40).indices].mean() < 0.35


def test_space_filling_draws_picks_to_what_lies_far_out():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(900, 3)), rng.uniform(-9, 9, (100, 3))])
    far = np.arange(1_000) >= 900
    counts = [far[pick(x, 30, space_filling=power).indices].sum() for power in (0, 1, 3)]
    assert counts[0] < counts[1] < counts[2]


def test_automatic_space_filling_is_twice_the_unevenness_of_the_classes():
    x, p = clusters(300), np.random.default_rng(0).dirichlet([8, 1, 1], 300)
    found = pick(x, 10, probabilities=p, labeled=[0], labels=[0]).diagnostics["space_filling"]
    mean = p.mean(0)
    assert found == pytest.approx(2 * (1 + (mean * np.log(mean)).sum() / np.log(3)))
    assert pick(x, 10).diagnostics["space_filling"] == 0
    assert unevenness(np.full(4, 0.25)) == pytest.approx(0, abs=1e-12)
    assert unevenness(np.eye(3)[1]) == 1
    assert unevenness(np.ones(1)) == 0


def test_automatic_reach_narrows_as_the_model_grows_sure():
    """From all of a pick's mass, where it tells nothing, to a tenth: .1 to the power of its mean margin."""
    x = clusters(300)

    def share(first):
        odds = np.tile([first, 1 - first], (300, 1))
        return pick(x, 10, probabilities=odds, labeled=[0], labels=[0]).diagnostics["share"]

    assert pick(x, 10).diagnostics["share"] == share(0.5) == 1
    assert share(0.75) == pytest.approx(10**-0.5)
    assert share(1.0) == pytest.approx(0.1)
    assert pick(x, 10, reach=0.3).diagnostics["share"] == 0.3
    assert narrowed(np.array([1.0, 0.0]), np.array([1.0, 3.0])) == pytest.approx(10**-0.25)


def test_what_a_model_expects_seldom_is_worth_more():
    """Two groups alike but for their size, both in doubt: the small one gets more than its share of the picks."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(900, 4)), rng.normal(size=(100, 4)) + 20])
    small = np.arange(1000) >= 900
    odds = np.where(small[:, None], [0.01, 0.01, 0.49, 0.49], [0.49, 0.49, 0.01, 0.01])

    def share(rule):
        picks = SPOT(mass=rule, space_filling=0).query(
            x, 40, labeled=[0, 999], labels=[0, 2], probabilities=odds, random_state=0
        )
        return small[picks.indices].mean()

    assert share("margin") < 0.2 < 0.25 < share("auto") < 0.5


def test_picks_come_in_order_of_what_they_add():
    x = clusters(400)
    ten, thirty = pick(x, 10).indices, pick(x, 30)
    assert len(np.unique(thirty.indices)) == 30
    assert pick(x, 30).diagnostics["coverage"] > pick(x, 10).diagnostics["coverage"] * 0.5
    assert len(ten) == 10


def banana(n, seed=0):
    """A bent cloud in the plane, with four more columns of little noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    x[:, 1] += x[:, 0] ** 2 / 2
    return np.c_[x, 0.1 * rng.normal(size=(n, 4))]


def test_picks_estimate_means_better_than_random_ones():
    def errors(strategy):
        found = []
        for seed in range(12):
            x = banana(1_000, seed)
            functions = np.c_[x[:, :2], x[:, :2] ** 2, np.sin(x[:, :2]), x[:, 0] > 0]
            functions = (functions - functions.mean(0)) / functions.std(0)
            chosen = strategy.query(x, 32, random_state=seed)
            values = functions[chosen.indices]
            found.append((np.abs(chosen.cell_mass @ values).mean(), np.abs(values.mean(0)).mean()))
        return np.mean(found, axis=0)

    weighted, equal = errors(get("random"))
    found = errors(SPOT())
    assert found[0] < weighted
    assert found[1] < 0.6 * equal


def test_drawn_representatives_stand_for_the_pool_without_bias():
    x = banana(600)
    truth, found = x[:, 1].mean(), []
    for seed in range(150):
        chosen = SPOT(representative="random").query(x, 20, random_state=seed)
        assert len(np.unique(chosen.indices)) == 20
        found.append(chosen.estimate(x[chosen.indices, 1]))
    means = np.array([one.mean for one in found])
    assert all(one.unbiased for one in found)
    assert abs(means.mean() - truth) < 4 * means.std() / np.sqrt(len(means))
    assert means.std() < 0.7 * x[:, 1].std() / np.sqrt(20)
    assert np.mean([one.low <= truth <= one.high for one in found]) > 0.9


def test_the_published_method_has_its_own_class():
    assert isinstance(SPOT.paper(selection="assignment"), TransportedDesign)
    assert get("spot-paper").selection == "nearest"


# --- a sample of a long pool


@pytest.mark.parametrize(
    ("n", "labeled", "budget", "rows"),
    [(900, 0, 10, 900), (4_097, 0, 10, 4_096), (10**6, 100, 200, 4_800), (10**6, 0, 1_000, 16_000)],
)
def test_rows_needed(n, labeled, budget, rows):
    assert rows_needed(n, labeled, budget) == rows


@pytest.mark.parametrize(("picks", "rows"), [(5, 1_024), (20, 2_000), (40, 4_000), (41, 4_096), (300, 4_800)])
def test_the_sample_grows_with_the_picks(picks, rows):
    assert rows_needed(10**6, 0, picks, SPOT().sample_size) == rows


def drawn(x, least=200, seed=0, **known):
    return Sample.of(asked(x, 2, random_state=seed, **known), least)


def test_what_sampled_rows_stand_for_is_right_on_average():
    """Sums over the sample estimate sums over the pool, whatever made a row likely to be drawn."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(1_900, 3)), rng.normal(8, 1, (100, 3))])
    mass, odds = rng.random(2_000), rng.dirichlet(np.ones(3), 2_000)
    truth = np.array([mass.sum(), mass[1_900:].sum(), mass[odds[:, 0] > 0.8].sum()])
    found = []
    for seed in range(60):
        sample = drawn(x, mass=mass, probabilities=odds, seed=seed)
        assert len(sample.rows) == 200
        own = sample.mass * mass.max()
        found.append([own.sum(), own[sample.rows >= 1_900].sum(), own[odds[sample.rows, 0] > 0.8].sum()])
    found = np.array(found)
    error = found.mean(0) - truth
    assert (np.abs(error) < 4 * found.std(0) / np.sqrt(60)).all()


def test_far_out_rows_are_likely_to_be_drawn():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(4_980, 3)), rng.normal(30, 1, (20, 3))])
    assert (drawn(x).rows >= 4_980).sum() >= 15


def test_labeled_rows_are_in_the_sample_and_stand_for_themselves():
    labeled = np.array([1_500, 3, 77])
    sample = drawn(clusters(2_000, 5), labeled=labeled, labels=[0, 1, 0])
    assert np.array_equal(sample.rows[sample.labeled], labeled)
    assert (sample.mass[sample.labeled] == 1).all()


@pytest.mark.parametrize("labels", [0, 200])
def test_same_picks_for_any_batches_threads_and_precision(labels):
    x = clusters(6_000)
    known = {}
    if labels:
        p = np.random.default_rng(1).dirichlet(np.ones(3), 6_000)
        known = {"labeled": np.arange(labels) * 3, "labels": np.arange(labels) % 3, "probabilities": p}
    known["sample_size"] = 1_000
    whole, before = pick(x, 50, **known), torch.get_num_threads()
    try:
        for threads, target in ((1, 1 << 14), (3, 1 << 12), (2, 1 << 30)):
            torch.set_num_threads(threads)
            for pool in (x, x.astype(np.float64), torch.from_numpy(x), np.asfortranarray(x)):
                with batches_of(target):
                    again = pick(pool, 50, **known)
                assert np.array_equal(again.indices, whole.indices)
                assert again.diagnostics == whole.diagnostics
    finally:
        torch.set_num_threads(before)


def test_same_picks_for_any_sharding(tmp_path):
    x, strategy = clusters(3_000), SPOT(sample_size=500)
    whole = spotal.select(x, 30, strategy, random_state=1)
    for count in (1, 2, 7):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number, part in enumerate(np.array_split(x, count)):
            np.save(folder / f"{number:02}.npy", part)
        assert np.array_equal(spotal.select(folder, 30, strategy, random_state=1).indices, whole.indices)


@pytest.mark.parametrize("row", [5, 2_900])
def test_rows_that_are_not_finite_are_refused(row):
    x = clusters(3_000, 6)
    x[row, 2] = np.nan
    with raises_input("pool"):
        pick(x, 5)


def test_a_sample_covers_nearly_as_much_as_all_rows():
    x = clusters(4_000)

    def within(least):
        chosen = pick(x, 40, sample_size=least)
        return np.square(x - x[chosen.indices[chosen.cells]]).sum(1).mean()

    assert within(1_000) < 1.05 * within(4_000)


# --- the space


def test_the_soft_sphere_keeps_directions_in_many_dimensions_and_lengths_in_few():
    rng = np.random.default_rng(0)
    wide = torch.from_numpy(rng.normal(size=(500, 200)))
    lengths = SoftSphere.fit(wide, np.ones(500)).transform(wide).norm(dim=1)
    assert 0.99 < float(lengths.min()) <= float(lengths.max()) < 1
    line = torch.linspace(-3, 5, 50, dtype=torch.float64)[:, None]
    moved = SoftSphere.fit(line, np.ones(50)).transform(line)[:, 0]
    assert bool((moved.diff() > 0).all())
    assert float(moved.abs().max()) < 1


def test_the_soft_sphere_does_not_depend_on_scale_rotation_or_columns_of_zeros():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(60, 4)) * [1, 2, 3, 4])
    turn = torch.linalg.qr(torch.from_numpy(rng.normal(size=(4, 4))))[0]

    def apart(points):
        moved = SoftSphere.fit(points, np.ones(60)).transform(points)
        return torch.cdist(moved, moved)

    for other in (1_000 * x, x @ turn, torch.cat([x, torch.zeros(60, 90, dtype=x.dtype)], 1), x + 5):
        torch.testing.assert_close(apart(other), apart(x), atol=2e-3, rtol=0)
    one_place = torch.ones(9, 3, dtype=torch.float64)
    assert float(SoftSphere.fit(one_place, np.ones(9)).transform(one_place).abs().max()) < 1e-12


# --- which pick stands for each row


def test_picks_of_much_work_are_found_in_leading_coordinates_nearly_as_well():
    x = clusters(3_000)
    picks = np.arange(0, 3_000, 15)
    exact = assign.nearest_of(spotal.pool.as_pool(x), picks)
    found = assign.nearest_of(spotal.pool.as_pool(x), picks, exact_work=0)
    distances = [np.square(x - x[picks[where]]).sum(1) for where in (found, exact)]
    assert (distances[0] >= distances[1] - 1e-3).all()
    assert distances[0].mean() < 1.05 * distances[1].mean()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"mass": "heavy"}, ["mass", "'margin^2'", "'heavy'"]),
        ({"mass": np.ones(5)}, ["mass", "(5,)", "query"]),
        ({"reach": 0}, ["reach", "'auto'", "above 0", "found 0"]),
        ({"reach": "far"}, ["reach", "'auto'", "'far'"]),
        ({"reach": 1.5}, ["reach", "at most 1", "1.5"]),
        ({"space_filling": -1}, ["space_filling", "above 0", "-1"]),
        ({"space_filling": "most"}, ["space_filling", "'auto'", "'most'"]),
        ({"representative": "any"}, ["representative", "'center' or 'random'", "'any'"]),
    ],
)
def test_bad_parameters(parameters, words):
    with raises_input(words[0]) as error:
        SPOT(**parameters)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert get("spot", reach=0.5).reach == 0.5
