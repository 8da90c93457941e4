"""The published method and its parts: what its parameters do, and that picks follow the mass that is carried."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import qmc
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.preprocessing import StandardScaler
from tests.raising import raises_input

from spotal import design as designs
from spotal.design.merit import MERIT_POINTS
from spotal.errors import BudgetError
from spotal.mass import LabelDistance, Mass
from spotal.numeric.arrays import batches_of
from spotal.pool import ArrayPool
from spotal.strategies import SPOT, TransportedDesign, get
from spotal.strategies._record import Clock, record
from spotal.transport import (
    ExactTransport,
    ProjectionPursuitTransport,
    SinkhornTransport,
    SlicedTransport,
    Transport,
)

SELECTIONS = ("nearest", "assignment")
TRANSPORTS = {
    "sliced": SlicedTransport(max_iter=8),
    "projection-pursuit": ProjectionPursuitTransport(max_iter=20),
    "exact": ExactTransport(),
    "sinkhorn": SinkhornTransport(reg=0.1),
}
each_selection = pytest.mark.parametrize("selection", SELECTIONS)


def cube(**parameters):
    """With a transport that is quick to fit, where none is asked for."""
    return TransportedDesign(**({"transport": "sliced"} | parameters))


class Identity(Transport):
    """For pools that fill the cube already."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def _fit(self, points, weight, rng):
        self.fitted_ = True

    def _carry(self, points):
        return points.clamp(0, 1)

    _carry_back = _carry


def noted():
    """A list, and a transport that puts there what it is fitted on."""
    seen = []

    class Noted(Identity):
        def _fit(self, points, weight, rng):
            seen.append(points)
            super()._fit(points, weight, rng)

    return seen, Noted()


