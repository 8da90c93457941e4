"""Estimates of a pool's mean: no bias where picks are drawn, a fair error bar, less error than chance."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from tests.raising import raises_input

from spotal.pool import ArrayPool
from spotal.selection.estimate import Sampling, collapse, estimate_mean
from spotal.selection.lloyd import Cells, settle
from spotal.strategies import SPOT, get
from spotal.strategies._representatives import draw
from spotal.strategies.base import Query

DRAWS = 200


def query(pool, budget, seed=0, mass=None, labeled=()):
    return Query(ArrayPool(pool), budget, np.array(labeled, np.int64), None, None, mass, seed)


def cells_of(pool, count, seed=0):
    """Cells from k-means: any will do, and these are quick."""
    import torch

    centers = KMeans(count, n_init=1, random_state=seed).fit(pool).cluster_centers_
    return settle(ArrayPool(pool), torch.from_numpy(centers))


def estimates(pool, cells, budget, values, mass=None, draws=DRAWS):
    """Mean, standard error and whether the interval holds the truth, (draws, 3)."""
    weight = np.ones(len(pool)) if mass is None else mass
    truth = weight @ values / weight.sum()
    found = []
    for seed in range(draws):
        picks, _, sampling = draw(query(pool, budget, seed, mass), cells)
        e = estimate_mean(values[picks], sampling)
        found.append((e.mean, e.standard_error, e.low <= truth <= e.high))
    return truth, np.array(found, float)


def bent(n=1000, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 3))
    x[:, 1] += x[:, 0] ** 2
    return x


SMOOTH = {
    "linear": lambda x: x[:, 0] + 0.5 * x[:, 1],
    "bump": lambda x: np.exp(-((x - 0.5) ** 2).sum(1) / 4),
    "wave": lambda x: np.sin(2 * x[:, 0]),
    "step": lambda x: (x[:, 1] > 1).astype(float),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_drawn_picks_have_no_bias_a_fair_error_bar_and_less_variance_than_random_ones(name):
    pool, n = bent(), 60
    values = SMOOTH[name](pool)
    truth, found = estimates(pool, cells_of(pool, n), n, values)
    mean, error, holds = found.T
    spread = mean.std(ddof=1)
    assert abs(mean.mean() - truth) < 4 * spread / np.sqrt(DRAWS)
    random = values.std(ddof=1) / np.sqrt(n) * np.sqrt(1 - n / len(pool))
    assert spread < 0.75 * random
    assert spread * 0.9 < np.sqrt((error**2).mean()) < random * 1.1  # on the safe side, and no worse than random's
    assert holds.mean() >= 0.93


@pytest.fixture(scope="module")
def digits():
    """Digits with what a model, trained on 60 others, gets right."""
    data = load_digits()
    rows = np.random.default_rng(0).permutation(len(data.target))
    x, y = data.data[rows] / 16, data.target[rows]
    model = LogisticRegression(max_iter=1000).fit(x[:60], y[:60])
    return x[60:], y[60:], (model.predict(x[60:]) == y[60:]).astype(float)


@pytest.mark.parametrize("what", [0, 3, "accuracy"])
def test_prevalence_and_accuracy_on_digits(digits, what):
    pool, labels, right = digits
    values = right if what == "accuracy" else (labels == what).astype(float)
    n = 60
    truth, found = estimates(pool, cells_of(pool, n), n, values)
    mean, error, holds = found.T
    spread = mean.std(ddof=1)
    assert abs(mean.mean() - truth) < 4 * spread / np.sqrt(DRAWS)
    assert spread < 0.9 * np.sqrt(truth * (1 - truth) / n)
    assert np.sqrt((error**2).mean()) > 0.9 * spread
    assert holds.mean() >= 0.93


def test_noise_gains_nothing_and_its_error_bar_says_so():
    pool = bent()
    values = np.random.default_rng(3).normal(size=len(pool))
    _, found = estimates(pool, cells_of(pool, 60), 60, values)
    spread = found[:, 0].std(ddof=1)
    assert np.sqrt((found[:, 1] ** 2).mean()) == pytest.approx(spread, rel=0.12)
    assert found[:, 2].mean() >= 0.9


def test_rows_are_drawn_as_often_as_their_probability_says():
    pool = bent(80)
    mass = np.random.default_rng(1).choice([0.0, 0.5, 1, 3], 80)
    cells = cells_of(pool, 12)
    often, probability = np.zeros(80), np.full(80, np.nan)
    for seed in range(1_000):
        picks, _, sampling = draw(query(pool, 12, seed, mass), cells)
        often[picks] += 1
        probability[picks] = sampling.probability
    known = np.isfinite(probability)
    assert (mass[~known] == 0).all()
    p = probability[known]
    assert np.abs(often[known] - 1_000 * p).max() < 4.5 * np.sqrt(1_000 * 0.25)
    z = (often[known] - 1_000 * p)[p < 1] / np.sqrt(1_000 * p * (1 - p))[p < 1]
    assert np.abs(z).max() < 4.5
    # every cell gives one row: the expected number of picks is their number
    assert p.sum() == pytest.approx(12)


def test_with_mass_the_mean_is_the_weighted_one():
    pool = bent(400)
    mass = np.random.default_rng(2).random(400) ** 2
    values = SMOOTH["linear"](pool)
    truth, found = estimates(pool, cells_of(pool, 30), 30, values, mass)
    assert abs(truth - values.mean()) > 0.01
    assert abs(found[:, 0].mean() - truth) < 4 * found[:, 0].std() / np.sqrt(DRAWS)


@pytest.mark.parametrize("budget", [30, 50, 77])
def test_cells_are_halved_until_there_is_one_for_each_pick(budget):
    pool = bent(80)
    index = np.zeros(80, np.int64)
    index[70:] = 5
    wide = settle(ArrayPool(pool), cells_of(pool, 6).centers)
    cells = Cells(index, wide.squared, wide.centers)
    picks, stands, sampling = draw(query(pool, budget, labeled=[3, 75, 11]), cells)
    assert len(np.unique(picks)) == budget
    assert sampling.weight.sum() == pytest.approx(1)
    assert (stands[[3, 75, 11]] == -1).all()
    assert np.array_equal(stands[picks], np.arange(budget))
    np.testing.assert_allclose(np.bincount(stands[stands >= 0], minlength=budget) / 77, sampling.weight)
    if budget == 77:  # every row: no error is left
        found = estimate_mean(pool[picks, 0], sampling)
        assert found.mean == pytest.approx(np.delete(pool[:, 0], [3, 75, 11]).mean())
        assert found.standard_error == 0
        assert found.effective_size == pytest.approx(77)


def test_rows_without_mass_count_nothing():
    pool = bent(20)
    mass = np.r_[np.ones(5), np.zeros(15)]
    picks, _, sampling = draw(query(pool, 8, mass=mass), cells_of(pool, 8))
    assert sorted(picks[:5]) == [0, 1, 2, 3, 4]
    assert (sampling.weight[5:] == 0).all()
    assert estimate_mean(np.arange(20.0)[picks], sampling).mean == pytest.approx(2)


def test_spot_draws_by_its_cells_and_the_caller_s_mass():
    pool = bent(300)
    odds = np.random.default_rng(0).dirichlet([0.3, 0.3], 300)
    chosen = SPOT(representative="random").query(
        pool, 20, labeled=[4, 9], labels=[0, 1], probabilities=odds, random_state=0
    )
    np.testing.assert_allclose(chosen.sampling.weight, chosen.cell_mass)
    # equal rows: one over the size of the cell
    sizes = np.bincount(chosen.cells[chosen.cells >= 0], minlength=20)
    np.testing.assert_allclose(chosen.sampling.probability, 1 / sizes)
    assert chosen.estimate(np.ones(20)).mean == pytest.approx(1)
    assert chosen.estimate(pool[chosen.indices, 0]).unbiased


def test_spot_as_a_whole_is_unbiased_where_its_centers_are_not():
    pool = bent(500)
    values = SMOOTH["bump"](pool)
    errors = {}
    for kind in ("center", "random"):
        strategy = SPOT(representative=kind)
        chosen = [strategy.query(pool, 25, random_state=seed) for seed in range(40)]
        errors[kind] = np.array([one.estimate(values[one.indices]).mean for one in chosen]) - values.mean()
        assert all(one.estimate(values[one.indices]).unbiased == (kind == "random") for one in chosen)
    assert abs(errors["random"].mean()) < 4 * errors["random"].std() / np.sqrt(40)
    assert errors["center"].mean() > 8 * errors["center"].std() / np.sqrt(40)  # a center is higher than its cell's mean


def test_order_of_rows_does_not_matter_to_the_draw():
    pool, order = bent(120), np.random.default_rng(0).permutation(120)
    plain = SPOT(representative="random").query(pool, 9, random_state=1)
    mixed = SPOT(representative="random").query(pool[order], 9, random_state=1)
    assert np.array_equal(order[mixed.indices], plain.indices)


def test_random_rows_give_the_plain_mean_and_its_textbook_error():
    pool = bent(200)
    chosen = get("random").query(pool, 30, random_state=0)
    y = pool[chosen.indices, 0]
    found = chosen.estimate(y)
    assert found.mean == pytest.approx(y.mean())
    assert found.standard_error == pytest.approx(y.std(ddof=1) / np.sqrt(30) * np.sqrt(1 - 30 / 200))
    assert found.random_error == pytest.approx(found.standard_error)
    assert found.effective_size == pytest.approx(30)
    assert found.unbiased
    assert not get("random").query(pool, 30, mass=np.arange(1, 201), random_state=0).estimate(y).unbiased


def test_chosen_rows_count_the_mass_of_their_cells():
    chosen = get("coreset").query(bent(100), 10, random_state=0)
    y = np.arange(10.0)
    found = chosen.estimate(y)
    assert found.mean == pytest.approx(chosen.cell_mass @ y)
    assert not found.unbiased
    again = pickle.loads(pickle.dumps(chosen))
    assert again.estimate(y) == found


@pytest.mark.parametrize("ones", [0, 12])
def test_where_all_are_alike_the_interval_is_still_one(ones):
    values = np.r_[np.ones(ones), np.zeros(12 - ones)]
    sampling = Sampling(np.full(12, 1 / 12), np.zeros(12, np.int64), np.full(12, 0.01))
    found = estimate_mean(values, sampling)
    # the rule of three, two-sided: 1 - 0.025^(1/12)
    assert found.standard_error == 0
    assert found.high - found.low == pytest.approx(1 - 0.025 ** (1 / 12))


def test_another_confidence_gives_another_width():
    y = np.random.default_rng(0).normal(size=12)
    sampling = Sampling(np.full(12, 1 / 12), collapse(y[:, None]), None)
    wide, narrow = (estimate_mean(y, sampling, confidence) for confidence in (0.99, 0.5))
    assert wide.low < narrow.low < wide.mean < narrow.high < wide.high


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 50, 101])
def test_strata_hold_two_or_three_points_that_are_close(n):
    points = np.random.default_rng(n).normal(size=(n, 3))
    stratum = collapse(points)
    size = np.bincount(stratum)
    assert size.sum() == n
    assert size.max() <= 3
    assert size.min() >= min(n, 2)
    if n == 101:
        apart = [np.linalg.norm(points[a] - points[b]) for a in range(n) for b in range(a) if stratum[a] == stratum[b]]
        assert np.mean(apart) < 1.2
    assert np.bincount(collapse(np.zeros((n, 2)))).max() <= 3


@pytest.mark.parametrize(
    ("values", "options", "argument", "found"),
    [
        (np.ones(4), {}, "values", "shape (4,)"),
        (["a"] * 5, {}, "values", "dtype <U1"),
        ([1, 2, np.nan, 4, 5], {}, "values", "nan at position 2"),
        (np.ones(5), {"confidence": 1.0}, "confidence", "1.0"),
    ],
)
def test_what_is_wrong_with_values_is_one_sentence(values, options, argument, found):
    with raises_input(argument, found):
        get("random").query(bent(30), 5, random_state=0).estimate(values, **options)


def test_one_value_has_no_error_bar():
    with raises_input("values", "1"):
        get("random").query(bent(30), 1, random_state=0).estimate([1.0])


def test_draws_take_no_limits():
    with raises_input("cost"):
        SPOT(representative="random").query(bent(30), 5, cost=np.ones(30))
