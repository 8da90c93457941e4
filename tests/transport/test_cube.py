"""The cube's marginals against closed forms and simulation; the distance against scipy."""

import numpy as np
import torch
from scipy.stats import irwinhall, kstest

from spotal.transport._cube import CubeMarginal, ks_distance


def test_axis_is_uniform_and_diagonal_is_irwin_hall():
    for d in (1, 2, 3, 8):
        directions = torch.zeros(d, 2, dtype=torch.float64)
        directions[0, 0] = 1
        directions[:, 1] = d**-0.5
        marginal = CubeMarginal(directions)
        x = np.linspace(0, 1, 101)
        grid = torch.from_numpy(np.c_[x, x * d**0.5])
        cdf = marginal.cdf(grid).numpy()
        np.testing.assert_allclose(cdf[:, 0], x, atol=1e-5)
        np.testing.assert_allclose(cdf[:, 1], irwinhall(d).cdf(x * d) if d > 1 else x, atol=2e-5)
        p = torch.linspace(0.001, 0.999, 50, dtype=torch.float64).repeat(2, 1)
        back = marginal.cdf(marginal.quantile(p).T).T
        np.testing.assert_allclose(back.numpy(), p.numpy(), atol=1e-9)


def test_any_direction_against_simulation():
    rng = np.random.default_rng(0)
    directions = torch.from_numpy(rng.normal(size=(4, 6)))
    directions /= directions.norm(dim=0)
    u = torch.from_numpy(rng.random((200_000, 4)))
    gap = ks_distance(u, torch.ones(len(u)), directions)
    assert gap.max() < 2 / len(u) ** 0.5


def test_distance_is_scipys_and_takes_weights():
    x = np.random.default_rng(0).random((300, 1)) ** 2
    one = torch.ones(1, 1, dtype=torch.float64)
    got = float(ks_distance(torch.from_numpy(x), torch.ones(300), one))
    assert abs(got - kstest(x[:, 0], "uniform").statistic) < 1e-5
    w = np.random.default_rng(1).integers(0, 5, 300)
    repeated = float(ks_distance(torch.from_numpy(np.repeat(x, w, 0)), torch.ones(int(w.sum())), one))
    weighted = float(ks_distance(torch.from_numpy(x), torch.from_numpy(w.astype(float)), one))
    assert abs(repeated - weighted) < 1e-12
