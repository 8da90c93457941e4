"""A model of a person that fails is one sentence, in the labeling loop and in the calls below it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from spotal import ActiveLearner, SklearnLearner, VectorOracle
from spotal.errors import ModelError
from spotal.learner import as_learner, calls
from spotal.strategies import get

N = 60
Y = np.arange(N) % 3
X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
FEW = np.array([0, 1, 2])

FAILING = {
    "CalibratedClassifierCV": CalibratedClassifierCV(LinearSVC()),
    "GridSearchCV": GridSearchCV(LogisticRegression(), {"C": [1, 10]}),
    "MultinomialNB": MultinomialNB(),
    "Pipeline": make_pipeline(StandardScaler(), MultinomialNB()),
}


def loop(learner, **options):
    return ActiveLearner(
        X, learner, get("random"), VectorOracle(Y), batch_size=3, initial=FEW, random_state=0, **options
    )


@pytest.mark.parametrize("name", FAILING)
def test_a_classifier_that_cannot_be_fitted_on_three_labels(name):
    learner = SklearnLearner(FAILING[name], 3)
    sentence = (
        rf"^model {name} failed in fit on 3 labels of 3 classes, 1 of the rarest \(ValueError: [^\n]+\); rows have"
    )
    with pytest.raises(ModelError, match=sentence) as caught:
        loop(learner).run(2)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ModelError, match=sentence):
        calls.fit(learner, X[FEW], Y[FEW], random_state=0)


@pytest.mark.parametrize(
    "model", [LinearSVC(), SVC(), GridSearchCV(LinearSVC(), {"C": [1]}, cv=2), make_pipeline(LinearSVC())]
)
def test_a_classifier_without_probabilities_gives_the_softmax_of_its_scores(model):
    learner = as_learner(model, X).fit(X, Y, random_state=0)
    found, scores = learner.probabilities(X), learner.classifier_.decision_function(X)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(np.log(found[:, 1] / found[:, 0]), scores[:, 1] - scores[:, 0], atol=1e-3)


@pytest.mark.parametrize("model", [LinearRegression(), make_pipeline(LinearRegression())])
def test_what_gives_neither_probabilities_nor_scores_is_told_what_it_lacks(model):
    for n_classes in (None, 3):
        with pytest.raises(ModelError, match=r"must have fit and predict_proba .*found .*CalibratedClassifierCV"):
            as_learner(model, X, n_classes)
    with pytest.raises(ModelError, match="predict_proba"):
        loop(model)


def test_a_class_is_no_model():
    with pytest.raises(ModelError, match=r"found the class LogisticRegression; call it: LogisticRegression\(\)"):
        as_learner(LogisticRegression, X, 3)


class Own:
    """A learner of somebody's own, right but for one method."""

    n_classes = 3

    def __init__(self, **wrong):
        self.wrong = wrong

    def fit(self, X, y, *, random_state=None, on_epoch=None):
        if on_epoch is not None:
            on_epoch("an epoch")
        return self.wrong.get("fit", lambda: self)()

    def probabilities(self, X):
        return self.wrong.get("probabilities", lambda: np.full((len(X), 3), 1 / 3, np.float32))()

    def embeddings(self, X):
        return self.wrong.get("embeddings", lambda: X)()


def raises(error):
    def fail():
        raise error

    return fail


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"fit": raises(KeyError("lr"))}, r"model Own failed in fit on .*\(KeyError: 'lr'\)"),
        ({"fit": raises(AssertionError())}, r"model Own failed in fit on .*\(AssertionError\)"),
        ({"probabilities": raises(OSError("gone"))}, r"model Own failed in predicting 60 rows \(OSError: gone\)"),
        ({"probabilities": lambda: np.zeros((60, 2))}, r"must give \(60, 3\) probabilities, found \(60, 2\)"),
        ({"probabilities": lambda: None}, r"must give \(60, 3\) probabilities, found \(\)"),
        ({"probabilities": lambda: np.full((60, 3), np.nan)}, "must give finite probabilities"),
        ({"embeddings": raises(NotImplementedError())}, "model Own failed in embedding 60 rows"),
        ({"embeddings": lambda: np.zeros(60)}, r"one embedding a row, \(60, d\), found \(60,\)"),
    ],
)
def test_a_learner_of_ones_own(wrong, sentence):
    with pytest.raises(ModelError, match=sentence):
        loop(Own(**wrong)).run(3) if "fit" in wrong else calls.infer(Own(**wrong), X)


def test_what_an_observer_raises_and_what_memory_says_pass():
    class Stop(Exception):
        pass

    def stop(event):
        if type(event).__name__ == "TrainingProgress":
            raise Stop

    with pytest.raises(Stop):
        loop(Own(), observers=[stop]).run(2)
    with pytest.raises(MemoryError):
        loop(Own(fit=raises(MemoryError()))).run(2)
