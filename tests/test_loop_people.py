"""The loop as people use it: bare scikit-learn models, names of classes, answers given later, files, notebooks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from tests.raising import raises_input

from spotal import SPOT, ActiveLearner, SklearnLearner, VectorOracle
from spotal.errors import DataFileError, InputError, ModelError

N = 90
rng = np.random.default_rng(0)
CODES = np.arange(N) % 3
X = (rng.normal(size=(N, 5)) + 2 * np.eye(5)[CODES]).astype(np.float32)
BIRDS = np.array(["gull", "owl", "tern"])[CODES]
WORDS = [[f"{name}{k}" for k in range(40)] for name in ("gull", "owl", "tern")]
TEXTS = [" ".join(rng.choice(WORDS[code], 8)) for code in CODES]


def loop(learner=None, oracle=BIRDS, data=X, **options):
    options = {"batch_size": 6, "random_state": 5, **options}
    return ActiveLearner(data, learner or LogisticRegression(), oracle=oracle, **options)


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LinearSVC(),
        RidgeClassifier(),
        SVC(),
    ],
    ids=lambda learner: type(learner).__name__,
)
def test_any_classifier_bare(learner):
    active = loop(learner, X_test=X, y_test=BIRDS)
    rounds = active.run(4)
    assert [done.n_labeled for done in rounds] == [0, 6, 12, 18]
    assert rounds[-1].metrics["accuracy"] > 0.8
    assert not hasattr(learner, "classes_")
    assert active.classes_.tolist() == ["gull", "owl", "tern"]
    assert np.array_equal(active.labels_, BIRDS[active.labeled_])
    probabilities = active.predict_proba(X)
    assert probabilities.shape == (N, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (active.predict(X) == BIRDS).mean() > 0.8


def test_names_choose_the_same_rows_as_numbers():
    by_name, by_number = loop(), loop(SklearnLearner(LogisticRegression(), 3), VectorOracle(CODES))
    by_name.run(4)
    by_number.run(4)
    assert by_name.labeled_.tolist() == by_number.labeled_.tolist()
    assert by_name.labels_.tolist() == BIRDS[by_number.labeled_].tolist()


def test_classes_are_learned_as_they_come():
    first = np.r_[np.flatnonzero(CODES == 2)[:4], np.flatnonzero(CODES == 0)[:2]]
    active = loop(initial=first)
    active.run(1)
    assert active.classes_.tolist() == ["gull", "tern"]
    active.run(3)
    assert active.classes_.tolist() == ["gull", "owl", "tern"]
    assert (active.predict(X) == BIRDS).mean() > 0.8


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (CODES + 7, [7, 8, 9]),
        (CODES / 2, [0.0, 0.5, 1.0]),
        (CODES.astype(float), [0, 1, 2]),
        (CODES > 0, [False, True]),
    ],
    ids=["integers", "floats", "whole floats", "booleans"],
)
def test_classes_of_every_kind(labels, classes):
    active = loop(oracle=lambda rows: labels[rows].tolist())
    active.run(4)
    assert active.classes_.tolist() == classes
    assert (active.predict(X) == labels).mean() > 0.7


@pytest.mark.parametrize("missing", [None, np.nan, float("nan")])
def test_an_oracle_may_skip_in_any_way(missing):
    events = []
    answers = [missing if row % 4 == 0 else BIRDS[row] for row in range(N)]
    active = loop(oracle=lambda rows: [answers[row] for row in rows], observers=[events.append])
    active.run(4)
    assert (active.skipped_ % 4 == 0).all()
    assert (active.labeled_ % 4 > 0).all()
    assert len(active.skipped_) + len(active.labeled_) == 24
    assert loop(oracle=answers).run(4)[-1].picks.tolist() == active.rounds_[-1].picks.tolist()
    given = next(event for event in events if type(event).__name__ == "Labeled")
    assert [label is None for label in given.labels] == (given.rows % 4 == 0).tolist()


def test_given_classes_are_the_columns():
    active = loop(classes=["tern", "gull", "eagle", "owl"])
    active.run(3)
    assert active.predict_proba(X).shape == (N, 4)
    assert active.predict_proba(X)[:, 2].max() == 0
    assert (active.predict(X) == BIRDS).mean() > 0.8
    with raises_input("oracle", "owl"):
        loop(classes=["tern", "gull"]).run(2)


@pytest.mark.parametrize(
    ("oracle", "found"),
    [
        (lambda rows: "gull", "shape ()"),
        (lambda rows: ["gull", 1] * 3, "int and str"),
        (BIRDS[1:], N - 1),
        (VectorOracle, "the class VectorOracle"),
        (None, "None"),
    ],
)
def test_oracles_that_will_not_do(oracle, found):
    with raises_input("oracle", found):
        loop(oracle=oracle).step()


def test_the_type_of_labels_may_not_change():
    active = loop(oracle=lambda rows: BIRDS[rows] if len(active.rounds_) == 0 else CODES[rows])
    active.step()
    with raises_input("oracle", "int64"):
        active.step()
    with pytest.raises(InputError, match="y_test"):
        loop(X_test=X, y_test=CODES).run(2)


def test_what_is_no_classifier_is_named():
    with pytest.raises(ModelError, match="LinearRegression without; take a classifier"):
        loop(LinearRegression())
    with pytest.raises(ModelError, match=r"the class LogisticRegression; call it: LogisticRegression\(\)"):
        loop(LogisticRegression)
    with pytest.raises(InputError, match=r"make one of it: SPOT\(\)"):
        ActiveLearner(X, LogisticRegression(), SPOT)
    with pytest.raises(InputError, match="did you mean 'margin'"):
        ActiveLearner(X, LogisticRegression(), "margni")


def test_rows_now_and_labels_later_are_the_same_loop():
    asked, told = loop(max_labels=18, X_test=X, y_test=BIRDS), loop(oracle=None, max_labels=18, X_test=X, y_test=BIRDS)
    asked.run()
    while len(rows := told.query()):
        assert told.query().tolist() == rows.tolist()
        told.teach(BIRDS[rows])
    assert told.finished
    assert told.labeled_.tolist() == asked.labeled_.tolist()
    assert [done.metrics for done in told.rounds_] == [done.metrics for done in asked.rounds_]
    with raises_input("labels", "none"):
        told.teach([])


def test_labels_that_are_known_from_the_start():
    labels = np.where(np.arange(N) < 12, BIRDS, None)
    active = loop(oracle=None, labels=labels)
    assert len(active.labeled_) == 12
    rows = active.query()
    assert rows.min() >= 12
    assert active.classes_.tolist() == ["gull", "owl", "tern"]
    assert active.teach(BIRDS[rows]).n_labeled == 12
    assert sorted(active.to_frame()["row"]) == sorted([*range(12), *rows])
    numbered = loop(SklearnLearner(LogisticRegression(), 3), CODES, labels=np.where(np.arange(N) < 12, CODES, -1))
    assert numbered.run(2)[1].picks.tolist() == loop(labels=labels).run(2)[1].picks.tolist()
    with raises_input("labels", 2):
        loop(SklearnLearner(LogisticRegression(), 2), CODES, labels=CODES)
    with raises_input("labels", N - 1):
        loop(labels=labels[1:])


def test_bad_answers_leave_the_question_open():
    active = loop(oracle=None)
    rows = active.query()
    with raises_input("labels", "(2,)"):
        active.teach(["gull", "owl"])
    assert active.query().tolist() == rows.tolist()
    active.teach(BIRDS[rows].tolist())
    assert len(active.labeled_) == 6


def test_nothing_is_predicted_without_a_label():
    with raises_input("X", "without a label"):
        loop().predict(X)


MATRIX = TfidfVectorizer().fit_transform(TEXTS)


def frame():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({"text": TEXTS, "size": X[:, 0]}, index=[f"item {row}" for row in range(N)])


@pytest.mark.parametrize("kind", ["texts", "series", "column", "sparse"])
def test_texts(kind):
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    data, learner, options = TEXTS, pipeline, {}
    if kind == "series":
        data = frame()["text"]
    elif kind == "column":
        data, options = frame(), {"column": "text"}
    elif kind == "sparse":
        data, learner = scipy.sparse.coo_matrix(MATRIX), LogisticRegression()
    active = loop(learner, data=data, X_test=MATRIX if kind == "sparse" else TEXTS, y_test=BIRDS, **options)
    rounds = active.run(4)
    assert rounds[-1].metrics["accuracy"] > 0.8
    assert (active.predict(data[["text"]] if kind == "column" else data) == BIRDS).mean() > 0.8
    if kind in ("series", "column"):
        assert active.index[0] == "item 0"


def test_texts_and_sparse_rows_are_compared_alike():
    runs = [loop(make_pipeline(TfidfVectorizer(), LogisticRegression()), data=TEXTS), loop(data=MATRIX)]
    for active in runs:
        active.run(1)
    assert runs[0].labeled_.tolist() == runs[1].labeled_.tolist()


def test_texts_need_a_vectorizer():
    with pytest.raises(InputError, match=r"make_pipeline\(TfidfVectorizer\(\)"):
        loop(data=TEXTS)


def test_a_frame_with_columns_of_all_kinds_goes_through_the_pipeline():
    from sklearn.compose import make_column_transformer

    columns = make_column_transformer((TfidfVectorizer(), "text"), (StandardScaler(), ["size"]))
    active = loop(make_pipeline(columns, LogisticRegression()), data=frame())
    active.run(3)
    assert (active.predict(frame()) == BIRDS).mean() > 0.8
    with pytest.raises(InputError, match="others in 'text'"):
        loop(data=frame())
    table = active.to_frame()
    assert list(table.columns) == ["row", "label", "round"]
    assert table.index[0] == f"item {active.labeled_[0]}"
    assert table["label"].tolist() == active.labels_.tolist()


def test_saved_and_gone_on_with(tmp_path):
    path = tmp_path / "loop.json"
    whole = loop(X_test=X, y_test=BIRDS)
    whole.run(5)
    before = loop(X_test=X, y_test=BIRDS)
    before.run(1)
    before.save(path)
    before.run(1)
    before.save(path)  # one that goes on replaces its own file
    after = loop(X_test=X, y_test=BIRDS, random_state=99).load(path)
    assert after.labels_.tolist() == before.labels_.tolist()
    after.run(3)
    assert after.labeled_.tolist() == whole.labeled_.tolist()
    assert [done.metrics for done in after.rounds_] == [done.metrics for done in whole.rounds_]


def test_no_label_in_a_file_is_lost(tmp_path):
    path = tmp_path / "loop.json"
    active = loop()
    active.run(2)
    active.save(path)
    before = path.read_bytes()
    with raises_input("path", "12 answers"):
        loop().save(path)
    with raises_input("path", "other data"):
        loop(data=X * 2).load(path)
    other = tmp_path / "mine.txt"
    other.write_text("mine")
    with raises_input("path", "no saved loop"):
        active.save(other)
    assert (path.read_bytes(), other.read_text()) == (before, "mine")
    for bad in (other, tmp_path / "missing.json"):
        with pytest.raises(DataFileError):
            loop().load(bad)
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"state": state["state"] | {"labels": [None] * 12}}))
    with raises_input("state"):
        loop().load(path)
