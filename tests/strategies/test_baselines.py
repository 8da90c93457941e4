"""The baselines against hand computation, scikit-learn, scipy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, entropy
from sklearn.linear_model import LogisticRegression

from spotal.strategies import CoreSet, EntropySampling, MarginSampling, Random, get

P = np.array(
    [
        [0.50, 0.45, 0.05],  # margin 0.05
        [1.00, 0.00, 0.00],  # margin 1, entropy 0
        [0.34, 0.33, 0.33],  # margin 0.01, greatest entropy
        [0.60, 0.20, 0.20],  # margin 0.40
        [0.49, 0.51, 0.00],  # margin 0.02, entropy 0.693
        [0.80, 0.15, 0.05],  # margin 0.65
    ]
)
ROWS = np.zeros((6, 1))


def test_margin_by_hand():
    assert MarginSampling().query(ROWS, 6, probabilities=P, random_state=0).indices.tolist() == [2, 4, 0, 3, 5, 1]
    chosen = MarginSampling().query(ROWS, 3, labeled=[2, 0], probabilities=P, random_state=0)
    assert chosen.indices.tolist() == [4, 3, 5]


def test_entropy_by_hand():
    order = np.argsort(-entropy(P, axis=1))
    assert order.tolist() == [2, 3, 0, 4, 5, 1]
    assert EntropySampling().query(ROWS, 6, probabilities=P, random_state=0).indices.tolist() == order.tolist()
    assert EntropySampling().query(ROWS, 2, labeled=[2], probabilities=P, random_state=0).indices.tolist() == [3, 0]


@pytest.mark.parametrize("budget", [1, 10, 199, 200])
def test_uncertainty_of_a_model_against_scipy(budget):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    p = LogisticRegression().fit(x[:60], np.arange(60) % 4).predict_proba(x)
    ordered = np.sort(p, axis=1)
    by_margin = np.argsort(ordered[:, -1] - ordered[:, -2])[:budget]
    by_entropy = np.argsort(-entropy(p, axis=1))[:budget]
    assert np.array_equal(MarginSampling().query(x, budget, probabilities=p, random_state=0).indices, by_margin)
    assert np.array_equal(EntropySampling().query(x, budget, probabilities=p, random_state=0).indices, by_entropy)


def test_entropy_counts_all_classes_and_margin_only_two():
    p = np.array([[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    assert MarginSampling().query(np.zeros((2, 1)), 1, probabilities=p, random_state=0).indices.tolist() == [0]
    assert EntropySampling().query(np.zeros((2, 1)), 1, probabilities=p, random_state=0).indices.tolist() == [1]


@pytest.mark.parametrize("strategy", [MarginSampling(), EntropySampling()])
def test_mass_multiplies_the_score(strategy):
    mass = np.array([1, 1, 0.01, 100, 1, 1])
    assert strategy.query(ROWS, 1, probabilities=P, mass=mass, random_state=0).indices.tolist() == [3]
    assert strategy.query(ROWS, 6, probabilities=P, mass=mass, random_state=0).indices.tolist().index(2) > 2


@pytest.mark.parametrize("strategy", [MarginSampling(), EntropySampling()])
def test_ties_fall_evenly_and_only_among_the_tied(strategy):
    p = np.array([[0.5, 0.5]] * 2 + [[0.7, 0.3]] * 6 + [[0.9, 0.1]] * 2)
    counts = np.zeros(10)
    for seed in range(300):
        picks = strategy.query(np.zeros((10, 1)), 4, probabilities=p, random_state=seed).indices
        assert set(picks[:2]) == {0, 1}
        counts[picks] += 1
    assert counts[8:].sum() == 0
    assert chisquare(counts[2:8]).pvalue > 1e-3


def k_center(x, budget, labeled=(), mass=None):
    """Greedy k-center from the whole distance matrix."""
    distance = cdist(x, x)
    mass = np.ones(len(x)) if mass is None else mass
    picks = []
    if not len(labeled):
        middle = mass @ x / mass.sum()
        picks.append(int(cdist([middle], x)[0].argmin()))
    while len(picks) < budget:
        gap = distance[:, [*labeled, *picks]].min(1) * mass
        gap[[*labeled, *picks]] = -1
        picks.append(int(gap.argmax()))
    return picks, distance[:, [*labeled, *picks]].min(1)


@pytest.mark.parametrize("labeled", [[], [4], [9, 0, 77]])
@pytest.mark.parametrize("weighted", [False, True])
def test_core_set_against_brute_force(labeled, weighted):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(80, 3)) + 5
        mass = rng.random(80) + 0.01 if weighted else None
        chosen = CoreSet().query(x, 12, labeled=labeled, mass=mass, random_state=0)
        picks, gap = k_center(x, 12, labeled, mass)
        assert chosen.indices.tolist() == picks
        assert chosen.diagnostics["fill_distance"] == pytest.approx(gap.max())
        unlabeled = np.setdiff1d(np.arange(80), labeled)
        assert np.array_equal(chosen.cells[unlabeled], cdist(x[unlabeled], x[picks]).argmin(1))


def test_core_set_covers_twice_as_well_as_the_least_that_is_possible():
    """Of 4 far apart clusters, 4 picks take one each, from any start."""
    x = np.repeat(np.eye(4) * 100, 10, axis=0) + np.random.default_rng(0).normal(size=(40, 4))
    for start in range(0, 40, 7):
        chosen = CoreSet().query(x, 3, labeled=[start], random_state=0).indices
        assert set(chosen // 10) | {start // 10} == {0, 1, 2, 3}


def test_core_set_first_pick_is_free_and_has_mass():
    x = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert CoreSet().query(x, 1, random_state=0).indices.tolist() == [2]
    assert CoreSet().query(x, 1, mass=[1, 1, 0, 0], random_state=0).indices.tolist() == [0]


def test_random_without_mass_is_uniform():
    counts = np.zeros(12)
    for seed in range(1_500):
        counts[Random().query(np.zeros((12, 1)), 3, labeled=[5], random_state=seed).indices] += 1
    assert counts[5] == 0
    assert chisquare(np.delete(counts, 5)).pvalue > 1e-3


def test_random_follows_mass():
    """The first pick in proportion to mass, the second to what is left: Plackett and Luce."""
    mass = np.array([1.0, 2, 3, 4])
    first, second = np.zeros(4), np.zeros(4)
    for seed in range(3_000):
        a, b = Random().query(np.zeros((4, 1)), 2, mass=mass, random_state=seed).indices
        first[a] += 1
        second[b] += 1
    share = mass / mass.sum()
    assert chisquare(first, 3_000 * share).pvalue > 1e-3
    later = [sum(share[i] * share[j] / (1 - share[i]) for i in range(4) if i != j) for j in range(4)]
    assert chisquare(second, 3_000 * np.array(later)).pvalue > 1e-3


def test_random_rows_of_mass_zero_come_last_in_random_order():
    mass = np.array([0, 0, 1.0, 0, 1e-300, 0])
    orders = set()
    for seed in range(60):
        picks = Random().query(np.zeros((6, 1)), 6, mass=mass, random_state=seed).indices.tolist()
        assert picks[:2] == [2, 4]
        orders.add(tuple(picks[2:]))
    assert len(orders) > 12  # of 24


def test_random_first_picks_do_not_depend_on_the_budget():
    x = np.zeros((50, 1))
    whole = Random().query(x, 50, random_state=3).indices
    assert np.array_equal(Random().query(x, 7, random_state=3).indices, whole[:7])


def test_each_is_got_by_its_name():
    for name, kind in [
        ("coreset", CoreSet),
        ("entropy", EntropySampling),
        ("margin", MarginSampling),
        ("random", Random),
    ]:
        assert type(get(name)) is kind
        assert kind.name == name
