from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tests.raising import raises_input

from spotal.errors import BudgetError, InputError
from spotal.learner import SklearnLearner, TorchLearner
from spotal.learner.cold import cold_embeddings
from spotal.loop import ActiveLearner, Round
from spotal.loop.events import Labeled, Queried, RoundFinished, RoundStarted, Trained, TrainingProgress
from spotal.loop.oracle import Oracle, VectorOracle
from spotal.selection import Selection
from spotal.strategies import get

N = 60


class FakeStrategy:
    """Random unlabeled rows; remembers what it was called with."""

    name = "fake"

    def __init__(self, needs_probabilities=False, reverse=False):
        self.needs_probabilities, self.reverse, self.calls = needs_probabilities, reverse, []

    def query(self, pool, budget, *, labeled=None, labels=None, probabilities=None, mass=None, random_state=None):
        self.calls.append(
            {"pool": pool, "labeled": labeled, "labels": labels, "probabilities": probabilities, "seed": random_state}
        )
        free = np.setdiff1d(np.arange(len(pool)), [] if labeled is None else labeled)
        picks = np.random.default_rng(random_state).permutation(free)
        picks = (picks[::-1] if self.reverse else picks)[:budget].copy()
        cells = np.arange(len(pool)) % len(picks)
        return Selection(picks, represent=lambda: (cells, np.bincount(cells) / len(cells)))


class SpyLearner(SklearnLearner):
    """Remembers what it was trained on."""

    def __init__(self):
        super().__init__(LogisticRegression(), 3)
        self.fits = []

    def fit(self, X, y, *, random_state=None):
        self.fits.append((X.copy(), y.copy(), random_state))
        return super().fit(X, y, random_state=random_state)


rng = np.random.default_rng(0)
Y = rng.integers(0, 3, N)
X = (rng.normal(size=(N, 5)) + 2 * np.eye(5)[Y]).astype(np.float32)


def loop(strategy=None, learner=None, oracle=None, **options):
    options = {"batch_size": 7, "random_state": 5, **options}
    return ActiveLearner(X, learner or SpyLearner(), strategy or FakeStrategy(), oracle or VectorOracle(Y), **options)


def test_rounds_train_on_what_was_labeled_and_never_pick_twice():
    active = loop(X_test=X, y_test=Y)
    rounds = active.run(4)
    assert rounds == active.rounds_
    assert [r.number for r in rounds] == [0, 1, 2, 3]
    assert [r.n_labeled for r in rounds] == [0, 7, 14, 21]
    assert len(np.unique(active.labeled_)) == 28
    assert np.array_equal(active.labeled_, np.concatenate([r.picks for r in rounds]))
    assert np.array_equal(active.labels_, Y[active.labeled_])
    for number, (rows, labels, _) in enumerate(active.learner.fits, start=1):
        assert np.array_equal(rows, X[active.labeled_[: 7 * number]])
        assert np.array_equal(labels, Y[active.labeled_[: 7 * number]])
    call = active.strategy.calls[-1]
    assert np.array_equal(call["pool"], X)
    assert np.array_equal(call["labeled"], active.labeled_[:21])
    assert np.array_equal(call["probabilities"], active.learner.probabilities(X))


def test_metrics_belong_to_the_labels_known_when_training():
    active = loop(X_test=X, y_test=Y)
    rounds = active.run(2)
    assert rounds[0].metrics == {}
    expected = SpyLearner().fit(*active.learner.fits[0][:2]).probabilities(X).argmax(1) == Y
    assert rounds[1].metrics["accuracy"] == pytest.approx(expected.mean())
    assert {"accuracy", "balanced_accuracy", "worst_class_recall", "log_loss"} <= set(rounds[1].metrics)
    assert set(rounds[1].timings) == {"train", "measure", "embed", "query", "label"}


