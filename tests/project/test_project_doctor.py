"""Every kind of damage is found and told in a sentence; repairs come after a backup and lose nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spotal.cli.main import app
from spotal.errors import ProjectError
from spotal.project import Audit, Data, Pick, Project, Settings
from spotal.project.database import FILE
from spotal.project.doctor import diagnose
from spotal.project.model_files import note
from spotal.project.places import HOLDER, JOURNAL, MODELS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project of eight images with three labels and a model, closed."""
    tmp_path = tmp_path_factory.mktemp("made")
    (tmp_path / "photos").mkdir()
    for k in range(8):
        Image.fromarray(np.full((4, 4), 20 * k, np.uint8)).save(tmp_path / "photos" / f"{k}.png")
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(tmp_path / "other.png")
    settings = Settings(Data("../photos"), ("cat", "dog", "bird"), audit=Audit(held_back=0.0))
    with Project.create(tmp_path / "p", settings) as project:
        project.rounds.add([Pick("0.png"), Pick("1.png")], strategy="spot", n_labeled=0)
        for k, label in enumerate(("cat", "dog", "bird")):
            project.labels.record(f"{k}.png", label, annotator="ann", source="import")
        (project.folder / MODELS).mkdir()
        np.save(project.folder / MODELS / "e.npy", np.zeros((8, 2), np.float32))
        project.models.add("probe", n_labeled=3, events=3, embeddings=f"{MODELS}/e.npy")
    return tmp_path


