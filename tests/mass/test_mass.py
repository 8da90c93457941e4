"""Mass rules by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from spotal.mass import Evidence, LabelDistance, Margin, Mass, Product, Uniform, margins
from spotal.pool import ArrayPool

LINE = ArrayPool(np.array([[0.0], [1.0], [3.0], [4.0], [10.0]]))
NONE = np.empty(0, np.int64)
ODDS = np.array([[0.5, 0.5, 0.0], [0.7, 0.1, 0.2], [1.0, 0.0, 0.0], [0.4, 0.3, 0.3], [0.2, 0.5, 0.3]])
RULES = [Uniform(), Margin(2), LabelDistance(1), Margin(2) * LabelDistance(1), Product()]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_uniform_while_nothing_is_known(rule):
    mass = rule.weigh(Evidence(LINE, NONE))
    assert mass.dtype == np.float64
    assert mass.tolist() == [1] * 5


def test_uniform_whatever_is_known():
    assert Uniform().weigh(Evidence(LINE, np.array([1]), np.array([0]), ODDS)).tolist() == [1] * 5


def test_margins_by_hand():
    np.testing.assert_allclose(margins(ODDS), [0, 0.5, 1, 0.1, 0.2])
    assert margins(np.ones((3, 1))).tolist() == [1, 1, 1]


def test_margin_by_hand():
    for power in (0.5, 1, 2):
        mass = Margin(power).weigh(Evidence(LINE, NONE, probabilities=ODDS))
        np.testing.assert_allclose(mass, np.array([1, 0.5, 0, 0.9, 0.8]) ** power)
    assert Margin().power == 2


def test_margin_of_probabilities_that_exceed_one_by_rounding():
    odds = np.array([[1.0000005, -5e-7]])
    assert Margin().weigh(Evidence(ArrayPool(np.zeros((1, 1))), NONE, probabilities=odds)).tolist() == [0]


def test_label_distance_by_hand():
    """Distances to rows 0 and 3: 0, 1, 1, 0, 6; their median is 1."""
    evidence = Evidence(LINE, np.array([0, 3]))
    np.testing.assert_allclose(LabelDistance(1).weigh(evidence), [0, 1, 1, 0, 6])
    np.testing.assert_allclose(LabelDistance(2).weigh(evidence), [0, 1, 1, 0, 36])
    np.testing.assert_allclose(LabelDistance(1).weigh(Evidence(LINE, np.array([0]))), np.array([0, 1, 3, 4, 10]) / 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_label_distance_against_scipy(dtype):
    x = np.random.default_rng(0).normal(size=(300, 8)).astype(dtype) + 30
    labeled = np.arange(0, 300, 17)
    distance = cdist(x, x[labeled]).min(1)
    mass = LabelDistance(1).weigh(Evidence(ArrayPool(x), labeled))
    np.testing.assert_allclose(mass, distance / np.median(distance), rtol=1e-6, atol=1e-12)
    assert (mass[labeled] == 0).all()


def test_label_distance_where_most_rows_are_copies_of_labeled_ones():
    pool = ArrayPool(np.array([[0.0], [0.0], [0.0], [0.0], [2.0], [4.0]]))
    np.testing.assert_allclose(LabelDistance(1).weigh(Evidence(pool, np.array([0]))), [0, 0, 0, 0, 0.5, 1])
    same = ArrayPool(np.ones((4, 2)))
    assert LabelDistance(1).weigh(Evidence(same, np.array([2]))).tolist() == [0, 0, 0, 0]


def test_products_multiply_in_any_grouping():
    evidence = Evidence(LINE, np.array([0, 3]), probabilities=ODDS)
    a, b, c = Margin(2), LabelDistance(1), Margin(0.5)
    expected = a.weigh(evidence) * b.weigh(evidence) * c.weigh(evidence)
    for product in ((a * b) * c, a * (b * c), Product(a, b, c), c * b * a):
        np.testing.assert_allclose(product.weigh(evidence), expected)


def test_rules_say_what_they_are():
    assert repr(Margin(2) * LabelDistance(1)) == "Margin(power=2) * LabelDistance(power=1)"
    assert repr(Uniform()) == "Uniform()"
    assert repr(Product()) == "Product()"


def test_a_rule_needs_to_weigh():
    with pytest.raises(TypeError, match="abstract"):
        Mass()
