"""What docs/guides/cluster.md says of a sample: how far its distributions and maps fitted to it are from the pool's."""

from math import log, sqrt

import numpy as np
import pytest
import torch

from spotal.pool.sample import priority_sample
from spotal.transport import SlicedTransport
from spotal.transport._cube import ks_distance

N, DIM, SIZE, DIRECTIONS, P = 60_000, 5, 4_096, 64, 0.05


def distances(points, mass, rows, weight, directions):
    """Kolmogorov-Smirnov distance between the pool and its sample along each direction."""
    sampled = np.zeros(len(points))
    sampled[rows] = weight
    found = []
    for z in (points @ directions).T:
        order = z.argsort()
        whole, part = (values[order].cumsum() / values.sum() for values in (mass, sampled))
        found.append(np.abs(whole - part).max())
    return np.array(found)


@pytest.mark.parametrize("sigma", [0.0, 1.5], ids=["equal masses", "uneven masses"])
def test_the_bound_holds_along_all_directions_before_and_after_the_map(sigma):
    rng = np.random.default_rng(0)
    centers = 3 * rng.normal(size=(50, DIM))
    points = centers[rng.integers(0, 50, N)] + rng.normal(size=(N, DIM))
    mass = rng.lognormal(0, sigma, N)
    directions = rng.normal(size=(DIM, DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    rows, weight = priority_sample(mass, N, SIZE, 0)
    effective = weight.sum() ** 2 / np.square(weight).sum()
    one, all_ = (sqrt(log(2 * m / P) / (2 * effective)) for m in (1, DIRECTIONS))
    before = distances(points, mass, rows, weight, directions)
    assert all_ / 3 < before.max() <= all_  # it holds, and says something
    assert (before > one).mean() <= 2 * P
    carried = SlicedTransport(random_state=0, tol=0.02).fit(points[rows], sample_weight=weight).transform(points)
    assert distances(carried, mass, rows, weight, directions).max() <= all_
    pool, sample = (
        ks_distance(torch.from_numpy(carried[some]), torch.from_numpy(w), torch.from_numpy(directions)).numpy()
        for some, w in ((slice(None), mass), (rows, weight))
    )
    assert (pool <= sample + all_).all()