def test_pool_runs_out_cleanly():
    active = loop(X_test=X, y_test=Y)
    rounds = active.run()
    assert [len(r.picks) for r in rounds] == [7] * 8 + [4, 0]
    assert sorted(active.labeled_) == list(range(N))
    assert rounds[-1].n_labeled == N
    assert rounds[-1].metrics
    assert active.finished
    assert active.run(3) == []
    with pytest.raises(BudgetError, match="no row left"):
        active.step()


def test_max_labels_shrinks_the_last_batch():
    active = loop(max_labels=10)
    assert [(r.n_labeled, len(r.picks)) for r in active.run()] == [(0, 7), (7, 3), (10, 0)]
    assert active.finished


def test_skipped_rows_do_not_count_and_never_come_back():
    y = np.where(np.arange(N) % 3 == 0, -1, Y)
    asked = []

    def oracle(rows):
        asked.extend(rows.tolist())
        return y[rows]

    assert isinstance(oracle, Oracle)
    active = loop(FakeStrategy(needs_probabilities=True), oracle=oracle)
    rounds = active.run()
    assert sorted(asked) == list(range(N))
    assert sorted(active.labeled_) == np.flatnonzero(y >= 0).tolist()
    assert sorted(active.skipped_) == np.flatnonzero(y < 0).tolist()
    assert np.array_equal(active.labels_, Y[active.labeled_])
    assert rounds[-1].n_labeled == 40
    skipped = rounds[0].picks[y[rounds[0].picks] < 0]
    kept = np.setdiff1d(np.arange(N), skipped)
    call, selection = active.strategy.calls[0], rounds[1].selection
    assert np.array_equal(call["pool"], X[kept])
    assert len(call["probabilities"]) == len(kept)
    assert np.array_equal(kept[call["labeled"]], rounds[0].picks[y[rounds[0].picks] >= 0])
    assert np.array_equal(selection.indices, rounds[1].picks)
    assert (selection.cells[skipped] == -1).all()
    assert np.array_equal(selection.cells[kept], np.arange(len(kept)) % 7)
    assert selection.cell_mass.sum() == pytest.approx(1)


@pytest.mark.parametrize("initial", [None, 5, [3, 4]])
def test_oracle_that_labels_nothing(initial):
    active = loop(oracle=VectorOracle(np.full(N, -1)), initial=initial)
    active.run()
    assert active.finished
    assert sorted(active.skipped_) == list(range(N))
    assert active.learner.fits == []


def test_cold_start_by_the_strategy():
    events = []
    given = rng.normal(size=(N, 2))
    active = loop(embeddings=given, observers=[events.append])
    first = active.step()
    assert np.array_equal(active.strategy.calls[0]["pool"], given)
    assert active.strategy.calls[0]["labeled"] is None
    assert np.array_equal(first.selection.indices, first.picks)
    assert events[1].source == "strategy"
    other = loop()
    other.step()
    assert np.array_equal(other.strategy.calls[0]["pool"], X)  # already few dimensions


def test_cold_start_falls_back_to_random_rows_and_says_so():
    events = []
    active = loop(FakeStrategy(needs_probabilities=True), observers=[events.append])
    first = active.step()
    assert active.strategy.calls == []
    assert first.selection is None
    assert len(np.unique(first.picks)) == 7
    assert events[1].source == "random"
    assert "'fake' needs probabilities" in events[1].note
    active.step()
    assert active.strategy.calls[0]["probabilities"].shape == (N, 3)


def test_cold_start_by_number_and_by_rows():
    assert len(loop(initial=11).step().picks) == 11
    assert loop(initial=np.array([9, 2, 5])).step().picks.tolist() == [9, 2, 5]


def test_cold_embeddings_are_principal_components():
    images = np.random.default_rng(1).integers(0, 255, (90, 12, 12, 1)).astype(np.uint8)
    found = cold_embeddings(images, 0)
    assert found.shape == (90, 64)
    assert found.dtype == np.float32
    flat = images.reshape(90, -1).astype(float)
    values = np.linalg.svd(flat - flat.mean(0), compute_uv=False)
    assert np.allclose(np.linalg.norm(found, axis=0)[:10], values[:10], rtol=0.05)
    assert np.array_equal(found, cold_embeddings(images, 0))