def banana(n, seed=0):
    """A bent cloud in the plane, with four more columns of little noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    x[:, 1] += x[:, 0] ** 2 / 2
    return np.c_[x, 0.1 * rng.normal(size=(n, 4))]


def square(n, seed=0):
    return np.random.default_rng(seed).random((n, 2))


def agree(a, b):
    return np.array_equal(a.indices, b.indices)


# --- the published method


def test_the_paper_preset():
    paper = SPOT.paper()
    assert paper.selection == "nearest"
    assert paper.mass == "uniform"
    assert paper.transport == "projection-pursuit"
    assert isinstance(paper.design, designs.Sobol)
    changed = SPOT.paper(selection="assignment", n_components=2)
    assert (changed.selection, changed.n_components, changed.mass) == ("assignment", 2, "uniform")
    assert paper.name == "spot-paper"
    with pytest.raises(TypeError, match="unknown"):
        SPOT.paper(unknown=1)


def test_equal_picks_estimate_means_better_than_random_ones():
    x = banana(1_000)
    functions = np.c_[x[:, :2], x[:, :2] ** 2, np.sin(x[:, :2]), x[:, 0] > 0]
    functions = (functions - functions.mean(0)) / functions.std(0)

    def error(strategy, seeds=range(6)):
        chosen = [strategy.query(x, 32, random_state=seed).indices for seed in seeds]
        return np.mean([np.abs(functions[picks].mean(0)).mean() for picks in chosen])

    random = error(get("random"), range(20))
    for strategy in (cube(), SPOT.paper(transport=ProjectionPursuitTransport(max_iter=60))):
        assert error(strategy) < 0.4 * random


@pytest.mark.parametrize("strategy", [SPOT.paper(), cube(selection="assignment"), cube()], ids=["paper", "all", "near"])
def test_new_picks_go_where_no_labels_are(strategy):
    x = square(400)
    labeled = np.flatnonzero(x[:, 0] < 0.5)[:24]
    there = [np.mean(x[strategy.query(x, 24, labeled=labeled, random_state=s).indices, 0] > 0.5) for s in range(3)]
    assert np.mean(there) > 0.7
    without = [np.mean(x[strategy.query(x, 24, random_state=s).indices, 0] > 0.5) for s in range(3)]
    assert 0.3 < np.mean(without) < 0.7


@pytest.mark.parametrize("selection", ["nearest", "assignment"])
def test_the_design_is_laid_around_what_labels_serve(selection):
    """With the transport out of the way, the picks are the rows nearest to the conditional design."""
    x, labeled = square(300), np.arange(30)
    strategy = cube(reduction=None, transport=Identity(), selection=selection)
    chosen = strategy.query(x, 12, labeled=labeled, random_state=0)
    carried = x.astype(np.float32).astype(np.float64)
    rng = np.random.default_rng(chosen.provenance["seed"])
    points = designs.Sobol().points(12, 2, existing=carried[labeled], random_state=rng)
    assert np.array_equal(chosen.indices, 30 + cdist(points, carried[30:]).argmin(1))


# --- what the picks represent


@each_selection
def test_picks_follow_the_mass_given(selection):
    """A quarter of the rows holds 9/10 of the mass, and gets about that share of the picks."""
    x = square(800)
    dense = x[:, 0] < 0.25
    mass = np.where(dense, 0.9 / dense.sum(), 0.1 / (~dense).sum())
    strategy = cube(selection=selection)
    share = [dense[strategy.query(x, 40, mass=mass, random_state=seed).indices].mean() for seed in range(3)]
    assert 0.8 < np.mean(share) <= 0.97
    without = [dense[strategy.query(x, 40, random_state=seed).indices].mean() for seed in range(3)]
    assert 0.15 < np.mean(without) < 0.35


@each_selection
def test_mass_that_vanishes_is_done_without(selection):
    """Every row is a copy of a labeled one: no distance is left to follow, but rows are."""
    x = np.repeat(square(5), 8, axis=0)
    strategy = cube(selection=selection, mass=LabelDistance(), transport=TRANSPORTS["sliced"])
    chosen = strategy.query(x, 10, labeled=np.arange(0, 40, 8), random_state=0)
    assert len(np.unique(chosen.indices)) == 10


def test_a_mass_of_ones_own():
    class Rightward(Mass):
        def weigh(self, evidence):
            return np.concatenate([batch.points[:, 0].numpy() for batch in evidence.pool.batches()]) > 0.8

    x = square(200)
    chosen = cube(mass=Rightward()).query(x, 10, random_state=0)
    assert (x[chosen.indices, 0] > 0.8).all()


# --- every part with every other


@each_selection
@pytest.mark.parametrize("design", designs.names())
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_selection_by_design_by_transport(selection, design, transport):
    x = banana(60)
    strategy = cube(selection=selection, design=design, transport=TRANSPORTS[transport])
    chosen = strategy.query(x, 9, labeled=[1, 2, 3], random_state=0)
    assert len(np.unique(chosen.indices)) == 9
    assert not np.isin([1, 2, 3], chosen.indices).any()
    assert np.array_equal(np.bincount(chosen.cells + 1, minlength=10) > 0, np.ones(10, bool))
    assert agree(chosen, strategy.query(x, 9, labeled=[1, 2, 3], random_state=0))


@each_selection
def test_discrepancy_of_picks_is_below_that_of_random_rows(selection):
    x = square(500)
    strategy = cube(reduction=None, selection=selection)
    chosen = [strategy.query(x, 30, random_state=seed).indices for seed in range(3)]
    random = [np.random.default_rng(seed).choice(500, 30, replace=False) for seed in range(10)]
    assert np.mean([qmc.discrepancy(x[c]) for c in chosen]) < 0.5 * np.mean([qmc.discrepancy(x[r]) for r in random])


def test_designs_by_name_and_made_beforehand():
    x = banana(60)
    assert agree(
        cube(design="halton").query(x, 7, random_state=0), cube(design=designs.Halton()).query(x, 7, random_state=0)
    )
    assert not agree(cube(design="halton").query(x, 7, random_state=0), cube().query(x, 7, random_state=0))


def test_transports_by_name_and_made_beforehand():
    x = banana(60)
    made = SlicedTransport()
    assert agree(cube().query(x, 7, random_state=0), cube(transport=made).query(x, 7, random_state=0))
    assert not hasattr(made, "n_iter_")
    fixed = cube(transport=SlicedTransport(random_state=3), n_components=2)
    figures = [fixed.query(x, 7, random_state=seed).diagnostics["uniformity"] for seed in (0, 1)]
    assert figures[0] == figures[1]


# --- dimensions


@pytest.mark.parametrize("n_components", [1, 2, 6])
@each_selection
def test_n_components(n_components, selection):
    strategy = cube(n_components=n_components, selection=selection, transport=TRANSPORTS["sliced"])
    chosen = strategy.query(banana(80), 8, random_state=0)
    assert chosen.diagnostics["dim"] == chosen.provenance["dim"] == n_components
    assert len(np.unique(chosen.indices)) == 8


def test_one_dimension_takes_evenly_spaced_quantiles():
    x = np.sort(np.random.default_rng(0).exponential(size=400))[:, None]
    chosen = cube(selection="nearest", design="lattice", mass="uniform").query(x, 20, random_state=0)
    gaps = np.diff(np.sort(chosen.indices))
    assert gaps.min() >= 17
    assert gaps.max() <= 23


def test_automatic_dimension_follows_the_pool_and_the_budget():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 20))
    round_ = rng.normal(size=(300, 20))
    fast = cube(transport=TRANSPORTS["sliced"])
    assert fast.query(flat, 64, random_state=0).diagnostics["dim"] == 2
    assert fast.query(round_, 64, random_state=0).diagnostics["dim"] == 6
    assert fast.query(round_, 4, random_state=0).diagnostics["dim"] == 2


def test_no_reduction_transports_the_embeddings_as_they_are():
    assert cube(reduction=None).query(square(60), 6, random_state=0).diagnostics["dim"] == 2
    assert (
        cube(reduction=None, transport=TRANSPORTS["sliced"]).query(banana(60), 6, random_state=0).diagnostics["dim"]
        == 6
    )


def test_a_reduction_of_scikit_learn():
    x = banana(120)
    for reduction, dim in [(PCA(3), 3), (StandardScaler(), 6), (TruncatedSVD(2), 2)]:
        strategy = cube(reduction=reduction, transport=TRANSPORTS["sliced"])
        chosen = strategy.query(x, 8, random_state=0)
        assert chosen.diagnostics["dim"] == dim
        assert agree(chosen, strategy.query(x, 8, random_state=0))
        assert not hasattr(reduction, "n_features_in_")
        assert chosen.provenance["parameters"]["reduction"]["class"] == type(reduction).__name__
    by_sklearn = cube(reduction=PCA(2, whiten=True)).query(x, 8, random_state=0).indices
    assert len(np.intersect1d(by_sklearn, cube(n_components=2).query(x, 8, random_state=0).indices)) >= 4


def test_whitening():
    x = square(300) * [1, 1e-3]
    for whiten, expected in [(True, [1, 1]), (False, x.var(0))]:
        seen, transport = noted()
        cube(n_components=2, whiten=whiten, transport=transport).query(x, 6, random_state=0)
        np.testing.assert_allclose(seen[0].var(0, correction=0), expected, rtol=0.05)


# --- figures, steps, record


@each_selection
def test_figures(selection):
    x = square(300)
    strategy = cube(reduction=None, transport=Identity(), selection=selection)
    chosen = strategy.query(x, 16, random_state=5)
    points = designs.Sobol().points(16, 2, random_state=np.random.default_rng(chosen.provenance["seed"]))
    carried = x.astype(np.float32).astype(np.float64)
    assert chosen.diagnostics == {
        "dim": 2.0,
        "design_discrepancy": pytest.approx(qmc.discrepancy(points, method="MD"), rel=1e-12),
        "pick_discrepancy": pytest.approx(qmc.discrepancy(carried[chosen.indices], method="MD"), rel=1e-12),
    }


def test_uniformity_is_that_of_the_transport():
    x = square(300)
    chosen = cube(reduction=None).query(x, 8, random_state=2)
    again = SlicedTransport(random_state=chosen.provenance["seed"] % 2**32).fit(x)
    assert chosen.diagnostics["uniformity"] == pytest.approx(again.uniformity_, rel=1e-6)
    assert chosen.provenance["transport_iterations"] == again.n_iter_
    assert chosen.provenance["transport_converged"] == again.converged_


def test_discrepancies_of_many_points_are_left_out():
    strategy = cube(transport=TRANSPORTS["sliced"])
    assert "pick_discrepancy" in strategy.query(banana(60), 8, random_state=0).diagnostics
    many = np.random.default_rng(0).random((MERIT_POINTS + 1, 2))
    assert set(record(SlicedTransport(), many, many.astype(np.float32), Clock())[0]) == {"dim", "uniformity"}


def test_a_transport_that_does_not_converge_is_on_record_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = cube(transport=SlicedTransport(max_iter=0, tol=0)).query(banana(400), 8, random_state=0)
    assert chosen.provenance["transport_converged"] is False


def test_steps_are_timed():
    timings = cube(transport=TRANSPORTS["sliced"]).query(banana(60), 8, random_state=0).timings
    assert set(timings) == {"check", "weigh", "fit", "carry", "design", "select", "total"}
    assert sum(timings.values()) <= 2 * timings["total"]


# --- batches and samples


@pytest.mark.parametrize("strategy", [cube(), cube(selection="assignment", n_components=3)], ids=["nearest", "all"])
def test_batch_size_does_not_matter(strategy):
    x = banana(1_500).astype(np.float32)
    known = {"labeled": np.arange(50), "random_state": 0}
    whole = strategy.query(x, 20, **known)
    with batches_of(1):  # 256 rows
        assert len(list(ArrayPool(x).batches())) == 6
        parts = strategy.query(x, 20, **known)
        assert agree(parts, whole)
        assert np.array_equal(parts.cells, whole.cells)


def test_a_sample_smaller_than_the_pool():
    x = banana(1_000)
    small = cube(sample_size=200, transport=TRANSPORTS["sliced"])
    chosen = small.query(x, 20, random_state=0)
    assert len(np.unique(chosen.indices)) == 20
    assert agree(chosen, small.query(x, 20, random_state=0))
    assert not agree(chosen, cube(transport=TRANSPORTS["sliced"]).query(x, 20, random_state=0))
    functions = (x[:, :2] - x[:, :2].mean(0)) / x[:, :2].std(0)
    assert np.abs(chosen.cell_mass @ functions[chosen.indices]).max() < 0.25


def test_the_fit_sees_no_more_than_the_sample_and_only_rows_with_mass():
    seen, transport = noted()
    x = square(500)
    mass = (x[:, 0] > 0.4).astype(float)
    cube(reduction=None, transport=transport, sample_size=100).query(x, 5, mass=mass, random_state=0)
    cube(reduction=None, transport=transport).query(x, 5, labeled=np.arange(10), mass=mass, random_state=0)
    assert len(seen[0]) == 100
    assert float(seen[0][:, 0].min()) > 0.4
    assert len(seen[1]) == mass.sum()


# --- what is refused


class FitsOnly(BaseEstimator):
    def fit(self, X, y=None):
        return self


class OneColumnTooFew(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, 0]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"selection": "best"}, ["selection", "nearest, assignment", "'best'"]),
        ({"mass": "heavy"}, ["mass", "'margin^2'", "label-distance", "'heavy'"]),
        ({"mass": np.ones(5)}, ["mass", "(5,)", "query"]),
        ({"transport": "optimal"}, ["transport", "'sliced'", "'optimal'"]),
        ({"transport": SlicedTransport}, ["transport", "Transport"]),
        ({"transport": None}, ["transport", "None"]),
        ({"design": "grid"}, ["design", "'grid'", "sobol"]),
        ({"reduction": "umap"}, ["reduction", "'pca'", "'umap'"]),
        ({"reduction": PCA}, ["reduction", "transformer"]),
        ({"reduction": FitsOnly()}, ["reduction", "transformer", "FitsOnly"]),
        ({"n_components": 0}, ["n_components", "at least 1", "0"]),
        ({"n_components": 2.0}, ["n_components", "2.0"]),
        ({"n_components": True}, ["n_components", "True"]),
        ({"n_components": "all"}, ["n_components", "auto", "'all'"]),
        ({"sample_size": 1}, ["sample_size", "at least 2", "1"]),
        ({"sample_size": True}, ["sample_size", "True"]),
    ],
)
def test_bad_parameters(parameters, words):
    with raises_input(words[0]) as error:
        cube(**parameters)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_what_only_the_pool_shows():
    with raises_input("n_components", "7"):
        cube(n_components=7).query(banana(20), 3)
    with raises_input("X", "1-D with shape (20,)"):
        cube(reduction=OneColumnTooFew()).query(banana(20), 3)
    with pytest.raises(BudgetError, match="4000 for selection='assignment'"):
        cube(selection="assignment", transport=Identity(), reduction=None).query(square(4_100), 4_001)
