"""The folder: making, opening, upgrading it, several processes on it, and processes that are killed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from tests import forks

import spotal
from spotal.errors import DataFileError, ProjectBusyError, ProjectError
from spotal.project import Data, Pick, Project, Settings, database
from spotal.project import project as project_module
from spotal.project.database import FILE
from spotal.project.places import BACKUPS
from spotal.project.schema import REVISION, Base

VERSION_1 = Path(__file__).parent / "version1.sql"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(spotal.__file__).parents[1])}


def python(code, *arguments, **options):
    return forks.python(code, *arguments, stdout=subprocess.PIPE, text=True, **options)


def ask(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def healthy(path):
    return ask(path, "PRAGMA integrity_check") == [("ok",)] and ask(path, "PRAGMA foreign_key_check") == []


def test_what_is_made_is_found_again(make):
    project = make(budget=5)
    project.labels.record("t0", "cat", annotator="ann")
    with Project.open(project.folder) as again:
        assert again.settings == project.settings
        assert list(again.items) == list(project.items)
        assert again.labels.current() == project.labels.current()


def test_a_project_is_made_once(make, tmp_path):
    project = make()
    with pytest.raises(ProjectError, match="is a spotal project already"):
        Project.create(project.folder, project.settings)
    project.labels.record("t0", "cat", annotator="ann")
    (project.folder / "spotal.toml").unlink()
    with pytest.raises(ProjectError, match=r"has labels in project.sqlite but no spotal.toml"):
        Project.create(project.folder, project.settings)
    assert ask(project.folder / FILE, "SELECT label FROM events") == [("cat",)]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (Settings(Data("nowhere"), ("cat", "dog")), DataFileError, "must be a folder of images, found nothing"),
        (
            Settings(Data("."), ("cat", "dog"), strategy="margins"),
            ProjectError,
            "found 'margins'; did you mean 'margin'",
        ),
    ],
)
def test_nothing_is_left_of_a_project_that_cannot_be(tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        Project.create(tmp_path / "p", settings)
    assert not (tmp_path / "p").exists()


def test_folders_that_are_no_project(make, tmp_path):
    with pytest.raises(ProjectError, match=r"is no spotal project, it has no spotal.toml"):
        Project.open(tmp_path)
    project = make()
    project.close()
    path = project.folder / FILE
    path.write_bytes(b"not a database, whatever its name says" * 9)
    with pytest.raises(ProjectError, match="is no database of a spotal project"):
        Project.open(project.folder)
    path.unlink()
    with pytest.raises(ProjectError, match=r"has lost its project.sqlite; spotal doctor --repair rebuilds it"):
        Project.open(project.folder)


def test_the_migrations_make_the_tables_of_the_schema(project, tmp_path):
    scripts = ScriptDirectory.from_config(database.configuration())
    assert scripts.get_current_head() == REVISION
    engine = create_engine(f"sqlite:///{tmp_path / 'models.sqlite'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND name NOT LIKE '%alembic%'"

    def tables(path):
        found = ask(path, query)
        return {
            name: sorted(line.strip(" ,").replace('"', "") for line in (sql or "").splitlines()) for name, sql in found
        }

    assert tables(project.database.path) == tables(tmp_path / "models.sqlite")


def test_a_newer_project_is_refused(make):
    project = make()
    with closing(sqlite3.connect(project.database.path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ProjectError, match=r"was written by a newer spotal \(revision 9999.*\); upgrade spotal"):
        Project.open(project.folder)
    assert not (project.folder / BACKUPS).exists()


@pytest.fixture
def version_1(make):
    """A project whose database was written by the first version."""
    project = make()
    project.close()
    path = project.folder / "project.sqlite"
    shutil.rmtree(project.folder / ".spotal")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    return project.folder


def check_version_1(folder):
    with Project.open(folder) as project:
        assert {name: standing.label for name, standing in project.labels.current().items()} == {"t1": "dog"}
        assert [found.item.id for found in project.labels.conflicts()] == ["t2"]
        assert [task.item.id for task in project.rounds.batch()] == ["t2", "t3"]
        assert len(project.labels.history()) == 6
        assert project.labels.undo("ann") is not None
        assert project.models.metrics(0)["accuracy"].low == 0.25


def test_a_project_of_the_first_version_opens(version_1):
    check_version_1(version_1)


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """This package with one more migration; gives its file."""
    folder = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = int(REVISION) + 1
    script = folder / "versions" / f"{newest:04}_next.py"
    script.write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '{newest:04}'\ndown_revision = '{REVISION}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('events', recreate='always') as batch:\n"
        "        batch.add_column(sa.Column('seconds', sa.Float()))\n"
    )
    monkeypatch.setattr(database, "MIGRATIONS", folder)
    for module in (database, project_module):
        monkeypatch.setattr(module, "REVISION", f"{newest:04}")
    return script


def test_an_older_project_is_upgraded_after_a_copy(version_1, next_version):
    check_version_1(version_1)
    (copy,) = (version_1 / BACKUPS).iterdir()
    assert ask(copy, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert len(ask(copy, "SELECT * FROM events")) == 6
    path = version_1 / FILE
    assert "seconds" in [row[1] for row in ask(path, "PRAGMA table_info(events)")]
    assert healthy(path)
    with pytest.raises(sqlite3.IntegrityError, match="never changed or deleted"):
        ask(path, "DELETE FROM events")


def test_an_upgrade_that_fails_leaves_all_as_it_was(version_1, next_version):
    next_version.write_text(next_version.read_text() + "    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        Project.open(version_1)
    path = version_1 / FILE
    assert ask(path, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert "seconds" not in [row[1] for row in ask(path, "PRAGMA table_info(events)")]
    assert len(ask(path, "SELECT * FROM standings")) == 2


LABEL = """
import sys
from spotal.project import Project
with Project.open(sys.argv[1]) as project:
    print("open", flush=True)
    for k in range(int(sys.argv[3])):
        print(project.labels.record(f"t{k % 10}", "cat", annotator=sys.argv[2]).number, flush=True)
