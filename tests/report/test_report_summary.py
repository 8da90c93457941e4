"""Numbers of a comparison, against hand-made runs."""

import numpy as np
import pytest
from scipy import stats

from spotal.datasets import Dataset
from spotal.errors import BudgetError, InputError
from spotal.loop.events import Round
from spotal.report import Comparison, ComparisonSettings, compare, prepare, summarize
from spotal.report.comparison import Run
from spotal.selection import Selection

ZERO = {"balanced_accuracy": 0.0, "worst_class_recall": 0.0, "log_loss": 0.0}


def data(n=40, n_classes=2):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (n, 8, 8, 1)).astype(np.uint8)
    y = np.arange(n) % n_classes
    return Dataset("made", images, y, images[:10], y[:10], tuple("abcdefgh"[:n_classes]))


def made(random, spot):
    """A comparison whose accuracies are given, one row a seed."""
    settings = ComparisonSettings(rounds=2, budget=3, seeds=len(random))
    runs = []
    for name, table in (("random", random), ("spot", spot)):
        for seed, row in enumerate(table):
            picks = np.arange(3)
            cells = np.arange(3), np.full(3, 1 / 3)
            rounds = [Round(0, 0, picks)]
            for k, accuracy in enumerate(row, 1):
                chosen = Selection(picks, *cells) if k < 3 else None
                rounds.append(Round(k, 3 * k, picks, {"accuracy": accuracy, **ZERO}, {"query": 0.5}, chosen))
            runs.append(Run(name, seed, np.arange(40), rounds))
    return Comparison(data(), settings, runs, 10, 1.0)


BASE = np.array([[0.5, 0.6, 0.7], [0.4, 0.62, 0.71], [0.45, 0.58, 0.75]])


def test_means_deviations_and_intervals():
    found = summarize(made(BASE, BASE + np.array([0, 0.1, 0.1])))
    curve = found["curves"]["random"]["accuracy"]
    assert found["labels"] == [3, 6, 9]
    assert curve["mean"] == pytest.approx(BASE.mean(0))
    assert curve["sd"] == pytest.approx(BASE.std(0, ddof=1))
    low, high = stats.t.interval(0.95, 2, BASE.mean(0), stats.sem(BASE, axis=0))
    assert curve["low"] == pytest.approx(low)
    assert curve["high"] == pytest.approx(high)
    assert np.asarray(curve["runs"]) == pytest.approx(BASE)
    assert found["query_seconds"] == {"random": 0.5, "spot": 0.5}


def test_difference_is_paired_and_leaves_out_the_shared_batch():
    gain = np.array([[0, 0.02, 0.04], [0, 0.04, 0.06], [0, 0.01, 0.07]])
    over = summarize(made(BASE, BASE + gain))["difference"]["over_rounds"]
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
def test_headline_claims_what_the_interval_allows(gain, verdict, words):
    found = summarize(made(BASE, BASE + np.array(gain)))
    assert found["verdict"] == verdict
    assert found["headline"].startswith(words)
    assert found["headline"].count(". ") == 0
    end = 100 * (BASE + np.array(gain))[:, -1].mean()
    assert f"ends at {end:.1f} % against {100 * BASE[:, -1].mean():.1f} % with 9 labels" in found["headline"]


def test_one_seed_has_no_interval():
    found = summarize(made(BASE[:1], BASE[:1] + 0.2))
    assert found["verdict"] == "one seed"
    assert found["curves"]["spot"]["accuracy"]["low"] == [None] * 3
    assert "cannot tell a difference from chance" in found["headline"]


def test_pools_are_drawn_by_seed_and_long_tailed():
    many = data(400, 4)
    pools = prepare(many, ComparisonSettings(rounds=1, budget=3, seeds=3, pool=50))
    assert [len(rows) for rows in pools] == [50, 50, 50]
    assert len({tuple(rows) for rows in pools}) == 3
    assert all((np.diff(rows) > 0).all() for rows in pools)
    again = prepare(many, ComparisonSettings(rounds=1, budget=3, seeds=3, pool=50))
    assert all(np.array_equal(a, b) for a, b in zip(pools, again, strict=True))
    for rows in prepare(many, ComparisonSettings(rounds=1, budget=3, seeds=2, imbalance=10)):
        assert sorted(np.bincount(many.y[rows])) == [10, 21, 46, 100]


def test_bad_data():
    with pytest.raises(BudgetError, match="needs 100 images, found 40"):
        prepare(data(), ComparisonSettings(rounds=9, budget=10))
    features = Dataset("f", np.ones((9, 2)), np.zeros(9, int), np.ones((1, 2)), np.zeros(1, int), ("a", "b"))
    with pytest.raises(InputError, match="must hold images"):
        prepare(features, ComparisonSettings(rounds=1, budget=1))
    with pytest.raises(InputError, match="two classes"):
        prepare(data(n_classes=1), ComparisonSettings(rounds=1, budget=1))


def test_comparison_measures_at_each_number_of_labels_and_tells_its_events():
    import torch

    before = torch.get_num_threads()
    events = []
    settings = ComparisonSettings(rounds=1, budget=5, seeds=1)
    found = compare(data(), settings, observer=lambda run, event: events.append((run.strategy, type(event).__name__)))
    assert torch.get_num_threads() == before
    for name in ("random", "spot"):
        run = found.of(name)[0]
        assert [done.n_labeled for done in run.measured] == settings.labels == [5, 10]
        assert [done.number for done in run.queried] == [1]
        assert run.request.known["probabilities"].shape == (40, 2)
        assert events.count((name, "Trained")) == 2
    assert found.n_test == 10
