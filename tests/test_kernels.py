"""The compiled loops against their readable forms, and that neighbors and cuts do not change a row."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from spotal.numeric import kernels
from spotal.numeric.inverted_lists import Centers
from spotal.numeric.nearest import nearest
from spotal.reduce import LeadingSpace
from spotal.transport import SlicedTransport
from spotal.transport._iterative import random_frame
from spotal.transport._maps import FrameMap, binned_cdf


def nearest_of_all(y, centers):
    return nearest(torch.from_numpy(y), torch.from_numpy(centers.points))[0].numpy()


def cloud(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + 3 * rng.integers(3, size=(n, 1))).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 5, 32, 33, 90])
def test_projection_is_that_of_the_reference(dim):
    x = torch.from_numpy(cloud(257, dim))
    space = LeadingSpace.fit(x, np.ones(257))
    np.testing.assert_allclose(space.project(x), space.reference(x).numpy(), atol=1e-4)


def test_a_row_is_projected_alike_in_any_company_and_precision():
    x = torch.from_numpy(cloud(103, 70) + 1000)
    space = LeadingSpace.fit(x, np.ones(103))
    whole = space.project(x)
    assert np.array_equal(np.concatenate([space.project(part) for part in (x[:1], x[1:50], x[50:])]), whole)
    assert np.array_equal(space.project(x.double()), whole)


@pytest.mark.parametrize("count", [1, 31, 96])
def test_few_centers_are_searched_exactly(count):
    y = cloud(500, 32)
    centers = Centers(cloud(count, 32, seed=1))
    assert np.array_equal(centers.nearest(y), nearest_of_all(y, centers))


def test_many_centers_are_missed_narrowly_and_alike_in_any_company():
    y = cloud(3_000, 32)
    centers = Centers(y[:700])
    found, best = centers.nearest(y), nearest_of_all(y, centers)
    away = [np.square(y - centers.points[index]).sum(1)[700:].mean() for index in (found, best)]
    assert away[0] < 1.15 * away[1]
    assert np.array_equal(np.concatenate([centers.nearest(y[:7]), centers.nearest(y[7:])]), found)


def test_very_many_centers_lie_in_longer_lists():
    y = np.random.default_rng(0).normal(size=(40_000, 32)).astype(np.float32)
    y[:, 6:] *= 0.1
    centers = Centers(y[:20_000])
    assert len(centers.centroids) < 20_000 / 64
    assert (np.sort(centers.member[centers.member < 20_000]) == np.arange(20_000)).all()
    some = y[39_000:]
    away = [
        np.square(some - centers.points[index]).sum(1).mean()
        for index in (centers.nearest(some), nearest_of_all(some, centers))
    ]
    assert away[0] < 1.15 * away[1]


def test_distances_to_named_points():
    y, points = cloud(60, 90), cloud(7, 90, seed=1)
    named, squared = np.random.default_rng(0).integers(7, size=(60, 3)), np.empty(60)
    kernels.min_squared_distance(y, points, named, squared)
    np.testing.assert_allclose(squared, np.square(y[:, None] - points[named]).sum(2).min(1), rtol=1e-5)


def test_ties_go_to_the_least_number():
    centers = Centers(np.repeat(cloud(20, 32), 2, axis=0))
    assert (centers.nearest(cloud(20, 32)) % 2 == 0).all()


@pytest.mark.parametrize("dim", [2, 9])
def test_a_frame_moves_points_as_its_reference_does(dim):
    rng = np.random.default_rng(0)
    x, w = torch.from_numpy(rng.random((900, dim))), torch.full((900,), 1 / 900, dtype=torch.float64)
    frame = FrameMap.fit(x, w, torch.from_numpy(random_frame(dim, dim, rng)), 64)
    beyond = torch.from_numpy(rng.normal(0.5, 1, (333, dim)))
    moved = beyond.clone()
    frame.move(moved)
    torch.testing.assert_close(moved, frame.forward(beyond), rtol=0, atol=1e-12)


def test_marginals_counted_at_knots():
    rng = np.random.default_rng(0)
    z, w = torch.from_numpy(rng.random((5_000, 3))), torch.from_numpy(rng.random(5_000))
    low, step = torch.zeros(3, dtype=torch.float64), torch.full((3,), 0.1, dtype=torch.float64)
    found = binned_cdf(z, w, low, step, 11)
    shares = [(w * (1 - (column - knot / 10).abs() * 10).clamp_min(0)).sum() for column in z.T for knot in range(11)]
    held = torch.stack(shares).reshape(3, 11) / w.sum()
    torch.testing.assert_close(found, held.cumsum(1) - held / 2, rtol=0, atol=1e-12)
    torch.testing.assert_close(found[:, 1:-1], torch.arange(1, 10).double().expand(3, 9) / 10, rtol=0, atol=0.03)


def test_a_transport_of_many_points_is_as_uniform_and_inverts():
    x = cloud(9_000, 3).astype(np.float64)
    settings = {"min_iter": 15, "max_iter": 15, "n_quantiles": 512, "random_state": 0}
    counted = SlicedTransport(**settings).fit(x)
    assert counted._compiled
    assert not SlicedTransport(**settings).fit(x[:1_000])._compiled
    assert counted.uniformity_ < 0.01
    u = counted.transform(x)
    np.testing.assert_allclose(counted.inverse_transform(u), x, atol=1e-3)
    assert np.array_equal(np.concatenate([counted.transform(x[:11]), counted.transform(x[11:])]), u)


@pytest.mark.parametrize("folder", ["full", "closed"])
def test_code_that_cannot_be_kept_is_no_error(folder, tmp_path):
    """A disk without room for compiled code, or numba that finds no folder to keep it in."""
    code = """
import resource, signal, sys
import os
import subprocess
import sys

import numpy as np
import numba.core.caching as caching
if sys.argv[1] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
else:
    caching.CacheImpl._locator_classes = []
from spotal.selection._compiled_loops import cover
covered = np.zeros(2)
cover(0, np.array([0, 2]), np.array([0, 1], np.uint32), np.array([0.5, 0.25]), covered)
assert covered.tolist() == [0.5, 0.25]
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code, folder], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
