"""Mass rules by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from tests.raising import raises_input

from spotal.mass import (
    ClassBalance,
    Discounted,
    Entropy,
    Evidence,
    InverseDensity,
    InverseFrequency,
    LabelDistance,
    LeastConfidence,
    Margin,
    Mass,
    MutualInformation,
    Product,
    Tempered,
    Uniform,
    class_shares,
    fit_temperature,
    margins,
    parse_mass,
    tempered,
)
from spotal.mass.held_out import held_out_probabilities, likeness
from spotal.pool import ArrayPool

LINE = ArrayPool(np.array([[0.0], [1.0], [3.0], [4.0], [10.0]]))
NONE = np.empty(0, np.int64)
ODDS = np.array([[0.5, 0.5, 0.0], [0.7, 0.1, 0.2], [1.0, 0.0, 0.0], [0.4, 0.3, 0.3], [0.2, 0.5, 0.3]])
RULES = [
    Uniform(),
    Margin(2),
    Entropy(),
    LeastConfidence(),
    MutualInformation(),
    ClassBalance(),
    InverseFrequency(),
    Tempered(Margin(1)),
    LabelDistance(1),
    Discounted(LabelDistance(1)),
    Margin(2) * LabelDistance(1),
    Product(),
]


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


def test_entropy_by_hand():
    assert Entropy(1).weigh(Evidence(LINE, NONE, probabilities=np.eye(3)[[0, 1, 2, 0, 1]])).tolist() == [0] * 5
    odds = np.array([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    for power in (1, 2):
        mass = Entropy(power).weigh(Evidence(LINE, NONE, probabilities=odds))
        np.testing.assert_allclose(mass, np.array([0.5, 1, 0, 0.5, 0.5]) ** power)


def test_least_confidence_by_hand():
    mass = LeastConfidence(1).weigh(Evidence(LINE, NONE, probabilities=ODDS))
    np.testing.assert_allclose(mass, np.array([0.5, 0.3, 0, 0.6, 0.5]) * 3 / 2)
    even = np.full((5, 3), 1 / 3)
    np.testing.assert_allclose(LeastConfidence(2).weigh(Evidence(LINE, NONE, probabilities=even)), 1)


def test_mutual_information_by_hand():
    """Two draws that agree tell nothing; two that are sure of different classes tell one bit of the label."""
    agree, differ = np.array([[0.7, 0.7], [0.3, 0.3]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    draws = np.stack([agree, differ, agree, differ, agree])
    mass = MutualInformation(1).weigh(Evidence(LINE, NONE, draws=draws))
    np.testing.assert_allclose(mass, [0, 1, 0, 1, 0], atol=1e-12)


def test_class_balance_by_hand():
    """Labels of classes 0, 0, 0 and 1: counts and one are 4, 2 and 1, their mean 7/3."""
    evidence = Evidence(LINE, np.arange(4), np.array([0, 0, 0, 1]), np.eye(3)[[0, 1, 2, 0, 1]])
    np.testing.assert_allclose(ClassBalance(1).weigh(evidence), np.array([1 / 4, 1 / 2, 1, 1 / 4, 1 / 2]) * 7 / 3)
    np.testing.assert_allclose(ClassBalance(0).weigh(evidence), 1)
    even = Evidence(LINE, np.arange(3), np.array([0, 1, 2]), ODDS)
    np.testing.assert_allclose(ClassBalance(2).weigh(even), 1)


def test_inverse_frequency_by_hand():
    """Classes of 3/5 and 2/5 of the pool, a third that is not expected: a tenth of an even share is added to each."""
    odds = np.eye(3)[[0, 0, 0, 1, 1]]
    odds[4] = [0, 0.5, 0.5]
    shares = np.array([0.6, 0.3, 0.1])
    np.testing.assert_allclose(class_shares(odds, None), shares)
    even = (shares * 3 + 0.1) / 1.1
    evidence = Evidence(LINE, NONE, probabilities=odds)
    expected = [1 / even[0]] * 3 + [1 / even[1], (1 / even[1] + 1 / even[2]) / 2]
    np.testing.assert_allclose(InverseFrequency(1).weigh(evidence), expected)
    np.testing.assert_allclose(InverseFrequency(0).weigh(evidence), 1)
    np.testing.assert_allclose(InverseFrequency(2).weigh(Evidence(LINE, NONE, probabilities=np.full((5, 4), 0.25))), 1)
    unequal = Evidence(LINE, NONE, probabilities=odds, sample_weight=np.array([1, 1, 1, 6, 0.0]))
    assert InverseFrequency(1).weigh(unequal)[3] < InverseFrequency(1).weigh(unequal)[0]
    np.testing.assert_allclose(class_shares(odds, unequal.sample_weight), [1 / 3, 2 / 3, 0])
    np.testing.assert_allclose(class_shares(np.zeros((2, 4)), None), 0.25)


def test_inverse_density_by_hand():
    """On a line, with one neighbor: distances to the nearest other row are 1, 1, 1, 1 and 6."""
    rule = InverseDensity(1, n_neighbors=1)
    np.testing.assert_allclose(rule.weigh(Evidence(LINE, NONE)), [1, 1, 1, 1, 6], rtol=1e-6)
    np.testing.assert_allclose(InverseDensity(-2, n_neighbors=1).weigh(Evidence(LINE, NONE))[-1], 1 / 36, rtol=1e-6)
    one = ArrayPool(np.zeros((1, 2)))
    assert rule.weigh(Evidence(one, NONE)).tolist() == [1]


def test_inverse_density_of_a_large_pool_looks_through_a_sample():
    rng = np.random.default_rng(0)
    dense, sparse = rng.normal(size=(3_000, 3)), rng.normal([20, 0, 0], 1, (100, 3))
    pool = ArrayPool(np.concatenate([dense, sparse]))
    mass = InverseDensity(1, n_neighbors=5, sample_size=1_000).weigh(Evidence(pool, NONE))
    assert np.median(mass[3_000:]) > 2 * np.median(mass[:3_000])


def test_temperature_undoes_what_sharpened_the_probabilities():
    rng = np.random.default_rng(0)
    true = rng.dirichlet([0.7] * 4, size=4_000)
    labels = (rng.random((4_000, 1)) > true.cumsum(1)).sum(1)
    for sharpness in (1.0, 1.5, 3.0):
        assert fit_temperature(tempered(true, 1 / sharpness), labels) == pytest.approx(sharpness, rel=0.12)
    assert fit_temperature(tempered(true, 2), labels) == 1  # never sharper than the model itself
    np.testing.assert_allclose(tempered(tempered(true, 0.5), 2), true, atol=1e-9)


def test_a_model_that_guesses_is_not_believed():
    """Labels that have nothing to do with the rows: the rule sees nearly even odds, and all rows weigh the same."""
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(300, 5)), rng.integers(0, 3, 100)
    odds = rng.dirichlet([0.3] * 3, size=300)
    known = Evidence(ArrayPool(x), np.arange(100), labels, odds)
    plain, soft = (rule.weigh(known) for rule in (Margin(1), Tempered(Margin(1))))
    assert soft.std() / soft.mean() < 0.5 * plain.std() / plain.mean()
    np.testing.assert_allclose(Tempered(Margin(1), 1.0).weigh(known), plain)
    few = Evidence(ArrayPool(x), np.arange(5), labels[:5], odds)
    np.testing.assert_allclose(Tempered(Margin(1)).weigh(few), Margin(1).weigh(few))
    with raises_input("temperature", "0"):
        Tempered(Margin(1), 0)


def test_held_out_probabilities_do_not_know_their_own_label():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(60, 4))
    for labels in (rng.integers(0, 2, 60), (points[:, 0] > 0).astype(int)):
        found = held_out_probabilities(points, labels, 3)
        np.testing.assert_allclose(found.sum(1), 1)
        changed = labels.copy()
        changed[7] = 1 - labels[7]
        np.testing.assert_allclose(held_out_probabilities(points, changed, 3)[7], found[7])
    assert held_out_probabilities(points, np.zeros(60, int), 3)[:, 0].min() > 0.99


def test_the_temperature_is_the_root_of_what_held_out_labels_ask_for():
    known = _known(arranged=0.0)
    asked = fit_temperature(known.held_out.probabilities, known.held_out.labels)
    assert asked > 1
    np.testing.assert_array_equal(Tempered(Margin(1)).weigh(known), Tempered(Margin(1), asked**0.5).weigh(known))


def _known(arranged: float) -> Evidence:
    """Three overlapping classes, 60 rows labeled; those moved by ``arranged`` toward a corner of their class."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 900)
    x = np.eye(3)[labels] + rng.normal(size=(900, 3))
    x[:60] += arranged * (6 * np.eye(3)[labels[:60]] - x[:60])
    return Evidence(ArrayPool(x), np.arange(60), labels[:60], rng.dirichlet([1.0] * 3, size=900))