"""


def test_two_processes_that_label_take_turns(project):
    children = [python(LABEL, project.folder, name, 40) for name in ("ann", "bob")]
    printed = [child.communicate(timeout=120)[0].split()[1:] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(int(number) for numbers in printed for number in numbers) == list(range(1, 81))
    assert project.labels.annotators() == {"ann": 10, "bob": 10}
    assert all(standing.votes == 2 for standing in project.labels.current().values())


def test_threads_may_share_a_project(project):
    def label(name):
        for k in range(10):
            project.labels.record(f"t{k}", "cat", annotator=name)

    threads = [threading.Thread(target=label, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {standing.votes for standing in project.labels.current().values()} == {4}


def test_a_label_is_on_disk_when_it_was_answered(project):
    with python(LABEL, project.folder, "ann", 100_000) as child:
        assert child.stdout.readline() == "open\n"
        numbers = [int(child.stdout.readline()) for _ in range(20)]
        child.kill()
        rest = child.stdout.read().split("\n")[:-1]  # what follows the last line end was not finished
        numbers += [int(line) for line in rest]
    assert len(project.labels.history()) >= max(numbers)
    assert healthy(project.database.path)
    assert project.labels.record("t0", "dog", annotator="bob").number > max(numbers)


LOCK = """
import sys
from spotal.project import Project
with Project.open(sys.argv[1]) as project, project.lock("spotal next"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_long_command_at_a_time_and_none_after_a_kill(project):
    with python(LOCK, project.folder, stdin=subprocess.PIPE) as child:
        assert child.stdout.readline() == "held\n"
        busy_with = rf"is in use by 'spotal next' \(process {child.pid}, since"
        with pytest.raises(ProjectBusyError, match=busy_with) as busy, project.lock("spotal train"):
            pass
        assert "\n" not in str(busy.value)
        project.labels.record("t0", "cat", annotator="ann")  # needs no lock
        child.kill()
        child.wait()
        with (
            project.lock("spotal train", wait=30),
            Project.open(project.folder) as again,
            pytest.raises(ProjectBusyError, match="'spotal train'"),
            again.lock("spotal next"),
        ):
            pass
    with project.lock("spotal next"):
        pass


KILLS = """
import os, signal, sqlite3, sys
from pathlib import Path
from sqlalchemy import Engine, event
import spotal.strategies  # once, before the forks
from spotal.errors import ProjectError
from spotal.project import Answer, Audit, Data, Metric, Pick, Project, Settings

def work(folder):
    try:
        settings = Settings(Data("../texts.jsonl", "text"), ("cat", "dog"), audit=Audit(0.3))
        project = Project.create(folder, settings)
    except ProjectError:
        project = Project.open(folder)
    with project.lock("work"):
        project.refresh()
        names = [item.id for item in project.items.candidates()][:3]
        project.rounds.add([Pick(name) for name in names], audit=1, strategy="spot", n_labeled=0)
        open_ = [task.item.id for task in project.rounds.batch()]
        project.labels.record_all([Answer(name, "ann", label="cat") for name in open_])
        project.models.add("probe", n_labeled=1, metrics=[Metric("accuracy", 0.5), Metric("loss", 1.0)])

def child(folder, last=-1):
    # do the work, in a process that kills itself after so many statements; how it ended
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    done = 0
    def count(*_):
        nonlocal done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
    event.listen(Engine, "after_cursor_execute", count)
    try:
        work(folder)
        code = 0
    except BaseException as error:
        print("failed:", error, file=sys.stderr)
        code = 1
    os._exit(code)

points, ended = range(1, 1000, int(sys.argv[2])), set()
for last in points:
    folder = Path(sys.argv[1], f"killed-{last}")
    code = child(folder, last)
    ended.add(code)
    if (folder / "spotal.toml").exists():
        sqlite = sqlite3.connect(folder / ".spotal/project.sqlite")
        count = lambda table: sqlite.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        assert sqlite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert sqlite.execute("PRAGMA foreign_key_check").fetchall() == []
        assert count("items") == 30
        assert count("picks") == 4 * count("rounds")
        assert count("events") in (0, 4)
        assert count("metrics") == 2 * count("models")
        sqlite.close()
    if code == 0:  # the work took fewer statements
        break
    assert child(folder) == 0, last
    with Project.open(folder) as project:
        assert project.rounds.batch() == []
        counts = project.counts()
        assert len(project.labels.standings()) == counts.picked >= 4, (last, counts)
assert ended == {0, -signal.SIGKILL}, ended
print(last)
"""


@pytest.mark.slow
def test_killed_anywhere_the_next_command_goes_on(make, tmp_path):
    make(30, name="other")  # writes texts.jsonl
    child = python(KILLS, tmp_path, 13)
    assert int(child.communicate(timeout=300)[0]) > 50
    assert child.returncode == 0


def test_picks_of_two_who_choose_the_same_are_recorded_once(project):
    with Project.open(project.folder) as other:
        mine, theirs = project.items.candidates(), other.items.candidates()
        project.rounds.add([Pick(mine[0].id)], strategy="spot", n_labeled=0)
        with pytest.raises(ProjectError, match="found 't0' of round 0"):
            other.rounds.add([Pick(theirs[0].id)], strategy="spot", n_labeled=0)
    assert len(project.rounds.picks()) == 1