@pytest.mark.parametrize("needs_probabilities", [False, True])
def test_a_strategy_that_needs_no_embeddings_costs_none(needs_probabilities):
    class NoEmbeddings(SpyLearner):
        inferred = 0

        def embeddings(self, X):
            raise AssertionError("not needed")

        def probabilities(self, X):
            self.inferred += 1
            return super().probabilities(X)

    strategy = FakeStrategy(needs_probabilities)
    strategy.needs_embeddings = False
    learner = NoEmbeddings()
    images = X.reshape(N, 5, 1, 1)
    active = ActiveLearner(images, learner, strategy, VectorOracle(Y), batch_size=30, random_state=5)
    active.run(2)
    assert learner.inferred == needs_probabilities
    assert all(np.array_equal(call["pool"], X) for call in strategy.calls)
    assert (strategy.calls[-1]["probabilities"] is not None) == needs_probabilities


def test_strategies_with_one_random_state_are_paired():
    plain = loop(FakeStrategy(), initial=9)
    reverse = loop(FakeStrategy(reverse=True), initial=9)
    other = loop(FakeStrategy(), initial=9, random_state=6)
    for active in (plain, reverse, other):
        active.run(3)
    assert np.array_equal(plain.rounds_[0].picks, reverse.rounds_[0].picks)
    assert not np.array_equal(plain.rounds_[1].picks, reverse.rounds_[1].picks)
    assert not np.array_equal(plain.rounds_[0].picks, other.rounds_[0].picks)
    seeds = [[fit[2] for fit in active.learner.fits] for active in (plain, reverse, other)]
    assert seeds[0] == seeds[1] != seeds[2]
    queries = [call["seed"] for call in plain.strategy.calls]
    assert len({*seeds[0], *queries}) == 4


def test_same_seed_same_run_and_no_seed_another():
    runs = [loop(random_state=seed) for seed in (1, 1, None, None)]
    for active in runs:
        active.run(3)
    assert np.array_equal(runs[0].labeled_, runs[1].labeled_)
    assert not np.array_equal(runs[2].labeled_, runs[3].labeled_)


@pytest.mark.parametrize("after", [0, 1, 3, 10])
def test_resuming_is_the_same_as_not_stopping(after):
    options = {"X_test": X, "y_test": Y, "oracle": VectorOracle(np.where(np.arange(N) % 4, Y, -1))}
    whole = loop(**options)
    whole.run()
    before = loop(**options)
    before.run(after)
    state = json.loads(json.dumps(before.state_dict()))
    resumed = loop(**options, random_state=99)
    resumed.load_state_dict(state)
    assert resumed.finished == before.finished
    resumed.run()
    assert np.array_equal(resumed.labeled_, whole.labeled_)
    assert np.array_equal(resumed.labels_, whole.labels_)
    assert np.array_equal(resumed.skipped_, whole.skipped_)
    assert len(resumed.rounds_) == len(whole.rounds_)
    for a, b in zip(resumed.rounds_, whole.rounds_, strict=True):
        assert (a.number, a.n_labeled, a.metrics) == (b.number, b.n_labeled, b.metrics)
        assert np.array_equal(a.picks, b.picks)
    assert resumed.finished


def test_broken_states():
    active = loop()
    active.run(2)
    state = active.state_dict()
    for change in (
        {"n_rows": N + 1},
        {"labels": state["labels"][1:]},
        {"labels": [3] * 14},
        {"skipped": state["labeled"][:1]},
        {"labeled": [N, *state["labeled"][1:]]},
        {"rounds": 3},
        {"closed": None, "rounds": [{}]},
    ):
        fresh = loop()
        with pytest.raises(InputError):
            fresh.load_state_dict({**state, **change})
        assert len(fresh.labeled_) == len(fresh.rounds_) == 0


