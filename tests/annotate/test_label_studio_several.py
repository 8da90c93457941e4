"""Items of several classes, in a real Label Studio."""

from __future__ import annotations

import pytest

from spotal.annotate import Guesses, LabelStudio, Pushed
from spotal.annotate.label_studio.config import NONE

pytestmark = pytest.mark.usefixtures("env")


def test_several_choices_go_there_and_come_back(make, annotator):
    project = make(5, many=True, classes=("cat", "dog", "cow"))
    tool = LabelStudio(project)
    guesses = Guesses("spotal model 0", lambda number: ("cat|dog" if number else None, 0.8))
    assert tool.push(guesses) == Pushed(new=5, guesses=5)
    someone = annotator(tool)
    tasks = someone.tasks()
    assert tasks["t1"]["predictions"][0]["result"][0]["value"] == {"choices": ["cat", "dog"]}
    assert tasks["t0"]["predictions"][0]["result"][0]["value"] == {"choices": [NONE]}
    number = someone.says("t0", "dog|cow")
    someone.says("t1", None)
    someone.says("t2", "cat")
    someone.skips("t3")
    report = tool.pull()
    assert (report.new, report.skipped, report.none_of_these, report.unread) == (4, 1, 1, [])
    standings = project.labels.standings()
    assert {name: (row.state, row.label) for name, row in standings.items()} == {
        "t0": ("labeled", "cow|dog"),
        "t1": ("none_of_these", None),
        "t2": ("labeled", "cat"),
        "t3": ("skipped", None),
    }
    someone.changes(number, "cow|cat|dog")
    assert tool.pull().changed == 1
    assert project.labels.standings()["t0"].label == "cat|cow|dog"
    assert tool.pull().events == 0
    assert project.counts().trainable == 3


def test_a_project_there_takes_several_choices_when_ours_does(make, annotator):
    project = make(2, classes=("cat", "dog"))
    tool = LabelStudio(project)
    tool.push(Guesses("none", lambda number: None))
    annotator(tool).says("t0", "dog")
    tool.pull()
    file = project.folder / "spotal.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("many = false", "many = true"), encoding="utf-8")
    with type(project).open(project.folder) as again:
        tool = LabelStudio(again)
        tool.push(Guesses("none", lambda number: None))
        annotator(tool).says("t1", "dog|cat")
        assert tool.pull().new == 1
        assert {row.label for row in again.labels.standings().values()} == {"dog", "cat|dog"}
