from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.raising import raises_input

from spotal.errors import ModelError
from spotal.learner import Learner, SklearnLearner, score


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 80)
    return rng.normal(size=(80, 6)) + 4 * np.eye(6)[y], y


def test_learns_and_satisfies_protocol(data):
    X, y = data
    learner = SklearnLearner(LogisticRegression(), 4).fit(X[:40], y[:40], random_state=0)
    assert isinstance(learner, Learner)
    probabilities, embeddings = learner.probabilities(X), learner.embeddings(X)
    assert (probabilities.argmax(1) == y)[40:].mean() > 0.8
    assert probabilities.dtype == embeddings.dtype == np.float32
    assert np.array_equal(embeddings, X.astype(np.float32))


def test_unseen_classes_get_zero_in_their_own_columns(data):
    X, y = data
    some = np.isin(y, [1, 3])
    probabilities = SklearnLearner(LogisticRegression(), 4).fit(X[some], y[some]).probabilities(X)
    assert probabilities.shape == (80, 4)
    assert (probabilities[:, [0, 2]] == 0).all()
    assert np.allclose(probabilities.sum(1), 1, atol=1e-6)
    assert (probabilities.argmax(1) == y)[some].mean() > 0.9


def test_one_class_does_not_call_the_classifier(data):
    learner = SklearnLearner(LogisticRegression(), 4).fit(data[0][:5], np.full(5, 2))
    assert learner.classifier_ is None
    assert learner.probabilities(data[0])[:, 2].tolist() == [1.0] * 80


def test_seed_reaches_the_classifier_inside_a_pipeline(data):
    X, y = data
    forest = RandomForestClassifier(5, max_features=1)
    learner = SklearnLearner(make_pipeline(StandardScaler(), forest), 4)
    first, second, other = (learner.fit(X[:30], y[:30], random_state=seed).probabilities(X) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert forest.random_state is None
    assert not hasattr(forest, "estimators_")


def test_images_are_flattened(digits):
    X, y = digits
    learner = SklearnLearner(LogisticRegression(max_iter=200), 10).fit(X[:200], y[:200])
    assert learner.embeddings(X[:3]).shape == (3, 64)
    assert score(learner.probabilities(X[200:]), y[200:])["accuracy"] > 0.85


def test_errors(data):
    X, y = data
    with pytest.raises(ModelError, match="LinearRegression"):
        SklearnLearner(LinearRegression(), 4)
    with raises_input("n_classes"):
        SklearnLearner(LogisticRegression(), 1)
    learner = SklearnLearner(LogisticRegression(), 3)
    with pytest.raises(ModelError, match="not been fitted"):
        learner.probabilities(X)
    with raises_input("y", "3"):
        learner.fit(X, y)
    with raises_input("X", "5"):
        SklearnLearner(LogisticRegression(), 4).fit(X, y).probabilities(X[:, :5])


def test_score():
    probabilities = np.array([[0.8, 0.2, 0.0], [0.6, 0.4, 0.0], [0.3, 0.7, 0.0], [1.0, 0.0, 0.0]])
    found = score(probabilities, np.array([0, 0, 1, 1]))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["worst_class_recall"] == 0.5
    assert found["log_loss"] == pytest.approx(-np.log([0.8, 0.6, 0.7, 1e-7]).mean())
