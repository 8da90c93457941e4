from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from spotal.errors import ProjectError
from spotal.project import Answer


def state(project, item="t0"):
    standing = project.labels.standings().get(item)
    return None if standing is None else (standing.state, standing.label, standing.votes, standing.voters)


WORDS = [
    (["a:cat"], ("labeled", "cat", 1, 1)),
    (["a:cat", "a:dog"], ("labeled", "dog", 1, 1)),
    (["a:cat", "b:cat", "c:dog"], ("labeled", "cat", 2, 3)),
    (["a:cat", "b:dog"], ("conflict", None, 1, 2)),
    (["a:cat", "b:cat", "c:dog", "d:dog"], ("conflict", None, 2, 4)),
    (["a:cat", "b:cat", "c:dog", "d:bird"], ("labeled", "cat", 2, 4)),
    (["a:cat", "b:dog", "b:cat"], ("labeled", "cat", 2, 2)),
    (["a:cat", "b:dog", "b:skip"], ("labeled", "cat", 1, 1)),
    (["a:cat", "b:dog", "c:dog"], ("labeled", "dog", 2, 3)),
    (["a:cat", "b:dog", "a:withdraw"], ("labeled", "dog", 1, 1)),
    (["a:cat", "b:none_of_these"], ("conflict", None, 1, 2)),
    (["a:none_of_these", "b:none_of_these", "c:cat"], ("none_of_these", None, 2, 3)),
    (["a:skip"], ("skipped", None, 0, 0)),
    (["a:skip", "b:cat"], ("labeled", "cat", 1, 1)),
    (["a:cat", "a:withdraw"], None),
    (["a:withdraw"], None),
]


@pytest.mark.parametrize(("words", "expected"), WORDS, ids=lambda value: str(value))
def test_the_majority_of_last_words_counts_and_ties_are_conflicts(project, words, expected):
    for word in words:
        annotator, said = word.split(":")
        is_class = said in project.settings.classes
        project.labels.record("t0", said if is_class else None, kind="label" if is_class else said, annotator=annotator)
    assert state(project) == expected
    assert ("t0" in project.labels.current()) == (expected is not None and expected[0] == "labeled")
    assert [len(found.votes) for found in project.labels.conflicts()] == (
        [expected[3]] if expected and expected[0] == "conflict" else []
    )
    assert len(project.labels.history("t0")) == len(words)  # and nothing of it is gone


def test_a_conflict_says_who_says_what(project):
    project.labels.record("t3", "cat", annotator="ann")
    project.labels.record("t3", kind="none_of_these", annotator="bob")
    project.labels.record("t3", kind="skip", annotator="eve")
    (found,) = project.labels.conflicts()
    assert (found.item.id, found.votes) == ("t3", {"ann": "cat", "bob": None})


def test_undo_goes_back_one_event_at_a_time_and_says_again_what_held_before(project):
    record, undo = project.labels.record, project.labels.undo
    record("t0", "cat", annotator="ann")
    record("t0", "dog", annotator="ann")
    record("t1", kind="skip", annotator="ann")
    record("t0", "bird", annotator="bob")
    assert undo("ann").kind == "withdraw"
    assert state(project, "t1") is None
    assert (undo("ann").label, undo("ann").kind) == ("cat", "withdraw")
    assert undo("ann") is None
    assert state(project) == ("labeled", "bird", 1, 1)  # bob's word is his own
    record("t2", "cat", annotator="ann")
    project.labels.withdraw("t2", annotator="ann")
    assert undo("ann").label == "cat"
    assert [event.undoes for event in project.labels.history("t0")] == [None, None, None, 2, 1]


def test_undo_takes_back_what_its_own_source_said(project):
    project.labels.record("t0", "cat", annotator="ann", source="page")
    project.labels.record("t0", "dog", annotator="ann", source="label-studio", external_id="7")
    assert project.labels.undo("ann", source="cli") is None
    assert project.labels.undo("ann").label == "dog"  # the last word is from elsewhere, and stays
    assert state(project) == ("labeled", "dog", 1, 1)


def test_the_trail_is_append_only_for_everybody(project):
    project.labels.record("t0", "cat", annotator="ann")
    for statement in ("UPDATE events SET label = 'dog'", "DELETE FROM events"):
        with pytest.raises(IntegrityError, match="never changed or deleted"), project.database.write() as connection:
            connection.execute(text(statement))
    assert state(project) == ("labeled", "cat", 1, 1)


