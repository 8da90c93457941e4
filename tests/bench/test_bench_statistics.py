"""Every statistic against values worked out by hand, or against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spotal.bench.compare import average_ranks, budgets, holm, paired, penalties
from spotal.bench.curves import area, bootstrap, labels_to_reach, saving
from spotal.bench.plots import _groups
from spotal.learner import score


def test_the_area_is_the_mean_height_over_the_labels():
    # trapezoids: 10 labels at (.2 + .4) / 2, 30 at (.4 + .6) / 2, over 40
    assert area([10, 20, 50], [0.2, 0.4, 0.6]) == pytest.approx((10 * 0.3 + 30 * 0.5) / 40)
    assert area([10, 20, 50], [[1, 1, 1], [0, 0, 0]]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "level", "labels"),
    [
        ([0.2, 0.4, 0.6], 0.5, 35),  # half way from 20 to 50
        ([0.2, 0.4, 0.6], 0.4, 20),
        ([0.2, 0.4, 0.6], 0.1, 10),
        ([0.2, 0.4, 0.6], 0.7, None),
        ([0.2, 0.6, 0.4], 0.5, 17.5),  # the first time counts, however it falls later
    ],
)
def test_labels_to_reach_a_level(values, level, labels):
    found = labels_to_reach([10, 20, 50], values, level)
    assert found is None if labels is None else found == pytest.approx(labels)


def test_saving_is_the_share_of_the_baseline_s_labels():
    asked, base = [10, 20, 30], [0.2, 0.4, 0.6]
    assert saving(asked, base, base) == pytest.approx(0)
    assert saving(asked, [0.4, 0.6, 0.7], base) == pytest.approx(1 / 3)  # 20 labels instead of 30
    assert saving(asked, [0.2, 0.3, 0.5], base) is None
    # the baseline had its last height at 20 already: being there at 25 is no saving
    assert saving(asked, [0.2, 0.4, 0.8], [0.2, 0.6, 0.6]) == pytest.approx(1 - 25 / 20)


def test_the_bootstrap_interval_holds_the_mean_and_is_the_seed_s():
    values = np.random.default_rng(0).normal([0, 10, 20], size=(40, 3))
    low, high = bootstrap(values)
    error = values.std(0) / np.sqrt(40)
    assert np.allclose(low, values.mean(0) - 1.96 * error, atol=0.3 * error)
    assert np.allclose(high, values.mean(0) + 1.96 * error, atol=0.3 * error)
    assert bootstrap(values) == (low, high)
    assert bootstrap(values[:1]) == (values[0].tolist(), values[0].tolist())


def test_paired_is_scipy_s_paired_tests():
    rng = np.random.default_rng(1)
    own, base = rng.normal(0.2, 1, 9), rng.normal(0, 1, 9)
    found = paired(own, base)
    assert found.t == pytest.approx(stats.ttest_rel(own, base).pvalue)
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(own, base).pvalue)
    interval = stats.ttest_rel(own, base).confidence_interval(0.95)
    assert (found.n, found.mean) == (9, pytest.approx((own - base).mean()))
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_paired_by_hand():
    # differences 1, 2, 3: mean 2, deviation 1, t = 2 sqrt(3) on 2 degrees: p = 1 - t / sqrt(t^2 + 2)
    found = paired([2, 4, 6], [1, 2, 3])
    t = 2 * math.sqrt(3)
    assert found.mean == 2
    assert found.t == pytest.approx(1 - t / math.sqrt(t * t + 2))
    assert found.wilcoxon == pytest.approx(0.25)  # the least there is with three seeds


def test_paired_at_the_edges():
    same = paired([1, 2], [1, 2])
    assert (same.mean, same.t, same.wilcoxon) == (0, 1, 1)
    always = paired([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    assert (always.mean, always.t) == (1, 0)
    one = paired([1], [0])
    assert one.mean == 1
    assert math.isnan(one.t)


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04, and none may be below the one before
    assert holm([0.03, 0.01, 0.04, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.9]).tolist() == [1, 1]
    assert holm([0.02]).tolist() == [0.02]
    found = holm([0.01, float("nan"), 0.03])
    assert found[[0, 2]].tolist() == pytest.approx([0.02, 0.03])
    assert math.isnan(found[1])
    assert len(holm([])) == 0


def test_budgets_double():
    assert budgets(2) == [1]
    assert budgets(14) == [1, 2, 4, 8]
    assert budgets(1) == []


def test_the_penalty_matrix_by_hand():
    # three seeds: t > 4.303 wins. Budgets 1, 2 and 4 of five measurements; the first is shared and 3 is not looked at
    low = np.tile([0.1, 0.2, 0.3, 0.4, 0.5], (3, 1))
    jitter = np.array([[0.0], [0.001], [-0.001]])
    gain = np.array([0.0, 0.05, 0.05, 0.05, 0.0])
    high = low + gain + jitter * (gain > 0)  # beats low at budgets 1 and 2, and is it at 4
    noisy = low + np.array([[0.3], [-0.3], [0.01]])  # beats nobody
    matrix = penalties([{"low": low, "high": high, "noisy": noisy}], ["low", "high", "noisy"])
    assert matrix == pytest.approx(np.array([[0, 0, 0], [2 / 3, 0, 0], [0, 0, 0]]))
    twice = penalties([{"low": low, "high": high}] * 2, ["low", "high"])
    assert twice == pytest.approx(np.array([[0, 0], [4 / 3, 0]]))
    # a win by the same amount in every seed is one
    assert penalties([{"low": low, "high": low + 0.1}], ["low", "high"])[1, 0] == 1
    # one seed says nothing
    assert not penalties([{"low": low[:1], "high": high[:1]}], ["low", "high"]).any()


def test_the_penalty_threshold_is_that_of_the_paper_for_five_seeds():
    gap = np.array([1.0, 2, 3, 4, 5])
    t = gap.mean() * math.sqrt(5) / gap.std(ddof=1)
    for wanted, wins in ((2.77, 0), (2.78, 1)):
        # move the differences so that their t score is the one wanted
        moved = gap - gap.mean() + wanted * gap.std(ddof=1) / math.sqrt(5)
        curves = {"a": np.column_stack([np.zeros(5), moved]), "b": np.zeros((5, 2))}
        assert penalties([curves], ["a", "b"])[0, 1] == wins
    assert t > 2.776


def test_ranks_and_critical_difference_by_hand():
    values = [[0.9, 0.8, 0.7], [0.9, 0.7, 0.8], [0.8, 0.8, 0.1]]
    found = average_ranks(values, ["a", "b", "c"])
    assert found.mean == pytest.approx({"a": (1 + 1 + 1.5) / 3, "b": (2 + 3 + 1.5) / 3, "c": (3 + 2 + 3) / 3})
    assert found.friedman == pytest.approx(stats.friedmanchisquare(*np.array(values).T).pvalue)
    # Demsar 2006, table 5: q = 2.343 for three classifiers at .05
    assert found.critical == pytest.approx(2.343 * math.sqrt(3 * 4 / (6 * 3)), abs=2e-3)
    # and his example of section 3.2.2: five classifiers, q = 2.728; 30 data sets
    many = average_ranks(np.random.default_rng(0).normal(size=(30, 5)), list("abcde"))
    assert many.critical == pytest.approx(2.728 * math.sqrt(5 * 6 / (6 * 30)), abs=2e-3)
    assert math.isnan(average_ranks(values[:1], ["a", "b", "c"]).critical)


def test_bars_join_the_largest_runs_within_the_critical_difference():
    assert _groups([1.0, 1.5, 3.0, 3.2], 1.0) == [(1.0, 1.5), (3.0, 3.2)]
    assert _groups([1.0, 2.0, 3.0], 1.5) == [(1.0, 2.0), (2.0, 3.0)]
    assert _groups([1.0, 2.0, 3.0], 2.5) == [(1.0, 3.0)]
    assert _groups([1.0, 3.0], 1.0) == []
    assert _groups([1.0, 3.0], None) == []


def test_the_calibration_error_by_hand():
    # bins of width 1/15: .80 and .81 (both of them in 12/15 .. 13/15), .55 in 8/15 .. 9/15
    probabilities = np.array([[0.8, 0.2], [0.81, 0.19], [0.45, 0.55], [1.0, 0.0]])
    found = score(probabilities, np.array([0, 1, 1, 0]))["calibration_error"]
    expected = (abs((1 - 0.8) + (0 - 0.81)) + abs(1 - 0.55) + 0) / 4
    assert found == pytest.approx(expected)
    sure = score(np.eye(3)[[0, 1, 2]], np.array([0, 1, 2]))
    assert sure["calibration_error"] == 0
    wrong = score(np.eye(3)[[0, 1, 2]], np.array([1, 2, 0]))
    assert wrong["calibration_error"] == 1