def test_events_in_order_with_progress():
    torch.set_num_threads(1)
    events, second = [], []
    learner = TorchLearner(lambda: torch.nn.Linear(5, 3), 3, epochs=3, min_steps=1)
    active = loop(learner=learner, max_labels=14, observers=[events.append, second.append], X_test=X, y_test=Y)
    rounds = active.run()
    assert [type(event) for event in events] == [
        *[RoundStarted, Queried, Labeled, RoundFinished],
        *[RoundStarted, *[TrainingProgress] * 3, Trained, Queried, Labeled, RoundFinished],
        *[RoundStarted, *[TrainingProgress] * 3, Trained, RoundFinished],
    ]
    assert second == events
    assert [event.number for event in events if isinstance(event, RoundStarted)] == [0, 1, 2]
    assert [event.round for event in events if isinstance(event, RoundFinished)] == rounds
    trained = next(event for event in events if isinstance(event, Trained))
    assert (trained.n_labeled, trained.metrics) == (7, rounds[1].metrics)
    labeled = next(event for event in events if isinstance(event, Labeled))
    assert np.array_equal(labeled.labels, Y[labeled.rows])


def test_interrupted_round_changes_nothing_and_repeats():
    calm, broken = loop(), [True]

    def oracle(rows):
        if broken[0] and len(active.rounds_) == 2:
            raise KeyboardInterrupt
        return Y[rows]

    active = loop(oracle=oracle)
    with pytest.raises(KeyboardInterrupt):
        active.run(4)
    assert len(active.rounds_) == 2
    assert len(active.labeled_) == 14
    broken[0] = False
    active.run(2)
    calm.run(4)
    assert np.array_equal(active.labeled_, calm.labeled_)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda rows: Y[rows][:-1], "shape (6,)"),
        (lambda rows: Y[rows] + 3, ""),
        (lambda rows: Y[rows] - 5, "-"),
        (lambda rows: Y[rows] + 1j, "complex128"),
    ],
)
def test_bad_oracles(answer, found):
    active = loop(oracle=answer)
    with raises_input("oracle", found):
        active.step()
    assert active.rounds_ == []


def test_bad_strategies():
    class Repeats(FakeStrategy):
        def query(self, pool, budget, *, labeled=None, **others):
            return Selection(np.arange(budget))

    class Short(FakeStrategy):
        def query(self, pool, budget, **others):
            return Selection(np.arange(budget - 1))

    active = loop(Repeats())
    active.step()
    with raises_input("strategy", "7, of which 7 labeled already"):
        active.step()
    with raises_input("strategy", "6, of which"):
        loop(Short()).step()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": N + 1},
        {"batch_size": 2.0},
        {"initial": 0},
        {"initial": [1, 1]},
        {"initial": [N]},
        {"initial": []},
        {"embeddings": X[1:]},
        {"max_labels": 0},
        {"X_test": X},
        {"X_test": X, "y_test": Y[1:]},
        {"random_state": -1},
    ],
)
def test_bad_arguments(options):
    with raises_input(next(reversed(options))):
        loop(**options)


def test_bad_number_of_rounds():
    with raises_input("rounds", kind=BudgetError):
        loop().run(-1)
    assert isinstance(loop().run(1)[0], Round)


def test_vector_oracle():
    oracle = VectorOracle([2, 0, -1])
    assert isinstance(oracle, Oracle)
    assert oracle(np.array([2, 0])).tolist() == [-1, 2]
    with raises_input("indices", 3):
        oracle(np.array([3]))
    for bad in ([1j], [[1]], [-2], [1, -1], [1, "a"]):
        with raises_input("y"):
            VectorOracle(bad)


GROUPS, COST = np.arange(N) % 10, 1 + np.arange(N) % 7 / 2