def test_an_external_answer_is_recorded_once_for_each_version(project):
    same = {"annotator": "ann", "source": "label-studio", "external_id": "41", "external_version": "v1"}
    first = project.labels.record("t0", "cat", **same)
    assert project.labels.record("t0", "cat", **same) == first
    with pytest.raises(
        ProjectError, match=r"was recorded as .*'cat'.* and now says .*'dog'.* another external_version"
    ):
        project.labels.record("t0", "dog", **same)
    changed = project.labels.record("t0", "dog", **{**same, "external_version": "v2"})
    assert changed.number == 2
    assert project.labels.record("t0", "cat", **same) == first  # an old page of answers comes again
    assert state(project) == ("labeled", "dog", 1, 1)
    gone = {"annotator": "ann", "source": "label-studio", "external_id": "41", "external_version": "deleted"}
    project.labels.record("t0", kind="withdraw", **gone)
    project.labels.record("t0", kind="withdraw", **gone)
    assert state(project) is None
    assert len(project.labels.history()) == 3


def test_many_answers_are_recorded_all_or_none(project):
    good = [Answer(f"t{k}", "ann", label="cat", source="import", external_id=f"f:{k}") for k in range(5)]
    with pytest.raises(ProjectError, match="found 'nobody'"):
        project.labels.record_all([*good, Answer("nobody", "ann", label="cat")])
    assert project.labels.history() == []
    assert len(project.labels.record_all(good)) == 5
    assert [event.item for event in project.labels.record_all([*good, Answer("t5", "ann", label="dog")])] == ["t5"]
    twice = Answer("t6", "ann", label="dog", source="import", external_id="f:6")
    assert len(project.labels.record_all([twice, twice])) == 1
    assert [event.number for event in project.labels.history()] == list(range(1, 8))


def test_times_are_kept_in_utc(project):
    at = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    given = project.labels.record("t0", "cat", annotator="ann", at=at)
    assert given.at == at
    assert given.at.tzinfo == UTC
    assert project.labels.record("t0", "cat", annotator="ann").at.tzinfo == UTC


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"item": "t10", "label": "cat"}, "item must be one of the project's, found 't10'"),
        ({"label": "catt"}, "found 'catt'; did you mean 'cat'"),
        ({"label": None}, "label must be one of the project's classes, found None"),
        ({"label": "cat", "kind": "skip"}, "label must be left out of an answer of kind 'skip'"),
        ({"kind": "maybe"}, "kind must be one of label, skip, none_of_these, withdraw, found 'maybe'"),
        ({"label": "cat", "source": "mail"}, "source must be one of page"),
        ({"label": "cat", "annotator": " "}, "annotator must be a visible name"),
        ({"label": "cat", "annotator": "a\nb"}, "annotator must be a visible name of one line"),
        ({"label": "cat", "annotator": "a" * 101}, "annotator must be a name of at most 100 characters, found 101"),
        ({"label": "cat", "annotator": "a\ud800"}, "annotator must be a visible name"),
        ({"label": "cat", "external_id": "a\ud800"}, "external_id must be text, found half a character"),
        ({"label": "cat", "item": "a\ud800"}, "item must be one of the project's"),
        ({"label": "cat", "at": datetime(2026, 1, 1)}, "at must have a time zone"),
    ],
)
def test_what_cannot_be_recorded(project, arguments, message):
    with pytest.raises(ProjectError, match=message):
        project.labels.record(**{"item": "t0", "annotator": "ann", **arguments})
    assert project.labels.history() == []
    assert project.labels.last_event() == 0


def test_agreement_of_two(project):
    ann, bob = ["cat", "cat", "dog", "dog", None], ["cat", "dog", "dog", "dog", None]
    for name, words in (("bob", bob), ("ann", ann)):
        for k, word in enumerate(words):
            project.labels.record(f"t{k}", word, kind="label" if word else "none_of_these", annotator=name)
    project.labels.record("t7", "cat", annotator="eve")
    (found,) = project.labels.agreement()
    assert (found.first, found.second, found.items, found.share) == ("ann", "bob", 5, 0.8)
    assert found.kappa == pytest.approx((0.8 - 0.36) / (1 - 0.36))  # by chance .4 x .2 + .4 x .6 + .2 x .2
    project.labels.record("t7", "cat", annotator="fay")
    assert [pair.kappa for pair in project.labels.agreement() if pair.second == "fay"] == [None]
    assert project.labels.annotators() == {"ann": 5, "bob": 5, "eve": 1, "fay": 1}


def test_undo_of_one_answer_happens_once(project):
    record, undo = project.labels.record, project.labels.undo
    record("t0", "cat", annotator="ann", external_id="a")
    record("t1", "dog", annotator="ann", external_id="b")
    record("t0", "dog", annotator="ann", external_id="c")
    assert [event.external_id for event in project.labels.undoable("ann")] == ["c", "b", "a"]
    first = undo("ann", external_id="a")  # not the last word on it, which stays
    assert (first.item, first.label, first.undoes) == ("t0", "dog", 1)
    assert undo("ann", external_id="a") == first
    assert len(project.labels.history()) == 4
    assert [event.external_id for event in project.labels.undoable("ann", 1)] == ["c"]
    assert undo("ann", external_id="c").kind == "withdraw"
    assert undo("ann", external_id="none") is None
    assert undo("bob", external_id="b") is None
    assert project.labels.standings().keys() == {"t1"}
