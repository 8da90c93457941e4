"""Numbers of a demo, against hand-made curves."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from spotal.bench.demo import DemoSettings, demo_protocol, run_demo
from spotal.bench.demo.summary import summarize
from spotal.datasets import Dataset
from spotal.errors import BudgetError, InputError

MEASURES = ("accuracy", "balanced_accuracy", "worst_class_recall", "log_loss")


def data(n=40, n_classes=2):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (n, 8, 8, 1)).astype(np.uint8)
    y = np.arange(n) % n_classes
    return Dataset("made", images, y, images[:10], y[:10], tuple("abcdefgh"[:n_classes]))


@pytest.fixture(scope="module")
def done():
    """A small demo, with the events that it told."""
    events = []
    settings = DemoSettings(rounds=1, budget=5, seeds=1, steps=20)
    found = run_demo(data(), settings, observer=lambda job, event: events.append((job, type(event).__name__)))
    return found, events


@pytest.fixture
def made(done):
    """The summary of a demo whose accuracies are given, one row a seed, at 3, 6 and 9 labels."""
    from dataclasses import replace

    from spotal.bench.results import Cell, JobCurve

    def summary(random, spot):
        curves = {
            name: {
                seed: JobCurve(
                    SimpleNamespace(), np.array([3, 6, 9]), dict.fromkeys(MEASURES, row), [0.5], [0], {}, [], set()
                )
                for seed, row in enumerate(table)
            }
            for name, table in (("random", random), ("spot", spot))
        }
        return summarize(replace(done[0], cell=Cell(done[0].protocol, curves)))

    return summary


BASE = np.array([[0.5, 0.6, 0.7], [0.4, 0.62, 0.71], [0.45, 0.58, 0.75]])


def test_means_deviations_and_intervals(made):
    found = made(BASE, BASE + np.array([0, 0.1, 0.1]))
    curve = found["curves"]["random"]["accuracy"]
    assert found["labels"] == [3, 6, 9]
    assert curve["mean"] == pytest.approx(BASE.mean(0))
    assert curve["sd"] == pytest.approx(BASE.std(0, ddof=1))
    low, high = stats.t.interval(0.95, 2, BASE.mean(0), stats.sem(BASE, axis=0))
    assert curve["low"] == pytest.approx(low)
    assert curve["high"] == pytest.approx(high)
    assert np.asarray(curve["runs"]) == pytest.approx(BASE)
    assert found["query_seconds"] == {"random": 0.5, "spot": 0.5}


def test_difference_is_paired_and_leaves_out_the_shared_batch(made):
    gain = np.array([[0, 0.02, 0.04], [0, 0.04, 0.06], [0, 0.01, 0.07]])
    over = made(BASE, BASE + gain)["difference"]["over_rounds"]
    assert over["runs"] == pytest.approx([0.03, 0.05, 0.04])
    low, high = stats.t.interval(0.95, 2, 0.04, stats.sem([0.03, 0.05, 0.04]))
    assert (over["mean"], over["low"], over["high"]) == pytest.approx((0.04, low, high))


@pytest.mark.parametrize(
    ("gain", "verdict", "words"),
    [
        ([[0, 0.1, 0.1], [0, 0.1, 0.11], [0, 0.1, 0.12]], "ahead", "SPOT is ahead of random picking"),
        ([[0, -0.1, -0.1], [0, -0.1, -0.11], [0, -0.1, -0.12]], "behind", "SPOT is behind random picking"),
        ([[0, 0.1, 0.1], [0, -0.1, 0.0], [0, 0.1, -0.1]], "no clear difference", "SPOT is not clearly ahead"),
        ([[0, 0.0, 0.0], [0, 0.0, 0.0], [0, 0.0, 0.0]], "no clear difference", "SPOT is not clearly ahead"),
    ],
)
def test_headline_claims_what_the_interval_allows(made, gain, verdict, words):
    found = made(BASE, BASE + np.array(gain))
    assert found["verdict"] == verdict
    assert found["headline"].startswith(words)
    assert found["headline"].count(". ") == 0
    end = 100 * (BASE + np.array(gain))[:, -1].mean()
    assert f"ends at {end:.1f} % against {100 * BASE[:, -1].mean():.1f} % with 9 labels" in found["headline"]


def test_one_seed_has_no_interval(made):
    found = made(BASE[:1], BASE[:1] + 0.2)
    assert found["verdict"] == "one seed"
    assert found["curves"]["spot"]["accuracy"]["low"] == [None] * 3
    assert "cannot tell a difference from chance" in found["headline"]


def test_pools_are_drawn_by_seed_and_long_tailed():
    many = data(400, 4)
    settings = DemoSettings(rounds=1, budget=3, seeds=3, pool=50)
    pools = demo_protocol(many, settings)[1]
    assert [len(pool.rows) for pool in pools] == [50, 50, 50]
    assert len({tuple(pool.rows) for pool in pools}) == 3
    again = demo_protocol(many, settings)[1]
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(pools, again, strict=True))
    for pool in demo_protocol(many, DemoSettings(rounds=1, budget=3, seeds=2, imbalance=10))[1]:
        assert sorted(np.bincount(many.y[pool.rows])) == [10, 21, 46, 100]


def test_another_random_state_shares_no_pool():
    many = data(400, 4)
    pools = [
        tuple(pool.rows)
        for state in (0, 1)
        for pool in demo_protocol(many, DemoSettings(rounds=1, budget=3, seeds=4, pool=50, random_state=state))[1]
    ]
    assert len(set(pools)) == 8


def test_bad_data():
    with pytest.raises(BudgetError, match="needs 100 images, found 40"):
        demo_protocol(data(), DemoSettings(rounds=9, budget=10))
    with pytest.raises(BudgetError, match="needs 30 images, found 2"):  # after the classes were made unequal
        demo_protocol(data(), DemoSettings(rounds=2, budget=10, imbalance=20))
    features = Dataset("f", np.ones((9, 2)), np.zeros(9, int), np.ones((1, 2)), np.zeros(1, int), ("a", "b"))
    for bad in (features, data(n_classes=1)):
        with pytest.raises(InputError) as error:
            demo_protocol(bad, DemoSettings(rounds=1, budget=1))
        assert error.value.argument == "data"


def test_a_demo_measures_at_each_number_of_labels_and_tells_its_events(done):
    found, events = done
    assert found.cell.asked == [5, 10]
    for name in ("random", "spot"):
        assert [len(record["picks"]) for record in found.rounds[name, 0]] == [5, 5, 0]
        assert [(job.strategy.label, event) for job, event in events].count((name, "Trained")) == 2
    assert found.query.context["probabilities"].shape == (40, 2)
    assert found.shares.keys() == {("random", 1), ("spot", 1)}
    assert found.n_test == 10
