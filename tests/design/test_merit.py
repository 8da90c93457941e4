"""Figures of merit against scipy and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.stats import qmc
from tests.raising import raises_input

from spotal.design import discrepancy, fill_distance, separation
from spotal.errors import InputError

POINTS = np.random.default_rng(0).random((23, 3))


@pytest.mark.parametrize(
    ("method", "name"), [("centered", "CD"), ("wraparound", "WD"), ("mixture", "MD"), ("L2-star", "L2-star")]
)
def test_discrepancy_is_scipys(method, name):
    assert discrepancy(POINTS, method) == qmc.discrepancy(POINTS, method=name)


def test_wraparound_discrepancy_by_its_formula():
    gap = np.abs(POINTS[:, None] - POINTS)
    expected = -((4 / 3) ** 3) + (1.5 - gap * (1 - gap)).prod(axis=2).mean()
    assert discrepancy(POINTS, "wraparound") == pytest.approx(expected)


def test_mixture_discrepancy_by_its_formula():
    x, y = POINTS[:, None], POINTS[None]
    c = np.abs(POINTS - 0.5)
    single = (5 / 3 - 0.25 * c - 0.25 * c**2).prod(axis=1).mean()
    cx, cy, gap = np.abs(x - 0.5), np.abs(y - 0.5), np.abs(x - y)
    double = (15 / 8 - 0.25 * cx - 0.25 * cy - 0.75 * gap + 0.5 * gap**2).prod(axis=2).mean()
    assert discrepancy(POINTS) == pytest.approx((19 / 12) ** 3 - 2 * single + double)


def test_separation():
    assert separation(POINTS) == pytest.approx(pdist(POINTS).min())
    assert separation(5 * POINTS - 9) == pytest.approx(5 * pdist(POINTS).min())
    assert separation(np.concatenate([POINTS, POINTS[:1]])) == 0
    assert separation(POINTS[:1]) == np.inf


@pytest.mark.parametrize("dim", [1, 3, 16, 17, 64])
@pytest.mark.parametrize("chunk", [None, 1, 7, 1000])
def test_fill_distance(dim, chunk):
    rng = np.random.default_rng(dim)
    picks, cloud = rng.standard_normal((9, dim)) + 40, rng.standard_normal((50, dim)) + 40
    expected = cdist(cloud, picks).min(axis=1).max()
    assert fill_distance(picks, cloud, chunk) == pytest.approx(expected, rel=1e-12)
    single = fill_distance(picks.astype(np.float32), cloud.astype(np.float32), chunk)
    assert single == pytest.approx(expected, rel=1e-4)


def test_fill_distance_of_a_half_precision_memmap(tmp_path):
    cloud = np.memmap(tmp_path / "cloud", np.float16, "w+", shape=(40, 32))
    cloud[:] = np.random.default_rng(0).standard_normal((40, 32))
    expected = cdist(cloud.astype(float), cloud[:5].astype(float)).min(axis=1).max()
    assert fill_distance(cloud[:5], cloud) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("measure", [discrepancy, separation, lambda points: fill_distance(points, POINTS)])
@pytest.mark.parametrize(
    "points", [np.empty((0, 3)), np.zeros(3), np.full((2, 3), np.nan), [[0.1, 0.2], [0.3]], [["a", "b"]]]
)
def test_bad_points(measure, points):
    with pytest.raises(InputError):
        measure(points)


def test_other_bad_inputs():
    with raises_input("method", "is 'star', which is unknown"):
        discrepancy(POINTS, "star")
    with raises_input("points"):
        discrepancy(POINTS + 0.5)
    with raises_input("cloud"):
        fill_distance(POINTS, POINTS[:, :2])
    with raises_input("chunk"):
        fill_distance(POINTS, POINTS, 0)


@pytest.mark.parametrize("dim", [3, 40])
def test_a_cloud_that_is_not_finite(dim):
    cloud = np.zeros((9, dim))
    cloud[7, 1] = np.inf
    with raises_input("cloud", "row 7"):
        fill_distance(np.ones((2, dim)), cloud, 2)
