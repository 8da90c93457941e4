"""Sliced and projection-pursuit transport make clouds uniform, by monotone invertible maps."""

import numpy as np
import pytest
import torch
from scipy.stats import qmc
from tests.raising import raises_input

from spotal.errors import ConvergenceWarning
from spotal.transport import ProjectionPursuitTransport, SlicedTransport
from spotal.transport.projection_pursuit import save_direction

FAST = pytest.mark.parametrize("kind", [SlicedTransport, ProjectionPursuitTransport])


def banana(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    x[:, 1] += x[:, 0] ** 2
    x[: n // 50] = rng.normal(size=(n // 50, 2)) * 0.1 + [4, -3]
    return x


@FAST
def test_carried_cloud_is_as_uniform_as_random_points(kind):
    x = banana(4_000)
    u = kind(random_state=0).fit(x).transform(x)
    random = [qmc.discrepancy(np.random.default_rng(s).random(u.shape), method="MD") for s in range(10)]
    assert qmc.discrepancy(u, method="MD") < 1.5 * np.mean(random)
    # and points that the map has not seen, too
    v = kind(random_state=0).fit(x).transform(banana(4_000, seed=1))
    assert qmc.discrepancy(v, method="MD") < 3 * np.mean(random)


@FAST
def test_uniformity_is_the_distance_reached_and_the_limit_warns(kind):
    x = banana(4_000)
    with pytest.warns(ConvergenceWarning, match="max_iter=5"):
        short = kind(max_iter=5, tol=0, random_state=0).fit(x)
    long = kind(min_iter=0, random_state=0).fit(x)
    assert short.n_iter_ == 5
    assert not short.converged_
    assert long.converged_
    assert long.uniformity_ < short.uniformity_
    assert long.uniformity_ <= 0.01
    assert long.n_iter_ < long.max_iter


@FAST
@pytest.mark.filterwarnings("ignore::spotal.errors.ConvergenceWarning")
def test_inverse_returns_to_where_it_came_from(kind):
    x = banana(2_000)
    t = kind(random_state=0).fit(x)
    back = np.abs(t.inverse_transform(t.transform(x)) - x).max(1)
    assert np.quantile(back, 0.98) < 1e-7
    assert back.max() < 0.5
    # between the points, where slopes multiply, rounding grows with the number of maps; some points near the faces
    # are no point's image
    t = kind(min_iter=0, max_iter=10, random_state=0).fit(x)
    u = np.random.default_rng(1).random((500, 2)) * 0.9 + 0.05
    gap = np.abs(t.transform(t.inverse_transform(u)) - u).max(1)
    assert np.quantile(gap, 0.98) < 1e-6
    assert gap.max() < 0.1


def test_one_dimension_is_the_weighted_distribution_function():
    x = np.array([3.0, 1.0, 2.0, 10.0])
    w = np.array([1.0, 2.0, 0.0, 5.0])
    u = SlicedTransport().fit(x[:, None], sample_weight=w).transform(x[:, None])[:, 0]
    # mass below plus half the mass at the point: 1 -> 1/8, 3 -> (2 + .5)/8, 10 -> (3 + 2.5)/8; 2 lies between
    np.testing.assert_allclose(u[[1, 0, 3]], [1 / 8, 2.5 / 8, 5.5 / 8])
    assert u[1] < u[2] < u[0]


def test_one_dimension_is_monotone_far_out_too():
    x = np.random.default_rng(0).standard_cauchy(5_000)[:, None]
    t = SlicedTransport().fit(x)
    grid = np.sort(np.concatenate([np.linspace(-50, 50, 4_001), x[:, 0]]))[:, None]
    u = t.transform(grid)[:, 0]
    assert (np.diff(u) >= 0).all()
    assert (np.diff(t.transform(np.linspace(-5, 5, 1_000)[:, None])[:, 0]) > 0).all()
    np.testing.assert_allclose(t.inverse_transform(t.transform(x)), x, rtol=1e-6, atol=1e-9)


def test_mass_is_what_becomes_uniform():
    x = np.random.default_rng(0).normal(size=(6_000, 2))
    w = np.where(x[:, 0] > 0, 9.0, 1.0)
    u = SlicedTransport(random_state=0).fit(x, sample_weight=w).transform(x)
    right = x[:, 0] > 0
    # nine tenths of the cube belong to the heavy half
    for axis in range(2):
        share = np.histogram(u[:, axis], bins=4, range=(0, 1), weights=w / w.sum())[0]
        np.testing.assert_allclose(share, 0.25, atol=0.02)
    assert right.mean() < 0.55
    area = qmc.Sobol(2, seed=0).random(4_096)
    from scipy.spatial import cKDTree

    assert right[cKDTree(u).query(area)[1]].mean() > 0.85


@pytest.mark.filterwarnings("ignore::spotal.errors.ConvergenceWarning")
def test_an_atom_of_half_the_mass_stays_one_point_among_a_cloud():
    x = np.concatenate([np.random.default_rng(0).normal(size=(500, 2)), np.full((500, 2), 5.0)])
    u = SlicedTransport(random_state=0).fit(x).transform(x)
    assert np.ptp(u[500:], axis=0).max() == 0
    assert np.abs(u[:500] - u[500]).max(1).min() > 0.2  # it takes its place: the cloud keeps away


def test_save_finds_the_direction_that_differs():
    rng = np.random.default_rng(0)
    y = torch.from_numpy(rng.random((4_000, 5)))
    x = torch.from_numpy(rng.random((4_000, 5)))
    for direction in ([0, 0, 1.0, 0, 0], [0.6, 0, 0, 0.8, 0]):
        d = torch.tensor(direction, dtype=torch.float64)
        squeezed = x - 0.7 * ((x - 0.5) @ d)[:, None] * d
        found = save_direction(squeezed, torch.full((4_000,), 1 / 4_000, dtype=torch.float64), y)[:, 0]
        assert abs(float(found @ d)) > 0.98


def test_save_needs_fewer_directions_than_chance():
    rng = np.random.default_rng(0)
    # uniform margins, so that the axes have nothing to give: two coordinates depend on each other, eight on none
    x = rng.random((3_000, 10))
    x[:, 1] = (x[:, 0] + 0.1 * x[:, 1]) % 1
    save, chance = (
        ProjectionPursuitTransport(direction, max_iter=5, tol=0, random_state=0) for direction in ("save", "random")
    )
    with pytest.warns(ConvergenceWarning):
        save.fit(x)
    with pytest.warns(ConvergenceWarning):
        chance.fit(x)
    assert save.uniformity_ < chance.uniformity_


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"max_iter": -1}, "max_iter"),
        ({"tol": -0.1}, "tol"),
        ({"n_quantiles": 2}, "n_quantiles"),
        ({"max_samples": 0}, "max_samples"),
    ],
)
def test_bad_parameters(parameters, word):
    with raises_input(word):
        SlicedTransport(**parameters).fit(banana(50))
    with raises_input("direction"):
        ProjectionPursuitTransport("sideways").fit(banana(50))


def test_large_clouds_are_thinned_by_mass():
    x = np.random.default_rng(0).normal(size=(20_000, 2))
    x[:10_000] += 100
    w = np.r_[np.zeros(10_000), np.ones(10_000)]
    t = SlicedTransport(max_samples=1_000, random_state=0).fit(x, sample_weight=w)
    u = t.transform(x[10_000:])
    assert qmc.discrepancy(u[:2_000], method="MD") < 0.01


@pytest.mark.parametrize(("n", "dim"), [(400, 2), (2_000, 4), (20_000, 2)])
def test_rounding_of_the_points_moves_few_images(n, dim):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, dim))
    x[:, 1] += x[:, 0] ** 2
    nudged = x * (1 + 1e-15 * rng.standard_normal(x.shape))
    assert not np.array_equal(x, nudged)
    u, v = (SlicedTransport(random_state=0).fit(points).transform(points) for points in (x, nudged))
    assert np.median(np.abs(u - v)) < 1e-5
