"""What each design promises beyond the contract."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc
from tests.raising import raises_input

from spotal.design import (
    Centroidal,
    LatinHypercube,
    Lattice,
    Maximin,
    Sobol,
    discrepancy,
    fill_distance,
    separation,
)
from spotal.design.lattice import _powers, _wraparound
from spotal.errors import InputError


def balanced(points):
    """Whether every margin has exactly one point in each interval of width 1/n."""
    n = len(points)
    return all(np.array_equal(np.sort(np.floor(column * n)), np.arange(n)) for column in points.T)


@pytest.mark.parametrize("n", [1, 3, 64, 100, 127])
def test_sobol_margins(n):
    assert balanced(Sobol().points(n, 5, random_state=0))


def test_sobol_sequence_alone_is_not_balanced_off_powers_of_two():
    assert not balanced(Sobol().sequence(100, 5, random_state=0))


def test_sobol_latinizing_keeps_the_order_of_the_sequence_and_lowers_discrepancy():
    raw = [Sobol().sequence(100, 4, random_state=seed) for seed in range(5)]
    latinized = [Sobol().points(100, 4, random_state=seed) for seed in range(5)]
    assert np.array_equal(raw[0].argsort(axis=0), latinized[0].argsort(axis=0))
    assert latinized[0] * 100 % 1 == pytest.approx(raw[0] * 128 % 1, abs=1e-9)
    assert np.mean([discrepancy(p) for p in latinized]) < np.mean([discrepancy(p) for p in raw])


def test_sobol_unscrambled_is_the_textbook_sequence():
    expected = [[0, 0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    assert Sobol(scramble=False).points(4, 2).tolist() == expected


def test_sobol_limits():
    with raises_input("dim", "21201"):
        Sobol().points(2, 21202)
    with raises_input("n", "2**30"):
        Sobol().sequence(2, 1, start=2**30 - 1)


def test_latin_hypercube():
    assert balanced(LatinHypercube().points(41, 3, random_state=0))
    optimized = LatinHypercube(optimization="random-cd")
    points = optimized.points(41, 3, random_state=0)
    assert balanced(points)
    assert discrepancy(points, "centered") < discrepancy(LatinHypercube().points(41, 3, random_state=0), "centered")
    assert optimized.points(1, 3).shape == (1, 3)
    assert optimized.points(5, 1).shape == (5, 1)


def test_latin_hypercube_of_strength_two_fills_every_pair_of_margins():
    points = LatinHypercube(strength=2).points(25, 4, random_state=0)
    cells = np.floor(points * 5).astype(int)
    assert all(len({*zip(cells[:, i], cells[:, j], strict=True)}) == 25 for i in range(4) for j in range(i))
    with raises_input("strength"):
        LatinHypercube(strength=2).points(24, 4)


@pytest.mark.parametrize(
    "design",
    [
        LatinHypercube(strength=3),
        LatinHypercube(optimization="best"),
        Lattice(candidates=0),
        Maximin(candidates=0),
        Maximin(max_iter=-1),
        Centroidal(samples_per_point=0),
        Centroidal(max_iter=1.5),
        Centroidal(tol=-1.0),
        Centroidal(tol=float("nan")),
    ],
    ids=repr,
)
def test_bad_parameters(design):
    with pytest.raises(InputError):
        design.points(5, 2)


@pytest.mark.parametrize("shift", [True, False])
@pytest.mark.parametrize("n", [1, 2, 6, 12, 30, 64, 97, 100])
def test_lattice_margins(n, shift):
    assert balanced(Lattice(shift=shift).points(n, 4, random_state=0))


def test_lattice_criterion_is_the_wraparound_discrepancy():
    n, dim = 31, 3
    for a in (2, 5, 12):
        points = np.arange(n)[:, None] * _powers(a, dim, n) % n / n
        expected = qmc.discrepancy(points, method="WD")
        assert _wraparound(_powers(a, dim, n), n) - (4 / 3) ** dim == pytest.approx(expected)


def test_lattice_takes_the_best_generator():
    n, dim = 31, 3
    found = discrepancy(Lattice().points(n, dim, random_state=0), "wraparound")
    every = [qmc.discrepancy(np.arange(n)[:, None] * _powers(a, dim, n) % n / n, method="WD") for a in range(1, n)]
    assert found == pytest.approx(min(every))
    fewer = discrepancy(Lattice(candidates=3).points(n, dim, random_state=0), "wraparound")
    assert found <= fewer + 1e-12


def test_lattice_of_few_generators_comes_from_n_plus_one():
    n = 30  # only 8 numbers are prime to 30, 30 are to 31
    levels = Lattice(shift=False).points(n, 2) * n + 0.5
    assert np.allclose(levels, np.round(levels))
    a = levels[0, 1] / levels[0, 0]
    assert np.allclose(levels[:, 1], levels[:, 0] * a % 31)


def test_maximin_repulsion_never_lowers_the_greedy_separation():
    for n, dim in [(20, 1), (30, 2), (30, 6)]:
        greedy = separation(Maximin(max_iter=0).points(n, dim, random_state=0))
        assert separation(Maximin().points(n, dim, random_state=0)) > 1.05 * greedy
    for seed in range(10):  # steps too few and too large to settle
        greedy = separation(Maximin(max_iter=0).points(30, 1, random_state=seed))
        assert separation(Maximin(max_iter=1).points(30, 1, random_state=seed)) >= greedy


def test_maximin_greedy_is_within_two_of_the_best():
    """Five points of the square: the best separation is 1/sqrt(2), and repulsion gets near it."""
    best = max(separation(Maximin().points(5, 2, random_state=seed)) for seed in range(5))
    assert 0.95 / np.sqrt(2) < best <= 1 / np.sqrt(2) + 1e-9
    assert separation(Maximin(max_iter=0).points(5, 2, random_state=0)) > 0.5 / np.sqrt(2)


def test_centroidal_covers_better_than_sobol_with_more_equal_cells():
    net = Sobol().points(1 << 13, 2, random_state=50)

    def unevenness(points):
        nearest = ((net[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)
        size = np.bincount(nearest, minlength=len(points))
        return size.std() / size.mean()

    lloyd = [Centroidal().points(50, 2, random_state=seed) for seed in range(3)]
    sobol = [Sobol().points(50, 2, random_state=seed) for seed in range(3)]
    for measure in (lambda points: fill_distance(points, net), unevenness):
        assert np.mean([measure(p) for p in lloyd]) < 0.8 * np.mean([measure(p) for p in sobol])


def test_centroidal_finds_the_known_optimum():
    """On the line the centroidal design is the midpoints of n equal cells."""
    points = Centroidal(samples_per_point=256, max_iter=500, tol=0).points(6, 1, random_state=0)
    assert np.sort(points[:, 0]) == pytest.approx((np.arange(6) + 0.5) / 6, abs=0.01)


def test_centroidal_keeps_existing_centers_in_place():
    """Between centers at 1/10 and 1/2 and the end at 1, a third settles in the middle of its own cell."""
    existing = np.array([[0.1], [0.5]])
    x = Centroidal(samples_per_point=1024, max_iter=200, tol=0).points(1, 1, existing=existing, random_state=0)
    assert x.item() == pytest.approx(5 / 6, abs=0.01)  # its cell is [(x + 1/2) / 2, 1]
