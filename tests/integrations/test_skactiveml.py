"""spotal's strategies keep the contract of scikit-activeml's query strategies: the checks of its template test."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from skactiveml.base import SingleAnnotatorPoolQueryStrategy
from skactiveml.classifier import ParzenWindowClassifier, SklearnClassifier
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from spotal.integrations.skactiveml import SpotalQueryStrategy
from spotal.strategies import KMeans, Random, get, names

X, TRUE = make_blobs(40, centers=3, n_features=2, random_state=0)
Y = np.where(np.arange(40) < 6, TRUE, np.nan)
FREE = np.arange(6, 40)
CLF = ParzenWindowClassifier(classes=[0, 1, 2], class_prior=1, random_state=0)
every = pytest.mark.parametrize("name", names())


def ask(name, *, random_state=0, missing_label=np.nan, **known):
    known = {"X": X, "y": Y, "clf": CLF, **known}
    return SpotalQueryStrategy(name, missing_label=missing_label, random_state=random_state).query(**known)


@every
def test_batches_and_their_utilities(name):
    picks, utilities = ask(name, batch_size=5, return_utilities=True)
    assert picks.shape == (5,)
    assert len(np.unique(picks)) == 5
    assert np.isin(picks, FREE).all()
    assert utilities.shape == (5, 40)
    for place, line in enumerate(utilities):
        assert np.nanargmax(line) == picks[place]
        assert np.array_equal(np.flatnonzero(np.isnan(line)), np.sort(np.r_[0:6, picks[:place]]))


@every
def test_a_query_can_be_repeated(name):
    strategy = SpotalQueryStrategy(name, random_state=np.random.RandomState(0))
    first, second = (strategy.query(X, Y, clf=CLF, batch_size=4) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(first, clone(strategy).query(X, Y, clf=CLF, batch_size=4))


@every
def test_more_than_there_is_gives_what_there_is(name):
    with pytest.warns(UserWarning, match="batch_size"):
        picks = ask(name, batch_size=35)
    assert np.array_equal(np.sort(picks), FREE)


@every
def test_candidates_by_number_and_by_value(name):
    picks, utilities = ask(name, return_utilities=True, batch_size=2)
    same, as_numbers = ask(name, candidates=FREE, return_utilities=True, batch_size=2)
    assert np.array_equal(same, picks)
    np.testing.assert_array_equal(as_numbers, utilities)
    same, as_values = ask(name, candidates=X[FREE], return_utilities=True, batch_size=2)
    assert np.array_equal(FREE[same], picks)
    np.testing.assert_array_equal(as_values, utilities[:, FREE])
    assert ask(name, candidates=[9]).tolist() == [9]
    assert ask(name, candidates=[3]).tolist() == [3]  # a row with a label may be asked again
    assert ask(name, candidates=X[[9]]).tolist() == [0]


@every
@pytest.mark.parametrize("count", [0, 1, 39])
def test_any_number_of_labels(name, count):
    y = np.where(np.arange(40) < count, 1.0, np.nan)
    pick = ask(name, y=y)
    assert pick.shape == (1,)
    assert np.isnan(y[pick]).all()


@every
@pytest.mark.parametrize(
    ("missing", "classes", "kind"),
    [
        (np.nan, [1.0, 2.0], float),
        (0, [1, 2], int),
        (None, [1, 2], object),
        (None, ["A", "B"], object),
        ("", ["A", "B"], str),
    ],
    ids=repr,
)
def test_labels_of_any_kind(name, missing, classes, kind):
    y = np.full(40, missing, dtype=kind)
    y[:2] = classes
    clf = ParzenWindowClassifier(classes=classes, missing_label=missing, class_prior=1, random_state=0)
    assert ask(name, y=y, clf=clf, missing_label=missing).shape == (1,)


@every
def test_picks_are_those_of_the_strategy(name, monkeypatch):
    monkeypatch.setattr("spotal.strategies.base.as_seed", lambda random_state: 7)
    clf = clone(CLF).fit(X, Y)
    pool = np.r_[X[FREE], X[:6]]
    if get(name).needs_draws:
        clf = SklearnClassifier(BaggingClassifier(LogisticRegression(), 5, random_state=0), classes=[0, 1, 2])
        clf.fit(X, Y)
        probabilities = np.stack([member.predict_proba(pool) for member in clf.estimators_], 2)
    else:
        probabilities = clf.predict_proba(pool)
    expected = get(name).query(
        pool,
        5,
        labeled=np.arange(34, 40),
        labels=TRUE[:6],
        probabilities=probabilities,
    )
    before = repr(vars(clf))
    picks = ask(name, clf=clf, fit_clf=False, batch_size=5)
    assert np.array_equal(picks, FREE[expected.indices])
    assert repr(vars(clf)) == before


def test_it_is_one_of_theirs():
    assert issubclass(SpotalQueryStrategy, SingleAnnotatorPoolQueryStrategy)
    parameters = {"strategy": KMeans(), "missing_label": 5, "random_state": 3}
    assert list(inspect.signature(SpotalQueryStrategy).parameters) == list(parameters)
    assert SpotalQueryStrategy(**parameters).get_params(deep=False) == parameters
    assert ask(Random(), batch_size=3).shape == (3,)


def test_a_classifier_is_only_needed_where_probabilities_are():
    assert ask("coreset", clf=None).shape == (1,)
    with pytest.raises(TypeError, match="clf"):
        ask("margin", clf=None)
    with pytest.raises(TypeError, match="sample_proba"):
        ask("bald", clf=SklearnClassifier(LogisticRegression(), classes=[0, 1, 2]))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"clf": np.nan}, TypeError),
        ({"clf": "state"}, TypeError),
        ({"clf": GaussianNB()}, TypeError),
        ({"clf": ParzenWindowClassifier(classes=[0, 1, 2], missing_label=-1)}, ValueError),
        ({"fit_clf": np.nan}, TypeError),
        ({"fit_clf": "state"}, TypeError),
        ({"X": "string"}, ValueError),
        ({"X": np.vstack([X, X])}, ValueError),
        ({"y": np.nan}, TypeError),
        ({"y": np.vstack([Y, Y])}, ValueError),
        ({"candidates": np.nan}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": 1.2}, TypeError),
        ({"return_utilities": "string"}, TypeError),
        ({"name": "no such strategy"}, ValueError),
        ({"name": 5}, TypeError),
        ({"random_state": np.nan}, ValueError),
        ({"missing_label": object}, TypeError),
    ],
    ids=repr,
)
def test_what_is_wrong_is_refused_by_the_errors_they_use(wrong, error):
    with pytest.raises(error):
        ask(**{"name": "margin", **wrong})
