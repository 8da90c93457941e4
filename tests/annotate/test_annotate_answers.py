"""What a pull records, worked out on tasks as Label Studio gives them, without a server."""

from __future__ import annotations

import pytest

from spotal.annotate.base import Pulled
from spotal.annotate.label_studio import pull as module
from spotal.annotate.label_studio.config import build_config, read_config


class People:
    def name(self, annotation):
        return annotation["completed_by"]


@pytest.fixture
def pulled(make):
    """Record the annotations (number, who, class or None for a skip, minute) of task 7 about t0; the report."""
    project = make()
    labeling = read_config(build_config("text", project.settings.classes), "text", project.settings.classes, "it")

    def pulled(*annotations, classes=project.settings.classes):
        task = {
            "id": 7,
            "annotations": [
                {
                    "id": number,
                    "completed_by": who,
                    "result": labeling.result(label),
                    "was_cancelled": label is None,
                    "updated_at": f"2026-01-01T00:{minute:02}:00Z",
                }
                for number, who, label, minute in annotations
            ],
        }
        report, prefix = Pulled(), "1@x/7/"
        ours = [event for event in project.labels.history("t0") if (event.external_id or "").startswith(prefix)]
        answers = module._answers(task, "t0", prefix, ours, labeling, classes, People(), report)
        assert len(project.labels.record_all(answers)) == len(answers) == report.events
        return report

    pulled.project = project
    return pulled


def words(project):
    return [(event.annotator, event.kind, event.label) for event in project.labels.history("t0")]


def test_the_same_again_records_nothing(pulled):
    assert pulled((1, "a", "cat", 1)).new == 1
    assert pulled((1, "a", "cat", 1)).events == 0
    assert pulled().withdrawn == 1
    assert pulled().events == 0


def test_a_deleted_later_annotation_brings_back_the_earlier_one(pulled):
    pulled((1, "a", "cat", 1))
    pulled((1, "a", "cat", 1), (2, "a", "dog", 2))
    assert pulled.project.labels.current()["t0"].label == "dog"
    pulled((1, "a", "cat", 1))
    assert pulled.project.labels.current()["t0"].label == "cat"
    assert pulled((1, "a", "cat", 1)).events == 0
    pulled((1, "a", "cat", 1), (3, "a", "dog", 3))
    pulled((1, "a", "cat", 1))
    assert [label for *_, label in words(pulled.project)] == ["cat", "dog", "cat", "dog", "cat"]


def test_an_older_annotation_that_is_edited_becomes_the_last_word(pulled):
    pulled((1, "a", "cat", 1), (2, "a", "dog", 2))
    assert pulled((1, "a", "cat", 3), (2, "a", "dog", 2)).changed == 1
    assert pulled.project.labels.current()["t0"].label == "cat"


def test_annotators_do_not_touch_each_other(pulled):
    pulled((1, "a", "cat", 1), (2, "b", "dog", 2))
    assert pulled.project.labels.standings()["t0"].state == "conflict"
    pulled((2, "b", "dog", 2))
    assert words(pulled.project)[-1] == ("a", "withdraw", None)
    assert pulled.project.labels.current()["t0"].label == "dog"


def test_a_later_word_on_our_page_is_not_overruled_by_an_old_annotation(pulled):
    pulled((1, "a", "cat", 1))
    pulled.project.labels.record("t0", "dog", annotator="a")
    assert pulled((1, "a", "cat", 1)).events == 0
    assert pulled.project.labels.current()["t0"].label == "dog"


def test_a_class_that_goes_and_comes_back(pulled):
    pulled((1, "a", "cat", 1))
    report = pulled((1, "a", "cat", 1), classes=("dog",))
    assert (report.withdrawn, len(report.unread)) == (1, 1)
    assert pulled((1, "a", "cat", 1)).changed == 1
    assert pulled.project.labels.current()["t0"].label == "cat"


def test_a_renamed_annotator_keeps_one_vote(pulled):
    pulled((1, "old@x", "cat", 1))
    pulled((1, "new@x", "cat", 1))
    standing = pulled.project.labels.standings()["t0"]
    assert (standing.label, standing.voters) == ("cat", 1)


def test_a_skip_that_becomes_a_label(pulled):
    assert pulled((1, "a", None, 1)).skipped == 1
    assert pulled.project.labels.standings()["t0"].state == "skipped"
    assert pulled((1, "a", "cat", 2)).changed == 1
    assert pulled.project.labels.current()["t0"].label == "cat"