@pytest.fixture
def folder(made, tmp_path):
    """A copy of the project, with its images."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy" / "p"


def sql(folder, *statements):
    with closing(sqlite3.connect(folder / FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def sentences(found):
    return [f"{finding.check}: {finding.sentence}" for finding in found]


def labels(folder):
    with Project.open(folder) as project:
        return {name: row.label for name, row in project.labels.standings().items()}


def test_a_project_in_order(folder):
    found = diagnose(folder, repair=True)
    assert (found.findings, found.notes, found.repaired, found.skipped, found.backup) == ([], [], [], [], None)
    assert {"python", "spotal", "sqlite"} <= set(found.versions)


def edit(folder, before, after):
    path = folder / "spotal.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


DAMAGE = {
    "settings: .*spotal.toml does not exist": lambda p: (p / "spotal.toml").unlink(),
    "settings: .*not valid TOML": lambda p: (p / "spotal.toml").write_text("classes = ["),
    "settings: classes that are in use are not in spotal.toml: 'bird' .1 labels.": lambda p: edit(p, ', "bird"', ""),
    "settings: strategy 'sport' is unknown; did you mean 'spot'": lambda p: edit(p, '= "spot"', '= "sport"'),
    "settings: kind is 'text' .* the items are 8 of kind image": lambda p: edit(p, 'kind = "image"', 'kind = "text"'),
    "database: project.sqlite is missing; restore": lambda p: ((p / FILE).unlink(), (p / JOURNAL).unlink()),
    "database: .*is no database": lambda p: ((p / FILE).write_bytes(b"garbage" * 1000), (p / JOURNAL).unlink()),
    "database: .*newer spotal .revision 9999": lambda p: sql(p, "UPDATE alembic_version SET version_num = '9999'"),
    "database: 1 records refer to nothing": lambda p: sql(p, "UPDATE picks SET round = 7 WHERE rank = 1"),
    "database: 1 rounds have no picks": lambda p: sql(p, "DELETE FROM picks"),
    "database: 1 picks do not fit": lambda p: sql(p, "UPDATE items SET held_back = .1 WHERE number = 0"),
    "database: 1 items are lost": lambda p: sql(p, "DELETE FROM items WHERE number = 5"),
    "data: .*photos": lambda p: shutil.move(p.parent / "photos", p.parent / "elsewhere"),
}  # fmt: skip


@pytest.mark.parametrize("told", DAMAGE)
def test_what_is_for_a_person_is_told_and_left(folder, told):
    DAMAGE[told](folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".sqlite-shm"}
    found = diagnose(folder, repair=True)
    assert any(re.match(told, sentence) for sentence in sentences(found.findings)), sentences(found.findings)
    assert found.repaired == []
    left = {path: path.read_bytes() for path in before if path.exists()}
    assert {path for path in before if path.name != "lock-holder" and before[path] != left.get(path)} <= {
        path for path in before if "sqlite-" in path.name
    }


REPAIRS = {
    "models: model 0 has lost its .spotal/models/e.npy; spotal train": lambda p: (p / MODELS / "e.npy").unlink(),
    "models: model 0 has a damaged .spotal/models/e.npy; spotal train": lambda p: (p / MODELS / "e.npy").write_bytes(
        b"x"
    ),
    "leftovers: 1 unfinished files: '.spotal/models/.x.npy.0123cdef.part'": lambda p: (
        p / MODELS / ".x.npy.0123cdef.part"
    ).touch(),
    "models: 1 files in .spotal/models belong to no model: 'stray.npy'": lambda p: (
        note(p, [f"{MODELS}/stray.npy"]),
        (p / MODELS / "stray.npy").touch(),
    ),
    "data: 1 items are changed since .*: '6.png'": lambda p: shutil.copy(
        p.parent / "other.png", p.parent / "photos" / "6.png"
    ),
    "data: 1 items are gone since .*: '7.png'": lambda p: (p.parent / "photos" / "7.png").unlink(),
    "database: events_counted, tally: these views": lambda p: sql(p, "DROP TRIGGER events_counted", "DROP VIEW tally"),
    "database: events_counted: these views": lambda p: sql(p, "DROP TRIGGER events_counted", "DELETE FROM standings"),
    "database: standings: the states of items do not follow": lambda p: sql(p, "UPDATE standings SET label = 'cat'"),
    "database: standings: the states of items do not": lambda p: sql(
        p, "INSERT INTO standings VALUES (5, 'skipped', NULL, 0, 0, 1)"
    ),
    "database: events_no_delete, events_no_update: ": lambda p: sql(
        p, "DROP TRIGGER events_no_delete", "DROP TRIGGER events_no_update"
    ),
}


@pytest.mark.parametrize("told", REPAIRS)
def test_what_is_safe_is_repaired_after_a_backup(folder, told):
    before = labels(folder)
    REPAIRS[told](folder)
    (sentence,) = sentences(diagnose(folder).findings)
    assert re.match(told, sentence)
    found = diagnose(folder, repair=True)
    assert (found.findings, sentences(found.repaired)) == ([], [sentence])
    assert found.backup.is_file()
    assert diagnose(folder).findings == []
    assert labels(folder) == before
    with closing(sqlite3.connect(found.backup)) as copy:
        assert copy.execute("SELECT COUNT(*) FROM events").fetchone() == (3,)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        sql(folder, "DELETE FROM events")


def test_labels_of_changed_items_are_for_a_person(folder):
    """The change is noted; whether the label holds is not for a repair to say."""
    path = folder.parent / "photos" / "1.png"
    stat, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:40] + bytes(len(content) - 40))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found = diagnose(folder)
    assert [re.sub(";.*|, which.*", "", sentence) for sentence in sentences(found.findings)] == [
        "data: 1 items are changed since the data were last read: '1.png'",
        "data: 1 of the changed items have labels",
        "images: 1 images cannot be read",
    ]
    found = diagnose(folder, repair=True)
    assert [finding.check for finding in found.repaired] == ["data"]
    aside, unread = sentences(found.findings)
    assert aside.startswith("data: 1 label set aside and not trained on, since 1 item changed")
    assert unread == "images: 1 images cannot be read; replace them: '1.png'"
    assert labels(folder) == {"0.png": "cat", "2.png": "bird"}


def test_labels_go_with_a_file_that_was_renamed(folder):
    photos = folder.parent / "photos"
    (photos / "1.png").rename(photos / "z.png")
    found = diagnose(folder, repair=True)
    assert [finding.sentence for finding in found.repaired] == [
        "1 items are renamed since the data were last read: '1.png to z.png'"
    ]
    assert labels(folder) == {"0.png": "cat", "z.png": "dog", "2.png": "bird"}


def test_one_repair_shows_what_is_behind_it(folder):
    """Views that are gone hide the rest; both are repaired at once."""
    sql(folder, "DROP VIEW tally")
    (folder / MODELS / "stray.npy").touch()
    note(folder, [f"{MODELS}/stray.npy"])
    assert len(diagnose(folder).findings) == 1
    assert len(diagnose(folder, repair=True).repaired) == 2


def test_an_older_database_is_upgraded(folder, tmp_path):
    old = tmp_path / "old"
    (old / ".spotal").mkdir(parents=True)
    text = (os.path.dirname(__file__), "version1.sql")
    with closing(sqlite3.connect(old / FILE)) as connection, open(os.path.join(*text)) as script:
        connection.executescript(script.read())
    shutil.copy(folder / "spotal.toml", old)
    (finding,) = [f for f in diagnose(old).findings if f.check == "database"]
    assert finding.repair == "upgrade it"


def test_notes_are_no_findings(folder):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder.parent / "photos" / "new.png")
    found = diagnose(folder)
    assert (found.findings, sentences(found.notes)) == ([], ["data: 1 items are new; spotal next adds them"])
    sql(folder, "UPDATE items SET held_back = .1 WHERE number = 2")
    assert any("held back for the audit have imported labels" in note for note in sentences(diagnose(folder).notes))


def test_a_project_in_use_is_left_alone(folder):
    part = folder / MODELS / ".x.npy.0123cdef.part"
    part.touch()
    with Project.open(folder) as project, project.lock("next"):
        found = diagnose(folder)
        assert (found.findings, found.skipped) == ([], ["leftovers"])
        assert "in use by 'next'" in found.notes[0].sentence
        holder = folder / HOLDER
        holder.write_text(json.dumps({**json.loads(holder.read_text()), "pid": 2**22 + 1}))
        assert "there is no such process here" in diagnose(folder).findings[0].sentence
    assert part.exists()


def test_no_project_at_all(tmp_path):
    with pytest.raises(ProjectError, match=r"neither spotal.toml nor .spotal/project.sqlite; make one by spotal init"):
        diagnose(tmp_path)


def test_the_command(folder):
    def run(*words):
        return CliRunner().invoke(app, ["doctor", str(folder), *words], env={"COLUMNS": "200"})

    assert (run().exit_code, "All is well." in run().stdout) == (0, True)
    (folder / MODELS / "stray.npy").touch()
    note(folder, [f"{MODELS}/stray.npy"])
    found = run()
    assert found.exit_code == 1
    assert (
        "Fault (models): 1 files in .spotal/models belong to no model: 'stray.npy'; --repair: delete them"
        in found.stdout
    )
    document = json.loads(run("--json").stdout)
    assert document["findings"][0]["repair"] == "delete them"
    done = run("--repair")
    assert done.exit_code == 0
    assert "Repaired (models)" in done.stdout
    assert "Copied the database to" in done.stdout
    assert CliRunner().invoke(app, ["doctor", str(folder.parent)]).exit_code == 2