def test_rows_that_labels_have_gathered_are_unlike_the_pool():
    alike, between, apart = (likeness(_known(arranged)) for arranged in (0.0, 0.5, 1.0))
    assert alike > 0.9
    assert apart < 0.1 < between < 0.9
    few = _known(1.0)
    assert likeness(Evidence(few.pool, few.labeled[:19], few.labels[:19], few.probabilities)) == 1
    assert likeness(Evidence(few.pool, few.labeled, few.labels)) == 1  # nothing says which classes there are
    assert likeness(Evidence(few.pool, few.labeled, few.labels - 5, few.probabilities)) == 1
    assert likeness(Evidence(few.pool, few.labeled, np.zeros(60, int), few.probabilities)) == 1


def test_likeness_does_not_hang_on_the_order_of_labels():
    known, turn = _known(0.5), np.random.default_rng(4).permutation(60)
    turned = Evidence(known.pool, known.labeled[turn], known.labels[turn], known.probabilities)
    assert likeness(turned) == likeness(known)


def test_a_discounted_rule_counts_as_far_as_labels_are_alike():
    for arranged in (0.0, 0.5, 1.0):
        known = _known(arranged)
        plain, found = (rule.weigh(known) for rule in (LabelDistance(2), Discounted(LabelDistance(2))))
        far = plain > 0
        np.testing.assert_allclose(found[far], plain[far] ** likeness(known))
        assert not found[~far].any()  # also where likeness is 0: copies of labeled rows teach nothing
        assert (~far).sum() >= 60


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("margin", Margin(1)),
        ("margin^2 * label-distance", Margin(2.0) * LabelDistance(1)),
        ("tempered entropy^0.5*class-balance^-1", Tempered(Entropy(0.5)) * ClassBalance(-1.0)),
        (" uniform ", Uniform()),
        ("tempered margin^2 * discounted  label-distance", Tempered(Margin(2.0)) * Discounted(LabelDistance(1))),
        ("discounted tempered margin", Discounted(Tempered(Margin(1)))),
    ],
)
def test_a_text_says_the_same_as_the_rules(text, rule):
    assert repr(parse_mass(text)) == repr(rule)


@pytest.mark.parametrize(
    "text", ["", "margins", "margin^x", "margin * * entropy", "margin^2^2", "tempered", "discounted "]
)
def test_a_text_that_says_nothing_is_refused_by_what_may_be_said(text):
    with raises_input("mass"):
        parse_mass(text)
