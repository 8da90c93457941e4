"""What the baselines promise beyond the contract: exact greedy picks, fair draws, samples, and parameters refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from tests.raising import raises_input
from tests.strategies.asked import asked

from spotal.errors import InputError
from spotal.mass import tempered
from spotal.pool import ArrayPool
from spotal.strategies import get
from spotal.strategies._content import ContentRandom
from spotal.strategies._greedy_coverage import gaussian, greedy_cover
from spotal.strategies.coregcn import Graph
from spotal.strategies.uherding import calibration_error

RNG = np.random.default_rng(0)
CLOUD = RNG.normal(size=(700, 4))
ODDS = RNG.dirichlet(np.ones(3), 700)
LABELED, LABELS = np.array([5, 300, 651]), np.array([0, 1, 2])


def shortfall(similar, weights, labeled, picks):
    """How much less than the best row each pick gains, as the plain greedy method sees it; and the coverage reached."""
    cover = similar[labeled].max(0, initial=0)
    short = []
    for position, pick in enumerate(picks):
        gain = (np.maximum(similar - cover, 0) * weights).sum(1)
        gain[[*labeled, *picks[:position]]] = -1
        short.append(gain.max() - gain[pick])
        cover = np.maximum(cover, similar[pick])
    return max(short) / weights.sum(), float((weights * cover).sum() / weights.sum())


@pytest.mark.parametrize("block", [256, 8])
@pytest.mark.parametrize("few", [1 << 24, 0], ids=["float64", "float32"])
@pytest.mark.parametrize("labeled", [[], LABELED])
def test_lazy_greedy_picks_are_those_of_plain_greedy(block, few, labeled):
    """Up to ties, such as that of two rows which only gain on each other."""
    mass = np.random.default_rng(1).random(700)
    squared = ((CLOUD[:, None] - CLOUD) ** 2).sum(2)
    for kernel, radius, similar in [
        (gaussian(0.8), 0.8, np.exp(-squared / 0.8**2)),
        (lambda found: found < 0.9, 0.9**0.5, (squared < 0.9).astype(float)),
    ]:
        query = asked(CLOUD, 60, labeled=labeled, mass=mass, random_state=0)
        picks, reached = greedy_cover(
            query,
            query.pool,
            kernel,
            radius,
            query.unlabeled,
            np.arange(700),
            mass,
            ContentRandom(query.pool, 0),
            block_rows=block,
            few=few,
        )
        short, coverage = shortfall(similar, mass, labeled, picks)
        assert short < 1e-6
        assert reached == pytest.approx(coverage, rel=1e-5)


@pytest.mark.parametrize("cloud", [np.abs(CLOUD), CLOUD], ids=["cosine", "half"])
def test_coregcn_spreads_over_the_graph_as_the_dense_matrix_does(cloud):
    unit = cloud / np.linalg.norm(cloud, axis=1, keepdims=True)
    cosine = unit @ unit.T if (unit >= 0).all() else (1 + unit @ unit.T) / 2
    dense = cosine - np.eye(len(unit))
    dense = dense @ np.diag(1 / dense.sum(0)) + np.eye(len(unit))  # as the authors' code does it
    values = RNG.normal(size=(len(unit), 3))
    graph = Graph(torch.from_numpy(unit))
    np.testing.assert_allclose(graph.spread(torch.from_numpy(values).float()), dense @ values, atol=1e-5)
    np.testing.assert_allclose(graph.near(torch.from_numpy(unit)), dense @ unit, atol=1e-5)


def test_coregcn_learns_which_rows_are_labeled_and_picks_far_from_them():
    rng = np.random.default_rng(0)
    blobs = np.concatenate([rng.normal(center, 0.1, (60, 3)) for center in np.eye(3)])
    known = {"labeled": np.arange(20), "random_state": 0}
    few, many = (get("coregcn", steps=steps).query(blobs, 6, **known) for steps in (1, 400))
    assert many.diagnostics["loss"] < few.diagnostics["loss"]
    assert (many.indices >= 60).all()


def test_uncertainty_herding_is_greedy_coverage_of_unit_vectors():
    unit = CLOUD / np.linalg.norm(CLOUD, axis=1, keepdims=True)
    apart = np.linalg.norm(unit[LABELED][:, None] - unit[LABELED], axis=2)
    radius = apart[apart > 0].min()
    hot = ODDS**0.5 / (ODDS**0.5).sum(1, keepdims=True)
    weights = 1 - np.diff(np.sort(hot, 1)[:, -2:])[:, 0]
    weights[LABELED] = 0
    similar = np.exp(-(((unit[:, None] - unit) ** 2).sum(2)) / radius**2)
    known = {"labeled": LABELED, "labels": LABELS, "probabilities": ODDS, "random_state": 0}
    found = get("uherding", temperature=2).query(CLOUD, 30, **known)
    short, coverage = shortfall(similar, weights, LABELED, found.indices)
    assert short < 1e-9
    assert found.diagnostics == pytest.approx({"radius": radius, "temperature": 2, "coverage": coverage}, rel=1e-5)


@pytest.mark.parametrize("name", ["clue", "kmeans", "maxherding", "probcover", "typiclust", "uherding"])
def test_a_sample_of_the_pool_serves_nearly_as_well(name):
    """Twelve far clusters: a pick in each, though a third of the rows is looked at."""
    X, which = make_blobs([50] * 12, centers=60 * np.random.default_rng(5).normal(size=(12, 5)), random_state=0)
    known = {"probabilities": np.full((600, 2), 0.5), "random_state": 0}
    options = {"normalize": False} if name in ("maxherding", "probcover", "typiclust", "uherding") else {}
    options |= {"delta": 6.0} if name == "probcover" else {"radius": 6.0} if "herding" in name else {}
    picks = get(name, sample_size=200, **options).query(X, 12, **known).indices
    assert len(np.unique(which[picks])) == 12


@pytest.mark.parametrize("sample_size", [50_000, 500])
def test_fads_spreads_over_the_support(sample_size):
    """Nine in ten rows crowd in one corner of a square, a hundredth of its area."""
    rng = np.random.default_rng(6)
    X = np.r_[0.1 * rng.random((1_800, 2)), rng.random((200, 2))]
    for seed in range(3):
        picks = get("fads", sample_size=sample_size).query(X, 120, random_state=seed).indices
        assert (picks < 1_800).mean() < 0.45
    favored = np.where(X[:, 0] > 0.5, 20.0, 1)
    assert (X[get("fads").query(X, 40, mass=favored, random_state=0).indices, 0] > 0.5).mean() > 0.8


def test_temperature_is_found_where_a_model_is_too_sure():
    """Labels at random: a model that is right in half of the cases must not be sure, so its odds are cooled."""
    X = np.random.default_rng(1).normal(size=(400, 40))
    labels = np.random.default_rng(2).integers(0, 2, 100)
    known = {"labeled": np.arange(100), "random_state": 0, "probabilities": np.full((400, 2), 0.5)}
    assert get("uherding").query(X, 1, labels=labels, **known).diagnostics["temperature"] > 2
    clear = (X[:100, 0] > 0).astype(int)
    X[:100, 0] += 20 * (clear - 0.5)
    assert get("uherding").query(X, 1, labels=clear, **known).diagnostics["temperature"] == 1
    assert get("uherding").query(X, 1, **known).diagnostics["temperature"] == 1  # no labels to find it from


def test_calibration_error_and_tempering_by_hand():
    # two bins: (0, .5] holds .4 (right); (.5, 1] holds .6 (wrong), .8 and 1 (right): |.4 - 1| / 4 + |2.4 - 2| / 4
    error = calibration_error(np.array([0.4, 0.6, 0.8, 1.0]), np.array([True, False, True, True]), 2)
    assert error == pytest.approx(0.15 + 0.1)
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False]), 2) == 0
    np.testing.assert_allclose(tempered(np.array([[0.9, 0.1], [1, 0]]), 2), [[0.75, 0.25], [1, 0]], atol=1e-12)


def information(draws, batch):
    """I(labels of the batch; draw) by enumeration."""
    joint = np.array([np.prod([draws[row, label] for row, label in zip(batch, labels, strict=True)], 0)
                      for labels in product(range(draws.shape[1]), repeat=len(batch))])  # fmt: skip
    mean = joint.mean(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.nansum(mean * np.log(mean)) + np.nansum(joint * np.log(joint)) / joint.shape[1]


def test_batch_bald_is_greedy_in_the_enumerated_information():
    draws = np.random.default_rng(3).dirichlet(np.full(3, 0.4), (40, 5)).swapaxes(1, 2)
    found = get("batch-bald").query(np.zeros((40, 1)), 4, probabilities=draws, random_state=0)
    picks = []
    for _ in range(4):
        picks.append(max(set(range(40)) - set(picks), key=lambda row: information(draws, [*picks, row])))
    assert found.indices.tolist() == picks
    assert found.diagnostics["information"] == pytest.approx(information(draws, picks))
    # drawn labelings: near the best, and nearer than the rows that BALD takes one by one
    for seed in range(5):
        strategy = get("batch-bald", configurations=400)
        drawn = get("batch-bald", configurations=8).query(np.zeros((40, 1)), 4, probabilities=draws, random_state=seed)
        assert information(draws, drawn.indices) > 0.8 * information(draws, picks)
        few = strategy.query(np.zeros((40, 1)), 6, probabilities=draws, random_state=seed)
        assert few.diagnostics["information"] == pytest.approx(information(draws, few.indices), rel=0.05)


def test_draws_follow_weights_and_content_rather_than_order():
    points = RNG.normal(size=(5, 2)).astype(np.float32)
    weights = np.array([0, 1, 2, 0, 5.0])
    chance = ContentRandom(ArrayPool(points), 3)
    rows = np.array([chance.draw(weights) for _ in range(4_000)])
    assert set(rows) == {1, 2, 4}
    np.testing.assert_allclose(np.bincount(rows) / 4_000, weights / 8, atol=0.03)
    order = np.array([3, 0, 4, 1, 2])
    again = ContentRandom(ArrayPool(points[order].astype(np.float64)), 3)
    assert np.array_equal(order[[again.draw(weights[order]) for _ in range(50)]], rows[:50])
    shuffled = [tuple(ContentRandom(ArrayPool(np.zeros((3, 2))), seed).shuffled(np.arange(3))) for seed in range(60)]
    assert len(set(shuffled)) == 6  # copies of a row are told apart


@pytest.mark.parametrize(("name", "budget"), [("direct", 30), ("galaxy", 20)])
def test_a_rare_class_that_margin_misses_is_found(name, budget):
    """Rows of a class of 5 % whose probability never passes one half."""
    rng = np.random.default_rng(4)
    rare = rng.permutation(600) < 30
    p = np.clip(np.where(rare, rng.normal(0.3, 0.05, 600), rng.normal(0.05, 0.05, 600)), 0.001, 0.999)
    p = np.c_[1 - p, p]
    labeled = np.r_[np.flatnonzero(rare)[:4], np.flatnonzero(~rare)[:36]]
    known = {"labeled": labeled, "labels": rare[labeled].astype(int), "probabilities": p}
    X = np.zeros((600, 1))
    found = [rare[get(name).query(X, budget, random_state=seed, **known).indices].mean() for seed in range(5)]
    assert min(found) > 4 * rare.mean()


@pytest.mark.parametrize("name", ["direct", "galaxy"])
@pytest.mark.parametrize("labels", [[0, 0], [1, 1], [1, 0]], ids=str)
def test_labels_that_no_place_on_a_line_parts(name, labels):
    known = {"labeled": [2, 9], "labels": labels, "probabilities": ODDS[:20], "random_state": 0}
    assert len(np.unique(get(name).query(CLOUD[:20], 18, **known).indices)) == 18


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("kmeans", {"sample_size": 1}, "sample_size must be an integer of at least 2, found 1"),
        ("typiclust", {"neighbors": 0}, "neighbors must be an integer of at least 1, found 0"),
        ("typiclust", {"max_clusters": 2.0}, "max_clusters must be an integer of at least 1, found 2.0"),
        ("probcover", {"delta": 0}, "delta must be a number above 0, found 0"),
        ("probcover", {"delta": "small"}, "delta must be a number above 0, found 'small'"),
        ("probcover", {"purity": 1.5}, "purity must be a number above 0 and at most 1, found 1.5"),
        ("probcover", {"n_classes": True}, "n_classes must be an integer of at least 2, found True"),
        ("maxherding", {"radius": np.nan}, "radius must be a number above 0, found nan"),
        ("uherding", {"radius": -1}, "radius must be a number above 0, found -1"),
        ("uherding", {"temperature": "hot"}, "temperature must be a number above 0, found 'hot'"),
        (
            "coregcn",
            {"dropout": 1.0},
            "dropout, where it is not 0, must be a number above 0 and at most 0.99, found 1.0",
        ),
        ("clue", {"temperature": np.inf}, "temperature must be a number above 0, found inf"),
        ("fads", {"components": 0}, "components must be an integer of at least 1, found 0"),
        ("dropquery", {"dropout": 1}, "dropout must be a number above 0 and at most 0.99, found 1"),
        ("dropquery", {"masks": 0}, "masks must be an integer of at least 1, found 0"),
        ("alfamix", {"step": 2}, "step must be a number above 0 and at most 1, found 2"),
        ("bait", {"regularization": 0}, "regularization must be a number above 0, found 0"),
        ("facility-location", {"neighbors": 0}, "neighbors must be an integer of at least 1, found 0"),
        ("facility-location", {"radius": "far"}, "radius must be a number above 0, found 'far'"),
        ("powermargin", {"beta": 0}, "beta must be a number above 0, found 0"),
        ("tcm", {"labels_per_class": -1}, "labels_per_class must be an integer of at least 0, found -1"),
        ("batch-bald", {"configurations": 1}, "configurations must be an integer of at least 2, found 1"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(name, parameters, words):
    with pytest.raises(InputError) as error:
        get(name, **parameters)
    assert str(error.value) == words


@pytest.mark.parametrize("name", ["bald", "batch-bald"])
@pytest.mark.parametrize("given", [ODDS, ODDS[:, :, None]], ids=["none", "one"])
def test_one_draw_is_not_enough(name, given):
    with raises_input("probabilities") as error:
        get(name).query(CLOUD, 1, probabilities=given)
    assert "\n" not in str(error.value)


def test_several_draws_serve_as_their_mean_where_one_is_enough():
    draws = RNG.dirichlet(np.ones(3), (50, 4)).swapaxes(1, 2)
    for name in ("margin", "badge", "spot"):
        known = {"labeled": [1], "labels": [0], "random_state": 0}
        several = get(name).query(CLOUD[:50], 5, probabilities=draws, **known)
        assert np.array_equal(
            several.indices, get(name).query(CLOUD[:50], 5, probabilities=draws.mean(2), **known).indices
        )
    draws[7, 0, 2] += 0.5
    with raises_input("probabilities", "as sum in row 7"):
        get("margin").query(CLOUD[:50], 1, probabilities=draws)
