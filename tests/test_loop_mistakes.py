"""Labels that are easily misread, files that are easily overwritten, learners that two loops share."""

import json

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression

import spotal
from spotal import ActiveLearner, SklearnLearner, VectorOracle
from spotal.errors import InputError, SpotalWarning

X = np.random.default_rng(0).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
SIGNS = np.where(Y > 0, 1, -1)


def made(rows=X, learner=None, **options):
    options = {"oracle": Y, "batch_size": 6, "random_state": 0, **options}
    return ActiveLearner(rows, learner or LogisticRegression(), **options)


def test_masked_answers_are_no_labels():
    masked = np.ma.array(Y, mask=np.arange(60) % 2 == 0)
    loop = made(oracle=lambda rows: masked[rows])
    loop.run(2)
    assert (loop.labeled_ % 2 == 1).all()
    assert (loop.skipped_ % 2 == 0).all()
    assert loop.labels_.tolist() == Y[loop.labeled_].tolist()
    assert made(labels=masked).labeled_.tolist() == list(range(1, 60, 2))


def test_minus_one_beside_one_is_not_passed_over_in_silence():
    with pytest.raises(InputError, match="labels holds -1 and 1"):
        made(oracle=None, labels=SIGNS)
    for answers in (lambda rows: SIGNS[rows], lambda rows: SIGNS[rows].tolist(), lambda rows: SIGNS[rows] * 1.0):
        with pytest.warns(SpotalWarning, match=r"-1 means no label, so \d rows got none"):
            made(oracle=answers).run(1)
    loop = made(oracle=np.where(Y == 2, -1, Y))  # of three classes, one is not labeled
    loop.run(3)
    assert set(loop.labels_.tolist()) == {0, 1}


@pytest.mark.parametrize("oracle", [SIGNS, lambda rows: SIGNS[rows], VectorOracle(SIGNS, minus_one=False)])
def test_minus_one_may_be_a_class_that_is_named(oracle, tmp_path):
    loop = made(oracle=oracle, classes=[-1, 1])
    loop.run(2)
    assert set(loop.labels_.tolist()) == {-1, 1}
    loop.save(tmp_path / "loop.json")
    again = made(oracle=oracle, classes=[-1, 1]).load(tmp_path / "loop.json")
    assert [done.picks.tolist() for done in again.run(1)] == [done.picks.tolist() for done in loop.run(1)]
    with pytest.raises(InputError, match="has -1 among its labels"):
        made().load(tmp_path / "loop.json")


def test_integers_below_minus_one_are_saved_and_read_again(tmp_path):
    loop = made(oracle=lambda rows: Y[rows] - 9)
    loop.run(2)
    loop.save(tmp_path / "loop.json")
    again = made(oracle=None).load(tmp_path / "loop.json")
    assert again.labels_.tolist() == loop.labels_.tolist()


def test_text_that_numpy_made_of_a_missing_label_is_told_of():
    with pytest.warns(SpotalWarning, match="labels holds the text 'nan' 59 times"):
        spotal.select(X, 0, labels=np.array(["gull", *[np.nan] * 59]))
    with pytest.warns(SpotalWarning, match="oracle holds the text 'None' 30 times"):
        VectorOracle([str(None), "a"] * 30, "oracle")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda rows: [[1]] * (len(rows) - 1) + [[1, 2]], "rows of different length"),
        (lambda rows: [10**30] * len(rows), "more than 64 bits"),
        (lambda rows: np.full(len(rows), 2**63 + 5, np.uint64), "more than 64 bits"),
        (lambda rows: [1e300] * len(rows), "more than 64 bits"),
        (lambda rows: Y[rows][:-1], r"found shape \(5,\)"),
    ],
)
def test_answers_that_are_no_labels_leave_the_loop_as_it_was(answer, said):
    loop = made(oracle=answer)
    with pytest.raises(InputError, match=said):
        loop.step()
    assert not loop.rounds_
    assert not len(loop.labeled_)
    with pytest.raises(InputError, match=said.replace(r"found shape \(5,\)", "one label for each of the 60 rows")):
        made(oracle=answer(np.arange(60)))


def test_indicators_may_be_sparse_and_one_column_is_no_indicator():
    marks = np.stack([Y > 0, X[:, 2] > 0], 1).astype(int)
    dense, sparse = (made(oracle=one) for one in (marks, scipy.sparse.csr_matrix(marks)))
    assert [a.picks.tolist() for a in dense.run(2)] == [b.picks.tolist() for b in sparse.run(2)]
    assert dense.labels_.tolist() == sparse.labels_.tolist()
    with pytest.raises(InputError, match=r"oracle must be 1-D, .*found shape \(60, 1\); pass its one column"):
        made(oracle=Y[:, None])


def test_rows_that_are_not_finite_are_named_as_they_were_given():
    with pytest.raises(InputError, match=r"^X must be finite.* row\(s\) 7"):
        made(np.where(np.arange(60)[:, None] == 7, np.nan, X)).step()


def test_nothing_answered_is_overwritten(tmp_path):
    path = tmp_path / "loop.json"
    skips = made(oracle=lambda rows: [None] * len(rows))
    skips.run(2)
    skips.save(path)
    with pytest.raises(InputError, match="12 answers that this loop has not"):
        made().save(path)
    with pytest.raises(InputError, match="taken by a loop that was saved with other data"):
        made(X + 1).save(path)
    assert len(json.loads(path.read_text())["state"]["skipped"]) == 12


def test_labels_of_any_text_are_saved(tmp_path):
    loop = made(oracle=np.array(["\ud800", "é", "日"])[Y])
    loop.run(2)
    loop.save(tmp_path / "loop.json")
    assert made().load(tmp_path / "loop.json").labels_.tolist() == loop.labels_.tolist()


def test_loops_that_share_a_learner_predict_by_their_own_labels():
    shared = SklearnLearner(LogisticRegression())
    first, second = made(learner=shared), made(learner=shared, oracle=(np.arange(60) % 5).astype(str))
    first.run(3)
    before = first.predict(X)
    second.run(3)
    assert first.predict(X).tolist() == before.tolist()
    assert first.predict_proba(X).shape == (60, len(first.classes_))
    assert second.predict_proba(X).shape == (60, len(second.classes_))
