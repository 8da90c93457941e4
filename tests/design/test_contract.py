"""What every design keeps, whichever method it is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from tests.raising import raises_input

from spotal.design import SequentialDesign, as_generator, discrepancy, fill_distance, get, names, separation

every = pytest.mark.parametrize("name", names())
sequential = pytest.mark.parametrize("name", [name for name in names() if isinstance(get(name), SequentialDesign)])


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@every
@pytest.mark.parametrize("dim", [1, 2, 8])
@pytest.mark.parametrize("n", [0, 1, 2, 37])
def test_shape_range_and_determinism(name, n, dim):
    design = get(name)
    points = design.points(n, dim, random_state=3)
    assert points.shape == (n, dim)
    assert points.dtype == np.float64
    assert ((points >= 0) & (points <= 1)).all()
    assert len(np.unique(points, axis=0)) == n
    assert np.array_equal(points, get(name).points(n, dim, random_state=3))
    if n > 2:  # the best one or two points can be the same for every seed
        assert not np.array_equal(points, design.points(n, dim, random_state=4))
        assert not np.array_equal(design.points(n, dim), design.points(n, dim))


@every
def test_conditional_points_fill_what_is_left(name):
    design, n = get(name), 20
    kept, free = [], []
    for seed in range(5):
        existing = np.random.default_rng(100 + seed).random((30, 2)) ** 2
        points = design.points(n, 2, existing=existing, random_state=seed)
        assert points.shape == (n, 2)
        assert ((points >= 0) & (points <= 1)).all()
        assert np.array_equal(points, design.points(n, 2, existing=existing, random_state=seed))
        kept.append(cdist(points, existing).min(axis=1).mean())
        free.append(cdist(design.points(n, 2, random_state=seed), existing).min(axis=1).mean())
    assert np.mean(kept) > 1.2 * np.mean(free)


@every
def test_existing_points_are_not_returned_nor_changed(name):
    design = get(name)
    existing = design.points(25, 2, random_state=0)[:9]
    before = existing.copy()
    points = design.points(16, 2, existing=existing, random_state=0)
    assert cdist(points, existing).min() > 0.01
    assert np.array_equal(existing, before)


@every
def test_crowded_and_repeated_existing_points(name):
    existing = np.full((12, 2), 0.25)
    points = get(name).points(8, 2, existing=existing, random_state=0)
    assert points.shape == (8, 2)
    assert cdist(points, existing).min() > 0.05


@every
def test_existing_without_rows_is_no_condition(name):
    design = get(name)
    expected = design.points(7, 3, random_state=1)
    assert np.array_equal(design.points(7, 3, existing=np.empty((0, 3)), random_state=1), expected)
    assert design.points(0, 3, existing=expected).shape == (0, 3)


@every
def test_better_than_random_points(name):
    """Low-discrepancy designs by discrepancy; the geometric ones by the distance each of them optimizes."""
    measure = {"maximin": lambda points: -separation(points), "centroidal": _fill}.get(name, discrepancy)
    for n, dim in [(50, 2), (50, 5)]:
        found = [measure(get(name).points(n, dim, random_state=seed)) for seed in range(4)]
        random = [measure(np.random.default_rng(seed).random((n, dim))) for seed in range(4)]
        assert np.mean(found) < (0.9 if name == "centroidal" else 0.6) * np.mean(random)


def _fill(points):
    return fill_distance(points, get("sobol").points(2048, points.shape[1], random_state=99))


def test_mixture_discrepancy_of_centroidal_in_the_plane():
    found = np.mean([discrepancy(get("centroidal").points(64, 2, random_state=s)) for s in range(4)])
    assert found < 0.5 * np.mean([discrepancy(np.random.default_rng(s).random((64, 2))) for s in range(4)])


@sequential
@pytest.mark.parametrize("dim", [1, 3])
def test_sequence_continues_exactly(name, dim):
    design = get(name)
    whole = design.sequence(45, dim, random_state=5)
    parts = [(0, 0), (0, 1), (1, 6), (7, 0), (7, 25), (32, 13)]
    found = [design.sequence(n, dim, start=start, random_state=5) for start, n in parts]
    assert np.array_equal(np.concatenate(found), whole)
    assert np.array_equal(design.points(32, dim, random_state=5), whole[:32])
    assert not np.array_equal(design.sequence(45, dim, random_state=6), whole)


@every
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n": -1}, "n"),
        ({"n": 2.5}, "n"),
        ({"n": True}, "n"),
        ({"dim": 0}, "dim"),
        ({"existing": [0.5, 0.5]}, "existing"),
        ({"existing": [[0.5, 0.5, 0.5]]}, "existing"),
        ({"existing": [[0.5, 0.5], [0.5, np.nan]]}, "existing"),
        ({"existing": [[0.5, 1.001]]}, "existing"),
        ({"existing": [[0.5, -0.1]]}, "existing"),
        ({"existing": [["a", "b"]]}, "existing"),
        ({"existing": [[0.5, 0.5], [0.5]]}, "existing"),
        ({"random_state": -1}, "random_state"),
        ({"random_state": "0"}, "random_state"),
    ],
)
def test_bad_inputs(name, arguments, named):
    with raises_input(named):
        get(name).points(**{"n": 4, "dim": 2} | arguments)


@sequential
def test_bad_start(name):
    with raises_input("start"):
        get(name).sequence(4, 2, start=-1)


def test_as_generator():
    assert as_generator(7).random() == np.random.default_rng(np.random.SeedSequence(7)).random()
    assert as_generator(np.int64(7)).random() == as_generator(7).random()
    generator = np.random.default_rng(0)
    assert as_generator(generator) is generator
    first, second = (as_generator(np.random.RandomState(1)).random() for _ in range(2))
    assert first == second != as_generator(np.random.RandomState(2)).random()
