"""Only files that spotal made are moved, overwritten or removed, whatever else lies in the folder or is linked."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spotal.errors import DataFileError, ProjectBusyError, ProjectError
from spotal.project import Audit, Data, Project, Settings, layout, next_batch, read_embeddings, train
from spotal.project.doctor import diagnose
from spotal.project.places import DATABASE, FEATURES, LINK, MODELS, OWN, PICTURES

VERSION_1 = Path(__file__).parent / "version1.sql"


def photo(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), shade, np.uint8)).save(path)


def content(folder):
    """All files but spotal's own, and what links point to."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and OWN not in path.relative_to(folder).parts and path.name != "spotal.toml"
    }


@pytest.fixture
def photos(tmp_path):
    """Photos in folders that have the names of ours, with other things among them."""
    folder = tmp_path / "photos"
    for k in range(12):
        photo(folder / ("cars", "models", "cache/pictures", "features", "backups")[k % 5] / f"{k}.png", 20 * k)
    (folder / "models" / "my-resnet.pt").write_bytes(b"weights")
    (folder / "models" / "mine").mkdir()
    for name in (".film.mkv.part", ".film.mkv.0123abcd.part", "models/.x.npy.0123abcd.part", "backups/diary.sqlite"):
        (folder / name).write_bytes(b"the user's")
    with closing(sqlite3.connect(folder / "project.sqlite")) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.execute("INSERT INTO bookmarks VALUES ('https://example.org')")
        connection.commit()
    return folder


def work(folder, rounds=3):
    """Make a project in a folder of photos, and go through rounds of it."""
    settings = Settings(Data("."), ("cars", "models"), batch_size=3, audit=Audit(held_back=0.0))
    with Project.create(folder, settings) as project:
        assert len(project.items) == 12
        for number in range(rounds):
            next_batch(project)
            for k, task in enumerate(project.rounds.batch()):
                project.labels.record(task.item.id, ("cars", "models")[(k + number) % 2], annotator="ann")
        train(project)
        assert len(project.items) == 12


def test_a_project_beside_the_photos_touches_none_of_them(photos):
    before = content(photos)
    work(photos)
    diagnose(photos, repair=True)
    assert content(photos) == before
    assert {path.name for path in photos.iterdir()} - {name.split("/")[0] for name in before} == {OWN, "spotal.toml"}


@pytest.mark.parametrize("where", [OWN, MODELS, FEATURES, DATABASE, f"{OWN}/lock", f"{OWN}/cache"])
def test_links_among_our_own_files_are_refused(make, tmp_path, where):
    project = make()
    project.close()
    place, target = project.folder / where, tmp_path / "elsewhere"
    if place.exists():
        shutil.move(place, target)
    else:
        target.mkdir()
    if target.is_dir():
        (target / "mine.npy").write_bytes(b"mine")
    place.symlink_to(target)
    for act in (Project.open, diagnose, lambda folder: diagnose(folder, repair=True)):
        with pytest.raises(ProjectError, match=f"{where.split('/')[-1]} must not be a link, found one to"):
            act(project.folder)
    assert not target.is_dir() or (target / "mine.npy").read_bytes() == b"mine"


def test_only_model_files_that_were_noted_are_swept(photos):
    work(photos)
    mine = [photos / MODELS / name for name in ("my-resnet.pt", ".mine.part", "0099-abcdef.pt", "sub")]
    for path in mine[:-1]:
        path.write_bytes(b"mine")
    mine[-1].mkdir()
    outside = photos / "models" / "my-resnet.pt"
    (photos / OWN / "made.txt").open("a").write(f"\n../{outside.name}\nmodels/my-resnet.pt\n{MODELS}/../../cars\n")
    with Project.open(photos) as project:
        project.labels.record("cars/0.png", "cars", annotator="bob")
        project.labels.record("cars/5.png", "models", annotator="bob")
        train(project)
    diagnose(photos, repair=True)
    assert all(path.exists() for path in mine)
    assert outside.exists()


def test_another_programs_database_is_never_removed(photos):
    shutil.copytree(photos, photos.parent / "web")
    web = photos.parent / "web"
    (web / OWN).mkdir()
    shutil.move(web / "project.sqlite", web / DATABASE)
    before = (web / DATABASE).read_bytes()
    with pytest.raises(ProjectError, match=r"project.sqlite is no database of a spotal project; move it away"):
        Project.create(web, Settings(Data("."), ("a", "b")))
    assert (web / DATABASE).read_bytes() == before


def test_a_database_whose_settings_are_lost_is_kept(make):
    project = make()
    project.close()
    (project.folder / "spotal.toml").unlink()
    with pytest.raises(ProjectError, match=r"has a .spotal/project.sqlite but no spotal.toml; restore that"):
        Project.create(project.folder, project.settings)
    assert (project.folder / DATABASE).exists()


@pytest.mark.parametrize("path", [".spotal", ".spotal/cache/pictures", "./.spotal/../.spotal"])
def test_data_among_our_own_files_are_refused(tmp_path, path):
    photo(tmp_path / ".spotal/cache/pictures/a.png", 3)
    with pytest.raises(ProjectError, match=r"the data must lie outside .*\.spotal, which is spotal's own"):
        Project.create(tmp_path, Settings(Data(path), ("a", "b")))


