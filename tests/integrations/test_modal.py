"""spotal's strategies by the protocol that modAL documents for query strategies.

modAL 0.4.2.1, its last version, cannot be taught with scikit-learn 1.8 and later (check_X_y lost force_all_finite), so
its learners are replaced here by ones with the attributes and the ``query`` that modAL's have.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from tests.raising import raises_input

from spotal.integrations.modal import query_strategy
from spotal.strategies import KMeans, get, names


class ActiveLearner:
    """As modAL.models.ActiveLearner: keeps what it was taught, and takes the strategy's answer apart."""

    def __init__(self, estimator, query_strategy=None, X_training=None, y_training=None):
        self.estimator, self.query_strategy = estimator, query_strategy
        self.X_training, self.y_training = X_training, y_training
        if X_training is not None:
            self.estimator.fit(X_training, y_training)

    def predict_proba(self, X):
        return self.estimator.predict_proba(X)

    def teach(self, X, y):
        self.X_training = np.vstack([self.X_training, X])
        self.y_training = np.concatenate([self.y_training, y])
        self.estimator.fit(self.X_training, self.y_training)

    def query(self, X_pool, *args, return_metrics=False, **known):
        picks, metrics = self.query_strategy(self, X_pool, *args, **known)
        return (picks, X_pool[picks], metrics) if return_metrics else (picks, X_pool[picks])


class Committee(ActiveLearner):
    """As modAL.models.Committee."""

    def __init__(self, learner_list, query_strategy):
        self.learner_list, self.query_strategy = learner_list, query_strategy

    def predict_proba(self, X):
        return self.vote_proba(X).mean(1)

    def vote_proba(self, X):
        return np.stack([learner.predict_proba(X) for learner in self.learner_list], 1)

    def teach(self, X, y):
        for learner in self.learner_list:
            learner.teach(X, y)


X, Y = make_blobs(80, centers=4, n_features=3, random_state=0)
NAMES = np.array(["ant", "bee", "cat", "dog"])[Y]
FIRST = np.array([np.flatnonzero(k == Y)[0] for k in range(4)])
REST = np.setdiff1d(np.arange(80), FIRST)


def learner(strategy):
    return ActiveLearner(LogisticRegression(), query_strategy(strategy, random_state=0), X[FIRST], NAMES[FIRST])


def committee(strategy):
    members = [
        ActiveLearner(LogisticRegression(C=c), X_training=X[FIRST], y_training=NAMES[FIRST]) for c in (0.1, 1, 9)
    ]
    return Committee(members, query_strategy(strategy, random_state=0))


@pytest.mark.parametrize("name", names())
def test_a_loop_with_every_strategy(name):
    active = (committee if get(name).needs_draws else learner)(name)
    left = REST
    for count in (2, 1, 5):  # two: modAL takes an array of two apart where it expects picks and metrics
        picks, rows = active.query(X[left], n_instances=count)
        assert picks.shape == (count,)
        assert len(np.unique(picks)) == count
        assert np.array_equal(rows, X[left][picks])
        active.teach(rows, NAMES[left][picks])
        left = np.delete(left, picks)


@pytest.mark.parametrize("name", ["margin", "coreset", "uherding"])
def test_picks_are_those_of_the_strategy(name):
    active = learner(name)
    picks, _, shares = active.query(X[REST], n_instances=6, return_metrics=True)
    pool = np.concatenate([X[REST], X[FIRST]])
    known = {"labeled": np.arange(76, 80), "labels": Y[FIRST], "probabilities": active.predict_proba(pool)}
    expected = get(name).query(pool, 6, random_state=0, **known)
    assert np.array_equal(picks, expected.indices)
    assert np.array_equal(shares, expected.cell_mass)


def test_a_learner_that_was_taught_nothing():
    active = ActiveLearner(LogisticRegression(), query_strategy("kmeans", random_state=0))
    picks, _ = active.query(X, n_instances=4)
    assert sorted(Y[picks]) == [0, 1, 2, 3]


def test_mass_and_parameters_reach_the_strategy():
    mass = np.where(Y[REST] == 2, 1.0, 0)
    picks, _ = learner("random").query(X[REST], n_instances=9, mass=mass)
    assert (Y[REST][picks] == 2).all()
    assert query_strategy("probcover", delta=2.0, random_state=0)(learner("spot"), X[REST], 2)[0].shape == (2,)
    with raises_input("parameters"):
        query_strategy(KMeans(), sample_size=5)


def test_a_sparse_pool():
    from scipy.sparse import csr_matrix, vstack

    class Sparse(ActiveLearner):
        def teach(self, X, y):
            self.X_training = vstack([self.X_training, X])
            self.y_training = np.concatenate([self.y_training, y])

    pool = csr_matrix(X)
    active = Sparse(LogisticRegression(), query_strategy("spot", random_state=0), pool[FIRST], NAMES[FIRST])
    dense = learner("spot")
    for _ in range(2):
        picks, rows = active.query(pool[REST], n_instances=3)
        assert picks.tolist() == dense.query(X[REST].astype(np.float32), n_instances=3)[0].tolist()
        active.teach(rows, NAMES[REST][picks])
        dense.teach(X[REST][picks], NAMES[REST][picks])
        active.estimator = dense.estimator


def test_one_model_is_no_committee():
    with raises_input("classifier", "ActiveLearner"):
        learner("bald").query(X[REST])
