"""An import is undone as a whole: what was said before holds again, what was said since stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from tests.annotate.files.conftest import lines_in, spotal

from spotal.annotate.files import import_labels
from spotal.errors import ProjectError


def labels(project):
    return {name: row.label for name, row in project.labels.standings().items()}


def test_undo_takes_back_the_last_import_and_the_right_file_comes_in(numbered, tmp_path):
    at = "2026-01-01T00:00:00Z"
    head = "id,label,annotator,at"
    wrong = lines_in(tmp_path / "w.csv", head, f"1,dog,ann,{at}", f"2,dog,ann,{at}", f"3,dog,bob,{at}")
    right = lines_in(tmp_path / "r.csv", head, f"1,cat,ann,{at}", f"2,cat,ann,{at}", f"3,cat,bob,{at}")
    numbered.labels.record("1", "cat", annotator="ann", at=datetime(2025, 1, 1, tzinfo=UTC))
    before = numbered.labels.standings()
    assert import_labels(numbered, wrong).recorded == 3
    numbered.labels.record("3", "cat", annotator="bob")  # bob thought again
    events = numbered.labels.last_event()
    told = json.loads(spotal("undo", numbered.folder, "--dry-run", "--json").stdout)["undone"]
    assert (told["withdrawn"], told["restored"], told["kept"]) == (2, 1, 1)
    assert numbered.labels.last_event() == events
    said = spotal("undo", numbered.folder)
    assert said.exit_code == 0
    assert "Undid import 1: 3 answers of" in said.stdout
    assert "w.csv (csv)" in said.stdout
    assert "1 answers are kept" in said.stdout
    assert numbered.labels.last_event() == events + 2
    assert labels(numbered) == {"1": "cat", "3": "cat"}
    assert numbered.labels.standings()["1"] == before["1"]
    again = spotal("undo", numbered.folder)
    assert (again.exit_code, numbered.labels.last_event()) == (0, events + 2)
    assert "Nothing to undo: import 1" in again.stdout
    done = import_labels(numbered, right)
    assert (done.recorded, done.older) == (2, 1)  # bob's own later word counts
    assert labels(numbered) == {"1": "cat", "2": "cat", "3": "cat"}
    numbered.imports.undo()
    assert import_labels(numbered, right).recorded == 2  # the same file again
    assert import_labels(numbered, right).recorded == 0
    imports = [(one.number, one.answers, one.undone is None) for one in numbered.imports.all()]
    assert imports == [(1, 3, False), (2, 2, False), (3, 2, True)]


def test_imports_are_undone_in_any_order(numbered, tmp_path):
    first = lines_in(tmp_path / "1.csv", "id,label", "1,cat", "2,cat")
    second = lines_in(tmp_path / "2.csv", "id,label", "1,dog")
    import_labels(numbered, first)
    import_labels(numbered, second)
    assert numbered.imports.undo(1).kept == 1
    assert labels(numbered) == {"1": "dog"}
    assert numbered.imports.undo(2).restored == 0  # what it replaced was undone before
    assert labels(numbered) == {}
    import_labels(numbered, first)
    import_labels(numbered, second)
    assert numbered.imports.undo().restored == 1
    assert labels(numbered) == {"1": "cat", "2": "cat"}
    assert numbered.imports.undo(3).withdrawn == 2  # what was restored is its own
    assert labels(numbered) == {}
    with pytest.raises(ProjectError, match="found 9"):
        numbered.imports.undo(9)


def test_undo_on_the_page_never_brings_an_undone_import_back(numbered, tmp_path):
    import_labels(numbered, lines_in(tmp_path / "1.csv", "id,label", "1,cat"), annotator="ann")
    numbered.labels.record("1", "dog", annotator="ann", external_id="e1")
    assert numbered.imports.undo().kept == 1
    assert numbered.labels.undo("ann", external_id="e1").kind == "withdraw"
    assert numbered.labels.standings() == {}


def test_nothing_to_undo(make):
    project = make()
    said = spotal("undo", project.folder)
    assert (said.exit_code, said.stdout) == (0, "No import is recorded, so there is nothing to undo\n")
    assert json.loads(spotal("undo", project.folder, "--json").stdout) == {"dry_run": False, "undone": None}
    assert spotal("undo", project.folder, "--import", 4).exit_code == 2
