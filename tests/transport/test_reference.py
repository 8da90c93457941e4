"""The reference transports against POT, and the fast ones against them."""

import numpy as np
import ot
import pytest
from tests.raising import raises_input

from spotal.errors import ConvergenceWarning
from spotal.transport import ExactTransport, ProjectionPursuitTransport, SinkhornTransport, SlicedTransport


@pytest.fixture(scope="module")
def cloud():
    x = np.random.default_rng(0).normal(size=(400, 2))
    x[:, 1] += 0.5 * x[:, 0] ** 2
    return x


def test_exact_cost_is_emd2(cloud):
    for solver in ("simplex", "lazy"):
        t = ExactTransport(solver=solver, random_state=0).fit(cloud)
        reference = ot.emd2([], [], ot.dist(cloud, t.targets_.numpy()))
        assert t.cost_ == pytest.approx(reference, rel=1e-9)
        # equal masses: every point has one partner, and every target is one
        images = t.transform(cloud)
        assert np.mean(((cloud - images) ** 2).sum(1)) == pytest.approx(reference, rel=1e-6)
        distance = ot.dist(images, t.targets_.numpy())
        assert sorted(distance.argmin(1)) == list(range(400))


def test_exact_with_weights_is_emd2(cloud):
    w = np.random.default_rng(1).random(400)
    t = ExactTransport(random_state=0).fit(cloud, sample_weight=w)
    x, a = t.points_.numpy(), t.mass_.numpy()
    assert t.cost_ == pytest.approx(ot.emd2(a / a.sum(), [], ot.dist(x, t.targets_.numpy())), rel=1e-9)


def test_bsp_is_close_to_exact(cloud):
    exact, bsp = (ExactTransport(solver=s, random_state=0).fit(cloud).cost_ for s in ("simplex", "bsp"))
    assert exact <= bsp <= 1.05 * exact
    with raises_input("solver", "equal mass"):
        ExactTransport(solver="bsp").fit(cloud, sample_weight=np.arange(400))


def test_exact_inverse_on_fitted_points(cloud):
    t = ExactTransport(out_of_sample="nearest", random_state=0).fit(cloud)
    np.testing.assert_allclose(t.inverse_transform(t.transform(cloud)), cloud, atol=1e-9)


def test_exact_refuses_many_points():
    with raises_input("X", "301 distinct points, above max_points=300"):
        ExactTransport(max_points=300).fit(np.random.default_rng(0).normal(size=(301, 2)))


def test_sinkhorn_plan_is_pots_and_approaches_exact(cloud):
    exact = ExactTransport(random_state=0).fit(cloud).transform(cloud)
    gaps = []
    for reg in (0.2, 0.05, 0.02):
        t = SinkhornTransport(reg=reg, tol=1e-6, max_iter=10_000, random_state=0).fit(cloud)
        gaps.append(np.sqrt(((t.transform(cloud) - exact) ** 2).sum(1).mean()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.05
    x, y = t.points_.numpy(), t.targets_.numpy()
    plan = ot.sinkhorn(
        np.full(400, 1 / 400),
        np.full(400, 1 / 400),
        ot.dist(x, y),
        t.epsilon_,
        method="sinkhorn_log",
        numItermax=10_000,
        stopThr=1e-9,
    )
    np.testing.assert_allclose(t.transform(x), plan @ y * 400, atol=1e-3)


def test_sinkhorn_warns_at_its_limit(cloud):
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        SinkhornTransport(reg=0.01, max_iter=3).fit(cloud)


@pytest.mark.parametrize("fast", [SlicedTransport(random_state=0), ProjectionPursuitTransport(random_state=0)])
def test_fast_maps_cost_little_more_than_exact(cloud, fast):
    cost = ((cloud - fast.fit(cloud).transform(cloud)) ** 2).sum(1).mean()
    exact = ExactTransport(random_state=0).fit(cloud).cost_
    assert cost < 1.1 * exact


@pytest.mark.parametrize(
    ("transport", "word"),
    [
        (ExactTransport(out_of_sample="guess"), "out_of_sample"),
        (ExactTransport(solver="magic"), "solver"),
        (ExactTransport(max_points=0), "max_points"),
        (SinkhornTransport(reg=0), "reg"),
        (SinkhornTransport(max_iter=0), "max_iter"),
    ],
)
def test_bad_parameters(cloud, transport, word):
    with raises_input(word):
        transport.fit(cloud)
