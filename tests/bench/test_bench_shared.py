"""The first labels are learnt once for all strategies of a seed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from spotal.bench.cache import Cache
from spotal.bench.protocol import from_table
from spotal.bench.shared import SharedLearner
from spotal.bench.store import Store
from spotal.bench.workers import run
from spotal.learner import SklearnLearner

rng = np.random.default_rng(0)
X, held = rng.normal(size=(200, 4)), rng.normal(size=(50, 4))
y = (X[:, 0] > 0).astype(np.int64)


class Counting(SklearnLearner):
    """How often it was trained."""

    fits = 0

    def fit(self, X, y, *, random_state=None):
        Counting.fits += 1
        return super().fit(X, y, random_state=random_state)


@pytest.fixture
def make(cache):
    def learner():
        Counting.fits = 0
        plain = Counting(MLPClassifier((8,), max_iter=30), 2)
        return SharedLearner(plain, cache, {"is": "a test"}, first=20, data=(X, held))

    return learner


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_what_is_known_is_not_trained_again(make):
    first = make().fit(X[:20], y[:20], random_state=1)
    assert Counting.fits == 1
    found = [first.infer(X), first.infer(held), first.probabilities(X[:7])]
    assert Counting.fits == 1

    second = make().fit(X[:20], y[:20], random_state=1)
    assert Counting.fits == 0
    assert np.array_equal(second.infer(X)[0], found[0][0])
    assert np.array_equal(second.embeddings(X), found[0][1])
    assert np.array_equal(second.probabilities(held), found[1][0])
    assert Counting.fits == 0
    assert np.array_equal(second.probabilities(X[:7]), found[2])  # of no array whose outputs are kept
    assert Counting.fits == 1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_other_labels_rows_or_seeds_are_other_trainings_and_more_labels_are_not_kept(make):
    make().fit(X[:20], y[:20], random_state=1)
    for rows, labels, seed in ((X[:20], y[:20], 2), (X[1:21], y[1:21], 1), (X[:20], 1 - y[:20], 1)):
        learner = make().fit(rows, labels, random_state=seed)
        assert Counting.fits == 1
        plain = SklearnLearner(MLPClassifier((8,), max_iter=30), 2).fit(rows, labels, random_state=seed)
        assert np.array_equal(learner.probabilities(held), plain.probabilities(held))
    for _ in range(2):
        make().fit(X[:21], y[:21], random_state=1)
        assert Counting.fits == 1


class Forgetful(Cache):
    """A cache that keeps nothing: each strategy trains its own first model."""

    def get(self, recipe, make):
        return make()


def test_strategies_of_a_seed_train_on_the_first_labels_once_to_the_same_numbers(table, cache, tmp_path):
    del table["embedding"]
    table |= {"learner": {"kind": "small-cnn", "steps": 3, "width": 4}, "strategies": ["random", "margin"], "seeds": 1}
    protocol = from_table("tiny", table)
    run([protocol], tmp_path / "shared", cache=cache)
    assert len(list(cache.folder.glob("first-*.npz"))) == 2
    run([protocol], tmp_path / "each", cache=Forgetful(tmp_path / "none"))
    with Store(tmp_path / "shared") as shared, Store(tmp_path / "each") as each:
        assert shared.digest() == each.digest()
