"""Learners of items that may have several classes, and the figures of what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, hamming_loss

from spotal.errors import InputError, ModelError
from spotal.learner import SklearnLearner, TorchLearner, as_learner, score_sets


def data(n=300, seed=0):
    """Rows (n, 4) whose first three numbers say, each with noise, whether the row is of a class; any number may be."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    Y = (X[:, :3] + 0.4 * rng.normal(size=(n, 3)) > [0.0, 0.5, 1.0]).astype(np.int64)
    return X.astype(np.float32), Y


def logistic(n_classes=3, **more):
    return SklearnLearner(LogisticRegression(), n_classes, multilabel=True, **more)


def test_one_regression_a_class_gives_calibrated_probabilities_that_need_not_sum_to_1():
    X, Y = data(600)
    learner = logistic().fit(X[:300], Y[:300], random_state=0)
    found = learner.probabilities(X[300:])
    assert found.shape == (300, 3)
    assert found.sum(1).max() > 1.5
    assert found.sum(1).min() < 0.2
    scores = score_sets(found, Y[300:])
    assert scores["macro_f1"] > 0.75
    assert scores["calibration_error"] < 0.06
    alone = LogisticRegression().fit(X[:300], Y[:300, 1]).predict_proba(X[300:])[:, 1]
    np.testing.assert_allclose(found[:, 1], alone, atol=1e-6)


def test_a_class_that_no_label_or_every_label_has_gets_its_rate():
    X, Y = data(9)
    Y[:, 0], Y[:, 2] = 0, 1
    found = logistic().fit(X, Y).probabilities(X)
    np.testing.assert_allclose(found[:, 0], 0.05)
    np.testing.assert_allclose(found[:, 2], 0.95)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.zeros(5, np.int64), r"shape \(5, 3\).*found shape \(5,\)"),
        (np.full((5, 3), 2), "0 and 1"),
        (np.zeros((5, 2), np.int64), r"\(5, 3\)"),
        (np.zeros((5, 3)), "0 and 1"),
    ],
)
def test_what_is_no_indicator_matrix_is_refused(y, words):
    X, _ = data(5)
    with pytest.raises(InputError, match=words):
        logistic().fit(X, y)


def test_a_network_learns_by_a_sigmoid_a_class_and_is_saved_as_such(tmp_path):
    import torch

    X, Y = data(200)
    make = lambda: torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))  # noqa: E731
    learner = TorchLearner(make, 3, multilabel=True, epochs=5, min_steps=150)
    learner.fit(X[:150], Y[:150], random_state=0)
    found = learner.probabilities(X[150:])
    assert score_sets(found, Y[150:])["micro_f1"] > 0.6
    assert found.sum(1).max() > 1.3
    learner.save(tmp_path / "kept.pt")
    again = TorchLearner(make, 3, multilabel=True).load(tmp_path / "kept.pt")
    np.testing.assert_array_equal(again.probabilities(X[150:]), found)
    with pytest.raises(ModelError, match="multilabel=True, expected False"):
        TorchLearner(make, 3).load(tmp_path / "kept.pt")
    repeated = TorchLearner(make, 3, multilabel=True, epochs=5, min_steps=150).fit(X[:150], Y[:150], random_state=0)
    np.testing.assert_array_equal(repeated.probabilities(X[150:]), found)


def test_labels_are_held_out_to_stop_early_where_there_are_many():
    import torch

    X, Y = data(160)
    learner = TorchLearner(torch.nn.Linear(4, 3), 3, multilabel=True, epochs=1, min_steps=10)
    assert learner.fit(X, Y, random_state=0).n_held_out_ == 16
    assert learner.fit(X[:140], Y[:140], random_state=0).n_held_out_ == 0


def test_models_become_learners_of_several_classes():
    import torch

    X, Y = data(40)
    assert as_learner(LogisticRegression(), X, 3, multilabel=True).fit(X, Y).probabilities(X).shape == (40, 3)
    assert as_learner(torch.nn.Linear(4, 3), X, 3, multilabel=True).multilabel


def test_figures_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    P, Y = rng.random((200, 5)), (rng.random((200, 5)) < 0.3).astype(np.int64)
    scores, guess = score_sets(P, Y), P >= 0.5
    assert scores["micro_f1"] == pytest.approx(f1_score(Y, guess, average="micro"))
    assert scores["macro_f1"] == pytest.approx(f1_score(Y, guess, average="macro"))
    assert scores["class_accuracy"] == pytest.approx(1 - hamming_loss(Y, guess))
    assert scores["accuracy"] == pytest.approx((guess == Y).all(1).mean())
    doubled = score_sets(np.repeat(P, 2, 0), np.repeat(Y, 2, 0))
    weighted = score_sets(P, Y, np.full(200, 2.0))
    assert doubled == pytest.approx(weighted)


def test_figures_without_a_class_are_no_numbers_out_of_nothing():
    scores = score_sets(np.full((3, 2), 0.1), np.zeros((3, 2), np.int64))
    assert scores["accuracy"] == scores["class_accuracy"] == 1
    assert scores["micro_f1"] == scores["macro_f1"] == scores["mean_average_precision"] == 0