@pytest.mark.parametrize("name", ["coreset", "margin", "random"])
@pytest.mark.parametrize("initial", [None, 8])
def test_quotas_hold_over_all_rounds_and_end_the_loop(name, initial):
    done = loop(get(name), groups=GROUPS, max_per_group=3, initial=initial)
    done.run()
    assert done.finished
    assert (np.bincount(GROUPS[done.labeled_]) == 3).all()


@pytest.mark.parametrize("name", ["coreset", "margin", "random"])
@pytest.mark.parametrize("initial", [None, 4])
def test_each_round_spends_its_money(name, initial):
    done = loop(get(name), batch_size=12.5, cost=COST, groups=GROUPS, max_per_group=4, initial=initial)
    rounds = done.run()
    assert done.finished
    spent = [COST[one.picks].sum() for one in rounds]
    assert all(8 < money <= 12.5 for money in spent[initial is not None : 3])
    assert len(rounds[0].picks) == 4 or initial is None
    assert (np.bincount(GROUPS[done.labeled_]) == 4).all()


def test_quotas_of_each_row_follow_rows_that_are_skipped():
    answers, quota = Y.copy(), np.where(np.arange(N) % 2, 3, 2)  # groups go by the last digit
    answers[:20] = -1
    done = loop(get("coreset"), oracle=Answers(answers), groups=GROUPS, max_per_group=quota)
    done.run()
    assert np.bincount(GROUPS[done.labeled_]).tolist() == [2, 3] * 5


def test_rows_that_are_too_dear_for_a_round_end_the_loop():
    cost = np.where(np.arange(N) < 10, 1.0, 100.0)
    done = loop(get("random"), batch_size=5.0, cost=cost)
    done.run()
    assert sorted(done.labeled_) == list(range(10))


def test_limits_follow_rows_that_are_skipped():
    answers = Y.copy()
    answers[:20] = -1
    done = loop(get("random"), oracle=Answers(answers), groups=GROUPS, max_per_group=2, cost=COST, batch_size=9.0)
    done.run()
    assert np.bincount(GROUPS[done.labeled_]).max() == 2
    assert done.labeled_.min() >= 20
    selection = next(one.selection for one in done.rounds_[::-1] if one.selection is not None)
    assert len(selection.cells) == N
    assert selection.diagnostics["cost"] <= 9


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"groups": GROUPS}, InputError, "max_per_group must be given with groups"),
        ({"cost": -COST}, InputError, "cost must not be negative"),
        ({"cost": COST, "batch_size": 0.5}, BudgetError, "batch_size must be at least 1, the price"),
        ({"cost": COST, "batch_size": 0}, BudgetError, "batch_size must be positive"),
        ({"cost": COST, "max_labels": 20}, InputError, "max_labels must be None where cost is given"),
    ],
)
def test_limits_that_will_not_do_are_refused_at_once(options, error, said):
    with pytest.raises(error, match=said):
        loop(get("random"), **options)


class Answers:
    """Labels by row, -1 among them."""

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, rows):
        return self.answers[rows]


def test_rows_are_compared_in_features_that_labels_have_not_arranged():
    class Moving(SpyLearner):
        def embeddings(self, X):
            return super().embeddings(X.reshape(len(X), -1)) * (1 + len(self.fits))

        def fit(self, X, y, *, random_state=None):
            return super().fit(X.reshape(len(X), -1), y, random_state=random_state)

        def predict_proba(self, X):
            return super().predict_proba(X.reshape(len(X), -1))

    def seen(data, **options):
        active = ActiveLearner(
            data, Moving(), FakeStrategy(), VectorOracle(Y), batch_size=7, initial=9, random_state=5, **options
        )
        active.run(3)
        return [call["pool"] for call in active.strategy.calls]

    given = rng.normal(size=(N, 2))
    assert all(np.array_equal(pool, given) for pool in seen(X, embeddings=given))
    assert all(np.array_equal(pool, X) for pool in seen(X, embeddings=None))
    first, second = seen(X[:, :4].reshape(N, 2, 2, 1))  # images: what the learner makes of them
    assert np.allclose(second, first * 3 / 2)
