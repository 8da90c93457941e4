"""Accuracy from the audit sample, the forecast, coverage and the stopping rules."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from tests.project.learning.conftest import truth

from spotal.errors import FinishedError
from spotal.project import Stop, next_batch, read_predictions, train
from spotal.project.advice import Cover, Curve, covered, estimate, forecast, learning_curve, stability, verdict
from spotal.project.advice.cover import distances, evenness
from spotal.project.predictions import read_embeddings
from spotal.project.status import read_status
from spotal.strategies import TransportedDesign


def test_the_estimate_is_weighted():
    found = estimate([True, True, False], [1, 1, 2])
    assert (found.value, found.n) == (0.5, 3)
    assert found.low < 0.5 < found.high


def test_equal_weights_give_clopper_and_pearson():
    from scipy.stats import binomtest

    for right in (0, 3, 17, 20):
        found = estimate(np.arange(20) < right, np.full(20, 7.0))
        exact = binomtest(right, 20).proportion_ci(0.95, "exact")
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_the_interval_holds_what_it_promises():
    rng = np.random.default_rng(0)
    weight = rng.uniform(1, 3, 4000)
    right = rng.random(4000) < np.where(weight > 2, 0.9, 0.6)
    true = np.average(right, weights=1 + 0 * weight)
    held = 0
    for _ in range(300):
        sample = rng.random(4000) < 1 / (20 * weight)  # drawn with unequal probability, weighted by its inverse
        found = estimate(right[sample], weight[sample])
        held += found.low <= true <= found.high
    assert held >= 0.93 * 300


def curve_of(labels, accuracy, m=400, seed=0):
    """A curve whose audit items have a difficulty each: a model is right on those below its accuracy."""
    difficulty = np.random.default_rng(seed).permutation(m) / m
    models = [_Model(n) for n in labels]
    return Curve(models, np.asarray(accuracy)[:, None] > difficulty, np.ones(m))


class _Model:
    def __init__(self, n_labeled):
        self.n_labeled = n_labeled


def test_the_forecast_goes_on_with_the_law():
    n = np.asarray([20, 40, 80, 160, 320])
    found = forecast(curve_of(n, 0.9 - 1.5 * n**-0.6), 100)
    expected = 1.5 * (320**-0.6 - 420**-0.6)
    assert found.gain == pytest.approx(expected, abs=0.004)
    assert found.low <= expected <= found.high
    assert found.high - found.low < 0.05
    assert (found.start, found.labels, found.why) == (320, 100, "")
    assert forecast(curve_of(n, 0.9 - 1.5 * n**-0.6), 100) == found


def test_the_forecast_of_a_flat_curve_is_near_zero():
    found = forecast(curve_of([50, 100, 150, 200, 250], [0.8, 0.81, 0.8, 0.81, 0.8]), 100)
    assert 0 <= found.gain < 0.01
    assert found.high < 0.05


def test_ten_items_that_are_always_right_do_not_promise_that_nothing_is_left_to_gain():
    found = forecast(curve_of([20, 40, 60, 80], [1.0, 1.0, 1.0, 1.0], m=10))
    assert found.gain == pytest.approx(0, abs=1e-6)
    assert found.high > 0.01


def test_the_forecast_goes_by_items_that_all_models_have_seen():
    n = np.asarray([20, 40, 80, 160, 320])
    whole = curve_of(n, 0.9 - 1.5 * n**-0.6)
    late = np.full((5, 50), np.nan)
    late[4] = 0.0
    longer = Curve(whole.models, np.concatenate([whole.right, late], 1), np.ones(450))
    assert forecast(longer) == forecast(whole)
    assert [point.n for point in longer.points] == [400, 400, 400, 400, 450]
    few = Curve(whole.models, longer.right[:, 395:], np.ones(55))
    assert few.points[-1].n == 55
    assert forecast(few).why == "a forecast needs 10 audit labels, 5 so far"


def test_the_forecast_says_what_it_lacks():
    few = forecast(curve_of([20, 40], [0.5, 0.6], m=8))
    assert few.gain is None
    assert few.why == "a forecast needs 4 trained models, 2 so far and 10 audit labels, 8 so far"


def cover(pool, labeled, random_state=0):
    return Cover(**distances(pool, labeled, random_state), **evenness(pool, labeled, random_state))


def test_more_labels_cover_better():
    pool = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    some, more = (cover(pool, np.arange(m)) for m in (10, 200))
    assert 0 < more.transport_cost < some.transport_cost < 1
    assert more.fill_distance < some.fill_distance
    assert some.transport_cost == pytest.approx(some.transport_cost_random, rel=0.15)  # these are random rows
    corner = cover(pool, np.argsort(pool[:, 0])[:10])
    assert corner.transport_cost > corner.transport_cost_random
    assert corner.discrepancy > some.discrepancy > some.discrepancy_design
    np.testing.assert_allclose(cover(pool, np.arange(400)).transport_cost, 0)


def teach(project, answer, rounds):
    for _ in range(rounds):
        next_batch(project)
        answer(project)
    train(project)


def test_every_model_is_measured_on_all_audit_labels(start, answer):
    project = start(n=150, held_back=0.3, share=0.5)
    teach(project, answer, 3)
    found = learning_curve(project)
    assert found.labels.tolist() == [6, 12, 18]
    audit = project.rounds.audit()
    assert found.right.shape == (3, len(audit)) == (3, 18)
    assert {project.items.at([row.number])[0].held_back for row in audit} == {True}
    last = read_predictions(project)
    for k, row in enumerate(audit):
        assert found.right[2, k] == (last.guess(row.number)[0] == truth(row.item))
    assert found.now == found.points[-1]


def test_none_of_these_is_never_right(start, answer):
    project = start(n=150, held_back=0.3, share=0.5)
    teach(project, answer, 2)
    before = learning_curve(project).points[-1].value
    item = project.rounds.audit()[0].item
    project.labels.record(item, annotator="ann", kind="none_of_these")
    assert learning_curve(project).points[-1].value < before


def test_stability_needs_three_models_and_sees_a_change(start, answer):
    project = start()
    teach(project, answer, 2)
    assert stability(project) is None
    teach(project, answer, 2)
    assert stability(project) > 0.8
    for pick in project.rounds.picks():
        project.labels.record(pick.item, "red" if truth(pick.item) == "blue" else "blue", annotator="ann")
    train(project)
    assert stability(project) < 0.8


def test_coverage_is_measured_when_somebody_asks_and_kept_until_the_labels_change(start, answer, monkeypatch):
    fitted = []
    layout = TransportedDesign.layout
    monkeypatch.setattr(
        TransportedDesign, "layout", lambda *given, **known: fitted.append(1) or layout(*given, **known)
    )
    project = start(n=150, held_back=0.3, share=0.5)
    teach(project, answer, 2)
    assert fitted == []
    first = covered(project)
    assert covered(project) == read_status(project).coverage == first
    assert fitted == [1]
    numbers = sorted(row.number for row in project.labels.current().values())
    pool = read_embeddings(project)
    assert first == asdict(cover(pool, np.asarray(numbers), project.settings.random_state))
    pick = project.rounds.picks(0)[0].item
    project.labels.record(pick, None, annotator="ann", kind="none_of_these")
    assert covered(project)["transport_cost"] > first["transport_cost"]
    assert fitted == [1, 1, 1]


@pytest.mark.parametrize(
    ("rule", "near", "far"),
    [("accuracy", 0.3, 1.0), ("stable", 0.5, 1.01), ("coverage", 2.0, 0.001), ("flat", 1.0, 0.0)],
)
def test_a_rule_stops_when_it_is_met(start, answer, rule, near, far):
    project = start(n=150, held_back=0.3, share=0.5)
    teach(project, answer, 5)
    project.settings = replace(project.settings, stop=Stop(rule, far))
    assert not verdict(project).met
    project.settings = replace(project.settings, stop=Stop(rule, near))
    found = verdict(project)
    assert found.met, found
    assert f"{found.figure:.3g}" in found.sentence
    with pytest.raises(FinishedError, match=f"the stopping rule is met: .*'{rule}'"):
        next_batch(project)
    assert next_batch(project, anyway=True).number == 5


@pytest.mark.parametrize("rule", ["accuracy", "stable", "coverage", "flat"])
def test_a_rule_waits_while_nothing_is_known(start, rule):
    project = start(stop=Stop(rule, 0.5))
    found = verdict(project)
    assert (found.figure, found.met) == (None, False)
    assert next_batch(project).number == 0


def test_the_status_of_a_new_project_and_of_a_taught_one(start, answer):
    project = start(n=150, held_back=0.3, share=0.5)
    fresh = read_status(project)
    assert (fresh.model, fresh.curve, fresh.coverage, fresh.forecast.gain) == (None, [], {}, None)
    teach(project, answer, 4)
    found = read_status(project)
    assert (found.n_trained, found.stale) == (24, False)
    assert [point.labels for point in found.curve] == [6, 12, 18, 24]
    assert sum(row.labels for row in found.classes.values()) == 48
    assert sum(row.expected for row in found.classes.values()) == pytest.approx(150, rel=1e-4)
    assert found.forecast.gain is not None
    assert found.coverage["transport_cost"] > 0
    answer_again = project.rounds.picks(0)[0].item
    project.labels.record(answer_again, "red", annotator="bob")
    assert read_status(project).stale
    assert [(pair.first, pair.second) for pair in read_status(project).agreement] == [("ann", "bob")]
