"""No acknowledged answer is lost: not where a process is killed between journal and database, nor with the database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from tests.forks import run
from typer.testing import CliRunner

import spotal
from spotal.cli.main import app
from spotal.errors import OutputError, ProjectError
from spotal.project import Answer, Project, database, journal
from spotal.project.database import FILE
from spotal.project.doctor import diagnose
from spotal.project.places import BACKUPS, JOURNAL

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(spotal.__file__).parents[1])}


def answer_all(project):
    """Answers of every kind, an undo among them."""
    project.labels.record("t0", "cat", annotator="ann", source="import", external_id="a", external_version="2")
    project.labels.record_all(
        [Answer("t1", "bob", "label", "dog"), Answer("t2", "bob", "skip"), Answer("t2", "ann", "none_of_these")]
    )
    project.labels.record("t3", "bird", annotator="ann")
    project.labels.undo("ann")
    project.labels.record("t4", "cat", annotator="Зоя 𝒵")
    project.labels.withdraw("t1", annotator="bob")


def lines(folder):
    return [json.loads(line) for line in (folder / JOURNAL).read_text(encoding="utf-8").splitlines()]


def known(folder):
    with Project.open(folder) as project:
        return project.labels.history(), project.labels.standings()


def test_every_event_is_in_the_journal(project):
    answer_all(project)
    found = lines(project.folder)
    events = project.labels.history()
    assert [(line["number"], line["item"], line["annotator"], line["kind"], line["label"]) for line in found] == [
        (event.number, event.item, event.annotator, event.kind, event.label) for event in events
    ]
    assert found[5]["undoes"] == events[4].number
    assert (found[0]["external_id"], found[0]["external_version"], found[0]["source"]) == ("a", "2", "import")
    assert all(line["content"] for line in found)


def test_an_answer_is_in_the_journal_and_on_disk_before_it_is_committed(project, monkeypatch):
    seen = []
    fsync = os.fsync

    def look(number):
        fsync(number)
        with closing(sqlite3.connect(project.database.path)) as other:
            committed = other.execute("SELECT COUNT(*) FROM events").fetchone()[0]
        seen.append((os.readlink(f"/proc/self/fd/{number}"), len(lines(project.folder)), committed))

    monkeypatch.setattr(os, "fsync", look)
    project.labels.record_all([Answer(f"t{k}", "ann", "label", "cat") for k in range(5)])
    assert seen == [(str(project.folder / JOURNAL), 5, 0)]


def test_an_answer_that_the_journal_cannot_take_is_not_recorded(project, monkeypatch):
    project.labels.record("t0", "cat", annotator="ann")
    before = (project.folder / JOURNAL).read_bytes()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"answers.jsonl cannot be written \(no space left on device\)"):
        project.labels.record("t1", "cat", annotator="ann")
    assert [event.item for event in project.labels.history()] == ["t0"]
    assert (project.folder / JOURNAL).read_bytes() == before


@pytest.mark.parametrize("where", ["before the journal", "after the journal"])
def test_a_kill_between_journal_and_database_loses_nothing(project, where):
    code = (
        "import os, signal, sys\n"
        "from spotal.project import Project, journal\n"
        "plain = journal.append\n"
        "def deadly(path, lines):\n"
        "    if sys.argv[2] == 'after the journal':\n"
        "        plain(path, lines)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Project.open(sys.argv[1]) as project:\n"
        "    project.labels.record('t0', 'cat', annotator='ann')\n"
        "    journal.append = deadly\n"
        "    project.labels.record('t1', 'dog', annotator='ann')\n"
    )
    project.close()
    done = run(code, project.folder, where)
    assert done.returncode == -signal.SIGKILL
    events, _ = known(project.folder)
    assert [(e.item, e.label) for e in events] == [("t0", "cat"), ("t1", "dog")][: 1 + (where == "after the journal")]
    with Project.open(project.folder) as again:
        again.labels.record("t5", "bird", annotator="ann")
    assert [line["number"] for line in lines(project.folder)] == list(range(1, len(events) + 2))


@pytest.mark.parametrize("is_killed", [False, True])
def test_answers_of_a_transaction_that_failed_do_not_come_back(project, monkeypatch, is_killed):
    project.labels.record("t0", "cat", annotator="ann")
    done = []

    def fail(connection):
        done.append(len(lines(project.folder)))
        raise RuntimeError("no commit")

    before = (project.folder / JOURNAL).read_bytes()
    if is_killed:  # nobody is left to take them back
        monkeypatch.setattr(journal, "take_back", lambda path, written: None)
    sqlalchemy.event.listen(project.database._writers, "commit", fail)
    with pytest.raises(RuntimeError, match="no commit"):
        project.labels.record_all([Answer("t1", "ann", "label", "dog"), Answer("t2", "ann", "label", "dog")])
    monkeypatch.undo()
    sqlalchemy.event.remove(project.database._writers, "commit", fail)
    assert done == [3]
    assert is_killed or (project.folder / JOURNAL).read_bytes() == before
    project.labels.record("t3", "bird", annotator="ann")
    project.close()
    assert [event.item for event in known(project.folder)[0]] == ["t0", "t3"]
    (project.folder / FILE).unlink()
    diagnose(project.folder, repair=True)
    assert [event.item for event in known(project.folder)[0]] == ["t0", "t3"]


@pytest.mark.parametrize("cut", [1, 2, 40, 100])
def test_a_last_line_that_was_cut_is_passed_over_and_written_again(project, cut):
    answer_all(project)
    project.close()
    path = project.folder / JOURNAL
    path.write_bytes(path.read_bytes()[:-cut])
    events, standings = known(project.folder)
    assert len(events) == 8
    assert set(journal.read(path)) == {event.number for event in events}
    (project.folder / FILE).unlink()
    assert diagnose(project.folder, repair=True).findings == []
    assert known(project.folder) == (events, standings)


def test_a_project_without_a_journal_gets_one(project):
    answer_all(project)
    project.close()
    before = lines(project.folder)
    (project.folder / JOURNAL).unlink()
    Project.open(project.folder).close()
    assert lines(project.folder) == before


def test_an_older_copy_that_is_put_back_gets_what_came_after(project, tmp_path):
    project.labels.record("t0", "cat", annotator="ann")
    database.backup(project.database.path, tmp_path / "copy.sqlite")
    answer_all(project)
    events, standings = project.labels.history(), project.labels.standings()
    project.close()
    shutil.copy(tmp_path / "copy.sqlite", project.folder / FILE)
    assert known(project.folder) == (events, standings)


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(b"garbage" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "holes": lambda path: path.write_bytes(path.read_bytes()[:8192] + bytes(len(path.read_bytes()) - 8192)),
    "unknown revision": lambda path: sql(path, "UPDATE alembic_version SET version_num = 'abc'"),
    "old revision": lambda path: sql(path, "UPDATE alembic_version SET version_num = '0000'"),
    "revision of blanks": lambda path: sql(path, "UPDATE alembic_version SET version_num = '*'"),
}


def sql(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("with_backup", [False, True])
def test_a_destroyed_database_is_made_anew_with_every_answer(make, damage, with_backup):
    project = make(held_back=0.3)
    if with_backup:
        project.labels.record("t9", "dog", annotator="eve")
        database.backup(project.database.path, project.folder / BACKUPS / "project-doctor-20260101T000000Z.sqlite")
    answer_all(project)
    held = [item.id for item in project.items if item.held_back]
    events, standings = project.labels.history(), project.labels.standings()
    project.close()
    with closing(sqlite3.connect(project.folder / FILE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    DAMAGE[damage](project.folder / FILE)
    left = (project.folder / FILE).read_bytes() if damage != "missing" else None
    with pytest.raises(ProjectError, match=r"spotal doctor --repair"):
        Project.open(project.folder)
    run = CliRunner().invoke(app, ["next", str(project.folder)])
    assert (run.exit_code, "Traceback" in run.output) == (2, False)
    assert diagnose(project.folder).findings[0].repair
    found = diagnose(project.folder, repair=True)
    assert found.findings == []
    assert known(project.folder) == (events, standings)
    with Project.open(project.folder) as again:
        assert [item.id for item in again.items if item.held_back] == held
    kept = [path.read_bytes() for path in (project.folder / BACKUPS).glob("damaged-*.sqlite")]
    assert kept == ([] if left is None else [left])
    assert diagnose(project.folder).findings == []


def test_answers_about_items_that_are_gone_from_the_data_come_back_too(make, tmp_path):
    project = make()
    answer_all(project)
    events, standings = project.labels.history(), project.labels.standings()
    project.close()
    kept = (tmp_path / "texts.jsonl").read_text().splitlines()[3:]
    (tmp_path / "texts.jsonl").write_text("\n".join(kept))
    (project.folder / FILE).unlink()
    diagnose(project.folder, repair=True)
    with Project.open(project.folder) as again:
        assert [(e.item, e.kind, e.label) for e in again.labels.history()] == [
            (e.item, e.kind, e.label) for e in events
        ]
        assert {name: row.label for name, row in again.labels.standings().items()} == {
            name: row.label for name, row in standings.items()
        }
        assert all(again.items.get(name).missing for name in ("t0", "t1", "t2"))


def test_rows_that_moved_are_found_by_their_content(tmp_path):
    from spotal.project import Audit, Data, Settings

    (tmp_path / "texts.csv").write_text("text\nred\ngreen\nblue\n")
    settings = Settings(Data("../texts.csv", "text"), ("warm", "cold"), audit=Audit(held_back=0.0))
    with Project.create(tmp_path / "p", settings) as project:
        project.labels.record("0", "warm", annotator="ann")
        project.labels.record("2", "cold", annotator="ann")
    (tmp_path / "texts.csv").write_text("text\nblue\nnew\ngreen\nred\n")
    (tmp_path / "p" / FILE).unlink()
    diagnose(tmp_path / "p", repair=True)
    with Project.open(tmp_path / "p") as project:
        found = {project.items.get(name).text: row.label for name, row in project.labels.standings().items()}
    assert found == {"red": "warm", "blue": "cold"}


WHOLE = {
    "number": 9,
    "item": "t0",
    "annotator": "x",
    "kind": "skip",
    "at": "2026-01-01T00:00:00+00:00",
    "source": "page",
}


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"5",
        b'{"number": 5}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        *(
            json.dumps(WHOLE | change).encode()
            for change in (
                {"kind": "shout"},
                {"number": 1e30},
                {"number": 10**20},
                {"number": True},
                {"at": "yesterday"},
                {"label": ["cat"]},
                {"kind": "label"},
                {"item": None},
                {"undoes": "x"},
            )
        ),
    ],
)
def test_damaged_lines_hinder_no_other(project, line):
    answer_all(project)
    events = project.labels.history()
    project.close()
    path = project.folder / JOURNAL
    path.write_bytes(path.read_bytes() + line + b"\n")
    (project.folder / FILE).unlink()
    diagnose(project.folder, repair=True)
    assert known(project.folder)[0] == events


def test_the_doctor_writes_lines_again_that_are_gone(project):
    answer_all(project)
    project.close()
    path = project.folder / JOURNAL
    kept = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*kept[:2], b"x" * 50 + b"\n", *kept[3:]]))
    (finding,) = diagnose(project.folder).findings
    assert finding.sentence == "answers.jsonl, the copy of all answers, lacks 1 of them"
    assert diagnose(project.folder, repair=True).findings == []
    assert set(journal.read(path)) == {event.number for event in known(project.folder)[0]}
