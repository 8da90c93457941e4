"""Loops over rows that may have several classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from spotal import ActiveLearner, SklearnLearner, select
from spotal.errors import InputError
from spotal.numeric.indicator import indicator


def data(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, (X[:, :3] > [0.2, 0.6, 1.0]).astype(np.int64)


def sets(Y):
    return [set(np.flatnonzero(row).tolist()) for row in Y]


@pytest.mark.parametrize("strategy", ["spot", "margin", "entropy", "least-confidence", "random"])
def test_a_bare_classifier_learns_from_a_matrix_of_labels(strategy):
    X, Y = data()
    Xt, Yt = data(100, 1)
    loop = ActiveLearner(X, LogisticRegression(), strategy, Y, batch_size=15, X_test=Xt, y_test=Yt, random_state=0)
    done = loop.run(5)
    assert [one.n_labeled for one in done] == [0, 15, 30, 45, 60]
    assert done[-1].metrics["macro_f1"] > 0.7
    assert set(done[-1].metrics) >= {"accuracy", "micro_f1", "mean_average_precision", "balanced_accuracy"}
    np.testing.assert_array_equal(loop.labels_, Y[loop.labeled_])
    assert loop.predict(Xt).shape == (100, 3)
    assert (loop.predict(Xt) == Yt).mean() > 0.85
    assert loop.classes_.tolist() == [0, 1, 2]


def test_sets_are_a_matrix_and_a_saved_loop_goes_on_bit_for_bit(tmp_path):
    X, Y = data()
    make = lambda oracle: ActiveLearner(X, LogisticRegression(), "spot", oracle, batch_size=10, random_state=3)  # noqa: E731
    whole, first = make(Y), make(sets(Y))
    whole.run(4)
    first.run(2)
    first.save(tmp_path / "loop.json")
    again = make(sets(Y)).load(tmp_path / "loop.json")
    again.run(2)
    np.testing.assert_array_equal(again.labeled_, whole.labeled_)
    np.testing.assert_array_equal(again.labels_, whole.labels_)
    assert json.loads(json.dumps(again.state_dict())) == again.state_dict()


def test_rows_without_a_label_are_skipped_and_the_empty_set_is_a_label():
    X, Y = data(40)
    loop = ActiveLearner(X, SklearnLearner(LogisticRegression(), 3, multilabel=True), batch_size=4, random_state=0)
    rows = loop.query()
    loop.teach([{0, 2}, None, set(), {1}])
    assert loop.skipped_.tolist() == [rows[1]]
    assert loop.labels_.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    loop.query()
    loop.teach(np.vstack([Y[:2], np.full((2, 3), -1)]))
    assert len(loop.labeled_) == 5
    loop.query()
    loop.teach([None] * 4)
    assert (len(loop.labeled_), len(loop.skipped_)) == (5, 7)


@pytest.mark.parametrize(
    ("learner", "strategy", "words"),
    [
        (SklearnLearner(LogisticRegression(), 3), "spot", "learns one class a row"),
        (LogisticRegression(), "badge", "'badge' cannot take rows with several classes"),
    ],
)
def test_what_knows_one_class_a_row_is_refused(learner, strategy, words):
    X, Y = data(30)
    with pytest.raises(InputError, match=words):
        ActiveLearner(X, learner, strategy, Y, batch_size=5)


def test_answers_that_are_no_sets_are_refused_and_change_nothing():
    X, _ = data(30)
    learner = SklearnLearner(LogisticRegression(), 3, multilabel=True)
    for answer, words in (
        (lambda rows: np.zeros(len(rows), np.int64), r"shape \(5, 3\)"),
        (lambda rows: np.full((len(rows), 3), 2), "0 and 1"),
        (lambda rows: [{0, 7}] * len(rows), "0 to 2"),
    ):
        loop = ActiveLearner(X, learner, oracle=answer, batch_size=5)
        with pytest.raises(InputError, match=words):
            loop.step()
        assert len(loop.labeled_) == 0
    with pytest.raises(InputError, match="does not say how many classes"):
        ActiveLearner(X, SklearnLearner(LogisticRegression(), multilabel=True), batch_size=5)


def test_select_takes_sets_and_gives_what_the_matrix_gives():
    X, Y = data()
    P = np.random.default_rng(5).random((len(X), 3))
    rows = np.arange(20)
    picked = [
        select(X, 8, labeled=rows, labels=labels, probabilities=P, random_state=0).indices.tolist()
        for labels in (Y[:20], sets(Y[:20]), Y[:20].astype(bool))
    ]
    assert picked[0] == picked[1] == picked[2]
    np.testing.assert_array_equal(indicator(sets(Y), 3), Y)


def test_uncertainty_is_the_mean_over_classes():
    P = np.array([[0.5, 0.5], [0.5, 1.0], [0.9, 0.1], [0.0, 1.0]])
    known = {"labeled": [], "labels": np.zeros((0, 2), np.int64), "probabilities": P, "random_state": 0}
    for strategy in ("margin", "entropy", "least-confidence"):
        assert select(np.eye(4), 4, strategy, **known).indices.tolist() == [0, 1, 2, 3] or strategy == "entropy"
    by_entropy = select(np.eye(4), 4, "entropy", **known).indices.tolist()
    assert by_entropy[0] == 0
    assert by_entropy[-1] == 3