@pytest.fixture
def old(photos):
    """A project as older versions left it: its own files at the top, among the user's."""
    work(photos)
    (photos / "project.sqlite").unlink()
    with Project.open(photos) as project:
        stem = f"model-{'0' * 16}"
        (photos / FEATURES).mkdir(exist_ok=True)
        np.save(photos / FEATURES / f"{stem}.npy", np.zeros((1, 1)))
        np.save(photos / FEATURES / f"{stem}.marks.npy", np.zeros(1))
        photo(photos / PICTURES / "0-0123456789ab-small.webp", 4)
        (photos / LINK).write_text(json.dumps({"url": "", "mark": "", "project": 0, "born": "", "seen": ""}))
        files = [
            (model.number, key, getattr(model, key))
            for model in project.models.all()
            for key in ("weights", "embeddings", "predictions")
            if getattr(model, key)
        ]
        standings, embeddings = project.labels.standings(), np.array(read_embeddings(project))
    with closing(sqlite3.connect(photos / DATABASE)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        for number, key, path in files:
            connection.execute(f"UPDATE models SET {key} = ? WHERE number = ?", (path.removeprefix(f"{OWN}/"), number))
        connection.commit()
    for path in sorted((photos / OWN).rglob("*")):
        target = photos / path.relative_to(photos / OWN)
        if path.is_file() and path.name not in ("lock", "lock-holder", "made.txt", "answers.jsonl"):
            target.parent.mkdir(exist_ok=True, parents=True)
            shutil.move(path, target)
    shutil.rmtree(photos / OWN)
    (photos / ".lock").touch()
    (photos / ".lock-holder").write_text(json.dumps({"what": "next", "pid": 1, "since": "then"}))
    return photos, standings, embeddings


def ours(folder):
    return {path.relative_to(folder / OWN).as_posix() for path in (folder / OWN).rglob("*") if path.is_file()}


@pytest.mark.parametrize("kills", range(0, 12, 2))
def test_an_old_project_is_moved_and_the_users_files_stay(old, monkeypatch, kills):
    folder, standings, embeddings = old
    mine = {name for name in content(folder) if "mine" in name or name.endswith((".png", ".part"))} | {
        "models/my-resnet.pt",
        "backups/diary.sqlite",
    }
    before = {name: content(folder)[name] for name in mine}
    rename = layout._rename
    left = kills

    def deadly(source, target):
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(layout, "_rename", deadly)
    if kills:
        with pytest.raises(KeyboardInterrupt):
            Project.open(folder)
    with Project.open(folder) as project:
        assert project.labels.standings() == standings
        assert (np.array(read_embeddings(project)) == embeddings).all()
        named = {path for model in project.models.all() for path in (model.weights, model.embeddings) if path}
        assert all(path.startswith(MODELS) and (folder / path).is_file() for path in named)
        assert train(project).number == len(project.models) - 1
    after = content(folder)
    assert {name: after.get(name) for name in mine} == before
    assert set(after) == mine
    assert {"cache/pictures/0-0123456789ab-small.webp", "features/model-0000000000000000.npy", "label-studio.json"} <= (
        ours(folder)
    )
    assert diagnose(folder).findings == []


def test_doctor_tells_of_an_old_project_and_moves_it_when_asked(old):
    folder, standings, _ = old
    before = content(folder)
    (finding,) = [finding for finding in diagnose(folder).findings if finding.repair]
    assert finding.repair == "move them to .spotal"
    assert content(folder) == before
    assert diagnose(folder, repair=True).findings == []
    with Project.open(folder) as project:
        assert project.labels.standings() == standings


def test_an_old_project_that_is_in_use_is_left_alone(old):
    folder, _, _ = old
    before = content(folder)
    with closing(sqlite3.connect(folder / "project.sqlite")) as page:
        page.execute("PRAGMA journal_mode = WAL")
        page.execute("BEGIN")
        page.execute("SELECT COUNT(*) FROM items").fetchall()
        with pytest.raises(ProjectBusyError, match="close what has it open"):
            Project.open(folder)
    assert {name: data for name, data in content(folder).items() if "sqlite" not in name} == {
        name: data for name, data in before.items() if "sqlite" not in name
    }
    Project.open(folder).close()


def test_a_folder_with_a_nul_character(tmp_path):
    settings = Settings(Data("../texts.jsonl", "text"), ("cat", "dog"))
    for refused in (lambda: Project.open("a\0b"), lambda: Project.create(tmp_path / "a\0b", settings)):
        with pytest.raises(ProjectError, match=r"folder '.*a\\x00b' has a NUL character, which no path has"):
            refused()


def test_the_home_of_nobody(tmp_path):
    settings = Settings(Data("~nosuchuser/x.csv", "text"), ("cat", "dog"))
    with pytest.raises(DataFileError, match=r"~nosuchuser/x\.csv does not exist; check the path"):
        Project.create(tmp_path / "p", settings)
